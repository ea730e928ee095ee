"""Reads the files of an output folder, without the code under test where it can."""

import contextlib
import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bert_tf.checkpoints.formats import read_checkpoint


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder; the lock, which is always empty, does not count."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def latest_step(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return int(re.search(r'"model\.ckpt-(\d+)"', (folder / "checkpoint").read_text())[1])
    return 0


def weights(folder: Path) -> dict[str, np.ndarray]:
    """All that the newest checkpoint holds, except the time that was needed."""
    arrays = read_checkpoint(folder / f"model.ckpt-{latest_step(folder)}")
    arrays.pop("training/seconds")
    return arrays


def assert_same_bits(arrays: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> None:
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype and array.tobytes() == others[name].tobytes(), name


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


def probabilities(folder: Path) -> np.ndarray:
    return np.array(rows(folder / "test_results.tsv"), np.float64)


def read_eval_results(folder: Path) -> dict[str, float]:
    pairs = [line.split(" = ") for line in (folder / "eval_results.txt").read_text().splitlines()]
    return {key: float(value) for key, value in pairs}
