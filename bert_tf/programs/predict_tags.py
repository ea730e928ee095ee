"""Tags words in the program `predict`: texts of the command line, of standard input or of a file, or words of a file.

tag_texts(config, "output/NER/all-MiniLM-L6-v2", ["Ann Lee came ."])
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bert_tf.data.columns import WantedColumns
from bert_tf.data.tagged_sentences import read_tagged_sentences
from bert_tf.data.text_rows import RowCheck, chunks_of
from bert_tf.errors import UserError
from bert_tf.programs.predict_config import PredictConfig
from bert_tf.programs.predict_input import command_line, file_input, standard_input
from bert_tf.programs.predict_questions import Opened
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.answer_forms import form_of
from bert_tf.serving.span_lines import Text, conll_lines, json_line, to_read

# The endings of files that have a word and its tag in a line.
_WORD_SUFFIXES = (".conll", ".bio", ".iob", ".iob2")
_WRITERS = {"text": to_read, "jsonl": json_line, "conll": conll_lines}
_FORM_OF_SUFFIX = {".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", **dict.fromkeys(_WORD_SUFFIXES, "conll")}
# How many are sorted by length together.
_TEXTS_OF_CHUNK = 1024


class _Source(NamedTuple):
    """Texts to tag.

    Attributes:
        chunks: yields lists of texts, or of the words of texts.
        count: how many texts there are; None if that is not known.
    """

    chunks: Callable[[], Iterable[Sequence[Text]]]
    count: int | None


def tag_texts(config: PredictConfig, folder: str, texts: Sequence[str], opened: Opened) -> None:
    """Tags the words of texts, and writes the parts that have a name.

    Args:
        config: the flags.
        folder: of the model.
        texts: of the command line.
        opened: opens the output for a number of texts: gives a stream, and a function to call after each chunk.

    Raises:
        UserError: something is wrong with flags, file or model.
    """
    has_words = config.input_file is not None and as_path(config.input_file).suffix.lower() in _WORD_SUFFIXES
    line = _WRITERS[_checked_form(config, has_words)]
    source = _sentences(as_path(config.input_file)) if has_words else _texts(config, texts)
    # TensorFlow takes seconds to load: mistakes in flags, texts and folder are reported before.
    from bert_tf.serving.predictor import load

    model = load(folder, **config.model_files)
    with opened(config, source.count) as (stream, finish):
        done = 0
        for chunk in source.chunks():
            stream.writelines(map(line, chunk, model.tag_all(chunk, config.predict_batch_size)))
            done += len(chunk)
            finish(done)


def _checked_form(config: PredictConfig, has_words: bool) -> str:
    if config.null_score_diff_threshold is not None:
        raise UserError("null_score_diff_threshold: only valid with a model that answers questions")
    if config.text_pair_column is not None:
        raise UserError("text_pair_column: the model tags the words of single texts; leave it out")
    form = config.format or (form_of(config.output_file, _FORM_OF_SUFFIX) if config.output_file else "text")
    if form not in _WRITERS:
        raise UserError(f"format: named parts of texts cannot be written as {form}; known are {', '.join(_WRITERS)}")
    if form == "conll" and not has_words:
        known = ", ".join(_WORD_SUFFIXES)
        raise UserError(f"format: conll needs words, from an input_file whose name ends with one of {known}")
    return form


def _sentences(path: AnyPath) -> _Source:
    """Reads a CoNLL file, whose tags, if it has any, do not count."""
    sentences = [sentence.words for sentence in read_tagged_sentences(path, needs_tags=False).sentences]
    return _Source(lambda: chunks_of(sentences, _TEXTS_OF_CHUNK), len(sentences))


def _texts(config: PredictConfig, texts: Sequence[str]) -> _Source:
    """Returns single texts, as a classifier of these gets them."""
    if texts:
        found = command_line(texts, pairs=False)
    elif config.input_file is None:
        found = standard_input()
    else:
        wanted = WantedColumns(config.text_column, None)
        found = file_input(config.input_file, wanted, "text", (), False, config.predict_batch_size)
    check = RowCheck(False, [], found.remedies)
    chunks = ([row.texts for row in check.check(rows)] for rows in found.chunks())
    return _Source(lambda: filter(None, chunks), found.count)
