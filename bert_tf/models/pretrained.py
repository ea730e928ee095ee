"""Reads a pre-trained model as plain data, and finds whether a folder holds one or a fine-tuned model. No Keras.

model = read_model("uncased_L-12_H-768_A-12")
model.kind, model.head_kind, model.config.num_hidden_layers  # None, "pretraining", 12
"""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np

from bert_tf import run_files
from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.fit import check_sizes, check_tied, check_vocabulary, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors, model_name, resolve
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.data.targets import MASKED_LM, PRETRAINING
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.files import read_json_or_empty
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import (
    MASKED_LM_SCOPE,
    NEXT_SENTENCE_SCOPE,
    POOLER_SCOPE,
    Shapes,
    masked_lm_head_shapes,
    next_sentence_head_shapes,
    variable_shapes,
)
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.model_files import find_files
from bert_tf.models.pretraining_models import fills_masks
from bert_tf.models.question_models import answers_questions
from bert_tf.remote import AnyPath
from bert_tf.training.unfinished import warn_if_unfinished


@dataclasses.dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained model as plain data; the attributes are those of a `FineTunedModel`.

    Attributes:
        name: of its folder, its zip file or of the catalogue.
        config: the shape of the encoder.
        arrays: the weights of the encoder and of its heads for pre-training, float32, under the original's names and in
            its shapes. A model that only fills masks may have no pooler.
        vocab_file: the vocabulary.
        do_lower_case: whether text is lowercased.
        max_seq_length: all of its positions.
        head_kind: `"pretraining"` if it fills masks and finds whether a text follows another, `"masked_lm"` if it only
            fills masks; None without a head.
        run: the content of run.json; empty if others trained the model.
        kind: None, it has no labels.
        labels: empty.
        compute_dtype: `"float32"`.
    """

    name: str
    config: BertConfig
    arrays: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    vocab_file: AnyPath
    do_lower_case: bool
    max_seq_length: int
    head_kind: str | None = None
    run: Mapping[str, object] = dataclasses.field(default_factory=dict, repr=False)
    kind: None = None
    labels: tuple[str, ...] = ()
    compute_dtype: str = "float32"

    @property
    def fills_masks(self) -> bool:
        """True if it has the head that chooses pieces for masks."""
        return self.head_kind is not None

    @property
    def training(self) -> Mapping[str, object]:
        """The settings of the training in run.json; empty if they are unknown."""
        training = self.run.get("training")
        return training if isinstance(training, dict) else {}

    @property
    def trained_length(self) -> int:
        """The length in word pieces that its run trained with, or else all of its positions."""
        length = self.training.get("max_seq_length")
        return length if type(length) is int and 3 <= length <= self.max_seq_length else self.max_seq_length

    def tokenizer(self) -> FullTokenizer:
        """Makes the tokenizer."""
        return FullTokenizer(self.vocab_file, self.do_lower_case)


Model = FineTunedModel | PretrainedModel


def read_model(path_or_name: str | os.PathLike, **model_files: object) -> Model:
    """Reads a fine-tuned model if it is known what its labels are, and otherwise a pre-trained one.

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
    if is_folder_of_run(files.checkpoint.parent):
        return not fills_masks(files)
    return answers_questions(files)


def read_pretrained(
    path_or_name: str | os.PathLike,
    *,
    bert_config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
) -> PretrainedModel:
    """Reads a pre-trained encoder, and the heads for pre-training that its checkpoint has.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).
        bert_config_file: the configuration of a folder that has none, such as the original's.
        vocab_file: its vocabulary.

    Raises:
        UserError: something is missing, broken or does not fit.
    """
    is_complete = bert_config_file is None and vocab_file is None
    files = resolve(path_or_name) if is_complete else find_files(path_or_name, bert_config_file, vocab_file)
    config, arrays = BertConfig.from_json_file(files.config_file), read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    _refuse_classifier(arrays, files)
    casing = find_casing(files, path_or_name)
    check_casing(casing.do_lower_case, files, path_or_name)
    check_vocabulary(load_vocab(files.vocab_file), config, files)
    run = read_json_or_empty(files.checkpoint.parent / run_files.RUN)
    head_kind = _head_kind(arrays, files)
    model = PretrainedModel(
        name=model_name(path_or_name),
        config=config,
        arrays=fitting_arrays(_shapes(config, arrays, head_kind), arrays, files.checkpoint),
        vocab_file=files.vocab_file,
        do_lower_case=casing.do_lower_case,
        max_seq_length=config.max_position_embeddings,
        head_kind=head_kind,
        run=run,
    )
    warn_if_unfinished(files.checkpoint, arrays, model.training.get("num_train_steps"))
    return model


def _head_kind(arrays: Mapping[str, np.ndarray], files: CheckpointFiles) -> str | None:
    if f"{MASKED_LM_SCOPE}/output_bias" not in arrays:
        return None
    check_tied(arrays, files.checkpoint)
    has_next_sentence = f"{NEXT_SENTENCE_SCOPE}/output_bias" in arrays and _has_pooler(arrays)
    return PRETRAINING if has_next_sentence else MASKED_LM


def _has_pooler(arrays: Mapping[str, np.ndarray]) -> bool:
    return f"{POOLER_SCOPE}/dense/kernel" in arrays


def _shapes(config: BertConfig, arrays: Mapping[str, np.ndarray], head_kind: str | None) -> Shapes:
    """Returns the shapes of the variables that a model with this head has."""
    encoder = variable_shapes(config)
    if head_kind is None:
        return encoder
    if not _has_pooler(arrays):
        encoder = {name: shape for name, shape in encoder.items() if not name.startswith(f"{POOLER_SCOPE}/")}
    follows = next_sentence_head_shapes(config) if head_kind == PRETRAINING else {}
    return encoder | masked_lm_head_shapes(config) | follows


def _refuse_classifier(arrays: Mapping[str, np.ndarray], files: CheckpointFiles) -> None:
    """Raises `UserError` for the weights of a classifier whose folder does not say what its labels are."""
    if "output_weights" in arrays:
        raise UserError(
            f"{printable(files.checkpoint)}: has a classifier, but nothing says what its labels are; write them to "
            f"{printable(files.checkpoint.parent / run_files.LABELS)}, one a line, in the order of its outputs"
        )
