"""A run starts from the model that the flags name or that the output folder holds, or it is refused."""

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RunConfig
from bert_tf.training.loop import Training
from bert_tf.training.model import build_head
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.start import Start, begin, find_start

EXAMPLES = [InputExample("train-1", "w1 w2", "w3", "1"), InputExample("train-2", "w4", "w5", "0")]
MRPC = ClassificationTask("MRPC", MrpcProcessor())


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def output_dir(tmp_path) -> OutputDir:
    folder = OutputDir(tmp_path / "output")
    with folder.opened():
        return folder


def config_for(output_dir: OutputDir, **fields) -> RunConfig:
    defaults = {"data_dir": "data", "output_dir": str(output_dir.path), "do_train": True, "max_seq_length": 32}
    return RunConfig(**(defaults | fields))


def files_of(model: Path) -> dict[str, str]:
    """The original's three flags."""
    return {
        "bert_config_file": str(model / "bert_config.json"),
        "vocab_file": str(model / "vocab.txt"),
        "init_checkpoint": str(model / "bert_model.ckpt"),
    }


def start(output_dir: OutputDir, examples: list[InputExample] = EXAMPLES, **fields) -> Start:
    config = config_for(output_dir, **fields)
    return find_start(MRPC, config, examples if config.do_train else None, output_dir, one_device())


def begin_training(output_dir: OutputDir, examples: list[InputExample] = EXAMPLES, **fields) -> Start:
    """Prepares the folder as a run does before its first step."""
    found = start(output_dir, examples, **fields)
    head, _ = build_head(MRPC, found, FullTokenizer(found.files.vocab_file, True), one_device())
    begin(MRPC, found, examples, Training(head, found.config, 20, one_device()), output_dir)
    return found


def save(output_dir: OutputDir, model: Path, step: int, **more: np.ndarray) -> None:
    """Writes the checkpoint of a step, as fine-tuning would."""
    head = {"output_weights": np.ones([2, 32], np.float32), "output_bias": np.zeros(2, np.float32)}
    arrays = read_checkpoint(model / "bert_model.ckpt") | head | {"global_step": np.int64(step)} | more
    output_dir.write_checkpoint(step, arrays)


def finish(output_dir: OutputDir, model: Path, **fields) -> None:
    begin_training(output_dir, model=str(model), **fields)
    save(output_dir, model, 20)


def infer(output_dir: OutputDir, **fields) -> Start:
    return start(output_dir, **{"do_train": False, "do_predict": True, "max_seq_length": None} | fields)


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def run_json(output_dir: OutputDir) -> dict:
    return json.loads((output_dir.path / "run.json").read_text())


# Training.


def test_the_same_run_may_resume(output_dir, model):
    begin_training(output_dir, model=str(model))
    before = run_json(output_dir)
    save(output_dir, model, 7)
    again = begin_training(output_dir, model=str(model), do_eval=True, eval_batch_size=3, save_checkpoints_steps=7)
    assert again.step == 7 and again.files.checkpoint == output_dir.checkpoint(7)
    assert run_json(output_dir) == before


@pytest.mark.parametrize("fields", [{"learning_rate": 2e-5}, {"seed": 1}, {"do_lower_case": False}])
def test_other_settings_are_refused_and_change_nothing(output_dir, model, fields):
    begin_training(output_dir, model=str(model))
    before = run_json(output_dir)
    with pytest.raises(UserError) as error:
        begin_training(output_dir, model=str(model), **fields)
    message = one_line(error)
    assert message.startswith(f"output_dir: {output_dir.path}: was started with other settings: ")
    assert f", is {next(iter(fields.values()))!r}" in message
    assert "--overwrite_output_dir" in message
    assert run_json(output_dir) == before


def test_a_longer_run_of_a_finished_one_is_refused_with_a_way_that_works(output_dir, model, tmp_path):
    finish(output_dir, model)
    output_dir.write_results({"train_loss": 0.5})
    with pytest.raises(UserError) as error:
        begin_training(output_dir, model=str(model), num_train_epochs=5.0)
    assert one_line(error) == (
        f"output_dir: {output_dir.path}: was started with other settings: num_train_epochs was 3.0, is 5.0; "
        f"--bert_model={output_dir.path} with another --output_dir trains further from its weights, and "
        "--overwrite_output_dir trains anew"
    )
    other = OutputDir(tmp_path / "other")
    with other.opened():
        further = begin_training(other, model=str(output_dir.path), num_train_epochs=2.0)
    assert further.step == 0 and further.files.checkpoint == output_dir.checkpoint(20)
    assert begin_training(output_dir, model=str(model), num_train_epochs=5.0, overwrite_output_dir=True).step == 0


@pytest.mark.parametrize("step, epochs", [(7, 5.0), (20, 2.0)])
def test_a_run_that_is_not_finished_or_gets_shorter_cannot_be_trained_further(output_dir, model, step, epochs):
    begin_training(output_dir, model=str(model))
    save(output_dir, model, step)
    if step == 20:
        output_dir.write_results({"train_loss": 0.5})
    with pytest.raises(UserError, match=r"; name another folder, or pass --overwrite_output_dir$"):
        begin_training(output_dir, model=str(model), num_train_epochs=epochs)


@pytest.mark.parametrize("field", ["text_a", "text_b", "label"])
def test_other_training_data_is_refused(output_dir, model, field):
    begin_training(output_dir, model=str(model))
    changed = [EXAMPLES[0], dataclasses.replace(EXAMPLES[1], **{field: "1"})]
    for other in (changed, EXAMPLES[::-1], EXAMPLES[:1]):
        with pytest.raises(UserError, match="train_data was "):
            start(output_dir, other, model=str(model))


def test_the_same_model_under_another_path_may_resume_and_another_model_may_not(output_dir, model, tmp_path):
    begin_training(output_dir, model=str(model))
    save(output_dir, model, 7)
    moved = shutil.copytree(model, tmp_path / "moved")
    assert start(output_dir, model=str(moved)).step == 7
    assert start(output_dir, **files_of(model)).step == 7
    with (moved / "bert_model.ckpt.data-00000-of-00001").open("ab") as file:
        file.write(b"!")
    with pytest.raises(UserError, match=f"bert_model was '{model}', is '{moved}'"):
        start(output_dir, model=str(moved))


def test_a_checkpoint_of_something_else_is_not_trained_over(output_dir, model):
    save(output_dir, model, 3)
    with pytest.raises(UserError, match="holds a checkpoint of something else"):
        start(output_dir, model=str(model))
    assert output_dir.latest_step() == 3


def test_a_model_is_not_trained_in_its_own_folder(model):
    folder = OutputDir(model)
    with pytest.raises(UserError, match="is the folder of the model to start from"):
        start(folder, model=str(model))


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_folder_of_another_model_is_not_trained_over(model, tmp_path, overwrite):
    folder = shutil.copytree(model, tmp_path / "pretrained")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    other = write_tiny_model(tmp_path / "other")
    with pytest.raises(UserError, match=r"holds a model that no run wrote there \(bert_model\.ckpt\.index"):
        begin_training(OutputDir(folder), model=str(other), overwrite_output_dir=overwrite)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "bert_model.ckpt.index").rename(tmp_path / "elsewhere")
    if overwrite:
        assert begin_training(OutputDir(folder), model=str(other), overwrite_output_dir=True).step == 0
    else:
        with pytest.raises(UserError, match=r"\(bert_config\.json, vocab\.txt\)"):
            start(OutputDir(folder), model=str(other))


def test_a_restarted_job_that_overwrites_goes_on_until_it_is_finished(output_dir, model):
    finish(output_dir, model, seed=1)
    job = {"model": str(model), "overwrite_output_dir": True}
    assert begin_training(output_dir, **job).step == 0
    save(output_dir, model, 7)
    assert begin_training(output_dir, **job).step == 7
    assert start(output_dir, model=str(model)).step == 7
    # Killed in its evaluation: nothing is trained again.
    save(output_dir, model, 20)
    assert start(output_dir, **job).step == 20
    # A finished one is trained again, as the flag says, and so is one with other settings.
    output_dir.write_results({"train_loss": 0.5})
    assert start(output_dir, **job).step == 0
    save(output_dir, model, 7)
    assert start(output_dir, **job, seed=2).step == 0


def test_a_run_that_was_started_without_overwriting_is_overwritten(output_dir, model):
    begin_training(output_dir, model=str(model))
    save(output_dir, model, 7)
    assert start(output_dir, model=str(model), overwrite_output_dir=True).step == 0


def test_a_broken_run_is_overwritten_with_a_warning(output_dir, model, caplog):
    (output_dir.path / "run.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert start(output_dir, model=str(model), overwrite_output_dir=True).step == 0
    assert "run.json" in caplog.text


def test_another_machine_is_noted_and_told_in_one_line(output_dir, model, caplog):
    begin_training(output_dir, model=str(model))
    save(output_dir, model, 7)
    run = run_json(output_dir)
    run["machines"][0] |= {"cores": 1000, "tensorflow": "2.0"}
    (output_dir.path / "run.json").write_text(json.dumps(run))
    with caplog.at_level(logging.WARNING):
        begin_training(output_dir, model=str(model))
        begin_training(output_dir, model=str(model))
    lines = [record.getMessage() for record in caplog.records if "another machine" in record.getMessage()]
    assert len(lines) == 1
    assert f"cores was 1000, is {run_json(output_dir)['machines'][1]['cores']}" in lines[0]
    assert f"tensorflow was 2.0, is {tf.__version__}" in lines[0]


def test_a_finished_run_is_not_resumed_on_another_machine(output_dir, model, caplog):
    finish(output_dir, model)
    run = run_json(output_dir)
    run["machines"][0]["cores"] = 1000
    (output_dir.path / "run.json").write_text(json.dumps(run))
    with caplog.at_level(logging.WARNING):
        begin_training(output_dir, model=str(model))
    assert not caplog.records and run_json(output_dir) == run


def test_a_run_of_the_version_with_other_learning_rates_resumes_with_one_warning(output_dir, model, caplog):
    begin_training(output_dir, model=str(model))
    save(output_dir, model, 7)
    run = run_json(output_dir)
    for key in ("machines", "model", "overwrites"):
        del run[key]
    del run["training"]["num_train_steps"]
    (output_dir.path / "run.json").write_text(json.dumps(run))
    with caplog.at_level(logging.WARNING):
        assert begin_training(output_dir, model=str(model)).step == 7
        assert begin_training(output_dir, model=str(model)).step == 7
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1 and "which gave each update the learning rate of the next step" in lines[0]
    assert run_json(output_dir)["machines"][0] == {}


@pytest.mark.parametrize("labels, said", [(2, "The head is that of"), (3, "The head is new: that of")])
def test_training_from_a_checkpoint_with_a_head_says_what_becomes_of_it(
    output_dir, model, tmp_path, caplog, labels, said
):
    fine_tuned = shutil.copytree(model, tmp_path / "fine_tuned")
    head = {"output_weights": np.ones([labels, 32], np.float32), "output_bias": np.zeros(labels, np.float32)}
    write_checkpoint(fine_tuned / "bert_model.ckpt", read_checkpoint(model / "bert_model.ckpt") | head)
    with caplog.at_level(logging.INFO, logger="absl"):
        found = start(output_dir, model=str(fine_tuned))
        built, _ = build_head(MRPC, found, FullTokenizer(found.files.vocab_file, True), one_device())
    assert sum(said in record.getMessage() for record in caplog.records) == 1
    assert bool(np.all(built.output_weights == 1)) == (labels == 2)


# Evaluation and prediction alone.


def test_inference_needs_a_fine_tuned_checkpoint(output_dir):
    with pytest.raises(UserError) as error:
        infer(output_dir)
    assert one_line(error).startswith(f"output_dir: {output_dir.path}: holds no trained model; ")


def test_the_model_of_the_output_folder_is_used_with_the_settings_of_its_training(output_dir, model, tmp_path):
    finish(output_dir, model, max_seq_length=48, mixed_precision="bfloat16", do_lower_case=True)
    own = (output_dir.config_file, output_dir.vocab_file, output_dir.checkpoint(20))
    named = {"model": str(model)}, files_of(model), {"model": str(output_dir.path)}
    for flags in ({}, *named):
        found = infer(output_dir, **flags)
        assert dataclasses.astuple(found.files) == own
        assert (found.config.max_seq_length, found.config.mixed_precision) == (48, "bfloat16")
        assert found.num_train_steps == 20
    moved = shutil.copytree(model, tmp_path / "moved")
    assert infer(output_dir, model=str(moved)).files.checkpoint == own[2]
    # The original's evaluation need not name a checkpoint.
    architecture = {name: value for name, value in files_of(model).items() if name != "init_checkpoint"}
    assert infer(output_dir, **architecture).files.checkpoint == own[2]


def test_a_checkpoint_of_the_output_folder_that_is_named_is_the_one_that_is_used(output_dir, model):
    finish(output_dir, model)
    older = output_dir.path / "older.ckpt"
    write_checkpoint(older, read_checkpoint(output_dir.checkpoint(20)))
    flags = files_of(model) | {"init_checkpoint": str(older)}
    assert infer(output_dir, **flags).files.checkpoint == older


def test_another_model_than_that_of_the_output_folder_is_refused(output_dir, model, tmp_path):
    finish(output_dir, model)
    other = write_tiny_model(tmp_path / "other", dropout=0.2)
    for flags, shown in (({"model": str(other)}, other), (files_of(other), other / "bert_model.ckpt")):
        with pytest.raises(UserError) as error:
            infer(output_dir, **flags)
        message = one_line(error)
        assert f"holds a model that was fine-tuned from {model}" in message and f"names {shown};" in message


def test_a_run_of_a_version_that_noted_no_digest_is_used_with_its_model_under_another_name(output_dir, model, tmp_path):
    finish(output_dir, model)
    run = run_json(output_dir)
    del run["model"]
    (output_dir.path / "run.json").write_text(json.dumps(run))
    moved = shutil.copytree(model, tmp_path / "moved")
    for flags in ({"model": str(moved)}, files_of(model)):
        assert infer(output_dir, **flags).files.checkpoint == output_dir.checkpoint(20)
        assert start(output_dir, **flags).step == 20
    with pytest.raises(UserError, match="holds a model that was fine-tuned from"):
        infer(output_dir, model=str(write_tiny_model(tmp_path / "other", dropout=0.2)))


def test_a_model_of_another_size_is_refused_though_the_folder_does_not_say_what_it_was_started_from(
    output_dir, model, tmp_path
):
    finish(output_dir, model)
    (output_dir.path / "run.json").unlink()
    assert infer(output_dir, model=str(model)).files.checkpoint == output_dir.checkpoint(20)
    other = shutil.copytree(model, tmp_path / "other")
    with (other / "vocab.txt").open("a") as file:
        file.write("more\n")
    with pytest.raises(UserError, match=r"holds model\.ckpt-20, but --bert_model names .*other"):
        infer(output_dir, model=str(other))


@pytest.mark.parametrize("flags", [{"model": "no/such/folder"}, {"model": "uncased_L-12_H-768_A-13"}])
def test_a_named_model_that_is_not_there_is_an_error_though_the_output_folder_has_one(output_dir, model, flags):
    finish(output_dir, model)
    with pytest.raises(UserError, match=next(iter(flags.values()))):
        infer(output_dir, **flags)


def test_a_fine_tuned_folder_that_is_named_is_used_with_the_settings_of_its_training(output_dir, model, tmp_path):
    finish(output_dir, model, max_seq_length=48, do_lower_case=True)
    new = OutputDir(tmp_path / "new")
    for flags in (
        {"model": str(output_dir.path)},
        files_of(output_dir.path) | {"init_checkpoint": str(output_dir.path)},
    ):
        found = infer(new, **flags)
        assert found.files.checkpoint == output_dir.checkpoint(20)
        assert found.config.max_seq_length == 48


def test_a_fine_tuned_folder_of_other_labels_is_refused(output_dir, model, tmp_path):
    finish(output_dir, model)
    (output_dir.path / "labels.txt").write_text("no\nyes\n")
    with pytest.raises(UserError, match=r"labels\.txt: the model was trained for \['no', 'yes'\]"):
        infer(OutputDir(tmp_path / "new"), model=str(output_dir.path))


def test_the_originals_output_folder_is_used_by_the_originals_command(output_dir, model, tmp_path):
    # It has no configuration, no vocabulary, no labels and no run.json.
    moments = {"output_weights/adam_m": np.ones([2, 32], np.float32)}
    save(output_dir, model, 343, **moments)
    checkpoint = output_dir.checkpoint(343)
    for init_checkpoint in (model / "bert_model.ckpt", checkpoint, output_dir.path, None):
        flags = files_of(model) | {"init_checkpoint": str(init_checkpoint) if init_checkpoint else None}
        found = infer(output_dir, **flags)
        assert found.files.checkpoint == checkpoint
        assert found.files.vocab_file == model / "vocab.txt"
    with pytest.raises(UserError, match=r"bert_config\.json is missing.*--bert_config_file"):
        infer(output_dir)
    fine_tuned = OutputDir(tmp_path / "fine_tuned")
    with fine_tuned.opened():
        save(fine_tuned, model, 12)
    with pytest.raises(UserError, match=r"holds model\.ckpt-343, but --init_checkpoint names .*model\.ckpt-12"):
        infer(output_dir, **files_of(model) | {"init_checkpoint": str(fine_tuned.checkpoint(12))})


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_training_that_is_not_finished_is_told_with_step_and_total(output_dir, model, caplog, is_finished):
    begin_training(output_dir, model=str(model))
    state = {} if is_finished else {"training/loss_scale": np.float32(1)}
    save(output_dir, model, 20 if is_finished else 7, **state)
    with caplog.at_level(logging.WARNING):
        found = infer(output_dir)
        _, step = build_head(MRPC, found, FullTokenizer(found.files.vocab_file, True), one_device())
    lines = [record.getMessage() for record in caplog.records if "not finished" in record.getMessage()]
    assert step == (20 if is_finished else 7)
    assert [f"{output_dir.checkpoint(7)}: is from step 7 of 20 of a training" in line for line in lines] == (
        [] if is_finished else [True]
    )


def test_a_scratch_training_has_no_checkpoint(output_dir, model):
    flags = files_of(model) | {"init_checkpoint": None}
    found = begin_training(output_dir, **flags)
    assert found.files.checkpoint is None and found.step == 0
    assert BertConfig.from_json_file(output_dir.config_file) == BertConfig.from_json_file(model / "bert_config.json")
