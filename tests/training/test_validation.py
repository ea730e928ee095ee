"""Evaluations while training: the best weights, early stopping, several checkpoints; and all of it after a kill."""

import csv
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import make_tiny_features, make_tiny_head

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.state_file import complete_steps, latest_checkpoint
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.training.config import TrainingConfig
from bert_tf.training.curve import DevCurve
from bert_tf.training.loop import Training, TrainingResult
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.overflow import check_finite
from bert_tf.training.validation import Validation

STEPS = 11
# The score after each evaluated step.
SCORES = {2: 0.5, 4: 0.7, 6: 0.7, 8: 0.6, 10: 0.4, 11: 0.3}


class CountedSteps(Training):
    """Trains without computing: the bias of the head is the number of the step, and so are Adam's means."""

    def train_step(self, batches: Iterator) -> tf.Tensor:
        next(batches)
        self.optimizer.global_step.assign_add(1)
        for name in ("output_bias/adam_m", "output_bias/adam_v"):
            self.optimizer.state_by_name[name].assign_add([1.0, 1.0])
        bias = self.head.variables_by_name["output_bias"]
        bias.assign(self.optimizer.state_by_name["output_bias/adam_m"])
        return tf.cast(bias[0], tf.float32)

    def compile_ahead(self, *_) -> threading.Thread:
        nothing = threading.Thread()
        nothing.start()
        return nothing


class WatchedDir(OutputDir):
    """An output folder that is copied before each write: so it is left if the process is killed there.

    The copies are at `copies / "1"` and so on.
    """

    def __init__(self, path: Path, copies: Path | None):
        super().__init__(path)
        self._copies = copies
        self._count = 0

    def _copy(self) -> None:
        self._count += 1
        if self._copies:
            shutil.copytree(self.path, self._copies / str(self._count))

    def write_checkpoint(self, *arguments) -> None:
        self._copy()
        super().write_checkpoint(*arguments)

    def write_lines(self, *arguments) -> None:
        self._copy()
        super().write_lines(*arguments)

    def remove_older_checkpoints(self, *arguments) -> None:
        self._copy()
        super().remove_older_checkpoints(*arguments)

    def remove_leftover_checkpoints(self, *arguments) -> None:
        self._copy()
        super().remove_leftover_checkpoints(*arguments)

    def append(self, *arguments) -> None:
        self._copy()
        super().append(*arguments)


class Ended(NamedTuple):
    """Holds what a run leaves: its result, scores and files, and the steps that this process evaluated."""

    result: TrainingResult
    scores: dict
    log: list[list[str]]
    state_file: str
    arrays: dict[str, bytes]
    evaluated: list[int]


def train(
    folder: Path,
    copies: Path | None = None,
    metric: str = "eval_accuracy",
    keeps_best: bool = False,
    patience: int | None = None,
    **fields,
) -> Ended:
    folder.mkdir(exist_ok=True)
    output_dir, head, evaluated = WatchedDir(folder, copies), make_tiny_head(), []

    def evaluate() -> dict[str, float]:
        evaluated.append(int(head.variables_by_name["output_bias"][0]))
        return {"eval_accuracy": SCORES[evaluated[-1]], "eval_loss": SCORES[evaluated[-1]], "loss": 1.0}

    curve = DevCurve(["eval_accuracy", "eval_loss", "loss"], metric)
    validation = Validation(head, curve, SCORES, evaluate, keeps_best, patience)
    settings = {"train_batch_size": 2, "learning_rate": 0.1, "save_checkpoints_steps": 3, "logging_steps": 5}
    config = TrainingConfig(**(settings | fields))
    training = CountedSteps(head, config, STEPS, one_device(), validation=validation)
    result = training.run(make_tiny_features(), output_dir, output_dir.start_step())
    np.testing.assert_array_equal(head.variables_by_name["output_bias"], [result.step] * 2)
    return Ended(result, dict(curve.scores), *read(folder), evaluated)


def read(folder: Path) -> tuple[list[list[str]], str, dict[str, bytes]]:
    with (folder / "train_log.csv").open(newline="") as file:
        log = list(csv.reader(file))
    arrays = {}
    for step in complete_steps(folder):
        found = read_checkpoint(folder / f"model.ckpt-{step}")
        found.pop("training/seconds")
        arrays |= {f"{step} {name}": array.tobytes() for name, array in found.items()}
    return log, (folder / "checkpoint").read_text(), arrays


def steps_of(folder: Path) -> list[int]:
    return complete_steps(folder)


# The dev curve.


def test_the_log_has_the_scores_of_evaluated_steps_and_a_row_for_each(tmp_path):
    header, *rows = train(tmp_path).log
    assert header == ["step", "loss", "learning_rate", "eval_accuracy", "eval_loss"]
    assert [(row[0], *row[3:]) for row in rows] == [
        ("2", "0.5", "0.5"),
        ("4", "0.7", "0.7"),
        ("5", "", ""),
        ("6", "0.7", "0.7"),
        ("8", "0.6", "0.6"),
        ("10", "0.4", "0.4"),
        ("11", "0.3", "0.3"),
    ]
    assert [row[1] for row in rows] == ["1.5", "3.5", "5.0", "6.0", "7.5", "9.5", "11.0"]


def test_without_more_the_last_weights_are_kept(tmp_path):
    ended = train(tmp_path)
    assert ended.result.step == STEPS and steps_of(tmp_path) == [STEPS]
    assert ended.evaluated == list(SCORES)


def test_evaluations_do_not_count_as_training(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def evaluate() -> dict:
        clock[0] += 100.0
        return {"eval_accuracy": 0.5}

    class Slow(CountedSteps):
        def train_step(self, batches):
            clock[0] += 1.0
            return super().train_step(batches)

    head = make_tiny_head()
    validation = Validation(head, DevCurve(["eval_accuracy"], "eval_accuracy"), [1, 3, 4], evaluate)
    config = TrainingConfig(train_batch_size=2, learning_rate=0.1, save_checkpoints_steps=2)
    result = Slow(head, config, 4, one_device(), validation=validation).run(make_tiny_features(), OutputDir(tmp_path))
    assert result.seconds == 4.0


# The best weights.


@pytest.mark.parametrize("metric, best", [("eval_accuracy", 4), ("eval_loss", 11)])
def test_the_folder_ends_with_the_best_weights_alone(tmp_path, metric, best):
    ended = train(tmp_path, metric=metric, keeps_best=True)
    assert ended.result.step == best and len(ended.result.losses) == STEPS
    assert latest_checkpoint(tmp_path).name == f"model.ckpt-{best}" and steps_of(tmp_path) == [best]
    arrays = read_checkpoint(tmp_path / f"model.ckpt-{best}")
    assert arrays["global_step"] == best and arrays["output_bias"].tolist() == [best, best]
    assert arrays["training/last_step"] == STEPS and arrays["training/losses"].size == STEPS
    assert not [name for name in arrays if name.endswith("/adam_m") or name.startswith("training/best/")]


def test_a_checkpoint_that_training_resumes_from_holds_the_best_weights(tmp_path):
    train(tmp_path, keeps_best=True, keep_checkpoint_max=0)
    arrays = read_checkpoint(tmp_path / "model.ckpt-9")
    assert arrays["global_step"] == 9 and arrays["output_bias"].tolist() == [9, 9]
    assert arrays["training/best/output_bias"].tolist() == [4, 4]
    # Where the best weights are those of the checkpoint itself, they are in it once.
    train(tmp_path / "all", keeps_best=True, keep_checkpoint_max=0, save_checkpoints_steps=1)
    assert "training/best/output_bias" not in read_checkpoint(tmp_path / "all" / "model.ckpt-2")


def test_a_score_that_the_dev_set_does_not_have_ends_the_training_at_its_first_evaluation(tmp_path):
    """Such as the area under the curve of a dev set of one class."""
    with pytest.raises(UserError, match=r"^keep_best: is 'auc', a score that this dev set does not have; name"):
        train(tmp_path, metric="eval_auc", keeps_best=True)


def test_answers_that_are_not_finite_are_reported_as_a_training_that_diverged(tmp_path):
    def evaluate() -> dict[str, float]:
        check_finite("eval", np.array([[np.nan, 1.0]]), "none")

    validation = Validation(make_tiny_head(), DevCurve(["eval_accuracy"], "eval_accuracy"), [4], evaluate)
    config = TrainingConfig(train_batch_size=2, learning_rate=0.1, save_checkpoints_steps=3)
    training = CountedSteps(make_tiny_head(), config, STEPS, one_device(), validation=validation)
    expected = r"^step 4: answers to the dev set are not finite; the last good .*ckpt-3; try a lower --learning_rate"
    with pytest.raises(UserError, match=expected):
        training.run(make_tiny_features(), OutputDir(tmp_path))


# Early stopping.


@pytest.mark.parametrize("patience, last", [(1, 6), (2, 8), (3, 10), (4, 11), (5, 11)])
def test_training_stops_after_evaluations_without_a_better_score(tmp_path, patience, last):
    ended = train(tmp_path, patience=patience)
    assert ended.result.step == len(ended.result.losses) == last
    assert steps_of(tmp_path) == [last] and list(ended.scores)[-1] == last
    assert "output_bias/adam_m" not in read_checkpoint(tmp_path / f"model.ckpt-{last}")
    again = train(tmp_path, patience=patience)
    assert again.evaluated == [] and again.result.step == last and again.scores == ended.scores


def test_early_stopping_with_the_best_weights(tmp_path):
    ended = train(tmp_path, patience=2, keeps_best=True)
    assert ended.result.step == 4 and len(ended.result.losses) == 8 and steps_of(tmp_path) == [4]
    again = train(tmp_path, patience=2, keeps_best=True)
    assert again.evaluated == [] and again.result.step == 4 and len(again.result.losses) == 8
    # The folder is done with: no checkpoint is written and none removed.
    assert again[1:5] == ended[1:5]


# Several checkpoints.


@pytest.mark.parametrize(
    "keep, steps", [(1, [11]), (2, [9, 11]), (3, [6, 9, 11]), (9, [3, 6, 9, 11]), (0, [3, 6, 9, 11])]
)
def test_the_newest_checkpoints_are_kept(tmp_path, keep, steps):
    ended = train(tmp_path, keep_checkpoint_max=keep)
    assert steps_of(tmp_path) == steps
    lines = [f'all_model_checkpoint_paths: "model.ckpt-{step}"' for step in steps]
    assert ended.state_file.splitlines() == ['model_checkpoint_path: "model.ckpt-11"', *lines]
    assert tf.train.get_checkpoint_state(tmp_path).all_model_checkpoint_paths == [
        str(tmp_path / f"model.ckpt-{step}") for step in steps
    ]


@pytest.mark.parametrize("keep, steps", [(1, [4]), (2, [4, 9]), (3, [4, 6, 9]), (0, [3, 4, 6, 9])])
def test_the_best_one_is_among_those_that_are_kept(tmp_path, keep, steps):
    ended = train(tmp_path, keep_checkpoint_max=keep, keeps_best=True)
    assert ended.result.step == 4 and steps_of(tmp_path) == steps
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-4")


@pytest.mark.parametrize("keeps_best", [False, True])
def test_starting_a_finished_run_again_removes_no_checkpoint_that_it_kept(tmp_path, keeps_best):
    ended = train(tmp_path, keep_checkpoint_max=3, keeps_best=keeps_best)
    assert train(tmp_path, keeps_best=keeps_best)[1:5] == ended[1:5] and len(steps_of(tmp_path)) == 3


# Killed and started again.


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"keeps_best": True, "save_checkpoints_steps": 4},
        {"keeps_best": True, "metric": "eval_loss", "patience": 2, "keep_checkpoint_max": 2},
        {"keeps_best": True, "patience": 2, "keep_checkpoint_max": 2},
    ],
)
def test_a_run_that_is_killed_before_any_write_ends_as_one_that_never_was(tmp_path, fields):
    copies = tmp_path / "copies"
    whole = train(tmp_path / "whole", copies, **fields)
    for killed in copies.iterdir():
        saved = OutputDir(killed).latest_step()
        again = train(killed, **fields)
        # Log, file `checkpoint`, arrays of all checkpoints, and the curve.
        assert again[1:5] == whole[1:5], killed.name
        assert again.result.step == whole.result.step
        np.testing.assert_array_equal(again.result.losses, whole.result.losses)
        is_finished = saved == whole.result.step and again.evaluated == []
        assert again.evaluated == [step for step in whole.scores if step > saved] or is_finished
    assert len(list(copies.iterdir())) > 12


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1, 2])
def test_a_checkpoint_that_counts_is_never_lost_when_the_best_weights_take_its_name(tmp_path, monkeypatch, keep):
    """The best weights are those of step 4, and the last checkpoint before the end is of step 4 too."""
    fields = {"keeps_best": True, "patience": 1, "save_checkpoints_steps": 4, "keep_checkpoint_max": keep}
    folder, killed, replace = tmp_path / "whole", [], Path.replace

    def replace_in_a_copy_first(self: Path, target: Path) -> Path:
        killed.append(Path(shutil.copytree(folder, tmp_path / f"killed{len(killed)}")))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_in_a_copy_first)
        whole = train(folder, **fields)
    assert steps_of(folder) == [4] and len(killed) > 6
    for copy in killed:
        assert train(copy, **fields)[1:5] == whole[1:5], copy.name


def test_a_checkpoint_without_a_curve_is_not_continued(tmp_path):
    train(tmp_path, keep_checkpoint_max=0)
    arrays = read_checkpoint(tmp_path / "model.ckpt-9")
    del arrays["training/evaluated_steps"]
    OutputDir(tmp_path).write_checkpoint(9, arrays)
    with pytest.raises(UserError, match=r"model\.ckpt-9: cannot be resumed \([^\n]+$"):
        train(tmp_path)
