import pytest

from bert_tf.report.excerpt import excerpt, find

TEXT = "The tower of Arvel is 31 meters high and 9 meters wide."


def marked(text, **spans):
    return "".join(f"[{label}:{part}]" if label else part for part, label in excerpt(text, spans))


def test_each_part_has_its_label_and_the_parts_are_the_text():
    assert marked(TEXT, gold=[(22, 31)], prediction=[(41, 49)]) == (
        "The tower of Arvel is [gold:31 meters] high and [prediction:9 meters] wide."
    )
    assert "".join(part for part, _ in excerpt(TEXT, {"gold": [(22, 31)], "prediction": [(41, 49)]})) == TEXT


def test_where_marks_overlap_both_are_named():
    assert marked(TEXT, gold=[(22, 31)], prediction=[(25, 36)]) == (
        "The tower of Arvel is [gold:31 ][gold and prediction:meters][prediction: high] and 9 meters wide."
    )


def test_overlapping_spans_of_one_label_are_one_mark():
    assert marked(TEXT, gold=[(22, 31), (22, 24), (25, 36)]).startswith(
        "The tower of Arvel is [gold:31 meters high] and"
    )


def test_only_the_surroundings_of_marks_are_kept():
    text = "a" * 1000 + "gold" + "b" * 1000 + "other" + "c" * 1000
    parts = excerpt(text, {"gold": [(1000, 1004)], "prediction": [(2004, 2009)]}, margin=5)
    assert [part for part, _ in parts] == ["…aaaaa", "gold", "bbbbb…bbbbb", "other", "ccccc…"]


def test_words_at_a_cut_are_whole():
    text = f"{'before ' * 20}gold{' after' * 20}"
    before, _, after = excerpt(text, {"gold": [(140, 144)]}, margin=20)
    assert (before.text, after.text) == ("…before before ", " after after after…")


def test_of_a_text_without_marks_the_beginning_is_kept():
    (part,) = excerpt("x" * 5000, {"gold": []})
    assert 100 < len(part.text) < 1000 and part.text.endswith("…")
    assert excerpt("", {}) == [] and marked("short") == "short"


def test_a_mark_of_a_megabyte_is_shortened():
    (part,) = excerpt("x" * 1_000_000, {"gold": [(0, 1_000_000)]})
    assert len(part.text) < 3000 and part.label == "gold"


@pytest.mark.parametrize(
    ("text", "wanted", "near", "found"),
    [
        ("one two one", "one", [], (0, 3)),
        ("one two one", "one", [9], (8, 11)),
        ("one\n \ttwo", "one two", [], (0, 9)),
        ("done one", "one", [0], (5, 8)),
        ("\u5728\u51ac\u5929\u9700\u8981", "\u51ac\u5929", [], (1, 3)),
        ("a.b aXb", "a.b", [], (0, 3)),
        ("one", "two", [], None),
        ("one", " ", [], None),
        ("one", "one" * 10_000, [], None),
    ],
    ids=["first", "nearest", "white space", "whole words", "no words", "literal", "missing", "empty", "too long"],
)
def test_words_are_found_in_a_text(text, wanted, near, found):
    assert find(text, wanted, near) == found
