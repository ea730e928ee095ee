import pytest

from bert_tf.data.columns import WantedColumns
from bert_tf.data.run_facts import named_columns, takes_pairs


@pytest.mark.parametrize(
    ("run", "pairs"),
    [
        ({"pairs": True, "training": {"task_name": "SST-2"}}, True),
        ({"training": {"task_name": "sst2"}}, False),
        ({"training": {"task_name": "reviews"}}, None),
        ({"training": {"task_name": 7}, "pairs": "yes"}, None),
        ({"training": []}, None),
    ],
)
def test_a_run_says_if_it_was_trained_on_pairs(run, pairs):
    assert takes_pairs(run) is pairs


def test_columns_that_were_named_for_the_training_are_known_and_nonsense_is_not():
    assert named_columns({"training": {"text_column": "a", "text_pair_column": "b"}}) == WantedColumns("a", "b")
    assert named_columns({"training": {"text_column": 3}}) == named_columns({}) == WantedColumns()
