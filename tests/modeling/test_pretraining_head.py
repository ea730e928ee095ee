"""The layers of pre-training compute what the original's do, from whichever positions the last layer computes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.pretraining_records import CLS, LENGTH, MASK, PREDICTIONS, SEP, random_features, write_records
from support.tiny import TINY

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.data.batches import batch_dataset
from bert_tf.data.pretraining_format import RecordForm
from bert_tf.data.pretraining_records import PretrainingRecords, read_pretraining_records
from bert_tf.data.record_files import open_record_files
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.masking import Masking
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.training.determinism import deterministic_operations


@pytest.fixture(scope="module")
def golden_batch(golden) -> dict[str, tf.Tensor]:
    files = open_record_files(str(golden / "pretraining_data" / "pretraining_0.tfrecord"), "input_file").first(8)
    return read_pretraining_records(files, RecordForm(40, 6), 2400).padded_batch(tf.range(8, dtype=tf.int64), 40)


@pytest.mark.parametrize("predictions", [None, 6])
def test_losses_and_probabilities_are_the_originals(predictions, golden, golden_batch):
    config = BertConfig.from_json_file(golden / "squad" / "bert_config.json")
    head = PretrainingHead(BertEncoder(config), 0, max_predictions_per_seq=predictions)
    fill(head, read_checkpoint(golden / "squad" / "golden.ckpt"))
    outputs = head(golden_batch)
    answers = head.answers(outputs).numpy()
    totals, weights = head.loss(outputs, golden_batch)
    masked_lm = tf.nn.log_softmax(outputs["masked_lm_logits"]).numpy().reshape(48, 2400)
    with np.load(golden / "pretraining_model" / "forward.npz") as expected:

        def assert_close(found: np.ndarray, name: str) -> None:
            np.testing.assert_allclose(found, expected[name], rtol=0, atol=5e-5, err_msg=name)

        assert_close(masked_lm[:24], "masked_lm_log_probs_of_first_4")
        assert masked_lm.argmax(axis=1).tolist() == expected["masked_lm_argmax"].tolist()
        assert_close(tf.nn.log_softmax(outputs["next_sentence_logits"]), "next_sentence_log_probs")
        assert_close(answers[:, :-1, 0].ravel(), "masked_lm_example_loss")
        assert_close(answers[:, -1, 0], "next_sentence_example_loss")
        assert_close((totals / weights)[0], "masked_lm_loss")
        assert_close((totals / weights)[1], "next_sentence_loss")
        is_right = expected["masked_lm_argmax"] == golden_batch["masked_lm_ids"].numpy().ravel()
        assert (answers[:, :-1, 1].ravel() == is_right).all()


def test_words_at_any_positions_are_found_in_the_output_of_all(golden, golden_batch):
    head = PretrainingHead(BertEncoder(BertConfig.from_json_file(golden / "squad" / "bert_config.json")), 0)
    fill(head, read_checkpoint(golden / "squad" / "golden.ckpt"))
    hidden, positions = head.encoder(golden_batch)["sequence_output"], golden_batch["masked_lm_positions"]
    logits = head.masked_lm_logits(hidden, positions)
    np.testing.assert_allclose(logits, head(golden_batch)["masked_lm_logits"], rtol=0, atol=1e-6)
    some = head.masked_lm_logits(hidden[2:3], positions[2:3, 1:3])
    np.testing.assert_allclose(some, logits[2:3, 1:3], rtol=0, atol=2e-5)


CONFIG = dataclasses.replace(TINY, num_hidden_layers=2)


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> PretrainingRecords:
    path = write_records(tmp_path_factory.mktemp("records") / "records", random_features(8))
    return read_pretraining_records(open_record_files(str(path), "input_file"), RecordForm(LENGTH, PREDICTIONS), 95)


def make_head(dtype: str = "float32", recompute: bool = False, **arguments: object) -> PretrainingHead:
    return PretrainingHead(BertEncoder(CONFIG, dtype, seed=1, recompute=recompute), 1, **arguments)


def gradients(head: PretrainingHead, records: PretrainingRecords, groups: int = 1) -> dict[str, np.ndarray]:
    """The loss of a batch and its gradients by all weights that it needs, with dropout, computed in a graph."""
    batch = next(iter(batch_dataset(records, np.arange(8)[np.newaxis], attention_groups=groups)))

    @tf.function(autograph=False)
    def compute() -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            totals, weights = head.loss(head(batch, tf.constant([3, 4])), batch)
            loss = tf.reduce_sum(totals / weights)
        found = zip(head.variables_by_name, tape.gradient(loss, list(head.variables_by_name.values())), strict=True)
        return {"loss": loss, **{name: tf.convert_to_tensor(x) for name, x in found if x is not None}}

    with deterministic_operations():
        return {name: x.numpy() for name, x in compute().items()}


@pytest.mark.slow
def test_the_last_layer_needs_only_the_masked_positions(records):
    heads = [make_head(max_predictions_per_seq=number) for number in (None, PREDICTIONS)]
    for head in heads:
        # What dropout drops depends on what is computed.
        head.encoder.config = dataclasses.replace(CONFIG, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    whole, chosen = (gradients(head, records, groups=4) for head in heads)
    assert whole.keys() == chosen.keys()
    for name in whole:
        np.testing.assert_allclose(chosen[name], whole[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_recomputed_layers_give_the_same_gradients_bit_by_bit(dtype, records):
    masking = Masking(95, MASK, (CLS, SEP))
    kept, recomputed = (
        gradients(make_head(dtype, recompute, max_predictions_per_seq=PREDICTIONS, masking=masking), records, groups=4)
        for recompute in (False, True)
    )
    assert kept.keys() == recomputed.keys()
    assert all(kept[name].tobytes() == recomputed[name].tobytes() for name in kept)


def test_masks_are_chosen_anew_in_training_alone(records):
    head = make_head(masking=Masking(95, MASK, (CLS, SEP)))
    batch = records.padded_batch(tf.range(8, dtype=tf.int64), LENGTH)
    shown = [head(batch, seed)["masked_lm_ids"].numpy() for seed in (None, tf.constant([1, 2]), tf.constant([1, 3]))]
    np.testing.assert_array_equal(shown[0], batch["masked_lm_ids"])
    assert np.any(shown[1] != shown[0]) and np.any(shown[2] != shown[1])


def test_masks_are_not_drawn_with_the_seed_of_dropout(records):
    masking = Masking(95, MASK, (CLS, SEP))
    batch, seed = records.padded_batch(tf.range(8, dtype=tf.int64), LENGTH), tf.constant([1, 2])
    found = make_head(masking=masking)(batch, seed)["masked_lm_ids"]
    assert np.any(found != masking.mask_anew(batch, seed)["masked_lm_ids"])


def outputs_of(losses: list[list[float]], weights: list[list[float]], next_losses: list[float]) -> dict[str, tf.Tensor]:
    """Outputs of a head in which the right answer of two has these losses."""

    def logits(losses: list) -> tf.Tensor:
        right = np.exp(-np.array(losses, np.float64))
        return tf.constant(np.log(np.stack([right, 1 - right], axis=-1)), tf.float32)

    return {
        "masked_lm_logits": logits(losses),
        "masked_lm_ids": tf.zeros(np.shape(losses), tf.int32),
        "masked_lm_weights": tf.constant(weights),
        "next_sentence_logits": logits(next_losses),
        "next_sentence_labels": tf.zeros(len(next_losses), tf.int32),
    }


def test_the_loss_counts_masked_words_and_texts_each_by_their_number():
    outputs = outputs_of([[1.0, 2.0, 9.0], [3.0, 9.0, 9.0]], [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [0.5, 1.5])
    totals, weights = make_head().loss(outputs, {})
    np.testing.assert_allclose(totals, [6.0, 2.0], rtol=1e-5)
    np.testing.assert_allclose(weights, [3.0, 2.0], rtol=1e-5)
    answers = make_head().answers(outputs).numpy()
    np.testing.assert_allclose(answers[..., 0], [[1.0, 2.0, 9.0, 0.5], [3.0, 9.0, 9.0, 1.5]], rtol=1e-3)
    assert answers[..., 1].tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]
    assert answers[..., 2].tolist() == [[1, 1, 0, 1], [1, 0, 0, 1]]


def test_a_batch_without_a_mask_has_the_loss_0_of_masked_words():
    totals, weights = make_head().loss(outputs_of([[1.0]], [[0.0]], [0.5]), {})
    assert (totals / weights).numpy()[0] == 0.0


def test_the_operations_of_a_row_are_those_of_its_predictions():
    width, pieces = CONFIG.hidden_size, CONFIG.vocab_size
    assert make_head(max_predictions_per_seq=4).flops_of_a_row == 2 * 4 * (width * width + width * pieces)


def test_a_head_without_next_sentences_has_one_loss_and_no_such_layer(records):
    head = make_head(with_next_sentence=False)
    batch = records.padded_batch(tf.range(8, dtype=tf.int64), LENGTH)
    outputs = head(batch)
    assert head.loss(outputs, batch)[0].shape == [1] and head.answers(outputs).shape == [8, PREDICTIONS, 3]
    assert list(head.parts()) == ["masked words"] and not head.uses_pooler
    assert not any("seq_relationship" in name for name in head.variables_by_name)


def test_new_layers_follow_from_the_seed():
    heads = [make_head(), make_head(), PretrainingHead(BertEncoder(CONFIG, seed=1), 2)]
    kernels = [head.variables_by_name["cls/predictions/transform/dense/kernel"].numpy() for head in heads]
    assert np.array_equal(kernels[0], kernels[1]) and not np.array_equal(kernels[0], kernels[2])
    assert kernels[0].std() == pytest.approx(CONFIG.initializer_range, rel=0.3)
    own = heads[0].own_variables_by_name
    assert np.all(own["cls/predictions/transform/LayerNorm/gamma"] == 1.0)
    assert not np.any(own["cls/predictions/output_bias"])
