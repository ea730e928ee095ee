r"""Examples of question answering, as the original's `read_squad_examples` makes them. Needs no TensorFlow.

data = read_squad_examples("train-v2.0.json", is_training=True, version_2_with_negative=True)
data.examples[0].doc_tokens[data.examples[0].start_position]
"""

import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

from bert_tf.data.squad_file import Answer, Paragraph, Question, integer, read_paragraphs
from bert_tf.errors import UserError, counted, first_few, printable

# The characters between the original's doc tokens. Other white space of Unicode is part of a token.
_WHITE_SPACE = " \t\r\n\u202f"
_TOKEN = re.compile(f"[^{_WHITE_SPACE}]+")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A paragraph, which its questions share.

    Attributes:
        title: of its article; "" if it has none.
        context: its text.
        doc_tokens: the words of the text, split at the original's white space.
        token_starts: int32 [doc tokens], the offset of each of them in the text, in characters.

    Example:
        >>> document = Document.of("The lamp  burned oil.")
        >>> document.doc_tokens, document.token_starts.tolist(), document.word_at(11)
        (('The', 'lamp', 'burned', 'oil.'), [0, 4, 10, 17], 2)
    """

    title: str
    context: str
    doc_tokens: tuple[str, ...]
    token_starts: np.ndarray

    @classmethod
    def of(cls, context: str, title: str = "", known: dict[str, str] | None = None) -> "Document":
        """Splits a text.

        Args:
            context: the text.
            title: of its article.
            known: the doc tokens of other documents, which share equal ones; new ones are added.
        """
        known = {} if known is None else known
        words = _TOKEN.findall(context)
        return cls(title, context, tuple(map(known.setdefault, words, words)), _token_starts(context))

    def word_at(self, offset: int) -> int:
        """Returns the index of the doc token at a character, of the last one before it if it is white space.

        It is the original's `char_to_word_offset[offset]`, a Python list: -1 is the last character.

        Raises:
            IndexError: the text has no such character.
        """
        index = range(len(self.context))[offset]
        return int(np.searchsorted(self.token_starts, index, side="right")) - 1


@dataclasses.dataclass(frozen=True, slots=True)
class SquadExample:
    """A question on a document (the original's class of this name).

    Attributes:
        qas_id: its id.
        question_text: the question.
        document: the text to find the answer in.
        orig_answer_text: the answer to learn, "" if there is none; None in prediction.
        start_position: its first doc token, -1 if there is no answer; None in prediction.
        end_position: its last doc token, -1 if there is no answer; None in prediction.
        is_impossible: True if a training example has no answer; False in prediction, as in the original.
        answers: all answers that count as right; () if the file says that there is none, None if it does not say.
    """

    qas_id: str
    question_text: str
    document: Document
    orig_answer_text: str | None = None
    start_position: int | None = None
    end_position: int | None = None
    is_impossible: bool = False
    answers: tuple[str, ...] | None = None

    @property
    def guid(self) -> str:
        """The id, under the name that other examples have for it."""
        return self.qas_id

    @property
    def doc_tokens(self) -> tuple[str, ...]:
        """The words of the document."""
        return self.document.doc_tokens


@dataclasses.dataclass(frozen=True)
class SquadData:
    """The examples of a file.

    Attributes:
        examples: in the order of the file.
        num_skipped: the number of questions that a training leaves out, because their answer is not in the text at
            its `answer_start`.
        num_repeated: the number of questions to predict whose id a later question has too.
    """

    examples: list[SquadExample]
    num_skipped: int
    num_repeated: int


def squad_file_name(split: str, version_2_with_negative: bool) -> str:
    """Returns the name of a file of SQuAD.

    Example:
        >>> squad_file_name("dev", version_2_with_negative=True)
        'dev-v2.0.json'
    """
    return f"{split}-v{'2.0' if version_2_with_negative else '1.1'}.json"


def read_squad_examples(input_file: str | os.PathLike, is_training: bool, version_2_with_negative: bool) -> SquadData:
    """Reads a file in SQuAD's form: the original's function of this name.

    Args:
        input_file: the JSON file.
        is_training: True to read the position of the answers. Questions whose answer is not there are skipped.
        version_2_with_negative: True if there are questions without an answer, as in SQuAD 2.0.

    Raises:
        UserError: the file cannot be read or has another form, it has no questions, or a question to train on has not
            exactly one answer.
    """
    name = printable(os.fspath(input_file))
    pairs = list(_questions(read_paragraphs(input_file)))
    if not pairs:
        raise UserError(f"{name}: there are no questions in the file; check that it was written completely")
    questions = [question for _, question in pairs]
    if is_training:
        return _training_data(name, pairs, version_2_with_negative)
    _say_if_version_is_other(name, questions, version_2_with_negative)
    num_repeated = _say_repeated_ids(name, questions)
    examples = [SquadExample(q.qas_id, q.text, document, answers=_gold(q)) for document, q in pairs]
    return SquadData(examples, 0, num_repeated)


def squad_digest(examples: Sequence[SquadExample]) -> str:
    """Returns 16 hexadecimal digits that identify a data set: the SHA-256 of its texts and answers, in order.

    Ids and titles do not count, because nothing that is learned or measured depends on them.

    Example:
        >>> squad_digest([SquadExample("q1", "Who lit it?", Document.of("The lamp burned oil."))])
        '2c17b3f5c048b762'
    """
    content = hashlib.sha256()
    document = None
    for example in examples:
        if example.document is not document:
            document = example.document
            content.update(repr(document.context).encode())
        positions = (example.start_position, example.end_position)
        answer = (example.orig_answer_text, *positions, example.is_impossible, example.answers)
        content.update(repr((example.question_text, answer)).encode())
    return content.hexdigest()[:16]


def _token_starts(context: str) -> np.ndarray:
    code_points = np.frombuffer(context.encode("utf-32-le", "surrogatepass"), np.uint32)
    is_space = np.logical_or.reduce([code_points == ord(space) for space in _WHITE_SPACE])
    before = np.concatenate([[True], is_space])[:-1]
    return np.flatnonzero(before & ~is_space).astype(np.int32)


def _questions(paragraphs: Iterator[Paragraph]) -> Iterator[tuple[Document, Question]]:
    known = {}
    for paragraph in paragraphs:
        document = Document.of(paragraph.context, paragraph.title, known)
        for question in paragraph.questions:
            yield document, question


def _gold(question: Question) -> tuple[str, ...] | None:
    if question.answers is None:
        return () if question.is_impossible else None
    return tuple(answer.text for answer in question.answers)


def _training_data(name: str, pairs: Sequence[tuple[Document, Question]], version_2_with_negative: bool) -> SquadData:
    found = [_training_example(*pair, version_2_with_negative) for pair in pairs]
    examples = [example for example in found if example is not None]
    skipped = [question.qas_id for (_, question), example in zip(pairs, found, strict=True) if example is None]
    problem = 'the answer is not in the text at its "answer_start"'
    if not examples:
        remedy = "answer_start counts the characters of the context from 0"
        raise UserError(f"{name}: {problem} in all of {counted(len(pairs), 'question')}; {remedy}")
    if skipped:
        count = f"{len(skipped):,} of {counted(len(pairs), 'question')}"
        logging.warning("%s: %s left out, because %s: %s.", name, count, problem, first_few(skipped))
    return SquadData(examples, len(skipped), 0)


def _training_example(document: Document, question: Question, version_2_with_negative: bool) -> SquadExample | None:
    """Returns the example; None if its answer is not in the text at its `answer_start`."""
    if version_2_with_negative and _is_impossible(question):
        answer, span = "", (-1, -1)
    else:
        only = _only_answer(question)
        answer, span = only.text, _answer_span(document, question, only)
    if span is None:
        return None
    is_impossible = version_2_with_negative and question.is_impossible
    return SquadExample(question.qas_id, question.text, document, answer, *span, is_impossible, _gold(question))


def _is_impossible(question: Question) -> bool:
    if question.is_impossible is None:
        remedy = "leave out --version_2_with_negative if the file is of SQuAD 1.1's form"
        raise question.place.error('has no "is_impossible", which SQuAD 2.0 has', remedy)
    return question.is_impossible


def _only_answer(question: Question) -> Answer:
    if question.answers is None:
        raise question.place.error('has no "answers"')
    count = len(question.answers)
    if count != 1:
        remedy = "keep one of them" if count else "train with --version_2_with_negative on SQuAD 2.0's form"
        raise question.place.error(f"has {count} answers, but a training needs exactly 1", remedy)
    return question.answers[0]


def _answer_span(document: Document, question: Question, answer: Answer) -> tuple[int, int] | None:
    """Returns the first and the last doc token of an answer; None if the text does not have it there."""
    offset = integer(question.place, "answer_start", answer.start)
    try:
        start = document.word_at(offset)
        end = document.word_at(offset + len(answer.text) - 1)
    except IndexError:
        return None
    # As the original: the answer is somewhere within its doc tokens, but for white space.
    actual = " ".join(document.doc_tokens[start : end + 1])
    is_there = " ".join(answer.text.split()) in actual
    return (start, end) if is_there and document.doc_tokens else None


def _say_if_version_is_other(name: str, questions: Sequence[Question], version_2_with_negative: bool) -> None:
    count = sum(bool(question.is_impossible) for question in questions)
    if count and not version_2_with_negative:
        remark = "each gets one without --version_2_with_negative"
        logging.warning("%s: %s marked as having no answer; %s.", name, _are(count, questions), remark)
    if version_2_with_negative and all(question.is_impossible is None for question in questions):
        remark = "leave out --version_2_with_negative if each has an answer"
        logging.warning('%s: no question has "is_impossible", which SQuAD 2.0 has; %s.', name, remark)


def _say_repeated_ids(name: str, questions: Sequence[Question]) -> int:
    counts = Counter(question.qas_id for question in questions)
    repeated = [qas_id for qas_id, count in counts.items() if count > 1]
    num_repeated = len(questions) - len(counts)
    if repeated:
        remark = "predictions.json has the answer to the last question of an id"
        ids = f"{_are(num_repeated, questions)} followed by another of the same id"
        logging.warning("%s: %s; %s: %s.", name, ids, remark, first_few(repeated))
    return num_repeated


def _are(count: int, questions: Sequence[Question]) -> str:
    return f"{count:,} of {counted(len(questions), 'question')} {'is' if count == 1 else 'are'}"
