"""Several devices and several processes train as one does. All addresses are of this machine."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import STEPS, TIMEOUT, Command, Result, assert_one_error_line, forks, train_flags
from support.outputs import content, probabilities, read_eval_results, weights
from support.tiny import write_corpus, write_tiny_model
from support.workers import become_script_without_dropout, run_together

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.data.features import Features, convert_examples_to_features
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import Devices, create_devices
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.training.config import TrainingConfig
from bert_tf.training.inference import predict
from bert_tf.training.loop import Training
from bert_tf.training.output_dir import OutputDir

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 64, "dev": 23, "test": 21})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """Without dropout, as what is dropped depends on how many replicas share a batch.

    The classifier's own rate is fixed as in the original, so the processes here switch it off.
    """
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", dropout=0.0)


# One process, two devices.


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory, corpus, tiny) -> dict[str, np.ndarray]:
    """Runs `_train_on_one_and_on_two_devices` in a process whose CPU is split in two; returns its arrays."""
    folder = tmp_path_factory.mktemp("two_devices")
    process = forks.Process(target=_train_on_one_and_on_two_devices, args=(corpus, tiny, folder))
    process.start()
    process.join(TIMEOUT)
    assert process.exitcode == 0
    return dict(np.load(folder / "found.npz"))


def _train_on_one_and_on_two_devices(corpus: Path, tiny: Path, folder: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    found = {}
    for name in (None, "mirrored"):
        devices = create_devices(name)
        losses, predictions = _train_and_predict(devices, corpus, tiny, folder / str(name))
        found |= {f"{name}_losses": losses, f"{name}_predictions": predictions}
    found["replicas"] = devices.num_replicas
    with contextlib.suppress(UserError):
        devices.check_batch_size(6)
        devices.check_batch_size(7)
        found["shares_7"] = True
    np.savez(folder / "found.npz", **found)


def _train_and_predict(devices: Devices, corpus: Path, tiny: Path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    ClassificationHead.dropout_rate = 0.0
    with devices.scope():
        model = ClassificationHead(BertEncoder(BertConfig.from_json_file(tiny / "bert_config.json")), 2, seed=0)
    fill(model.encoder, read_checkpoint(tiny / "bert_model.ckpt"))
    processor, tokenizer = MrpcProcessor(), FullTokenizer(tiny / "vocab.txt", do_lower_case=True)

    def features(examples: list) -> Features:
        return convert_examples_to_features(examples, processor.get_labels(), 48, tokenizer)

    folder.mkdir()
    config = TrainingConfig(train_batch_size=8, learning_rate=1e-3, warmup_steps=0)
    training = Training(model, config, 12, devices)
    result = training.run(features(processor.get_train_examples(corpus)), OutputDir(folder))
    return result.losses, predict(model, features(processor.get_test_examples(corpus)), 8, devices)


def test_two_mirrored_devices_give_the_losses_of_one(two_devices):
    assert two_devices["replicas"] == 2
    assert len(set(two_devices["None_losses"])) == 12
    np.testing.assert_allclose(two_devices["mirrored_losses"], two_devices["None_losses"], atol=1e-5)


def test_two_mirrored_devices_give_the_predictions_of_one(two_devices):
    assert two_devices["None_predictions"].shape == (21, 2)
    np.testing.assert_allclose(two_devices["mirrored_predictions"], two_devices["None_predictions"], atol=1e-5)


def test_a_batch_that_two_devices_cannot_share_is_refused(two_devices):
    assert "shares_7" not in two_devices


# Two processes.


@pytest.fixture(scope="module")
def together(tmp_path_factory, corpus, tiny) -> tuple[list[Result], Path]:
    """Two processes; the second has an output_dir of its own, so that what it writes can be told apart."""
    folder = tmp_path_factory.mktemp("together")
    flags = [train_flags(corpus, tiny, folder / name, learning_rate=1e-4) for name in ("out", "out_of_second")]
    results = run_together(folder, [[*given, "--do_eval", "--do_predict"] for given in flags])
    for result in results:
        assert result.code == 0, result.stderr
    return results, folder


def test_two_processes_train_as_one_does(together, corpus, tiny, tmp_path):
    flags = train_flags(corpus, tiny, tmp_path / "alone", learning_rate=1e-4)
    result = Command(
        tmp_path / "command", [*flags, "--do_eval", "--do_predict"], become_script_without_dropout
    ).result()
    assert result.code == 0, result.stderr
    one, two = weights(tmp_path / "alone"), weights(together[1] / "out")
    assert two["training/losses"].shape == (STEPS,) and one.keys() == two.keys()
    np.testing.assert_allclose(two["training/losses"], one["training/losses"], atol=1e-5)
    np.testing.assert_allclose(probabilities(together[1] / "out"), probabilities(tmp_path / "alone"), atol=1e-5)
    assert read_eval_results(together[1] / "out") == pytest.approx(read_eval_results(tmp_path / "alone"), abs=1e-5)


def test_only_the_chief_writes_and_shows_progress(together):
    (chief, second), folder = together
    assert "Eval results" in chief.stderr and f"step {STEPS}/{STEPS}, loss" in chief.stderr
    assert "Eval results" not in second.stderr and "step " not in second.stderr
    assert not (folder / "out_of_second").exists() or not list((folder / "out_of_second").iterdir())


def test_tensorflow_adds_nothing_to_what_two_processes_print(together):
    for process in together[0]:
        for noise in ("Collective", "MirroredStrategy", "grpc", "absl::", "W0000", "E0000", "I0000"):
            assert noise not in process.stderr


def test_two_processes_find_the_finished_run_of_their_chief(together, corpus, tiny, tmp_path):
    output_dir = together[1] / "out"
    before, scores = content(output_dir), read_eval_results(output_dir)
    flags = [*train_flags(corpus, tiny, output_dir, learning_rate=1e-4), "--do_eval"]
    results = run_together(tmp_path, [flags, flags], kinds=("chief", "worker"))
    for result in results:
        assert result.code == 0, result.stderr
    assert "is finished" in results[0].stderr
    after = content(output_dir)
    assert {name for name in before if before[name] != after.get(name)} <= {"results.json", "eval_results.txt"}
    assert read_eval_results(output_dir) == pytest.approx(scores, abs=1e-5)


def test_a_batch_that_two_processes_cannot_share_is_refused_by_both_in_one_line(corpus, tiny, tmp_path):
    flags = train_flags(corpus, tiny, tmp_path / "out", train_batch_size=7)
    for result in run_together(tmp_path, [flags, flags]):
        assert_one_error_line(result, "train_batch_size: 7 examples cannot be shared by 2 replicas")
    assert content(tmp_path / "out") == {}


def test_a_process_does_not_wait_for_a_chief_that_was_refused(corpus, tiny, tmp_path):
    (tmp_path / "a_file").write_text("")
    flags = train_flags(corpus, tiny, tmp_path / "a_file")
    chief, second = run_together(tmp_path, [flags, flags])
    assert_one_error_line(chief, "output_dir")
    assert_one_error_line(second, "a_file")


def test_a_missing_tf_config_is_refused_in_one_line(corpus, tiny, tmp_path):
    flags = [*train_flags(corpus, tiny, tmp_path / "out"), "--distribution_strategy=multi_worker_mirrored"]
    assert_one_error_line(Command(tmp_path / "command", flags).result(), "TF_CONFIG is not set")
