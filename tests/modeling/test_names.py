"""Names and shapes of the Model Garden's variables, translated to the original's."""

import pytest

from bert_tf.modeling.names import original_name, original_shape


@pytest.mark.parametrize(
    "garden, original",
    [
        ("word_embeddings/embeddings", "bert/embeddings/word_embeddings"),
        ("position_embedding/embeddings", "bert/embeddings/position_embeddings"),
        ("type_embeddings/embeddings", "bert/embeddings/token_type_embeddings"),
        ("embeddings/layer_norm/gamma", "bert/embeddings/LayerNorm/gamma"),
        ("transformer/layer_11/self_attention/query/kernel", "bert/encoder/layer_11/attention/self/query/kernel"),
        (
            "transformer/layer_0/self_attention/attention_output/bias",
            "bert/encoder/layer_0/attention/output/dense/bias",
        ),
        ("transformer/layer_0/self_attention_layer_norm/beta", "bert/encoder/layer_0/attention/output/LayerNorm/beta"),
        ("transformer/layer_0/intermediate/kernel", "bert/encoder/layer_0/intermediate/dense/kernel"),
        ("transformer/layer_0/output/kernel", "bert/encoder/layer_0/output/dense/kernel"),
        ("transformer/layer_0/output_layer_norm/gamma", "bert/encoder/layer_0/output/LayerNorm/gamma"),
        ("pooler_transform/kernel", "bert/pooler/dense/kernel"),
        ("bert_classifier/bert_encoder_v2/pooler_transform/kernel", "bert/pooler/dense/kernel"),
        ("sentence_prediction/logits/kernel", "sentence_prediction/logits/kernel"),
    ],
)
def test_a_variable_has_the_originals_name(garden, original):
    assert original_name(garden) == original


@pytest.mark.parametrize(
    "name, garden, original",
    [
        ("bert/encoder/layer_0/attention/self/key/kernel", (768, 12, 64), (768, 768)),
        ("bert/encoder/layer_0/attention/self/key/bias", (12, 64), (768,)),
        ("bert/encoder/layer_0/attention/output/dense/kernel", (12, 64, 768), (768, 768)),
        ("bert/encoder/layer_0/attention/output/dense/bias", (768,), (768,)),
        ("bert/encoder/layer_0/intermediate/dense/kernel", (768, 3072), (768, 3072)),
    ],
)
def test_a_shape_has_no_axis_of_attention_heads_in_the_original(name, garden, original):
    assert original_shape(name, garden) == original
    assert original_shape(name, original) == original
