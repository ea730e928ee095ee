"""The table of the scores of each class."""

from bert_tf.training.per_class import per_class_table

SCORES = {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 12}


def test_the_columns_stand_below_one_another_whatever_the_names():
    lines = per_class_table({"a": SCORES, "a very long name of a class\n with a line end": SCORES}).splitlines()
    assert len(lines) == 3 and len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["a", "0.500", "1.000", "0.667", "12"]
    assert lines[2].startswith("  a very long name of a class w...  ")


def test_of_many_classes_the_first_are_shown():
    lines = per_class_table({f"class-{number}": SCORES for number in range(100)}).splitlines()
    assert len(lines) == 32 and lines[-1] == "  and 70 more in results.json"
