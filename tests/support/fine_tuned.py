"""The output folder of a finished run with random weights, made without training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint


def write_fine_tuned(
    folder: Path,
    kind: str = "classification",
    labels: Sequence[str] = ("bad", "good"),
    run: Mapping | None = None,
    results: Mapping | None = None,
) -> Path:
    """Writes a tiny model with a head, and what a run says of it."""
    write_tiny_model(folder)
    random = np.random.default_rng(0)
    outputs = len(labels) or 1
    head = {"output_weights": random.normal(size=(outputs, 32)), "output_bias": random.normal(size=outputs)}
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    arrays |= {name: array.astype(np.float32) for name, array in head.items()}
    for path in folder.glob("bert_model.ckpt.*"):
        path.unlink()
    write_checkpoint(folder / "model.ckpt-3", arrays)
    (folder / "task.json").write_text(json.dumps({"kind": kind}))
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    for name, content in (("run.json", run), ("results.json", results)):
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    return folder
