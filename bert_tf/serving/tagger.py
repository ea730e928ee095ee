"""Finds and names parts of texts with a fine-tuned model. `bert_tf.load` makes its objects.

model = load("output/NER/all-MiniLM-L6-v2")
model.tag("Ann Lee came .")  # [TaggedSpan(text='Ann Lee', type='PER', start=0, end=7, score=0.98)]
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

import numpy as np
import tensorflow as tf

from bert_tf.data.lists import elements_of
from bert_tf.errors import UserError, shown
from bert_tf.models.facts import Facts
from bert_tf.serving.call_checks import check_batch_size, check_characters, check_process
from bert_tf.serving.length_batches import batches_by_length
from bert_tf.serving.tagged_span import TaggedSpan
from bert_tf.training.overflow import check_finite

Text = str | tuple[str, ...]


class TaggingModel(Protocol):
    """Finds parts of texts, in whatever way."""

    def spans(self, text: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds parts of texts; see `TaggingGraph.spans`."""

    def spans_of_words(self, words: tf.Tensor, counts: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds parts of texts that are split into words; see `TaggingGraph.spans_of_words`."""


class Tagger:
    """A model that tags words; `load` makes one. It can be called from several threads at a time.

    It cannot be called in a process that was forked after it was loaded; there TensorFlow would wait forever.

    Args:
        facts: of the model.
        model: finds the parts; safe in threads.

    Attributes:
        kind: `"token_classification"`.
        labels: the tags.
        pairs: None.
        scores: such as `eval_f1`; empty without an evaluation.
        settings: such as `doc_context`.
    """

    def __init__(self, facts: Facts, model: TaggingModel):
        self.kind = facts.kind
        self.labels = facts.labels
        self.pairs = facts.pairs
        self.scores = dict(facts.scores)
        self.settings = facts.tagging
        self._mixed_precision = facts.compute_dtype.replace("float32", "none")
        self._model = model
        self._process = os.getpid()

    def __repr__(self) -> str:
        types = sorted({tag[2:] for tag in self.labels if tag[2:]})
        scores = "".join(f", {name}={score:.4g}" for name, score in self.scores.items())
        return f"Tagger(types={types}{scores})"

    def tag(self, text: str | Sequence[str]) -> list[TaggedSpan]:
        """Finds and names the parts of a text. The first call takes about a second, later calls do not.

        Args:
            text: a text of any length, whose words are what white space and punctuation separate; or its words, split
                as those of the training were.

        Returns:
            The parts in the order of the text. Their places count characters; in a list of words, words.

        Raises:
            UserError: this is neither a text nor a list of words, a number overflows, or this is a fork of the process
                that loaded the model.
        """
        return self._tagged("tag", [text], 1)[0]

    def tag_all(self, texts: Iterable[str | Sequence[str]], batch_size: int = 32) -> list[list[TaggedSpan]]:
        """Finds and names the parts of many texts.

        Args:
            texts: each as in `tag`; all texts, or all lists of words.
            batch_size: how many to compute at a time, or fewer if they are long; it does not change the answers.

        Returns:
            The parts of each text, in the order of the texts.

        Raises:
            UserError: see `tag`.
        """
        elements = elements_of(texts)
        if elements is None:
            raise UserError("tag_all: needs a list of texts; call tag for one of them")
        check_batch_size("tag_all", batch_size)
        return self._tagged("tag_all", elements, int(batch_size))

    def predict(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model predicts no labels of texts, answers no questions and fills no masks."""
        raise UserError("this model tags words; call tag(text), or tag_all(texts)")

    answer = answers = fill_mask = predict

    def _tagged(self, method: str, texts: Sequence, batch_size: int) -> list[list[TaggedSpan]]:
        check_process(method, self._process)
        checked = [_checked(method, text) for text in texts]
        if len({type(text) for text in checked}) > 1:
            raise UserError(f"{method}: some are texts and others lists of words; give only one of the two")
        found: dict[int, list[TaggedSpan]] = {}
        lengths = [sum(map(len, text)) for text in checked]
        for batch in batches_by_length(lengths, batch_size):
            found |= zip(batch, self._computed(method, [checked[number] for number in batch]), strict=True)
        return [found[number] for number in range(len(checked))]

    def _computed(self, method: str, texts: Sequence[Text]) -> Iterator[list[TaggedSpan]]:
        compute = self._of_texts if isinstance(texts[0], str) else self._of_words
        outputs = {name: values.numpy() for name, values in compute(texts).items()}
        check_finite(method, outputs["score"], self._mixed_precision)
        for number, (text, count) in enumerate(zip(texts, outputs["count"], strict=True)):
            columns = [outputs[name][number, :count].tolist() for name in ("type", "start", "end", "score")]
            yield [
                TaggedSpan(_part(text, start, end), kind.decode(), start, end, score)
                for kind, start, end, score in zip(*columns, strict=True)
            ]

    def _of_texts(self, texts: Sequence[str]) -> Mapping[str, tf.Tensor]:
        return self._model.spans(tf.constant(texts))

    def _of_words(self, texts: Sequence[tuple[str, ...]]) -> Mapping[str, tf.Tensor]:
        words = list(itertools.chain.from_iterable(texts))
        counts = tf.constant([len(text) for text in texts], tf.int32)
        return self._model.spans_of_words(tf.constant(words, tf.string, shape=[len(words)]), counts)


def _part(text: Text, start: int, end: int) -> str:
    return text[start:end] if isinstance(text, str) else " ".join(text[start:end])


def _checked(method: str, text: object) -> Text:
    is_list = isinstance(text, (tuple, list, np.ndarray)) and all(isinstance(word, str) for word in text)
    if not isinstance(text, str) and not is_list:
        raise UserError(f"{method}: {shown(text)} is neither a text nor a list of words; give one of these")
    words = (text,) if isinstance(text, str) else tuple(text)
    check_characters(method, *words)
    return text if isinstance(text, str) else words
