"""Writes folders like those of runs, without running anything."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLAGS = {
    "task_name": "MRPC",
    "model": "all-MiniLM-L6-v2",
    "learning_rate": 2e-5,
    "train_batch_size": 32,
    "num_train_epochs": 3.0,
    "warmup_steps": None,
}
VERSIONS = {"bert-tf": "0.1.0", "python": "3.11.7", "tensorflow": "2.20.0"}
LABELS = [str(int(number % 3 > 0)) for number in range(60)]


def draw_probabilities(labels, accuracy, seed, num_classes=2):
    """Draws probabilities of which about `accuracy` are right; an example is as difficult for all seeds."""
    generator = np.random.default_rng(seed)
    margin = np.random.default_rng(7).normal(0, 1, len(labels)) + generator.normal(0, 0.5, len(labels))
    right = margin > np.quantile(margin, 1 - accuracy)
    confidence = 1 / num_classes + (1 - 1 / num_classes) * np.clip(np.abs(margin) / 2 + 0.05, 0.02, 0.98)
    rows = np.empty([len(labels), num_classes])
    for row, label, good, sure in zip(rows, labels, right, confidence, strict=True):
        row[:] = (1 - sure) / (num_classes - 1)
        row[int(label) if good else (int(label) + 1) % num_classes] = sure
    return rows.astype(np.float32)


def draw_numbers(error, seed, size=60):
    """Draws labels and predictions of a made-up regression."""
    targets = np.random.default_rng(5).uniform(0, 5, size)
    difficulty = np.random.default_rng(7).normal(0, 1, size)
    predictions = targets + error * (difficulty + np.random.default_rng(seed).normal(0, 0.5, size))
    return targets, predictions


def name_examples(number: int) -> list[str]:
    return [f"dev-{each}" for each in range(1, number + 1)]


def write_run(folder: Path, probabilities: np.ndarray, labels=LABELS, *, guids=None, results=None, **options) -> Path:
    """Writes a classification run with these probabilities; its scores follow from them."""
    label_ids = np.array([int(label) for label in labels])
    predicted = probabilities.argmax(axis=1)
    correct = predicted == label_ids
    found = np.sum((predicted == 1) & (label_ids == 1))
    scores = {
        "headline": "eval_accuracy",
        "eval_accuracy": float(np.mean(correct)),
        "eval_f1": float(2 * found / max(np.sum(predicted == 1) + np.sum(label_ids == 1), 1)),
        "eval_loss": float(-np.log(probabilities[np.arange(len(labels)), label_ids]).mean()),
        **(results or {}),
    }
    guids = guids or name_examples(len(labels))
    write_scored_run(folder, correct, results=scores, guids=guids, **options)
    header = ["guid", "label", *(str(number) for number in range(probabilities.shape[1]))]
    rows = [[guid, label, *row] for guid, label, row in zip(guids, labels, probabilities, strict=True)]
    _write_table(folder / "eval_predictions.tsv", [header, *rows])
    return folder


def write_regression_run(folder: Path, error: float, seed: int, **options) -> Path:
    """Writes a run of a made-up regression task, whose headline is Pearson's r, without predictions."""
    targets, predictions = draw_numbers(error, seed)
    values = -((predictions - targets) ** 2)
    pearson = float(np.corrcoef(predictions, targets)[0, 1])
    scores = {"headline": "eval_pearson", "eval_pearson": pearson, "eval_loss": float(-values.mean())}
    return write_scored_run(folder, values, results=scores, seed=seed, **{"task_name": "STS-B", **options})


def write_numbers_run(folder: Path, error: float, seed: int, **options) -> Path:
    """Writes a run of the same task with its predictions and its kind."""
    write_regression_run(folder, error, seed, **options)
    rows = zip(name_examples(60), *draw_numbers(error, seed), strict=True)
    _write_table(folder / "eval_predictions.tsv", [("guid", "label", "prediction"), *rows])
    (folder / "task.json").write_text('{"kind": "regression"}')
    return folder


def write_label_sets_run(folder: Path, probabilities: np.ndarray, labels: np.ndarray, names, **options) -> Path:
    """Writes a run of a task with many labels: probabilities and bool labels are [examples, labels]."""
    predicted = probabilities >= 0.5
    both, total = (labels & predicted).sum(axis=1), labels.sum(axis=1) + predicted.sum(axis=1)
    values = np.where(total == 0, 1.0, 2 * both / np.maximum(total, 1))
    micro = float(2 * both.sum() / max(total.sum(), 1))
    scores = {"headline": "eval_micro_f1", "eval_micro_f1": micro, "eval_loss": 0.5}
    write_scored_run(folder, values, results=scores, **{"task_name": "emotions", **options})
    sets = [",".join(np.array(names)[row]) for row in labels]
    rows = [[guid, each, *row] for guid, each, row in zip(name_examples(len(sets)), sets, probabilities, strict=True)]
    _write_table(folder / "eval_predictions.tsv", [["guid", "labels", *names], *rows])
    (folder / "task.json").write_text('{"kind": "multi_label"}')
    return folder


def write_curve(folder: Path, scores: dict[str, Sequence[float]], every=10) -> Path:
    """Gives a run's log dev scores: one every some steps, and in each second row only if there is a row between."""
    length = len(next(iter(scores.values())))
    lines = [",".join(("step", "loss", "learning_rate", *scores))]
    for row in range(length):
        step = every * (row + 1)
        lines.append(f"{step - every / 2:.0f},{0.7 - row / 50},1e-5{',' * len(scores)}")
        values = ",".join(str(values[row]) for values in scores.values())
        lines.append(f"{step},{0.69 - row / 50},1e-5,{values}")
    (folder / "train_log.csv").write_text("\n".join(lines) + "\n")
    edit_results(folder, global_step=every * length)
    return folder


def write_scored_run(
    folder: Path,
    values: Sequence[float],
    *,
    results: dict,
    seed=0,
    train_data="0123456789abcdef",
    dataset="sample",
    data_dir="nowhere",
    versions=VERSIONS,
    guids=None,
    **flags,
) -> Path:
    """Writes a run with one value per dev example and these scores, but without predictions."""
    folder.mkdir(parents=True)
    training = {**FLAGS, **flags, "seed": seed}
    steps = [10, 20, 30]
    content = {
        "dataset": dataset,
        "eval_runtime": 2.0,
        "eval_samples_per_second": len(values) / 2.0,
        "flags": {**training, "data_dir": data_dir, "do_eval": True},
        "global_step": steps[-1],
        "model": training["model"],
        "seed": seed,
        "train_runtime": 100.0 + seed,
        "train_samples_per_second": 50.0,
        "versions": versions,
        **results,
    }
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps({"training": {**training, "train_data": train_data}}), encoding="utf-8")
    with (folder / "train_log.csv").open("w", newline="") as file:
        rows = [(step, 0.7 - step / 100 + seed / 50, 1e-5) for step in steps]
        csv.writer(file).writerows([("step", "loss", "learning_rate"), *rows])
    rows = zip(guids or name_examples(len(values)), map(float, values), strict=True)
    _write_table(folder / "eval_values.tsv", [("guid", "value"), *rows])
    return folder


def make_old(folder: Path) -> Path:
    """Turns a run into one of an old version, which names no headline and has no values per example."""
    (folder / "eval_values.tsv").unlink()
    edit_results(folder, headline=None)
    return folder


def edit_results(folder: Path, **changes: object) -> None:
    """Changes results.json; None removes a key."""
    path = folder / "results.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def edit_training(folder: Path, **changes: object) -> None:
    """Changes the training's settings in run.json."""
    path = folder / "run.json"
    path.write_text(json.dumps({"training": {**json.loads(path.read_text())["training"], **changes}}))


def _write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
