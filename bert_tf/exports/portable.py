"""Writes a fine-tuned model for another runtime into a folder, float32 and int8, and checks both.

with new_folder("litert", overwrite=False) as folder:
    print(export(LITERT, model, folder, Shape(), examples))
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from absl import logging

from bert_tf.cpu import usable_cores
from bert_tf.data.features import make_features
from bert_tf.errors import counted
from bert_tf.exports.assets import write_assets
from bert_tf.exports.check_set import CheckSet
from bert_tf.exports.portable_check import Candidate, check, table
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.serving.graph import ServingGraph
from bert_tf.serving.portable import Engine, Shape, model_file

CHECK = "check.md"


class Runtime(NamedTuple):
    """A runtime that models are exported for.

    Attributes:
        suffix: of its files, with the dot.
        write: writes the model to a path; the last argument is True for int8.
        open: opens such a file.
    """

    suffix: str
    write: Callable[[FineTunedModel, Shape, Path, bool], None]
    open: Callable[[Path], Engine]


def export(runtime: Runtime, model: FineTunedModel, folder: Path, shape: Shape, check_set: CheckSet) -> str:
    """Writes model, int8 model, vocabulary, facts, labels and the table of the check.

    Args:
        runtime: where the model will run.
        model: the fine-tuned model.
        folder: an empty folder.
        shape: of the inputs.
        check_set: on which the exported models are checked.

    Returns:
        The table, as text.
    """
    max_seq_length = min(model.max_seq_length, shape.length or model.max_seq_length)
    write_assets(folder, dataclasses.replace(model, max_seq_length=max_seq_length, compute_dtype="float32"))
    num_bytes = sum(array.nbytes for array in model.arrays.values())
    graph = ServingGraph(model)
    candidates = [Candidate(f"TensorFlow, {model.compute_dtype}", num_bytes, graph)]
    for int8 in (False, True):
        path = folder / model_file(runtime.suffix, int8)
        logging.info("Writing %s.", path.name)
        runtime.write(model, shape, path, int8)
        candidates.append(Candidate(path.name, path.stat().st_size, runtime.open(path)))
    logging.info("Checking them on %s.", check_set.description)
    features = make_features(check_set.examples, max_seq_length, graph.tokenizer, targets={})
    batch_size = shape.batch_size or 1
    rows = check(candidates, features, check_set.expected, check_set.score, batch_size)
    how = f"{counted(batch_size, 'text')} at a time on {counted(usable_cores(), 'core')}"
    text = f"{table(rows, check_set.score_name)}\n\nMeasured with {how}, on {check_set.description}.\n"
    (folder / CHECK).write_text(text, encoding="utf-8")
    return text
