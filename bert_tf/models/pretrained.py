"""Reads a pre-trained encoder as plain data, and finds whether a folder holds one or a fine-tuned model. No Keras.

model = read_model("uncased_L-12_H-768_A-12")
model.kind, model.config.num_hidden_layers  # None, 12
"""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np

from bert_tf import run_files
from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.fit import check_sizes, check_vocabulary, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors, model_name, resolve
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import variable_shapes
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.question_models import answers_questions
from bert_tf.remote import AnyPath


@dataclasses.dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained encoder as plain data; the attributes are those of a `FineTunedModel`.

    Attributes:
        name: of its folder, its zip file or of the catalogue.
        config: the shape of the encoder.
        arrays: the weights of the encoder, float32, under the original's names and in its shapes.
        vocab_file: the vocabulary.
        do_lower_case: whether text is lowercased.
        max_seq_length: all of its positions.
        kind: None, it has no labels.
        labels: empty.
    """

    name: str
    config: BertConfig
    arrays: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    vocab_file: AnyPath
    do_lower_case: bool
    max_seq_length: int
    kind: None = None
    labels: tuple[str, ...] = ()


Model = FineTunedModel | PretrainedModel


def read_model(path_or_name: str | os.PathLike, **model_files: object) -> Model:
    """Reads a fine-tuned model if it is known what its labels are, and otherwise a pre-trained encoder.

    Args:
        path_or_name: what `read_fine_tuned` or `resolve` takes.
        **model_files: the other arguments of `read_fine_tuned`; with any of them the model is a fine-tuned one.

    Raises:
        UserError: something is missing, broken or does not fit.
    """
    if model_files or is_fine_tuned(resolve(path_or_name)):
        return read_fine_tuned(path_or_name, **model_files)
    return read_pretrained(path_or_name)


def is_fine_tuned(files: CheckpointFiles) -> bool:
    """Returns True for the files of a run, for Hugging Face's of a classifier, and if the model answers questions.

    Example:
        >>> is_fine_tuned(resolve("all-MiniLM-L6-v2"))
        False
    """
    if is_safetensors(files.checkpoint):
        return classifier_outputs(files.checkpoint) is not None or answers_questions(files)
    return is_folder_of_run(files.checkpoint.parent) or answers_questions(files)


def read_pretrained(path_or_name: str | os.PathLike) -> PretrainedModel:
    """Reads a pre-trained encoder. Heads for pre-training, which its checkpoint may have, are left out.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).

    Raises:
        UserError: something is missing, broken or does not fit.
    """
    files = resolve(path_or_name)
    config, arrays = BertConfig.from_json_file(files.config_file), read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    _refuse_classifier(arrays, files)
    casing = find_casing(files, path_or_name)
    check_casing(casing.do_lower_case, files, path_or_name)
    check_vocabulary(load_vocab(files.vocab_file), config, files)
    return PretrainedModel(
        name=model_name(path_or_name),
        config=config,
        arrays=fitting_arrays(variable_shapes(config), arrays, files.checkpoint),
        vocab_file=files.vocab_file,
        do_lower_case=casing.do_lower_case,
        max_seq_length=config.max_position_embeddings,
    )


def _refuse_classifier(arrays: Mapping[str, np.ndarray], files: CheckpointFiles) -> None:
    """Raises `UserError` for the weights of a classifier whose folder does not say what its labels are."""
    if "output_weights" in arrays:
        raise UserError(
            f"{printable(files.checkpoint)}: has a classifier, but nothing says what its labels are; write them to "
            f"{printable(files.checkpoint.parent / run_files.LABELS)}, one a line, in the order of its outputs"
        )
