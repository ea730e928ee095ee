"""Writes the examples of pre-training as TFRecord files, as the original's create_pretraining_data.py does.

maker = ExampleMaker(recipe)
maker.make([["It rains .", "It pours ."], ["Snow falls ."]], random.Random(12345), [Path("tf_examples.tfrecord")])
"""

import contextlib
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf

from bert_tf.data.pretraining_documents import tokenized
from bert_tf.data.pretraining_instances import InstanceSettings, TrainingInstance, unshuffled_instances
from bert_tf.data.pretraining_shards import Made, Recipe, Shard
from bert_tf.data.sentences import sentence_splitter
from bert_tf.data.tokenization import UNKNOWN, FullTokenizer
from bert_tf.errors import UserError, counted, printable, user_error_for
from bert_tf.files import sync_file, sync_folder
from bert_tf.remote import AnyPath


class ExampleMaker:
    """Makes the examples of documents and writes them.

    Args:
        recipe: how to make them.

    Raises:
        UserError: the vocabulary cannot be read, or the library that splits sentences is missing.
    """

    def __init__(self, recipe: Recipe):
        self._recipe = recipe
        self._tokenizer = FullTokenizer(recipe.vocab_file, recipe.do_lower_case)
        self._vocab_words = list(self._tokenizer.vocab)
        self._split = sentence_splitter(recipe.language) if recipe.language else None

    def make_shard(self, shard: Shard, files: Sequence[AnyPath]) -> Made:
        """Writes the examples of a shard, with random draws that depend on its number; see `make`."""
        return self.make(shard.documents, self._recipe.rng_of_shard(shard.number), files)

    def make(
        self,
        documents: Sequence[Sequence[str]],
        rng: random.Random,
        files: Sequence[AnyPath],
        report: Callable[[int], object] = lambda done: None,
    ) -> Made:
        """Writes the examples of documents, one after the other to each file in turn.

        Nothing is written if there are none. The files are written whole or not at all.

        Args:
            documents: the lines of each one.
            rng: is drawn from.
            files: to write.
            report: see `unshuffled_instances`.

        Raises:
            UserError: a file cannot be written, or would be empty.
        """
        if self._split:
            documents = [[part for line in document for part in self._split(line)] for document in documents]
        found = tokenized(documents, self._tokenizer.tokenize)
        # Records need much less memory than instances.
        vocab, settings = self._tokenizer.vocab, self._recipe.settings
        instances = unshuffled_instances(found.documents, self._vocab_words, settings, rng, report)
        records = [record_of(instance, vocab, settings) for instance in instances]
        rng.shuffle(records)
        if records:
            _write(records, files)
        sentences = [sentence for document in found.documents for sentence in document]
        return Made(
            examples=len(records),
            documents=len(found.documents),
            sentences=len(sentences),
            pieces=sum(map(len, sentences)),
            unknown=sum(sentence.count(UNKNOWN) for sentence in sentences),
            dropped_lines=found.dropped_lines,
            dropped_documents=found.dropped_documents,
        )


def _write(records: Sequence[bytes], files: Sequence[AnyPath]) -> None:
    if len(records) < len(files):
        problem = f"names {counted(len(files), 'file')} for {counted(len(records), 'example')}"
        raise UserError(f"output_file: {printable(files[0])}: {problem}; name fewer files")
    with record_writers(files) as writers:
        for number, record in enumerate(records):
            writers[number % len(writers)].write(record)


@contextlib.contextmanager
def record_writers(files: Sequence[AnyPath]) -> Iterator[list[tf.io.TFRecordWriter]]:
    """Opens TFRecord files for writing. They are there when the block has ended without an error, and not before.

    Raises:
        UserError: a file cannot be written, for instance on a full disk.
    """
    made = [file.with_name(f".{file.name}.{secrets.token_hex(4)}") for file in files]
    try:
        with user_error_for((OSError, tf.errors.OpError), files[0], "cannot be written", "name files on another disk"):
            with contextlib.ExitStack() as stack:
                yield [stack.enter_context(tf.io.TFRecordWriter(str(path))) for path in made]
            for path in made:
                sync_file(path)
            for path, file in zip(made, files, strict=True):
                path.replace(file)
            sync_folder(files[0].parent)
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def record_of(instance: TrainingInstance, vocab: Mapping[str, int], settings: InstanceSettings) -> bytes:
    """Returns an instance as a serialized tf.train.Example with the original's seven features.

    Example:
        >>> instance = TrainingInstance(["[CLS]", "[MASK]", "[SEP]", "b", "[SEP]"], 3, [1], ["a"], False)
        >>> vocab = {"a": 1, "b": 2, "[CLS]": 3, "[SEP]": 4, "[MASK]": 5}
        >>> example = tf.train.Example.FromString(record_of(instance, vocab, InstanceSettings(6, 1)))
        >>> example.features.feature["input_ids"].int64_list.value
        [3, 5, 4, 2, 4, 0]
    """
    ids = [vocab[token] for token in instance.tokens]
    labels = [vocab[token] for token in instance.masked_lm_labels]
    length, predictions = settings.max_seq_length, settings.max_predictions_per_seq
    features = {
        "input_ids": _integers(_padded(ids, length)),
        "input_mask": _integers(_padded([1] * len(ids), length)),
        "segment_ids": _integers(_padded(instance.segment_ids, length)),
        "masked_lm_positions": _integers(_padded(instance.masked_lm_positions, predictions)),
        "masked_lm_ids": _integers(_padded(labels, predictions)),
        "masked_lm_weights": _numbers(_padded([1.0] * len(labels), predictions)),
        "next_sentence_labels": _integers([int(instance.is_random_next)]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _padded(values: list, length: int) -> list:
    return values + [0] * (length - len(values))


def _integers(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _numbers(values: list[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
