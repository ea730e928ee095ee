"""Heads: the classifier against the original's golden logits, and what can be frozen."""

import numpy as np
import pytest
import tensorflow as tf
from support.encoders import SMALL, random_inputs
from support.tiny import make_tiny_head

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead, Head, MultiLabelHead, RegressionHead, TokenHead


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


LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32)
LABEL_IDS = np.array([2, 0], np.int32)
LOG_PROBABILITIES = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))


def loss_of(head: Head, outputs: np.ndarray, **targets: np.ndarray) -> tuple[float, float]:
    return tuple(
        float(each) for each in head.loss(tf.constant(outputs), {k: tf.constant(v) for k, v in targets.items()})
    )


@pytest.fixture(scope="module")
def encoder() -> BertEncoder:
    return BertEncoder(SMALL)


def test_weights_count_each_example_in_the_loss_and_in_its_divisor(encoder):
    head = ClassificationHead(encoder, 3)
    losses = -LOG_PROBABILITIES[[0, 1], LABEL_IDS]
    assert loss_of(head, LOGITS, label_ids=LABEL_IDS) == (pytest.approx(losses.sum()), 2.0)
    weights = np.array([0.5, 3.0], np.float32)
    found = loss_of(head, LOGITS, label_ids=LABEL_IDS, weights=weights)
    assert found == (pytest.approx(losses @ weights), 3.5)


def test_label_smoothing_spreads_its_share_over_all_labels(encoder):
    wanted = np.full([2, 3], 0.1 / 3)
    wanted[[0, 1], LABEL_IDS] += 0.9
    found = loss_of(ClassificationHead(encoder, 3, label_smoothing=0.1), LOGITS, label_ids=LABEL_IDS)
    assert found == (pytest.approx(-(wanted * LOG_PROBABILITIES).sum()), 2.0)


def test_the_loss_of_a_regression_is_the_squared_error(encoder):
    head = RegressionHead(encoder)
    outputs, numbers = np.array([[1.0], [4.0]], np.float32), np.array([0.5, 5.0], np.float32)
    assert loss_of(head, outputs, numbers=numbers) == (1.25, 2.0)
    assert head.answers(tf.constant(outputs)).numpy().tolist() == [1.0, 4.0]


def test_the_loss_of_many_labels_is_a_mean_over_examples_and_labels(encoder):
    head = MultiLabelHead(encoder, 3)
    has_label = np.array([[1, 0, 1], [0, 0, 0]], np.int32)
    probabilities = 1 / (1 + np.exp(-LOGITS))
    losses = -np.log(np.where(has_label, probabilities, 1 - probabilities))
    assert loss_of(head, LOGITS, has_label=has_label) == (pytest.approx(losses.sum()), 6.0)
    np.testing.assert_allclose(head.answers(tf.constant(LOGITS)), probabilities, rtol=1e-6)


@pytest.mark.parametrize(("make", "outputs"), [(RegressionHead, 1), (lambda encoder: MultiLabelHead(encoder, 5), 5)])
def test_other_heads_are_the_originals_layer_with_other_losses(encoder, make, outputs):
    head = make(encoder)
    shapes = {name: tuple(variable.shape) for name, variable in head.own_variables_by_name.items()}
    assert shapes == {"output_weights": (outputs, SMALL.hidden_size), "output_bias": (outputs,)}
    inputs = random_inputs()
    pooled = encoder(inputs)["pooled_output"]
    np.testing.assert_allclose(head(inputs), pooled @ tf.transpose(head.output_weights), atol=1e-6)
    assert np.abs(head(inputs) - head(inputs, dropout_seed=tf.constant([1, 2]))).max() > 1e-4


def test_the_loss_of_tags_is_a_mean_over_the_places_that_have_one(encoder):
    head = TokenHead(encoder, 3)
    outputs = np.stack([LOGITS, LOGITS[::-1]])
    # Tag 2 at the first place, tag 0 at the last one, and none at the others.
    tag_ids = np.array([[3, 0], [0, 1]], np.int32)
    expected = -(LOG_PROBABILITIES[0, 2] + LOG_PROBABILITIES[0, 0])
    assert loss_of(head, outputs, tag_ids=tag_ids) == (pytest.approx(expected), 2.0)
    np.testing.assert_allclose(head.answers(tf.constant(outputs))[0], np.exp(LOG_PROBABILITIES), rtol=1e-6)


def test_a_batch_without_tags_has_no_loss(encoder):
    assert loss_of(TokenHead(encoder, 3), LOGITS[np.newaxis], tag_ids=np.zeros([1, 2], np.int32)) == (0.0, 0.0)


def test_tags_are_chosen_by_a_layer_on_the_output_at_each_position(encoder):
    head = TokenHead(encoder, 5, seed=1)
    shapes = {name: tuple(variable.shape) for name, variable in head.own_variables_by_name.items()}
    assert shapes == {"output_weights": (5, SMALL.hidden_size), "output_bias": (5,)}
    head.output_bias.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    inputs = random_inputs()
    hidden = encoder(inputs)["sequence_output"].numpy()
    expected = hidden @ head.output_weights.numpy().T + head.output_bias.numpy()
    np.testing.assert_allclose(head(inputs), expected, atol=1e-5)
    assert np.abs(head(inputs) - head(inputs, dropout_seed=tf.constant([1, 2]))).max() > 1e-4
    assert TokenHead(BertEncoder(SMALL, dtype="mixed_bfloat16"), 2)(inputs).dtype == "float32"
