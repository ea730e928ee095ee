"""Checks of the output folder before a run, and the choice of its model."""

import dataclasses
from pathlib import Path

import pytest
import tensorflow as tf

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import MrpcProcessor
from bert_tf.errors import UserError
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RunConfig, resume_fields, settle
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.start import check_earlier_run, find_model

SMALL, BASE, CASED = "all-MiniLM-L6-v2", "uncased_L-12_H-768_A-12", "cased_L-12_H-768_A-12"
EXAMPLES = [InputExample("train-1", "It rains .", "Rain falls .", "1"), InputExample("train-2", "a", "b", "0")]
MRPC = ClassificationTask("MRPC", MrpcProcessor())


@pytest.fixture
def output_dir(tmp_path) -> OutputDir:
    folder = OutputDir(tmp_path / "output")
    with folder.opened():
        return folder


def config_for(output_dir: OutputDir, **fields) -> RunConfig:
    config = RunConfig(**{"data_dir": "data", "output_dir": str(output_dir.path), "do_train": True, **fields})
    return settle(config, {})


def start(output_dir: OutputDir, examples: list[InputExample] = EXAMPLES, **fields) -> None:
    """Prepares the folder as a run does before its first step."""
    config, train_data = config_for(output_dir, **fields), MRPC.digest(examples)
    check_earlier_run(config, train_data, output_dir)
    vocab = output_dir.path.parent / "words"
    vocab.write_text("[PAD]\n")
    output_dir.start_run(resume_fields(config) | {"train_data": train_data}, MRPC.describe(), vocab, overwrite=False)


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_same_run_may_resume(output_dir):
    start(output_dir, model=BASE)
    before = (output_dir.path / "run.json").read_text()
    start(output_dir, model=BASE, learning_rate=5e-5, do_eval=True, eval_batch_size=3, save_checkpoints_steps=7)
    assert (output_dir.path / "run.json").read_text() == before


@pytest.mark.parametrize("fields", [{"model": CASED}, {"learning_rate": 2e-5}, {"seed": 1}])
def test_other_settings_are_refused_and_change_nothing(output_dir, fields):
    start(output_dir, model=BASE)
    before = (output_dir.path / "run.json").read_text()
    with pytest.raises(UserError) as error:
        start(output_dir, **{"model": BASE, **fields})
    message = one_line(error)
    assert message.startswith(f"output_dir: {output_dir.path}: was started with other settings: ")
    assert f", is {next(iter(fields.values()))!r}" in message
    assert "--overwrite_output_dir" in message
    assert (output_dir.path / "run.json").read_text() == before


@pytest.mark.parametrize("field", ["text_a", "text_b", "label"])
def test_other_training_data_is_refused(output_dir, field):
    start(output_dir, model=BASE)
    changed = [EXAMPLES[0], dataclasses.replace(EXAMPLES[1], **{field: "1"})]
    for other in (changed, EXAMPLES[::-1], EXAMPLES[:1]):
        with pytest.raises(UserError, match="train_data was "):
            start(output_dir, other, model=BASE)


def test_a_checkpoint_of_something_else_is_not_trained_over(output_dir):
    output_dir.write_checkpoint(3, {"output_bias": tf.zeros([2])})
    with pytest.raises(UserError, match="holds a checkpoint of something else"):
        start(output_dir, model=BASE)
    assert output_dir.latest_step() == 3


def test_evaluation_alone_needs_a_fine_tuned_checkpoint(output_dir):
    config = config_for(output_dir, model=SMALL, do_train=False, do_eval=True)
    with pytest.raises(UserError) as error:
        find_model(config, output_dir, 0, MRPC.describe())
    assert one_line(error).startswith(f"output_dir: {output_dir.path}: holds no fine-tuned checkpoint; ")


def test_the_fine_tuned_model_is_used_if_there_is_one(output_dir):
    start(output_dir, model=BASE)
    files = find_model(config_for(output_dir, model=BASE), output_dir, 7, MRPC.describe())
    names = [Path(file).relative_to(output_dir.path).name for file in dataclasses.astuple(files)]
    assert names == ["bert_config.json", "vocab.txt", "model.ckpt-7"]
