"""Fills masks in texts with a pre-trained model. `bert_tf.load` makes its objects.

model = load("splade-tiny")
model.fill_mask("Paris is the [MASK] of France .", top_k=1)
# [[Filling(token='city', score=0.11, text='Paris is the city of France .')]]
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import NoReturn, overload

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf.data.lists import elements_of
from bert_tf.data.targets import PRETRAINING
from bert_tf.errors import UserError, counted, shown
from bert_tf.serving.call_checks import check_batch_size, check_characters, check_process
from bert_tf.serving.filling import MASK, Filling, filled
from bert_tf.serving.length_batches import batches_by_length
from bert_tf.serving.mask_graph import MaskGraph
from bert_tf.training.overflow import check_finite

# The probabilities of all pieces for so many masks take 30 MB with the vocabulary of BERT.
_MASKS_AT_A_TIME = 256
# [CLS] and [SEP].
_SPECIAL = 2

Fillings = list[list[Filling]]


@dataclasses.dataclass(frozen=True)
class _Row:
    """The pieces of a text.

    Attributes:
        ids: with `[CLS]` and `[SEP]`.
        masks: the positions of its masks.
        is_cut: whether its end was cut off.
    """

    ids: Sequence[int]
    masks: Sequence[int]
    is_cut: bool


class MaskFiller:
    """A model that fills masks; `load` makes one. It can be called from several threads at a time.

    It cannot be called in a process that was forked after it was loaded; there TensorFlow would wait forever.

    Args:
        model: chooses the pieces; safe in threads.

    Attributes:
        kind: `"pretraining"`.
        labels: empty.
        pairs: None.
        scores: empty.
        max_seq_length: longer texts are cut, in word pieces.
    """

    kind = PRETRAINING
    labels: tuple[str, ...] = ()
    pairs = None

    def __init__(self, model: MaskGraph):
        self.scores: dict[str, float] = {}
        self.max_seq_length = model.max_seq_length
        self._model = model
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"MaskFiller(max_seq_length={self.max_seq_length})"

    @overload
    def fill_mask(self, text: str, top_k: int = 5, batch_size: int = 32) -> Fillings: ...

    @overload
    def fill_mask(self, text: Iterable[str], top_k: int = 5, batch_size: int = 32) -> list[Fillings]: ...

    def fill_mask(self, text: str | Iterable[str], top_k: int = 5, batch_size: int = 32) -> Fillings | list[Fillings]:
        """Finds the best pieces for each `[MASK]` of a text. The first call takes about a second, later calls do not.

        Several masks of a text are filled each for itself: the others stay masked. The end of a text of more than
        `max_seq_length` pieces is cut off, with a warning.

        Args:
            text: a text, or a list of texts.
            top_k: how many pieces for each mask; all, if the vocabulary has fewer.
            batch_size: how many texts to compute at a time, or fewer if they are long; it may change the last digits of
                the scores.

        Returns:
            For each mask of the text, in their order, the best pieces, the most probable one first. Of a list of texts,
            such a list for each.

        Raises:
            UserError: a text is no string or has no `[MASK]`, one is in the part that is cut off, `top_k` or
                `batch_size` is no number, or this is a fork of the process that loaded the model.
        """
        check_process("fill_mask", self._process)
        check_batch_size("fill_mask", batch_size)
        count = _checked_count(top_k)
        texts = _checked([text] if isinstance(text, str) else text)
        rows = self._rows(texts)
        found: dict[int, Fillings] = {}
        for batch in batches_by_length([len(each) for each in texts], int(batch_size)):
            best = self._best([rows[number] for number in batch], min(count, self._model.num_pieces))
            found |= {number: self._fillings(texts[number], *each) for number, each in zip(batch, best, strict=True)}
        return found[0] if isinstance(text, str) else [found[number] for number in range(len(texts))]

    def predict(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model was not fine-tuned."""
        raise UserError(
            "this model is pre-trained and fills masks; call fill_mask(text), or fine-tune it first with fine_tune or "
            "run_classifier.py"
        )

    answer = answers = tag = tag_all = predict

    def _rows(self, texts: Sequence[str]) -> list[_Row]:
        """Cuts texts into pieces.

        Raises:
            UserError: a mask is in the part of a text that is cut off.
        """
        parts = [text.split(MASK) for text in texts]
        flat = [part for each in parts for part in each]
        pieces = iter(self._model.tokenizer.token_ids(tf.constant(flat, tf.string, shape=[len(flat)])).to_list())
        rows = [self._row([next(pieces) for _ in each]) for each in parts]
        room = self.max_seq_length - _SPECIAL
        for text, row in zip(texts, rows, strict=True):
            if row.masks[-1] > room:
                raise UserError(
                    f"fill_mask: {shown(text)} has a {MASK} behind its first {room} word pieces, and the model takes "
                    "no more; give a shorter text"
                )
        num_cut = sum(row.is_cut for row in rows)
        if num_cut:
            is_longer, were = ("is longer", "was") if num_cut == 1 else ("are longer", "were")
            count, limit = f"{num_cut} of {counted(len(rows), 'text')}", f"{self.max_seq_length} word pieces"
            logging.warning("fill_mask: %s %s than %s and %s cut.", count, is_longer, limit, were)
        return rows

    def _row(self, parts: Sequence[Sequence[int]]) -> _Row:
        """Joins the pieces of the parts between masks."""
        vocab = self._model.tokenizer.vocab
        ids, masks = [vocab["[CLS]"]], []
        for number, part in enumerate(parts):
            if number:
                masks.append(len(ids))
                ids.append(vocab[MASK])
            ids += part
        end = self.max_seq_length - 1
        return _Row([*ids[:end], vocab["[SEP]"]], masks, len(ids) > end)

    def _best(self, rows: Sequence[_Row], top_k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns probabilities and ids [masks of the text, top_k] for each text."""
        lengths = np.array([len(row.ids) for row in rows], np.int32)
        ids = np.zeros([len(rows), lengths.max()], np.int32)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = row.ids
        places = np.array([(number, at) for number, row in enumerate(rows) for at in row.masks], np.int32)
        outputs = self._model.outputs(ids, lengths, places)
        starts = range(0, len(places), _MASKS_AT_A_TIME)
        parts = [self._model.best(outputs[start : start + _MASKS_AT_A_TIME], top_k) for start in starts]
        scores, tokens = (np.concatenate(column) for column in zip(*parts, strict=True))
        check_finite("fill_mask", scores, "none")
        ends = np.cumsum([len(row.masks) for row in rows])[:-1]
        return list(zip(np.split(scores, ends), np.split(tokens, ends), strict=True))

    def _fillings(self, text: str, scores: np.ndarray, ids: np.ndarray) -> Fillings:
        pieces = self._model.tokenizer.inv_vocab
        return [
            [
                Filling(pieces[index], score, filled(text, number, pieces[index]))
                for score, index in zip(*columns, strict=True)
            ]
            for number, columns in enumerate(zip(scores.tolist(), ids.tolist(), strict=True))
        ]


def _checked_count(top_k: object) -> int:
    if not isinstance(top_k, (int, np.integer)) or isinstance(top_k, bool) or top_k < 1:
        raise UserError(f"fill_mask: top_k is {shown(top_k)}; it must be a whole number, at least 1")
    return int(top_k)


def _checked(texts: object) -> list[str]:
    elements = elements_of(texts)
    if elements is None:
        raise UserError(f"fill_mask: {shown(texts)} is neither a text nor a list of texts; give one of these")
    for text in elements:
        if not isinstance(text, str):
            raise UserError(f"fill_mask: {shown(text)} is no text; give strings")
        if MASK not in text:
            raise UserError(f"fill_mask: {shown(text)} has no {MASK}; write it in place of the word to be found")
        check_characters("fill_mask", text)
    return elements
