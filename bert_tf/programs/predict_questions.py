"""Answers questions in the program `predict`: one of the command line, or a file in SQuAD's form of any size.

answer_questions(config, "output/SQuAD/all-MiniLM-L6-v2", [])
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from absl import logging

from bert_tf.data.squad_stream import stream_paragraphs
from bert_tf.data.text_rows import chunks_of
from bert_tf.errors import UserError, counted, printable
from bert_tf.programs.predict_config import PredictConfig
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.answer_lines import QUESTION_FORMS, AskedQuestion, make_question_writer, question_form

_FORM = "give a question and the text that answers it, or --input_file=questions.json in SQuAD's form"
# How many are sorted by length together.
_QUESTIONS_OF_CHUNK = 1024
Opened = Callable[[PredictConfig, int | None], contextlib.AbstractContextManager]


def answer_questions(config: PredictConfig, folder: str, texts: Sequence[str], opened: Opened) -> None:
    """Answers the questions of the command line or of a file, and writes the answers.

    Args:
        config: the flags.
        folder: of the model.
        texts: of the command line.
        opened: opens the output for a number of questions: gives a stream, and a function to call after each chunk.

    Raises:
        UserError: something is wrong with flags, file or model.
    """
    form = _checked_form(config)
    questions, count = _asked(config.input_file, texts)
    # TensorFlow takes seconds to load: mistakes in flags, texts and folder are reported before.
    from bert_tf.serving.predictor import load

    model = load(folder, **config.model_files)
    options = {"null_score_diff_threshold": config.null_score_diff_threshold, "batch_size": config.predict_batch_size}
    with opened(config, count) as (stream, finish), make_question_writer(form, stream) as write:
        done = 0
        for chunk in chunks_of(questions, _QUESTIONS_OF_CHUNK):
            write(chunk, model.answers([(each.question, each.context) for each in chunk], **options))
            done += len(chunk)
            finish(done)


def _checked_form(config: PredictConfig) -> str:
    for field in ("text_column", "text_pair_column"):
        if getattr(config, field) is not None:
            raise UserError(f"{field}: the model answers questions, and a file of these has no columns; leave it out")
    form = question_form(config.output_file, config.format)
    if form not in QUESTION_FORMS:
        known = ", ".join(QUESTION_FORMS)
        raise UserError(f"format: answers to questions cannot be written as {form}; known are {known}")
    return form


def _asked(file: str | None, texts: Sequence[str]) -> tuple[Iterator[AskedQuestion], int]:
    """Returns the questions and their number; reads a whole file once, to find what is wrong with it."""
    if file is None:
        if len(texts) != 2:
            raise UserError(f"the model answers questions; {_FORM}")
        return iter([AskedQuestion(None, *texts)]), 1
    path = as_path(file)
    count = sum(1 for _ in _of_file(path))
    if not count:
        raise UserError(f"{printable(path)}: there are no questions in it; check that this is the right file")
    logging.info("%s: %s.", printable(path), counted(count, "question"))
    return _of_file(path), count


def _of_file(path: AnyPath) -> Iterator[AskedQuestion]:
    for paragraph in stream_paragraphs(path):
        for question in paragraph.questions:
            yield AskedQuestion(question.qas_id, question.text, paragraph.context)
