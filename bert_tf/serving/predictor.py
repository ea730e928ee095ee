"""Predicts the labels of texts, or numbers for them, with a fine-tuned model.

model = load("output/MRPC/all-MiniLM-L6-v2")
model.predict([("It rains .", "Rain falls ."), ("It rains .", "It snows .")])
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, Protocol

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.catalogue import CATALOGUE
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import UserError, printable
from bert_tf.models.facts import Facts
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.model_files import find_files
from bert_tf.models.pretrained import read_pretrained
from bert_tf.models.pretraining_models import fills_masks
from bert_tf.paths import checked_path, is_hub_name
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.call_checks import check_batch_size, check_process, checked_pairs
from bert_tf.serving.export_facts import ASSETS, find_export, read_facts
from bert_tf.serving.graph import ServingGraph
from bert_tf.serving.mask_filler import MaskFiller
from bert_tf.serving.mask_graph import MaskGraph
from bert_tf.serving.portable_model import is_portable, open_portable
from bert_tf.serving.portable_texts import PortableTexts
from bert_tf.serving.predictions import KINDS, AnyPrediction
from bert_tf.serving.question_answerer import QuestionAnswerer
from bert_tf.serving.question_graph import QuestionGraph
from bert_tf.serving.saved_model import SavedQuestionModel, SavedTaggingModel, SavedTextModel
from bert_tf.serving.tagger import Tagger
from bert_tf.serving.tagging_graph import TaggingGraph
from bert_tf.training.overflow import check_finite


class TextModel(Protocol):
    """Computes answers for texts, in whatever way."""

    def answers(self, text: tf.Tensor, text_pair: tf.Tensor) -> tf.Tensor | np.ndarray:
        """Computes the answers for texts or pairs; see `ServingGraph.answers`."""


class Predictor:
    """A fine-tuned model; `load` makes one. It can be called from several threads at a time.

    It cannot be called in a process that was forked after it was loaded; there TensorFlow would wait forever.

    Args:
        facts: of the model.
        model: computes its answers; safe in threads.

    Attributes:
        kind: of the labels.
        labels: the names of the labels.
        pairs: whether the model was trained on pairs of texts; None if nothing says so.
        scores: such as `eval_accuracy`; empty without an evaluation.
    """

    def __init__(self, facts: Facts, model: TextModel):
        self.kind = facts.kind
        self.labels = facts.labels
        self.pairs = facts.pairs
        self.scores = dict(facts.scores)
        self._mixed_precision = facts.compute_dtype.replace("float32", "none")
        self._model = model
        self._process = os.getpid()

    def __repr__(self) -> str:
        scores = "".join(f", {name}={score:.4g}" for name, score in self.scores.items())
        subject = f"labels={list(self.labels)}" if self.labels else self.kind
        return f"Predictor({subject}{scores})"

    def predict(self, texts: Iterable[str | tuple[str, str]], batch_size: int = 32) -> list[AnyPrediction]:
        """Predicts for each text or pair of texts. The first call takes about a second, later calls do not.

        Args:
            texts: a list, an array or a column of a table; each a string, or two strings for a model of pairs.
            batch_size: how many to compute at a time; it does not change the answers.

        Returns:
            One prediction for each text, in their order. A classifier's has `label` and `probabilities`, that of a
            regression `value`, and that of a model for any number of labels `labels` and `probabilities`.

        Raises:
            UserError: a text is neither a string nor two strings, `batch_size` is no number of texts, a number
                overflows, or this is a fork of the process that loaded the model.
        """
        check_process("predict", self._process)
        check_batch_size("predict", batch_size)
        pairs = checked_pairs("predict", texts)
        if not pairs:
            return []
        answers = self._answers_in_batches(pairs, int(batch_size))
        check_finite("predict", answers, self._mixed_precision)
        return [KINDS[self.kind].make_prediction(self.labels, answer) for answer in answers]

    def answer(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model answers no questions."""
        subject = "labels" if self.labels else "numbers"
        raise UserError(f"answer: this model predicts {subject} and answers no questions; call predict(texts)")

    answers = answer

    def tag(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model tags no words."""
        subject = "labels" if self.labels else "numbers"
        raise UserError(f"tag: this model predicts {subject} of texts and tags no words; call predict(texts)")

    tag_all = tag

    def fill_mask(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model fills no masks."""
        subject = "labels" if self.labels else "numbers"
        raise UserError(f"fill_mask: this model predicts {subject} of texts and fills no masks; call predict(texts)")

    def _answers_in_batches(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """Computes texts of similar length together, so that little is padded; returns answers in the texts' order."""
        order = np.argsort([len(text) + len(text_pair) for text, text_pair in pairs], kind="stable")
        found = []
        for start in range(0, len(order), batch_size):
            batch = [pairs[number] for number in order[start : start + batch_size]]
            text, text_pair = (tf.constant(column) for column in zip(*batch, strict=True))
            found.append(np.asarray(self._model.answers(text, text_pair)))
        return np.concatenate(found)[np.argsort(order)]


AnyModel = Predictor | QuestionAnswerer | Tagger | MaskFiller


def load(
    folder: str | os.PathLike,
    *,
    bert_config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
    labels: Sequence[str] | None = None,
) -> AnyModel:
    """Loads a fine-tuned model, or a pre-trained one that fills masks. It computes as the run did.

    Args:
        folder: the output folder of a finished run or of the original, or a Hugging Face folder with a classifier or a
            model that answers questions, tags words or fills masks, see `read_fine_tuned`, or its name on the hub
            (`hf://ORGANIZATION/NAME`); a pre-trained checkpoint with its head for masks, or its name in the catalogue;
            or an exported SavedModel, its own folder or the one with the numbered folders. Load only a SavedModel that
            you trust: it is a program.
        bert_config_file: the configuration, for a folder without one, such as the original's.
        vocab_file: its vocabulary.
        labels: the names of its labels, in the order of the head's outputs.

    Returns:
        A `Predictor`; a `QuestionAnswerer` for a model that answers questions, a `Tagger` for one that tags words, a
        `MaskFiller` for one that fills masks, which is always computed in float32.

    Raises:
        UserError: something is missing or broken; no label is invented.
    """
    completion = {"bert_config_file": bert_config_file, "vocab_file": vocab_file, "labels": labels}
    exported = None if is_hub_name(folder) else _load_exported(as_path(checked_path(folder, "load")), completion)
    if exported is not None:
        return exported
    if fills_masks(_files_of(folder, bert_config_file, vocab_file)):
        return _load_mask_filler(folder, completion)
    if _is_in_catalogue(folder):
        raise UserError(
            f"{folder}: is pre-trained and fills no masks; fine-tune it first, as with run_classifier.py --bert_model, "
            "or call bert_tf.load_encoder for its vectors"
        )
    model = read_fine_tuned(folder, **completion)
    if model.kind == QUESTION_ANSWERING:
        return QuestionAnswerer(model.facts, QuestionGraph(model))
    if model.kind == TOKEN_CLASSIFICATION:
        return Tagger(model.facts, TaggingGraph(model))
    return Predictor(model.facts, ServingGraph(model))


def _is_in_catalogue(folder: str | os.PathLike) -> bool:
    return folder in CATALOGUE and not as_path(folder).exists()


def _files_of(folder: str | os.PathLike, *completion: str | os.PathLike | None) -> CheckpointFiles:
    # A pre-trained model may have a name, a fine-tuned one has a folder.
    return resolve(folder) if _is_in_catalogue(folder) else find_files(folder, *completion)


def _load_mask_filler(folder: str | os.PathLike, completion: Mapping[str, object]) -> MaskFiller:
    labels = completion["labels"]
    if labels is not None:
        raise UserError(f"labels: {printable(folder)} is pre-trained and fills masks, so it has none; leave them out")
    files = {name: value for name, value in completion.items() if name != "labels"}
    return MaskFiller(MaskGraph(read_pretrained(folder, **files)))


def _load_exported(folder: AnyPath, completion: Mapping[str, object]) -> AnyModel | None:
    """Loads what an export wrote; returns None for the folder of a model that was not exported.

    Raises:
        UserError: it is broken, or `completion` has a file or labels for it, which has its own.
    """
    if is_portable(folder):
        _refuse_completion(folder, completion)
        portable = open_portable(folder)
        return Predictor(portable.facts, PortableTexts(portable))
    # A run may have older exports of itself in its folder.
    exported = None if is_folder_of_run(folder) else find_export(folder)
    if exported is None:
        return None
    _refuse_completion(exported, completion)
    facts = read_facts(exported / ASSETS)
    if facts.kind == QUESTION_ANSWERING:
        return QuestionAnswerer(facts, SavedQuestionModel(exported))
    if facts.kind == TOKEN_CLASSIFICATION:
        return Tagger(facts, SavedTaggingModel(exported))
    return Predictor(facts, SavedTextModel(exported, facts))


def _refuse_completion(export: AnyPath, completion: Mapping[str, object]) -> None:
    for name, value in completion.items():
        if value is not None:
            raise UserError(f"{name}: {printable(export)} is an export, which has its own; leave it out")
