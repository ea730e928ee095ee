"""A run as a function: what it reports before it computes, and what it leaves alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import make_tiny_features, make_tiny_head

from bert_tf.data.processors import MrpcProcessor
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training import inference
from bert_tf.training import run as run_module
from bert_tf.training.config import RunConfig
from bert_tf.training.run import compute_answers, run

MRPC = ClassificationTask("MRPC", MrpcProcessor())


def failing_run(folder: Path, **fields) -> str:
    output = folder / "output"
    config = RunConfig(data_dir=str(folder), output_dir=str(output), do_train=True)
    with pytest.raises(UserError) as error:
        run(MRPC, dataclasses.replace(config, **fields))
    assert not output.exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_missing_data_names_its_file(tmp_path):
    message = failing_run(tmp_path, data_dir=str(tmp_path / "none"), do_eval=True)
    assert message.startswith(f"{tmp_path / 'none' / 'train.tsv'}: ")


def test_a_mistake_in_dev_data_is_reported_before_training(tmp_path):
    (tmp_path / "train.tsv").write_text("a\tb\t1\n")
    (tmp_path / "dev.tsv").write_text("a\tb\t1\na\tb\n")
    message = failing_run(tmp_path, do_eval=True)
    assert message.startswith(f"{tmp_path / 'dev.tsv'}:2: ")


@pytest.mark.parametrize("only_cpus, asked, computed", [(True, 8, 32), (True, 64, 64), (False, 8, 8)])
def test_a_cpu_computes_at_least_32_examples_at_a_time(monkeypatch, only_cpus, asked, computed):
    sizes = []
    monkeypatch.setattr(inference, "has_only_cpus", lambda: only_cpus)

    def predict(head, features, batch_size, *_):
        sizes.append(batch_size)
        return np.zeros([len(features), 2])

    monkeypatch.setattr(run_module, "predict", predict)
    compute_answers("eval", make_tiny_head(), make_tiny_features(80), asked, one_device(), "none")
    assert sizes == [computed]


@pytest.mark.parametrize(
    "mixed_precision, remedy",
    [("float16", "use --mixed_precision=bfloat16 or none"), ("none", "use another checkpoint")],
)
def test_answers_that_are_not_finite_are_an_error_that_names_the_precision(mixed_precision, remedy):
    head = make_tiny_head(mixed_precision.replace("none", "float32").replace("float16", "mixed_float16"))
    compute_answers("eval", head, make_tiny_features(), 8, one_device(), mixed_precision)
    head.encoder.variables_by_name["bert/encoder/layer_0/output/dense/kernel"].assign_add(
        tf.fill([24, 16], 1e37 if mixed_precision == "none" else 1e5)
    )
    with pytest.raises(UserError) as error:
        compute_answers("eval", head, make_tiny_features(), 8, one_device(), mixed_precision)
    message = str(error.value)
    assert message.startswith("eval: the answers to ") and " of 22 examples are not finite" in message
    assert f"--mixed_precision={mixed_precision}; " in message and message.endswith(remedy)
