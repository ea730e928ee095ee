"""The dev curve: which steps are evaluated, and which of them is the best."""

import math

import numpy as np
import pytest

from bert_tf.training.config import TrainingConfig
from bert_tf.training.curve import DevCurve, evaluated_steps


def curve_of(*scores: float, metric: str = "eval_accuracy") -> DevCurve:
    curve = DevCurve([metric], metric)
    for number, score in enumerate(scores, start=1):
        curve.add(10 * number, {metric: score})
    return curve


@pytest.mark.parametrize("every, steps", [("1", [1, 2, 3]), ("2", [2, 3]), ("3", [3]), ("7", [3])])
def test_every_so_many_steps_and_the_last_are_evaluated(every, steps):
    assert evaluated_steps(every, num_examples=24, batch_size=8, num_train_steps=3) == steps


@pytest.mark.parametrize("examples, batch_size, epochs", [(3668, 32, 3.0), (100, 32, 4.0), (7, 8, 5.0), (64, 8, 2.5)])
def test_each_epoch_is_evaluated_after_the_step_that_ends_it(examples, batch_size, epochs):
    config = TrainingConfig(train_batch_size=batch_size, num_train_epochs=epochs)
    steps = evaluated_steps("epoch", examples, batch_size, config.num_train_steps(examples))
    ends = [
        number for number in range(1, 1000) if number * batch_size // examples > (number - 1) * batch_size // examples
    ]
    assert steps[: int(epochs)] == ends[: int(epochs)] and steps[-1] == config.num_train_steps(examples)
    assert len(steps) == math.ceil(epochs)


def test_an_epoch_may_be_shorter_than_a_step():
    assert evaluated_steps("epoch", num_examples=3, batch_size=8, num_train_steps=4) == [1, 2, 3, 4]


def test_the_earliest_of_equally_good_steps_is_the_best():
    curve = curve_of(0.5, 0.7, 0.6, 0.7)
    assert (curve.best_step, curve.best_score, curve.evaluations_since_best) == (20, 0.7, 2)


@pytest.mark.parametrize("metric", ["eval_loss", "eval_mse"])
def test_a_lower_loss_is_better(metric):
    curve = curve_of(0.5, 0.3, 0.4, metric=metric)
    assert (curve.best_step, curve.best_score) == (20, 0.3)


@pytest.mark.parametrize("metric", ["eval_pearson", "eval_loss"])
def test_a_score_that_is_no_number_is_never_better(metric):
    assert curve_of(math.nan, -0.5, math.nan, metric=metric).best_step == 20
    assert curve_of(math.nan, math.nan, metric=metric).best_step == 10


def test_without_an_evaluation_there_is_no_best_step():
    assert DevCurve(["eval_accuracy"], "eval_accuracy").best_step == 0


def test_a_checkpoint_holds_the_curve():
    curve = DevCurve(["eval_accuracy", "eval_f1", "eval_loss", "loss"], "eval_f1")
    for step in (3, 6):
        curve.add(step, {"eval_accuracy": 1 / step, "eval_f1": math.nan, "eval_loss": np.float32(0.1), "loss": 9})
    again = DevCurve(["eval_accuracy", "eval_f1", "eval_loss", "loss"], "eval_f1")
    again.restore(curve.arrays())
    assert repr(again.scores) == repr(curve.scores)
    assert list(again.scores[6]) == ["eval_accuracy", "eval_f1", "eval_loss"]
    with pytest.raises(KeyError):
        again.restore({})
