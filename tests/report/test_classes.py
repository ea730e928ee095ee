import numpy as np
import pytest

from bert_tf.report.classes import confusion, most_frequent_confusions, scores_of_classes
from bert_tf.report.predictions import ClassPredictions, LabelSetPredictions

NAMES = ("red", "green", "blue")


def predicting(label_ids, predicted):
    guids = tuple(map(str, range(len(label_ids))))
    return ClassPredictions(guids, np.array(label_ids), NAMES, np.eye(3)[predicted])


def test_precision_recall_and_f1_by_hand():
    # "red" is found in one of two cases and named twice; "blue" is never right.
    red, green, blue = scores_of_classes([predicting([0, 0, 1, 2], [0, 1, 1, 0])])
    assert (red.name, red.number) == ("red", 2)
    assert (red.precision, red.recall, red.f1) == ((0.5, None), (0.5, None), (0.5, None))
    assert (green.precision[0], green.recall[0], green.f1[0]) == (0.5, 1, pytest.approx(2 / 3))
    assert (blue.number, blue.precision[0], blue.recall[0], blue.f1[0]) == (1, 0, 0, 0)


def test_means_and_spreads_are_those_of_the_seeds():
    red, *_ = scores_of_classes([predicting([0, 0, 1], [0, 0, 1]), predicting([0, 0, 1], [0, 1, 1])])
    assert red.recall == (0.75, pytest.approx(np.std([1, 0.5], ddof=1)))


def test_each_of_many_labels_has_its_scores():
    labels = np.array([[1, 0], [1, 1], [0, 0]], bool)
    predictions = LabelSetPredictions(tuple("abc"), labels, ("joy", "fear"), np.array([[0.9, 0.6], [0.4, 0.5], [0, 0]]))
    joy, fear = scores_of_classes([predictions])
    assert (joy.number, joy.precision[0], joy.recall[0]) == (2, 1, 0.5)
    assert (fear.number, fear.precision[0], fear.recall[0]) == (1, 0.5, 1)


def test_confusions_of_all_seeds_are_counted_together():
    seeds = [predicting([0, 0, 1, 2], [0, 1, 1, 0]), predicting([0, 0, 1, 2], [1, 1, 1, 2])]
    assert confusion(seeds).tolist() == [[1, 3, 0], [0, 2, 0], [1, 0, 1]]
    assert most_frequent_confusions(seeds, 5) == [("red", "green", 3), ("blue", "red", 1)]
    assert most_frequent_confusions(seeds, 1) == [("red", "green", 3)]


def test_without_mistakes_there_is_no_confusion():
    assert most_frequent_confusions([predicting([0, 1, 2], [0, 1, 2])], 5) == []
