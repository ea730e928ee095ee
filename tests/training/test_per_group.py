"""The table of groups of examples, and what results.json says of them."""

from bert_tf.training.per_group import group_results, per_group_table

SCORES = {
    "de": {"examples": 2, "eval_accuracy": 1.0, "eval_loss": 0.25, "loss": 0.25},
    "a language with a long name": {"examples": 10_000, "eval_accuracy": 0.25, "eval_loss": 12.5, "loss": 12.5},
}


def test_the_table_ends_with_means_in_which_groups_count_the_same():
    lines = per_group_table("language", SCORES).splitlines()
    assert [line.rsplit(maxsplit=3) for line in lines] == [
        ["  language", "examples", "accuracy", "loss"],
        ["  de", "2", "1.000", "0.250"],
        ["  a language with a long name", "10000", "0.250", "12.500"],
        ["  mean", "10002", "0.625", "6.375"],
    ]
    assert len(set(map(len, lines))) == 1


def test_a_score_that_only_some_groups_have_is_in_no_column():
    scores = {"a": {"examples": 1, "eval_accuracy": 1.0, "eval_auc": 0.5}, "b": {"examples": 1, "eval_accuracy": 0.0}}
    assert per_group_table("group", scores).splitlines()[0].split() == ["group", "examples", "accuracy"]


def test_a_name_cannot_break_the_table():
    table = per_group_table("two\nlines", {"a\nb\x1b[31m": {"examples": 1, "eval_accuracy": 1.0}})
    assert len(table.splitlines()) == 3 and "\x1b" not in table


def test_results_have_the_scores_of_each_group_and_the_means():
    assert group_results("language", SCORES) == {
        "groups": {"name": "language", "scores": SCORES, "mean": {"eval_accuracy": 0.625, "eval_loss": 6.375}}
    }
    assert group_results("language", {}) == {}
