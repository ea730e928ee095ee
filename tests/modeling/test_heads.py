"""Heads: the classifier against the original's golden logits, and what can be frozen."""

import numpy as np
import pytest
from support.encoders import SMALL, random_inputs
from support.tiny import make_tiny_head

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead, Head


@pytest.fixture(scope="module")
def forward(golden) -> dict[str, np.ndarray]:
    with np.load(golden / "forward.npz") as data:
        return dict(data)


@pytest.fixture(scope="module")
def classifier(golden, forward) -> ClassificationHead:
    model = ClassificationHead(BertEncoder(BertConfig.from_json_file(golden / "bert_config.json")), num_labels=3)
    fill(model.encoder, read_checkpoint(golden / "bert_model.ckpt"))
    model.output_weights.assign(forward["output_weights"])
    model.output_bias.assign(forward["output_bias"])
    return model


def test_the_logits_are_what_the_original_computes(classifier, forward):
    inputs = {
        "input_word_ids": forward["input_ids"],
        "input_mask": forward["input_mask"],
        "input_type_ids": forward["segment_ids"],
    }
    np.testing.assert_allclose(classifier(inputs), forward["logits"], rtol=0, atol=1e-5)


def test_the_variables_have_the_originals_names(classifier, golden):
    assert classifier.variables_by_name.keys() == read_checkpoint(golden / "finetuned.ckpt").keys()
    named = {id(variable) for variable in classifier.variables_by_name.values()}
    assert {id(variable) for variable in classifier.variables} == named


def test_the_classifiers_first_weights_follow_its_seed():
    encoder = BertEncoder(SMALL)
    first, again, other = (ClassificationHead(encoder, 3, seed=seed).output_weights.numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert 0 < np.abs(first).max() <= 0.04


def test_the_logits_of_a_mixed_precision_model_are_float32():
    assert ClassificationHead(BertEncoder(SMALL, dtype="mixed_bfloat16"), 2)(random_inputs()).dtype == "float32"


def test_a_frozen_encoder_leaves_the_head_alone_to_train():
    head = make_tiny_head()
    assert len(head.trainable_variables) == len(head.variables_by_name)
    head.encoder.trainable = False
    assert {variable.name for variable in head.trainable_variables} == {
        variable.name for variable in (head.output_weights, head.output_bias)
    }


def test_a_head_without_its_methods_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Head(make_tiny_head().encoder)
