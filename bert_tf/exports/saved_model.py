"""Writes a fine-tuned model as a SavedModel: raw texts in; labels, answers or names out.

path = export(read_fine_tuned("output/MRPC/all-MiniLM-L6-v2"), "output/MRPC/all-MiniLM-L6-v2/export")

A process that loads it needs `tensorflow` and `import tensorflow_text`, and nothing of this project.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf
from absl import logging
from tensorflow.python.eager import context as eager_context

from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.exports.assets import write_assets
from bert_tf.exports.warmup import write_warmup_requests
from bert_tf.folders import new_folder
from bert_tf.modeling.names import INPUTS
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.paths import local_path
from bert_tf.serving.export_facts import (
    ASSETS,
    PIECES,
    QUESTION,
    TEXTS,
    THRESHOLD,
    WITH_THRESHOLD,
    WORDS,
    newest_export,
    next_number,
    read_facts,
)
from bert_tf.serving.graph import ServingGraph
from bert_tf.serving.predictions import KINDS
from bert_tf.serving.question_graph import QuestionGraph
from bert_tf.serving.tagging_graph import TaggingGraph
from bert_tf.streams import without_lines_of

_WARMUP_BATCHES, _WARMUP_LENGTH, _WARMUP_TEXT = (1, 8), 32, "It rains ."


def export(model: FineTunedModel, folder: str | os.PathLike) -> Path:
    """Writes a model into the next numbered folder, as TensorFlow Serving wants it, whole or not at all.

    If the newest export there is of the same model, nothing is written.

    Args:
        model: the model.
        folder: above the numbered folders.

    Returns:
        The path of the export, such as `folder/1`.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = Path(local_path(folder, "export"))
    newest = newest_export(folder)
    if newest is not None and _is_of(newest, model):
        logging.info("%s: is this model already.", printable(newest))
        return newest
    path = folder / str(next_number(folder))
    # TensorFlow has its own exceptions for a full disk.
    writable = user_error_for(tf.errors.OpError, path, "cannot be written", "make room or name another folder")
    with writable, new_folder(path, overwrite=False) as made:
        write_saved_model(model, made)
    return path


def _is_of(export: Path, model: FineTunedModel) -> bool:
    """Returns True if an export is of this model and of this version."""
    try:
        return read_facts(export / ASSETS).digest == model.facts.digest
    except UserError:
        return False  # A SavedModel of others, or of another version.


def write_saved_model(model: FineTunedModel, folder: Path) -> None:
    """Writes a SavedModel with its assets and warm-up requests into an existing, empty folder."""
    with tempfile.TemporaryDirectory(prefix="assets.") as temporary:
        signatures = _SIGNATURES.get(model.kind, Signatures)(model)
        # Of the graph only the variables: its functions would be in there a second time, beside the signatures.
        saved = tf.Module()
        saved.weights = signatures.graph.variables
        folder_of_assets = Path(temporary)
        saved.assets = {
            name: tf.saved_model.Asset(str(folder_of_assets / name)) for name in write_assets(folder_of_assets, model)
        }
        with without_lines_of("tensorflow"), _for_any_machine():
            tf.saved_model.save(saved, str(folder), signatures.traced())
    write_warmup_requests(folder, signatures.typical_requests())


@contextlib.contextmanager
def _for_any_machine() -> Iterator[None]:
    """Keeps the devices and threads of this machine out of graphs that are traced inside the block, in this thread."""
    context = eager_context.context()
    before = context.function_call_options
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    context.function_call_options = eager_context.FunctionCallOptions(config_proto=config)
    try:
        yield
    finally:
        context.function_call_options = before


class Signatures:
    """The functions that a server calls. All inputs and outputs have names.

    Args:
        model: the model.

    Attributes:
        graph: computes the answers.
    """

    def __init__(self, model: FineTunedModel):
        self.graph = ServingGraph(model)
        self._model = model

    def traced(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Traces the signatures: `serving_default` takes texts, `pieces` the ids of word pieces."""
        texts = ("text",) if self._model.pairs is False else ("text", "text_pair")
        return {
            TEXTS: _traced(self._of_texts, texts, tf.TensorSpec([None], tf.string)),
            PIECES: _traced(self._of_pieces, INPUTS, tf.TensorSpec([None, None], tf.int32)),
        }

    def _of_texts(self, text: tf.Tensor, text_pair: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        no_pair = tf.fill(tf.shape(text), "")
        return self._named(self.graph.answers(text, no_pair if text_pair is None else text_pair))

    def _of_pieces(self, **pieces: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._named(self.graph.answers_of_pieces(**pieces))

    def _named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        return KINDS[self._model.kind].outputs(answers, tf.constant(self._model.labels, tf.string))

    def typical_requests(self) -> list[tuple[str, dict[str, tf.Tensor]]]:
        """Returns requests of a few sizes to each signature."""
        found = []
        for size in _WARMUP_BATCHES:
            text = {"text": tf.fill([size], _WARMUP_TEXT)}
            found.append((TEXTS, text if self._model.pairs is False else {**text, "text_pair": text["text"]}))
            ids = tf.fill([size, _WARMUP_LENGTH], self.graph.tokenizer.vocab["[SEP]"])
            found.append((PIECES, dict(zip(INPUTS, (ids, tf.ones_like(ids), tf.zeros_like(ids)), strict=True))))
        return found


class QuestionSignatures:
    """The functions of a model that answers questions; see `Signatures`.

    Args:
        model: the model.

    Attributes:
        graph: computes the answers.
    """

    def __init__(self, model: FineTunedModel):
        self.graph = QuestionGraph(model)
        self._threshold = model.questions.default_threshold

    def traced(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Traces the signatures: both take questions and contexts, `with_threshold` also a threshold for each."""
        text, number = tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.float32)
        specs = {name: tf.TensorSpec(text.shape, text.dtype, name) for name in QUESTION}
        threshold = {THRESHOLD: tf.TensorSpec(number.shape, number.dtype, THRESHOLD)}
        return {
            TEXTS: tf.function(self._answers, autograph=False).get_concrete_function(**specs),
            WITH_THRESHOLD: tf.function(self._answers, autograph=False).get_concrete_function(**specs, **threshold),
        }

    def _answers(
        self, question: tf.Tensor, context: tf.Tensor, null_score_diff_threshold: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        if null_score_diff_threshold is None:
            null_score_diff_threshold = tf.fill(tf.shape(question), self._threshold)
        return self.graph.answers(question, context, null_score_diff_threshold)

    def typical_requests(self) -> list[tuple[str, dict[str, tf.Tensor]]]:
        """Returns requests of a few sizes to each signature."""
        found = []
        for size in _WARMUP_BATCHES:
            texts = dict.fromkeys(QUESTION, tf.fill([size], _WARMUP_TEXT))
            found.append((TEXTS, texts))
            found.append((WITH_THRESHOLD, texts | {THRESHOLD: tf.fill([size], self._threshold)}))
        return found


class TaggingSignatures:
    """The functions of a model that tags words; see `Signatures`.

    Args:
        model: the model.

    Attributes:
        graph: finds the parts of texts.
    """

    def __init__(self, model: FineTunedModel):
        self.graph = TaggingGraph(model)

    def traced(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Traces the signatures: `serving_default` takes texts, `words` the words of texts and how many each has."""
        words, counts = tf.TensorSpec([None], tf.string, "words"), tf.TensorSpec([None], tf.int32, "counts")
        of_words = tf.function(self.graph.spans_of_words, autograph=False)
        return {
            TEXTS: _traced(self.graph.spans, ["text"], tf.TensorSpec([None], tf.string)),
            WORDS: of_words.get_concrete_function(words=words, counts=counts),
        }

    def typical_requests(self) -> list[tuple[str, dict[str, tf.Tensor]]]:
        """Returns requests of a few sizes to each signature."""
        found = []
        for size in _WARMUP_BATCHES:
            found.append((TEXTS, {"text": tf.fill([size], _WARMUP_TEXT)}))
            words = _WARMUP_TEXT.split() * size
            found.append((WORDS, {"words": tf.constant(words), "counts": tf.fill([size], len(words) // size)}))
        return found


_SIGNATURES = {QUESTION_ANSWERING: QuestionSignatures, TOKEN_CLASSIFICATION: TaggingSignatures}


def _traced(
    function: Callable[..., dict[str, tf.Tensor]], names: Sequence[str], spec: tf.TensorSpec
) -> tf.types.experimental.ConcreteFunction:
    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name in names}
    return tf.function(function, autograph=False).get_concrete_function(**specs)
