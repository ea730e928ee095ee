"""Reads a fine-tuned model from its folder: all that predicting, exporting and exchanging it needs. Needs no Keras.

model = read_fine_tuned("output/MRPC/all-MiniLM-L6-v2")
model.labels, model.arrays["output_weights"].shape  # ('0', '1'), (2, 384)
"""

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence

import numpy as np

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.fit import check_sizes, check_vocabulary, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import SPAN_BIAS, head_shapes, span_head_shapes, variable_shapes
from bert_tf.models.descriptions import Description, describe
from bert_tf.models.facts import Facts
from bert_tf.models.model_files import find_files
from bert_tf.models.question_settings import QuestionSettings
from bert_tf.models.tagging_settings import TaggingSettings
from bert_tf.remote import AnyPath
from bert_tf.training.unfinished import warn_if_unfinished

_POOLER = "bert/pooler/"
# The kinds of models whose heads are on the outputs of all pieces.
_WITHOUT_POOLER = (QUESTION_ANSWERING, TOKEN_CLASSIFICATION)
_DEFAULT_LENGTH = 128  # the default of run_classifier.py, for a folder that does not say
# The type that a run computed in, for each --mixed_precision.
_COMPUTE_DTYPES = {"none": "float32", "bfloat16": "bfloat16", "float16": "float16"}


@dataclasses.dataclass(frozen=True)
class FineTunedModel:
    """A fine-tuned model as plain data.

    Attributes:
        folder: where it was read.
        kind: of its labels: `"classification"`, `"regression"` or `"multi_label"`; or `"question_answering"` or
            `"token_classification"`.
        labels: in the order of the head's outputs, tags for words included; empty for a regression and for answers to
            questions.
        config: the shape of the encoder.
        arrays: the weights of encoder and head, float32, under the original's names and in its shapes. Where answers
            to questions are found or words tagged, there is no pooler: nothing uses it, and it was not trained.
        vocab_file: the vocabulary.
        do_lower_case: whether text is lowercased.
        max_seq_length: longer texts are truncated, as in training.
        compute_dtype: in which the run computed its products: `"float32"`, `"bfloat16"` or `"float16"`.
        pairs: whether it was trained on pairs of texts; None if nothing says so.
        scores: of its evaluation, such as `eval_accuracy`; empty without one.
        run: the content of run.json; empty if others trained the model.
        questions: how it answers questions; None if it does not.
        tagging: how it tags words; None if it does not.
    """

    folder: AnyPath
    kind: str
    labels: tuple[str, ...]
    config: BertConfig
    arrays: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    vocab_file: AnyPath
    do_lower_case: bool
    max_seq_length: int
    compute_dtype: str
    pairs: bool | None
    scores: Mapping[str, float]
    run: Mapping[str, object] = dataclasses.field(repr=False)
    questions: QuestionSettings | None = None
    tagging: TaggingSettings | None = None

    @property
    def num_outputs(self) -> int:
        """The number of the head's outputs: one for each label, or one for a regression."""
        return len(self.labels) or 1

    fills_masks = False

    @property
    def head_kind(self) -> str:
        """The kind of its head: that of its labels."""
        return self.kind

    @property
    def facts(self) -> Facts:
        """The facts that a predictor and an export need."""
        return Facts(
            kind=self.kind,
            labels=self.labels,
            pairs=self.pairs,
            do_lower_case=self.do_lower_case,
            max_seq_length=self.max_seq_length,
            compute_dtype=self.compute_dtype,
            scores=dict(self.scores),
            vocab_sha256=hashlib.sha256(self.vocab_file.read_bytes()).hexdigest(),
            digest=self._digest(),
            questions=self.questions,
            tagging=self.tagging,
        )

    def _digest(self) -> str:
        settings = (self.config, self.kind, self.labels, self.pairs, self.do_lower_case, self.max_seq_length)
        others = [each for each in (self.questions, self.tagging) if each is not None]
        found = hashlib.sha256(repr((*settings, self.compute_dtype, *others)).encode())
        found.update(self.vocab_file.read_bytes())
        for name in sorted(self.arrays):
            found.update(name.encode())
            found.update(np.ascontiguousarray(self.arrays[name]).data)
        return found.hexdigest()[:16]

    def tokenizer(self) -> FullTokenizer:
        """Makes the tokenizer."""
        return FullTokenizer(self.vocab_file, self.do_lower_case)


def read_fine_tuned(
    folder: str | os.PathLike,
    *,
    bert_config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
    labels: Sequence[str] | None = None,
) -> FineTunedModel:
    """Reads a fine-tuned model from its folder.

    Args:
        folder: the output folder of a finished run, a Hugging Face folder with a `BertForSequenceClassification`, a
            `BertForTokenClassification` or a `BertForQuestionAnswering` (or the zip file of one, or its name as
            `hf://ORGANIZATION/NAME`), or the output folder of the original's run_classifier.py or run_squad.py.
        bert_config_file: the configuration of a folder that has none, such as the original's.
        vocab_file: its vocabulary.
        labels: the names of its labels, in the order of the head's outputs. They replace the names that a Hugging Face
            folder gives. A model that answers questions has none.

    Raises:
        UserError: something is missing, broken or does not fit; no label is invented.
    """
    files = find_files(folder, bert_config_file, vocab_file)
    config = BertConfig.from_json_file(files.config_file)
    arrays = read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    description = describe(files, _num_outputs(arrays, files), labels)
    warn_if_unfinished(files.checkpoint, arrays, description.run.get("training", {}).get("num_train_steps"))
    casing = find_casing(files, folder)
    check_casing(casing.do_lower_case, files, folder)
    check_vocabulary(load_vocab(files.vocab_file), config, files)
    max_seq_length = _max_seq_length(description.length, config.max_position_embeddings)
    return FineTunedModel(
        folder=files.checkpoint.parent,
        kind=description.kind,
        labels=description.labels,
        config=config,
        arrays=_fitting(description, config, arrays, files),
        vocab_file=files.vocab_file,
        do_lower_case=casing.do_lower_case,
        max_seq_length=max_seq_length,
        compute_dtype=_COMPUTE_DTYPES.get(description.mixed_precision, "float32"),
        pairs=description.pairs,
        scores=description.scores,
        run=description.run,
        questions=description.questions and description.questions.fitting(max_seq_length),
        tagging=description.tagging and description.tagging.fitting(max_seq_length),
    )


def _fitting(
    description: Description, config: BertConfig, arrays: Mapping[str, np.ndarray], files: CheckpointFiles
) -> dict[str, np.ndarray]:
    """Returns the arrays that compute the answers."""
    encoder = variable_shapes(config)
    if description.kind in _WITHOUT_POOLER:
        encoder, arrays = _without_pooler(encoder), _without_pooler(arrays)
    is_for_questions = description.kind == QUESTION_ANSWERING
    head = span_head_shapes(config) if is_for_questions else head_shapes(len(description.labels) or 1, config)
    return fitting_arrays(encoder | head, arrays, files.checkpoint)


def _without_pooler(variables: Mapping[str, object]) -> dict:
    return {name: value for name, value in variables.items() if not name.startswith(_POOLER)}


def _num_outputs(arrays: Mapping[str, np.ndarray], files: CheckpointFiles) -> int | None:
    """Returns the number of outputs of a classifier of texts or words; None if the head finds an answer's ends."""
    bias = arrays.get("output_bias")
    if bias is None and SPAN_BIAS in arrays:
        return None
    if bias is None or bias.ndim != 1 or not len(bias):
        raise UserError(
            f"{printable(files.checkpoint)}: has no classifier, so it was not fine-tuned; fine-tune it first, or give "
            "the folder of a model that was"
        )
    return len(bias)


def _max_seq_length(trained: object, positions: int) -> int:
    """Returns the length that the model was trained with, if its folder has one that the model can take."""
    is_usable = type(trained) is int and 3 <= trained <= positions
    return trained if is_usable else min(_DEFAULT_LENGTH, positions)
