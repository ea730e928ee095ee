"""Reads vocabularies. Needs no TensorFlow."""

import os

from bert_tf.errors import UserError, printable, reading
from bert_tf.files import read_bytes

# The largest vocabularies of word pieces have half a million pieces and 6 MB.
MAX_VOCAB_BYTES = 16 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def load_vocab(vocab_file: str | os.PathLike) -> dict[str, int]:
    """Reads a vocabulary file, one token a line (the original's `load_vocab`).

    The id of a token is the number of its line, from 0. White space around a token is removed. If a token occurs
    twice, the last line counts. Blank lines at the end do not count.

    Args:
        vocab_file: path of the vocabulary.

    Returns:
        The id of each token, in file order.

    Raises:
        UserError: the file is missing, no regular file, unreadable, too large, empty or not UTF-8.

    Example:
        >>> load_vocab("uncased_L-12_H-768_A-12/vocab.txt")["[UNK]"]
        100
    """
    path = printable(os.fspath(vocab_file))
    with reading(path, "check the path of vocab.txt", "cannot read the vocabulary"):
        content = read_bytes(vocab_file, MAX_VOCAB_BYTES).removeprefix(_BYTE_ORDER_MARK).rstrip()
    if not content:
        raise UserError(f"{path}: the vocabulary is empty; give a BERT vocabulary, one token a line")
    vocab = {}
    for index, line in enumerate(content.split(b"\n")):
        try:
            vocab[line.decode("utf-8").strip()] = index
        except UnicodeDecodeError as error:
            raise UserError(f"{path}:{index + 1}: the vocabulary is not UTF-8; save it as UTF-8") from error
    return vocab
