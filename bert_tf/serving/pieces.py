"""Texts become the inputs of a model, inside a graph or outside.

ids, mask, types = pieces_of_texts(tokenizer, tf.constant(["It rains ."]), tf.constant(["Rain falls ."]), 128)
"""

from collections.abc import Sequence

import tensorflow as tf

from bert_tf.data.features import JoinedPieces, join_pieces
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.serving.text_pieces import TextPieces


def pieces_of_texts(
    tokenizer: FullTokenizer, text: tf.Tensor, text_pair: tf.Tensor, max_seq_length: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Cuts texts or pairs into word pieces, padded to the longest of them.

    Args:
        tokenizer: of the model.
        text: string [examples], UTF-8.
        text_pair: string [examples]; empty for an example with one text.
        max_seq_length: longer examples are truncated.

    Returns:
        Ids, mask and types, int32 [examples, length].

    Example:
        >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt")
        >>> ids, mask, types = pieces_of_texts(tokenizer, tf.constant(["It rains ."]), tf.constant([""]), 128)
        >>> tokenizer.convert_ids_to_tokens(ids[0].numpy())
        ['[CLS]', 'it', 'rains', '.', '[SEP]']
    """
    joined = _join(tokenizer, text, text_pair, max_seq_length)
    ids = joined.ids.to_tensor()
    mask = tf.sequence_mask(joined.ids.row_lengths(), tf.shape(ids)[1], tf.int32)
    return ids, mask, joined.type_ids.to_tensor()


def cut_texts(tokenizer: FullTokenizer, pairs: Sequence[tuple[str, str]], max_seq_length: int) -> TextPieces:
    """Cuts pairs of texts into word pieces, outside of a graph.

    Args:
        tokenizer: of the model.
        pairs: at least one; the second text is empty for a single text.
        max_seq_length: longer pairs are truncated, the longer text first.
    """
    text, text_pair = (tf.constant(column) for column in zip(*pairs, strict=True))
    joined = _join(tokenizer, text, text_pair, max_seq_length)
    return TextPieces(joined.ids.values.numpy(), joined.type_ids.values.numpy(), joined.ids.row_splits.numpy())


def _join(tokenizer: FullTokenizer, text: tf.Tensor, text_pair: tf.Tensor, max_seq_length: int) -> JoinedPieces:
    examples, vocab = tf.size(text), tokenizer.vocab
    pieces = tokenizer.token_ids(tf.concat([text, text_pair], axis=0))
    return join_pieces(pieces[:examples], pieces[examples:], max_seq_length, vocab["[CLS]"], vocab["[SEP]"])
