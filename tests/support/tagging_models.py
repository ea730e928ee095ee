"""A tiny model that tags words, as the output folder of a finished run, made without training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support.tiny import WORDS, write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def write_tagging_model(
    folder: Path, results: Mapping | None = None, pieces: Sequence[str] = WORDS, **facts: object
) -> Path:
    """Writes a tiny model with a random head, and what a run says of it; `facts` go into its task.json."""
    write_tiny_model(folder, pieces=pieces)
    random = np.random.default_rng(0)
    head = {"output_weights": random.normal(size=(len(TAGS), 32)), "output_bias": random.normal(size=len(TAGS))}
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    arrays |= {name: array.astype(np.float32) for name, array in head.items()}
    for path in folder.glob("bert_model.ckpt.*"):
        path.unlink()
    write_checkpoint(folder / "model.ckpt-3", arrays)
    task = {"kind": "token_classification", "tags": TAGS, "doc_context": 4, "repair": "conll"} | facts
    run = {"training": {"max_seq_length": 24}}
    for name, content in {"task": task, "run": run, "results": results}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder
