"""A piece goes where its mask is."""

import pytest

from bert_tf.serving.filling import filled


@pytest.mark.parametrize(
    ("text", "number", "token", "expected"),
    [
        ("The [MASK] sat .", 0, "cat", "The cat sat ."),
        ("The [MASK] sat [MASK] .", 1, "down", "The [MASK] sat down ."),
        ("[MASK]", 0, "x", "x"),
        ("The cat [MASK] sat", 0, "##s", "The cats sat"),
        ("The cat[MASK] sat", 0, "##s", "The cats sat"),
        ("[MASK] sat", 0, "##s", "s sat"),
        ("a [MASK] b", 0, "##", "a ## b"),
        ("a [MASK] b", 0, "#", "a # b"),
        ("[MASK][MASK]", 1, "[MASK]", "[MASK][MASK]"),
    ],
)
def test_a_piece_takes_the_place_of_its_mask_and_joins_the_word_before_if_it_continues_one(
    text, number, token, expected
):
    assert filled(text, number, token) == expected
