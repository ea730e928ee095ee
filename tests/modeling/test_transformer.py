"""BERT's arithmetic on plain arrays: what the Keras encoder computes."""

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import TINY

from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.gradients import without_gradients
from bert_tf.modeling.names import original_shape
from bert_tf.modeling.transformer import Transformer, product_weights


@pytest.fixture(scope="module")
def encoder() -> BertEncoder:
    return BertEncoder(TINY, seed=3, fuse=False)


@pytest.fixture(scope="module")
def arrays(encoder) -> dict[str, np.ndarray]:
    """The weights in the original's shapes."""
    return {
        name: variable.numpy().reshape(original_shape(name, variable.shape))
        for name, variable in encoder.variables_by_name.items()
    }


@pytest.fixture
def inputs() -> dict[str, tf.Tensor]:
    ids = tf.constant([[2, 5, 6, 3], [2, 7, 3, 0]])
    return {"input_word_ids": ids, "input_mask": tf.cast(ids > 0, tf.int32), "input_type_ids": tf.zeros_like(ids)}


@pytest.mark.parametrize("output_range", [None, 1])
def test_it_is_the_encoder_on_arrays_in_the_originals_shapes(encoder, arrays, inputs, output_range):
    weights = product_weights(TINY, arrays, "float32")
    found = Transformer(TINY, arrays, weights)(inputs, output_range=output_range)
    expected = encoder(inputs, output_range=output_range)
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_products_are_computed_in_the_type_of_their_weights(arrays, inputs):
    weights = product_weights(TINY, arrays, "bfloat16")
    found = Transformer(TINY, arrays, weights)(inputs)
    assert found["sequence_output"].dtype == tf.bfloat16 and found["pooled_output"].dtype == tf.float32


def test_without_gradients_it_computes_the_same(arrays, inputs):
    transformer = Transformer(TINY, arrays, product_weights(TINY, arrays, "float32"))
    with without_gradients():
        found = transformer(inputs)["pooled_output"]
    np.testing.assert_array_equal(found, transformer(inputs)["pooled_output"])
