"""Reads the names of the variables in a TensorFlow checkpoint, without their values. Needs no TensorFlow.

"cls/predictions/output_bias" in index_names(Path("uncased_L-12_H-768_A-12/bert_model.ckpt"))  # True
"""

from bert_tf.checkpoints.safetensors_format import BROKEN
from bert_tf.checkpoints.table import read_table
from bert_tf.errors import reading
from bert_tf.files import read_bytes
from bert_tf.remote import AnyPath, as_path

_MAX_INDEX_BYTES = 64 << 20


def index_names(prefix: AnyPath) -> set[str]:
    """Returns the names in the index of a checkpoint; none if it has no index.

    Args:
        prefix: the path without `.index`.

    Raises:
        UserError: the index is broken.

    Example:
        >>> index_names("uncased_L-12_H-768_A-12/bert_model.ckpt")  # an empty set, because there is no such file
        set()
    """
    index = as_path(f"{prefix}.index")
    if not index.is_file():
        return set()
    with reading(prefix, *BROKEN):
        return {key.decode(errors="replace") for key in read_table(read_bytes(index, _MAX_INDEX_BYTES))}
