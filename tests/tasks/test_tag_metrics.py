"""The scores of entities are those of conlleval, also where seqeval would warn."""

import random
import warnings

import pytest

from bert_tf.tasks.tag_metrics import SCORES, per_type, sentence_f1, tag_scores

TAGS = ["O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-a-b", "I-a-b"]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def spans(tags):
    """The entities by conlleval's rules: runs of words of one type, with a B- only at their beginning."""
    found, start = set(), None
    for place, tag in enumerate([*tags, "O"]):
        before = tags[place - 1] if place else "O"
        continues = tag.startswith("I-") and before[2:] == tag[2:]
        if start is not None and not continues:
            found.add((tags[start][2:], start, place))
            start = None
        if tag != "O" and not continues:
            start = place
    return found


def draw_sentences(seed, count=200):
    draw = random.Random(seed)
    return [draw.choices(TAGS, k=draw.randint(1, 12)) for _ in range(count)]


def draw_predictions(gold, seed):
    draw = random.Random(seed)
    return [[draw.choice(TAGS) if draw.random() < 0.3 else tag for tag in tags] for tags in gold]


def test_scores_are_those_of_a_count_of_spans():
    gold = draw_sentences(seed=0)
    predicted = draw_predictions(gold, seed=1)
    right = [(i, span) for i, tags in enumerate(gold) for span in spans(tags)]
    found = [(i, span) for i, tags in enumerate(predicted) for span in spans(tags)]
    both = len(set(right) & set(found))
    precision, recall = both / len(found), both / len(right)
    same = [a == b for pair in zip(gold, predicted, strict=True) for a, b in zip(*pair, strict=True)]
    expected = (precision, recall, 2 * precision * recall / (precision + recall), sum(same) / len(same))
    assert 0.2 < expected[2] < 0.8
    assert tag_scores(gold, predicted) == pytest.approx(dict(zip(SCORES, expected, strict=True)), abs=1e-15)
    for name, scores in per_type(gold, predicted).items():
        of_type = [[each for each in spans if each[1][0] == name] for spans in (right, found)]
        both = len(set(of_type[0]) & set(of_type[1]))
        assert (scores["precision"], scores["recall"]) == (both / len(of_type[1]), both / len(of_type[0]))
        assert scores["support"] == len(of_type[0])


def test_the_value_of_a_sentence_is_f1_of_its_entities():
    gold = draw_sentences(seed=2)
    for pair in zip(gold, draw_predictions(gold, seed=3), strict=True):
        right, found = map(spans, pair)
        expected = 2 * len(right & found) / (len(right) + len(found)) if right or found else 1.0
        assert sentence_f1(*pair) == expected


def test_a_type_that_is_never_predicted_or_never_right_has_zeros_and_no_warning():
    gold, predicted = [["B-PER", "O", "B-LOC"]], [["B-ORG", "O", "B-LOC"]]
    zeros = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert per_type(gold, predicted) == {
        "LOC": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
        "ORG": {**zeros, "support": 0},
        "PER": {**zeros, "support": 1},
    }


@pytest.mark.parametrize("predicted", [["O", "O"], ["B-PER", "O"]])
@pytest.mark.parametrize("gold", [["O", "O"], ["O", "B-PER"]])
def test_without_a_right_entity_f1_is_zero_and_nothing_warns(gold, predicted):
    scores = tag_scores([gold], [predicted])
    assert [scores[name] for name in SCORES[:3]] == [0.0, 0.0, 0.0]
    assert set(per_type([gold], [predicted])) <= {"PER"}


def test_tags_may_be_tuples_and_scores_are_plain_numbers():
    gold, predicted = [("B-PER", "I-PER"), ("O",)], [("B-PER", "I-PER"), ("O",)]
    scores = tag_scores(tuple(gold), tuple(predicted))
    assert scores == dict.fromkeys(SCORES, 1.0)
    values = [*scores.values(), *per_type(gold, predicted)["PER"].values(), sentence_f1(gold[0], predicted[0])]
    assert {type(value) for value in values} == {float, int}
