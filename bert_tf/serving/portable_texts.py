"""Texts for a model that takes word pieces.

texts = PortableTexts(*open_portable("litert"))
texts.answers(tf.constant(["It rains ."]), tf.constant(["Rain falls ."]))  # [1, labels]
"""

import tensorflow as tf

from bert_tf.data.features import join_pieces
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.serving.portable import Engine, PortableModel

_TEXTS = tf.TensorSpec([None], tf.string)


class PortableTexts:
    """Cuts texts into word pieces and has an engine compute the answers; safe in threads.

    Args:
        model: says how texts are cut.
        engine: computes the answers.
    """

    def __init__(self, model: PortableModel, engine: Engine):
        self._tokenizer = FullTokenizer(model.vocab_file, model.do_lower_case)
        self._max_seq_length = model.max_seq_length
        self._engine = engine

    def answers(self, text: tf.Tensor, text_pair: tf.Tensor) -> tf.Tensor:
        """Computes the answers for texts or pairs; see `ServingGraph.answers`."""
        pieces = (each.numpy() for each in self._pieces(text, text_pair))
        return tf.constant(self._engine.answers_of_pieces(*pieces))

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def _pieces(self, text: tf.Tensor, text_pair: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        cut, vocab = self._tokenizer.token_ids, self._tokenizer.vocab
        joined = join_pieces(cut(text), cut(text_pair), self._max_seq_length, vocab["[CLS]"], vocab["[SEP]"])
        ids = joined.ids.to_tensor()
        mask = tf.sequence_mask(joined.ids.row_lengths(), tf.shape(ids)[1], tf.int32)
        return ids, mask, joined.type_ids.to_tensor()
