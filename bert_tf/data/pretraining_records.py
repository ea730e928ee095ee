"""Records of create_pretraining_data.py become batches; each is read when it is needed.

files = open_record_files("data/pretraining/tf_examples.tfrecord", "input_file")
records = read_pretraining_records(files, RecordForm(128, 20), vocab_size=30522)
records.padded_batch(tf.constant([0, 17]), length=128)
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bert_tf.data.pretraining_format import RecordForm, check_record, value_problems
from bert_tf.data.record_files import RecordFiles

_RECORDS_AT_A_TIME = 2048
# All other features are whole numbers.
_TYPES = {"masked_lm_weights": tf.float32}


@dataclasses.dataclass(frozen=True)
class PretrainingRecords:
    """Texts with masks, as word pieces in files, with the methods of `Features`.

    Attributes:
        files: the records.
        lengths: the number of pieces of each record, int64 [records].
        form: of the records.
        num_truncated: 0, because create_pretraining_data cuts texts.
    """

    files: RecordFiles
    lengths: np.ndarray
    form: RecordForm
    num_truncated: int = 0

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def max_seq_length(self) -> int:
        """The number of positions of a record."""
        return self.form.max_seq_length

    def padded_batch(self, rows: tf.Tensor, length: tf.Tensor | int) -> dict[str, tf.Tensor]:
        """Makes one batch, inside a graph or outside; see `Features.padded_batch`.

        Returns:
            Besides the inputs of the model `masked_lm_positions` and `masked_lm_ids`, int32 [rows, predictions],
            `masked_lm_weights`, float32 [rows, predictions], and `next_sentence_labels`, int32 [rows].
        """
        is_real = rows >= 0
        # Reading changes nothing, so batches may be made side by side.
        content = tf.numpy_function(self._read, [tf.maximum(rows, 0)], tf.string, stateful=False)
        features = _parse(tf.ensure_shape(content, [rows.shape[0]]), self.form)
        features = {name: tf.cast(x, _TYPES.get(name, tf.int32)) for name, x in features.items()}
        features = {name: x * tf.cast(is_real, x.dtype)[:, None] for name, x in features.items()}
        return {
            "input_word_ids": features["input_ids"][:, :length],
            "input_mask": features["input_mask"][:, :length],
            "input_type_ids": features["segment_ids"][:, :length],
            **{name: features[name] for name in ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")},
            "next_sentence_labels": features["next_sentence_labels"][:, 0],
        }

    def _read(self, rows: np.ndarray) -> np.ndarray:
        return np.array(self.files.read(rows), object)


def read_pretraining_records(files: RecordFiles, form: RecordForm, vocab_size: int) -> PretrainingRecords:
    """Reads all records once, checks them and finds their lengths.

    Args:
        files: the records.
        form: that all must have.
        vocab_size: the number of word pieces.

    Raises:
        UserError: a record is damaged, or has another form or impossible values.
    """
    lengths = [arrays["input_mask"].sum(axis=1) for arrays in _checked(files, form, vocab_size)]
    return PretrainingRecords(files, np.concatenate(lengths).astype(np.int64), form)


def _checked(files: RecordFiles, form: RecordForm, vocab_size: int) -> Iterator[dict[str, np.ndarray]]:
    """Yields the features of all records, [records, values] each, some records at a time."""
    for start, batch in _batches(files, form):
        try:
            arrays = {name: x.numpy() for name, x in batch().items()}
        except tf.errors.OpError:
            _raise_first_problem(files, start, form, vocab_size)
            raise
        for row, _ in value_problems(arrays, vocab_size):
            check_record(files, start + row, form, vocab_size)
        yield arrays


def _batches(files: RecordFiles, form: RecordForm) -> Iterator:
    for path, first, last in zip(files.local_paths, files.splits[:-1].tolist(), files.splits[1:].tolist(), strict=True):
        records = tf.data.TFRecordDataset(str(path)).take(last - first).batch(_RECORDS_AT_A_TIME)
        parsed = iter(records.map(lambda content: _parse(content, form), num_parallel_calls=2).prefetch(2))
        for start in range(first, last, _RECORDS_AT_A_TIME):
            yield start, parsed.get_next


def _raise_first_problem(files: RecordFiles, start: int, form: RecordForm, vocab_size: int) -> None:
    for number in range(start, len(files)):
        check_record(files, number, form, vocab_size)


def _parse(content: tf.Tensor, form: RecordForm) -> dict[str, tf.Tensor]:
    """Returns the features of records, int64 or float32 [records, values] each, by name."""
    types = {name: _TYPES.get(name, tf.int64) for name in form.sizes}
    return tf.io.parse_example(
        content, {name: tf.io.FixedLenFeature([size], types[name]) for name, size in form.sizes.items()}
    )
