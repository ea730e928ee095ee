"""Texts for a model that takes word pieces.

texts = PortableTexts(open_portable("litert"))
texts.answers(tf.constant(["It rains ."]), tf.constant(["Rain falls ."]))  # [1, labels]
"""

import numpy as np
import tensorflow as tf

from bert_tf.data.tokenization import FullTokenizer
from bert_tf.serving.pieces import pieces_of_texts
from bert_tf.serving.portable_model import PortableModel

_TEXTS = tf.TensorSpec([None], tf.string)


class PortableTexts:
    """Cuts texts into word pieces and has an engine compute the answers; safe in threads.

    Args:
        model: the engine, and how texts are cut for it.
    """

    def __init__(self, model: PortableModel):
        self._tokenizer = FullTokenizer(model.vocab_file, model.facts.do_lower_case)
        self._max_seq_length = model.facts.max_seq_length
        self._engine = model.engine

    def answers(self, text: tf.Tensor, text_pair: tf.Tensor) -> np.ndarray:
        """Computes the answers for texts or pairs; see `ServingGraph.answers`."""
        return self._engine.answers_of_pieces(*(each.numpy() for each in self._pieces(text, text_pair)))

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def _pieces(self, text: tf.Tensor, text_pair: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return pieces_of_texts(self._tokenizer, text, text_pair, self._max_seq_length)
