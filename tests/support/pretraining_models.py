"""A tiny pre-trained model with its heads, in the original's files or in the output folder of a run; not trained."""

import json
from pathlib import Path

import numpy as np
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import masked_lm_head_shapes, next_sentence_head_shapes


def write_pretrained_model(folder: Path, with_next_sentence: bool = True) -> Path:
    """Writes a tiny model with random heads, in the original's files."""
    write_tiny_model(folder)
    config = BertConfig.from_json_file(folder / "bert_config.json")
    shapes = masked_lm_head_shapes(config) | (next_sentence_head_shapes(config) if with_next_sentence else {})
    random = np.random.default_rng(0)
    heads = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    write_checkpoint(folder / "bert_model.ckpt", read_checkpoint(folder / "bert_model.ckpt") | heads)
    return folder


def write_pretraining_run(folder: Path, with_next_sentence: bool = True, **training: object) -> Path:
    """Writes such a model as a finished run of run_pretraining.py leaves it."""
    write_pretrained_model(folder, with_next_sentence)
    write_checkpoint(folder / "model.ckpt-3", read_checkpoint(folder / "bert_model.ckpt"))
    for path in folder.glob("bert_model.ckpt.*"):
        path.unlink()
    (folder / "task.json").write_text(json.dumps({"kind": "pretraining"}))
    (folder / "run.json").write_text(json.dumps({"training": {"max_seq_length": 24} | training}))
    return folder
