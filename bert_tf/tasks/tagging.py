"""Tags of words, such as the names in a text (Devlin et al. 2019, section 5.3).

task = TaggingTask("NER", ("O", "B-PER", "I-PER"), TagSettings())
examples = task.read("dev", "data/NER")
"""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bert_tf import run_files
from bert_tf.data.sentence_spans import DOC_CONTEXT
from bert_tf.data.sentence_windows import SentenceFeatures, convert_sentences_to_features
from bert_tf.data.tag_schemes import OUTSIDE, to_bio
from bert_tf.data.tagged_sentences import TaggedSentence, read_tagged_sentences, sentences_digest
from bert_tf.data.targets import TOKEN_CLASSIFICATION
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import TokenHead
from bert_tf.remote import as_path
from bert_tf.tasks.tag_metrics import SCORES, per_type, sentence_f1, tag_scores
from bert_tf.tasks.task import Evaluation, Task


@dataclasses.dataclass(frozen=True)
class TagSettings:
    """The rows in which a model reads sentences, and how its tags become entities.

    Attributes:
        doc_context: see `convert_sentences_to_features`.
        with_document: see `convert_sentences_to_features`.
        repair: what becomes of an `I-` tag that cannot be where it is: with `"conll"` it begins an entity, as conlleval
            has it; with `"discard"` its word is in no entity.
    """

    doc_context: int = DOC_CONTEXT
    with_document: bool = False
    repair: str = "conll"


class TaggedAnswer(NamedTuple):
    """The tags of a sentence.

    Attributes:
        tags: of its words, in BIO.
        probabilities: float32 [words, tags of the model].
    """

    tags: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def probability(self) -> float:
        """The probability of the whole sentence: the product of those of its words, each its most probable tag's."""
        return float(np.prod(self.probabilities.max(axis=1), dtype=np.float64))


class TaggingTask(Task):
    """Gives each word of a sentence a tag.

    Args:
        name: of the task.
        tag_list: the tags, in the order of the head's outputs; `O` is one of them.
        settings: how sentences are read, and tags become entities.
    """

    headline = "eval_f1"
    score_names = SCORES

    def __init__(self, name: str, tag_list: Sequence[str], settings: TagSettings):
        self.name = name
        self._tags = tuple(tag_list)
        self._settings = settings

    def read(self, split: str, data_dir: str) -> list[TaggedSentence]:
        """Reads `train.conll`, `dev.conll` or `test.conll` in `data_dir`."""
        return read_tagged_sentences(as_path(data_dir) / f"{split}.conll", needs_tags=split != "test").sentences

    def digest(self, examples: Sequence[TaggedSentence]) -> str:
        """Returns the digest of words and tags."""
        return sentences_digest(examples)

    def featurize(
        self, examples: Sequence[TaggedSentence], tokenizer: FullTokenizer, max_seq_length: int
    ) -> SentenceFeatures:
        """Converts sentences to rows of word pieces."""
        doc_context, with_document = self._settings.doc_context, self._settings.with_document
        return convert_sentences_to_features(
            examples, self._tags, tokenizer, max_seq_length, doc_context, with_document
        )

    def make_head(self, encoder: BertEncoder, seed: int) -> TokenHead:
        """Creates the layer that chooses tags."""
        return TokenHead(encoder, len(self._tags), seed)

    def combine(
        self, answers: np.ndarray, features: SentenceFeatures, examples: Sequence[TaggedSentence]
    ) -> list[TaggedAnswer]:
        """Takes the tags of each sentence from its rows.

        Args:
            answers: the probabilities, float32 [rows, positions, tags].
            features: the rows.
            examples: the sentences.
        """
        splits = np.cumsum([0, *(len(example.words) for example in examples)])
        probabilities = self._probabilities(answers, features, splits)
        tags = [self._tags[number] for number in probabilities.argmax(axis=1)]
        return [
            TaggedAnswer(to_bio(tags[start:end], repair=self._settings.repair), probabilities[start:end])
            for start, end in itertools.pairwise(splits.tolist())
        ]

    def _probabilities(self, answers: np.ndarray, features: SentenceFeatures, splits: np.ndarray) -> np.ndarray:
        """Returns the probabilities of the tags of all words, float32 [words, tags]; a word without a piece is O."""
        row, position, word = features.places
        outside = np.eye(len(self._tags), dtype=np.float32)[self._tags.index(OUTSIDE)]
        probabilities = np.tile(outside, (splits[-1], 1))
        probabilities[splits[features.example_index[row]] + word] = answers[row, position]
        return probabilities

    def evaluate(
        self, answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence], batch_size: int
    ) -> Evaluation:
        """Computes the scores of entities, and the share of right tags; the value of a sentence is its F1."""
        gold, predicted = _both(answers, examples)
        return Evaluation(tag_scores(gold, predicted), np.array(list(map(sentence_f1, gold, predicted))))

    def per_class(
        self, answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence]
    ) -> dict[str, dict[str, float]]:
        """Returns the scores of each type of entity."""
        return per_type(*_both(answers, examples))

    def result_files(
        self, split: str, answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence]
    ) -> Mapping[str, Iterable[str]]:
        """Returns `eval_predictions.tsv` of a dev set; of a test set `predictions.conll`, a word and its tag a line."""
        if split == "dev":
            return {run_files.EVAL_PREDICTIONS: _evaluation_lines(answers, examples)}
        return {run_files.TAG_PREDICTIONS: _conll_lines(answers, examples)}

    def describe(self) -> Mapping[str, str]:
        """Returns the kind of the task, its tags, and how a model is used as it was trained."""
        settings = {"doc_context": self._settings.doc_context, "repair": self._settings.repair}
        facts = {"kind": TOKEN_CLASSIFICATION, "tags": self._tags, **settings}
        return {run_files.TASK: json.dumps(facts) + "\n"}


def _both(
    answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence]
) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    return [example.tags for example in examples], [answer.tags for answer in answers]


def _evaluation_lines(answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence]) -> Iterator[str]:
    """Yields a header, then for each sentence scores, words, and both taggings.

    The last three columns are JSON, so that no text can end a cell or a row.
    """
    yield "guid\tcorrect\tf1\tprobability\twords\tgold\tprediction"
    for answer, example in zip(answers, examples, strict=True):
        is_correct, f1 = int(answer.tags == example.tags), sentence_f1(example.tags, answer.tags)
        texts = "\t".join(map(json.dumps, (example.words, example.tags, answer.tags)))
        yield f"{example.guid}\t{is_correct}\t{f1}\t{answer.probability}\t{texts}"


def _conll_lines(answers: Sequence[TaggedAnswer], examples: Sequence[TaggedSentence]) -> Iterator[str]:
    """Yields a line for each word, and an empty one after each sentence."""
    for answer, example in zip(answers, examples, strict=True):
        for word, tag in zip(example.words, answer.tags, strict=True):
            yield f"{word}\t{tag}"
        yield ""
