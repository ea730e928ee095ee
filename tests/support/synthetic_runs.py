"""Folders as runs leave them, without running anything."""

import csv
import json
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
    """Probabilities of which about `accuracy` are right; the examples' difficulty is the same for all seeds."""
    generator = np.random.default_rng(seed)
    margin = np.random.default_rng(7).normal(0, 1, len(labels)) + generator.normal(0, 0.5, len(labels))
    right = margin > np.quantile(margin, 1 - accuracy)
    confidence = 1 / num_classes + (1 - 1 / num_classes) * np.clip(np.abs(margin) / 2 + 0.05, 0.02, 0.98)
    rows = np.empty([len(labels), num_classes])
    for row, label, good, sure in zip(rows, labels, right, confidence, strict=True):
        row[:] = (1 - sure) / (num_classes - 1)
        row[int(label) if good else (int(label) + 1) % num_classes] = sure
    return rows.astype(np.float32)


def write_run(
    folder: Path,
    probabilities: np.ndarray,
    labels=LABELS,
    *,
    seed=0,
    train_data="0123456789abcdef",
    dataset="sample",
    data_dir="nowhere",
    versions=VERSIONS,
    guids=None,
    results=None,
    **flags,
) -> Path:
    """Writes a run with these predictions; the numbers of its results follow from them."""
    folder.mkdir(parents=True)
    training = {**FLAGS, **flags, "seed": seed}
    label_ids = np.array([int(label) for label in labels])
    predicted = probabilities.argmax(axis=1)
    found = np.sum((predicted == 1) & (label_ids == 1))
    steps = [10, 20, 30]
    content = {
        "dataset": dataset,
        "eval_accuracy": float(np.mean(predicted == label_ids)),
        "eval_f1": float(2 * found / max(np.sum(predicted == 1) + np.sum(label_ids == 1), 1)),
        "eval_loss": float(-np.log(probabilities[np.arange(len(labels)), label_ids]).mean()),
        "eval_runtime": 2.0,
        "eval_samples_per_second": len(labels) / 2.0,
        "flags": {**training, "data_dir": data_dir, "do_eval": True},
        "global_step": steps[-1],
        "model": training["model"],
        "seed": seed,
        "train_runtime": 100.0 + seed,
        "train_samples_per_second": 50.0,
        "versions": versions,
        **(results or {}),
    }
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps({"training": {**training, "train_data": train_data}}), encoding="utf-8")
    with (folder / "train_log.csv").open("w", newline="") as file:
        rows = [(step, 0.7 - step / 100 + seed / 50, 1e-5) for step in steps]
        csv.writer(file).writerows([("step", "loss", "learning_rate"), *rows])
    guids = guids or [f"dev-{number}" for number in range(1, len(labels) + 1)]
    classes = [str(number) for number in range(probabilities.shape[1])]
    lines = ["\t".join(["guid", "label", *classes])]
    lines += [
        "\t".join([guid, label, *map(str, row)]) for guid, label, row in zip(guids, labels, probabilities, strict=True)
    ]
    (folder / "eval_predictions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
