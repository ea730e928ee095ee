"""Pre-training gives the losses and weights of the original, step by step, and checkpoints with its names."""

import json

import numpy as np
import pytest

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.data.pretraining_format import RecordForm
from bert_tf.data.pretraining_records import read_pretraining_records
from bert_tf.data.record_files import open_record_files
from bert_tf.devices import one_device
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.training.config import TrainingConfig
from bert_tf.training.loop import Training
from bert_tf.training.optimization import WarmupPolynomialDecay

pytestmark = pytest.mark.slow
STEPS = 20


def trained(golden, late: int) -> tuple[Training, np.ndarray, dict[str, np.ndarray]]:
    """Trains as the original did, with update k at the rate of step k + `late`; also returns losses and golden data."""
    files = open_record_files(str(golden / "pretraining_data" / "pretraining_0.tfrecord"), "input_file")
    records = read_pretraining_records(files, RecordForm(40, 6), 2400)
    config = BertConfig.from_json_file(golden / "squad" / "bert_config.json")
    head = PretrainingHead(BertEncoder(config), 0, max_predictions_per_seq=6)
    fill(head, read_checkpoint(golden / "squad" / "golden.ckpt"))
    decay = WarmupPolynomialDecay(1e-3, STEPS, 5)
    settings = TrainingConfig(train_batch_size=8, learning_rate=1e-3, adam_bias_correction=False)
    training = Training(head, settings, STEPS, one_device(), lambda step: decay(step + late))
    with np.load(golden / "pretraining_model" / "training.npz") as file:
        data = dict(file)
    batches = training.batches(records, data["batches"].astype(np.int64))
    return training, np.array([training.train_step(batches).numpy() for _ in range(STEPS)]), data


@pytest.fixture(scope="module")
def as_main_does(golden) -> tuple[Training, np.ndarray, dict[str, np.ndarray]]:
    return trained(golden, late=0)


def test_twenty_steps_give_the_originals_losses_and_weights(golden, as_main_does):
    training, losses, data = as_main_does
    np.testing.assert_allclose(losses, data["losses"], rtol=0, atol=5e-5)
    found = training.head.variables_by_name | training.optimizer.state_by_name
    with np.load(golden / "pretraining_model" / "final_weights.npz") as expected:
        rows, position_rows = expected["rows"], len(expected["position_embeddings_first"])
        found = {name: variable.numpy() for name, variable in found.items()}
        found["word_embeddings_rows"] = found["bert/embeddings/word_embeddings"][rows]
        found["position_embeddings_first"] = found["bert/embeddings/position_embeddings"][:position_rows]
        for name in expected.keys() - {"rows"}:
            array = found[name].reshape(expected[name].shape)
            np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e-5, err_msg=name)


def test_the_other_order_of_step_and_rate_gives_the_originals_losses_too(golden):
    _, losses, data = trained(golden, late=1)
    np.testing.assert_allclose(losses, data["losses_after"], rtol=0, atol=5e-5)


def test_checkpoints_have_the_originals_names_and_shapes(golden, as_main_does):
    training, _, _ = as_main_does
    expected = json.loads((golden / "pretraining_model" / "checkpoint_variables.json").read_text())["variables"]
    found = training.head.variables_by_name | training.optimizer.state_by_name
    assert found.keys() - {name for name, _, _ in expected} == {"training/loss_scale", "training/loss_scale_good_steps"}
    for name, _, shape in expected:
        assert np.size(found[name]) == np.prod(shape, dtype=int), name
