"""Examples, and the name of a data set."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample, examples_digest

EXAMPLES = [InputExample("dev-1", "It rains .", "Rain falls .", "1"), InputExample("dev-2", "It snows .", None, "0")]


def test_the_digest_of_a_data_set_is_the_same_on_every_machine_and_ignores_guids():
    assert examples_digest(EXAMPLES[:1]) == "55027cbf161328d5"
    renamed = [InputExample("train-7", *("It rains .", "Rain falls .", "1")), EXAMPLES[1]]
    assert examples_digest(renamed) == examples_digest(EXAMPLES)


def test_numbers_are_the_same_data_in_each_type():
    digests = {
        examples_digest([InputExample("a", "b", None, number)]) for number in (4, 4.0, np.float64(4), np.int32(4))
    }
    assert len(digests) == 1
    assert digests == {examples_digest([InputExample("a", "b", None, 4.0)])}


@pytest.mark.parametrize(
    "others",
    [
        EXAMPLES[::-1],
        EXAMPLES[:1],
        [],
        [EXAMPLES[0], InputExample("dev-2", "It snows .", None, "1")],
        [EXAMPLES[0], InputExample("dev-2", "It snows .", "", "0")],
        [EXAMPLES[0], InputExample("dev-2", "It snows .", "None", "0")],
    ],
)
def test_other_texts_labels_or_order_give_another_digest(others):
    assert examples_digest(others) != examples_digest(EXAMPLES)
