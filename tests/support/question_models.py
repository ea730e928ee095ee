"""A tiny model that answers questions, as the output folder of a finished run, made without training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support.tiny import WORDS, write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint

TRAINING = {"max_seq_length": 24, "doc_stride": 6, "max_query_length": 8, "version_2_with_negative": False}


def write_question_model(
    folder: Path, results: Mapping | None = None, pieces: Sequence[str] = WORDS, **training: object
) -> Path:
    """Writes a tiny model with random ends of answers, and what a run says of it."""
    write_tiny_model(folder, pieces=pieces)
    random = np.random.default_rng(0)
    head = {"cls/squad/output_weights": random.normal(size=(2, 32)), "cls/squad/output_bias": random.normal(size=2)}
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    arrays |= {name: array.astype(np.float32) for name, array in head.items()}
    for path in folder.glob("bert_model.ckpt.*"):
        path.unlink()
    write_checkpoint(folder / "model.ckpt-3", arrays)
    settings = TRAINING | training
    task = {"kind": "question_answering", "version_2_with_negative": settings["version_2_with_negative"]}
    for name, content in {"task": task, "run": {"training": settings}, "results": results}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder
