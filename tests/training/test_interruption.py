"""The advice after Ctrl-C is true: the same command does what it says."""

import json
from pathlib import Path

import pytest

from bert_tf.training.config import RunConfig, resume_fields, settle
from bert_tf.training.interruption import advice_after_interruption

AGAIN = "nothing was saved yet; the same command starts again"


def config_for(folder: Path, **fields: object) -> RunConfig:
    return RunConfig(**{"do_train": True, "data_dir": "data", "output_dir": folder, "model": "tiny", **fields})


def write_run(folder: Path, config: RunConfig, step: int, total: int = 10, overwrites: bool = False) -> None:
    training = resume_fields(settle(config, {})) | {"num_train_steps": total}
    (folder / "run.json").write_text(json.dumps({"training": training, "overwrites": overwrites}))
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"\n')
    (folder / f"model.ckpt-{step}.index").touch()
    (folder / f"model.ckpt-{step}.data-00000-of-00001").touch()


def test_before_the_first_checkpoint_the_command_starts_again(tmp_path):
    assert advice_after_interruption(config_for(tmp_path)) == AGAIN
    assert advice_after_interruption(config_for(tmp_path / "missing")) == AGAIN
    (tmp_path / "run.json").write_text(json.dumps({"training": resume_fields(settle(config_for(tmp_path), {}))}))
    assert advice_after_interruption(config_for(tmp_path)) == AGAIN


def test_after_a_checkpoint_the_command_continues_from_it(tmp_path):
    config = config_for(tmp_path, do_eval=True)
    write_run(tmp_path, config, step=7)
    assert advice_after_interruption(config) == "the same command continues after step 7"
    # In evaluation after the last step, too.
    write_run(tmp_path, config, step=10)
    assert advice_after_interruption(config) == "the same command continues after step 10"


@pytest.mark.parametrize("ended", [{"best": {"step": 7}}, {"stopped_early": 7}])
def test_a_training_that_ended_with_the_best_weights_or_early_continues_after_it(tmp_path, ended):
    config = config_for(tmp_path, keep_best="accuracy", early_stopping_patience=2, overwrite_output_dir=True)
    write_run(tmp_path, config, step=7, overwrites=True)
    (tmp_path / "results.json").write_text(json.dumps(ended))
    assert advice_after_interruption(config) == "the same command continues after the training"
    # A command that has done all its work would be started again.
    (tmp_path / "results.json").write_text(json.dumps({**ended, "train_loss": 0.5}))
    assert "without --overwrite_output_dir" in advice_after_interruption(config)


def test_evaluation_and_prediction_start_again(tmp_path):
    write_run(tmp_path, config_for(tmp_path), step=10)
    for action in ("do_eval", "do_predict"):
        config = config_for(tmp_path, do_train=False, **{action: True})
        assert advice_after_interruption(config) == "the same command starts it again"


def test_a_command_that_removes_the_checkpoint_is_not_advised(tmp_path):
    config = config_for(tmp_path, overwrite_output_dir=True)
    write_run(tmp_path, config, step=7, overwrites=False)
    assert advice_after_interruption(config) == (
        "the same command without --overwrite_output_dir continues after step 7"
    )
    write_run(tmp_path, config, step=10, overwrites=True)
    (tmp_path / "results.json").write_text('{"train_loss": 0.5}')
    assert advice_after_interruption(config) == (
        "the same command without --overwrite_output_dir continues after step 10"
    )


def test_a_command_with_overwrite_continues_its_own_stopped_run(tmp_path):
    config = config_for(tmp_path, overwrite_output_dir=True)
    write_run(tmp_path, config, step=7, overwrites=True)
    assert advice_after_interruption(config) == "the same command continues after step 7"
    # In evaluation after the last step, too.
    write_run(tmp_path, config, step=10, overwrites=True)
    assert advice_after_interruption(config) == "the same command continues after step 10"


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_checkpoint_of_another_run_does_not_count(tmp_path, overwrite):
    write_run(tmp_path, config_for(tmp_path, learning_rate=1e-3), step=7, overwrites=True)
    assert advice_after_interruption(config_for(tmp_path, overwrite_output_dir=overwrite)) == AGAIN


def test_the_model_may_have_another_path(tmp_path):
    write_run(tmp_path, config_for(tmp_path, model="/moved/tiny"), step=7)
    assert advice_after_interruption(config_for(tmp_path)) == "the same command continues after step 7"


@pytest.mark.parametrize("content", ["", "[]", '{"training": 3}', '{"training": {}}', "{" * 5000])
def test_a_broken_description_is_no_run(tmp_path, content):
    write_run(tmp_path, config_for(tmp_path), step=7)
    (tmp_path / "run.json").write_text(content)
    config = config_for(tmp_path, learning_rate=1e-3)
    assert advice_after_interruption(config) == AGAIN
