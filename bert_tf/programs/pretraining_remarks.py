"""Logs what `create_pretraining_data` dropped, and what is unusual in texts and examples. Needs no TensorFlow."""

from absl import logging

from bert_tf.data.pretraining_documents import TextFiles
from bert_tf.data.pretraining_shards import Made, Recipe
from bert_tf.errors import UserError, counted, first_few, printable
from bert_tf.programs.pretraining_output import Record

# Texts of the language of a vocabulary have far less than a hundredth of unknown pieces.
_MANY_UNKNOWN = 0.05


def say_what_was_dropped(texts: TextFiles, made: Made) -> None:
    """Says how much text there was, and what is not in the examples.

    Raises:
        UserError: no text has a word piece.
    """
    if texts.empty:
        logging.warning(
            "input_file: %s without text: %s.", counted(len(texts.empty), "file"), first_few(map(str, texts.empty))
        )
    if texts.num_cut:
        logging.warning("Cut %s of more text than a shard.", counted(texts.num_cut, "document"))
    if made.dropped_lines:
        documents = counted(made.dropped_documents, "document")
        rest = f", and with them {documents}" if made.dropped_documents else ""
        logging.warning("Dropped %s without a word piece%s.", counted(made.dropped_lines, "line"), rest)
    if not made.documents:
        raise UserError("input_file: no line has a word piece; give texts, a sentence a line")
    logging.info("%s of %s.", counted(made.documents, "document"), counted(made.sentences, "sentence"))


def say_what_is_unusual(recipe: Recipe, record: Record) -> None:
    """Warns of texts from which a model learns little."""
    made = record.made
    if made.unknown > _MANY_UNKNOWN * made.pieces:
        logging.warning(
            "%.1f%% of the word pieces are [UNK]: %s does not fit the texts; check --vocab_file and --do_lower_case.",
            100 * made.unknown / made.pieces,
            printable(recipe.vocab_file),
        )
    if made.documents == made.sentences:
        logging.warning(
            "No document has two sentences, so no second text follows the first one; give one sentence a line and "
            "blank lines between documents, or pass --split_sentences."
        )
    elif record.num_single:
        where = (
            "The texts are one document"
            if len(record) == 1
            else f"{counted(record.num_single, 'shard')} of one document"
        )
        logging.warning("%s: random second texts are of the same document; put blank lines between documents.", where)


def say_what_is_there(record: Record, num_new: int) -> None:
    """Says what is in the output files."""
    first, examples = record.files.of_shard(0), counted(record.made.examples, "example")
    more = f" and {counted(len(record) - 1, 'more file')}" if len(record) > 1 else ""
    known = "" if num_new else ", made by an earlier command of the same texts with the same settings"
    logging.info("%s%s: %s%s.", first_few(map(str, first)), more, examples, known)
