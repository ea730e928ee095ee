"""What a run leaves behind, and what the next run makes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.errors import UserError
from bert_tf.training.output_dir import OutputDir

ARRAYS = {"output_bias": np.array([1.0, 2.0], np.float32), "global_step": np.int64(3)}


@pytest.fixture
def folder(tmp_path) -> OutputDir:
    folder = OutputDir(tmp_path / "run")
    folder.create()
    return folder


def names_in(folder: OutputDir) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# The folder


def test_the_folder_and_those_above_it_are_made(tmp_path):
    OutputDir(tmp_path / "a" / "b").create()
    OutputDir(tmp_path / "a" / "b").create()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_told_in_one_line(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(UserError) as error:
            OutputDir(path).create()
        assert one_line(error).startswith(f"output_dir: {path}: cannot be written to: ")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_in_one_line(folder):
    folder.path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written to"):
        folder.create()


def test_nobody_else_writes_while_the_folder_is_locked(folder):
    with folder.locked():
        with pytest.raises(UserError) as error, OutputDir(folder.path).locked():
            pass
        assert one_line(error).startswith(f"output_dir: {folder.path}: another run is writing there")
    with OutputDir(folder.path).locked():
        pass


def test_the_lock_dies_with_its_process(folder):
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1); time.sleep(99)"
    command = [sys.executable, "-uc", hold, str(folder.path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"1\n"
            with pytest.raises(UserError, match="another run"), folder.locked():
                pass
        finally:
            other.kill()
    with folder.locked():
        pass


def test_an_earlier_run_is_removed_and_nothing_else(folder):
    folder.write_model_files("{}\n", write(folder.path.parent / "vocab.txt", "[PAD]\n"), ["0", "1"])
    folder.write_run({"training": {}})
    folder.write_results({"loss": 1.0})
    folder.write_eval_results({"loss": 1.0})
    folder.write_eval_predictions(["dev-1"], ["0"], ["0", "1"], np.zeros([1, 2], np.float32))
    folder.write_test_results(np.zeros([1, 2], np.float32))
    folder.write_checkpoint(3, ARRAYS)
    write(folder.path / "train_log.csv", "step,loss,learning_rate\n")
    (folder.path / ".model.ckpt-4.partial").mkdir()  # As a run leaves it that is killed while it saves.
    write(folder.path / ".model.ckpt-4.partial" / "checkpoint.index", "")
    write(folder.path / "events.out.tfevents.1700000000.host.1.2.v2", "")
    # What a stranger keeps there, names like ours among it.
    theirs = {"notes.txt", "model.h5", "my_model.ckpt-3.index", "results.json.old", "train.tsv", "vocab"}
    for name in theirs:
        write(folder.path / name, "theirs")
    for name in ("sub", "model.ckpt-kept"):
        (folder.path / name).mkdir()
        write(folder.path / name / "results.json", "theirs")
    folder.remove_earlier_run()
    assert names_in(folder) - {".lock"} == theirs | {"sub", "model.ckpt-kept"}
    for name in ("sub", "model.ckpt-kept"):
        assert (folder.path / name / "results.json").read_text() == "theirs"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# The run


def test_a_run_is_read_as_it_was_written(folder):
    assert folder.read_run() is None
    run = {"training": {"task_name": "MRPC", "seed": 1, "model": None, "learning_rate": 5e-05}}
    folder.write_run(run)
    assert folder.read_run() == run


@pytest.mark.parametrize("content", ["", "{", "[]", '{"training": 1}', "\xff"])
def test_a_broken_run_is_told_in_one_line(folder, content):
    (folder.path / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(UserError) as error:
        folder.read_run()
    assert one_line(error).startswith(f"{folder.path / 'run.json'}: ")
    assert "--overwrite_output_dir" in str(error.value)


def test_the_model_files_are_what_prediction_needs(folder, tmp_path):
    vocab = write(tmp_path / "words", "[PAD]\nä\n")
    folder.write_model_files('{"vocab_size": 2}\n', vocab, ["entailment", "neutral"])
    assert folder.config_file.read_text() == '{"vocab_size": 2}\n'
    assert folder.vocab_file.read_bytes() == vocab.read_bytes()
    folder.check_labels(["entailment", "neutral"])


def test_the_models_own_vocabulary_may_be_given(folder, tmp_path):
    folder.write_model_files("{}\n", write(tmp_path / "words", "[PAD]\n"), ["0"])
    (tmp_path / "link").symlink_to(folder.path)
    folder.write_model_files("{}\n", tmp_path / "link" / "vocab.txt", ["0"])
    assert folder.vocab_file.read_text() == "[PAD]\n"


@pytest.mark.parametrize("labels", [["neutral", "entailment"], ["entailment"], ["0", "1"], []])
def test_a_model_of_other_labels_is_told_in_one_line(folder, tmp_path, labels):
    folder.write_model_files("{}\n", write(tmp_path / "words", "[PAD]\n"), ["entailment", "neutral"])
    with pytest.raises(UserError) as error:
        folder.check_labels(labels)
    assert one_line(error).startswith(f"{folder.path / 'labels.txt'}: the model was fine-tuned for ")


def test_missing_labels_are_told_in_one_line(folder):
    with pytest.raises(UserError) as error:
        folder.check_labels(["0"])
    assert one_line(error).startswith(f"{folder.path / 'labels.txt'}: cannot be read: ")


# Checkpoints


def test_a_checkpoint_is_read_as_it_was_written(folder):
    folder.write_checkpoint(3, ARRAYS)
    assert folder.latest_step() == 3
    read = folder.read_checkpoint(3)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


def test_tensorflow_finds_the_checkpoint_also_where_the_folder_has_moved(folder, tmp_path):
    folder.write_checkpoint(12, ARRAYS)
    assert tf.train.latest_checkpoint(str(folder.path)) == str(folder.path / "model.ckpt-12")
    folder.path.rename(tmp_path / "moved")
    moved = OutputDir(tmp_path / "moved")
    assert moved.latest_step() == 12
    assert tf.train.latest_checkpoint(str(moved.path)) == str(moved.path / "model.ckpt-12")


def test_only_the_newest_checkpoint_is_kept(folder):
    for step in (1, 20, 2):
        folder.write_checkpoint(step, ARRAYS)
    files = {"checkpoint", "model.ckpt-2.index", "model.ckpt-2.data-00000-of-00001"}
    assert names_in(folder) == files
    assert folder.latest_step() == 2


def test_a_new_checkpoint_leaves_what_a_user_keeps_beside_it(folder):
    folder.write_checkpoint(1, ARRAYS)
    (folder.path / "model.ckpt-kept").mkdir()
    for suffix in ("index", "data-00000-of-00001"):
        write(folder.path / f"model.ckpt-best.{suffix}", "theirs")
    folder.write_checkpoint(2, ARRAYS)
    assert {"model.ckpt-kept", "model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"} < names_in(folder)
    assert not [name for name in names_in(folder) if name.startswith("model.ckpt-1.")]


def test_the_older_checkpoint_stays_where_the_newer_cannot_be_written(folder, monkeypatch):
    def disk_full(**kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    folder.write_checkpoint(1, ARRAYS)
    monkeypatch.setattr(tf.raw_ops, "SaveV2", disk_full)
    with pytest.raises(UserError, match=r"model\.ckpt-2: cannot be written"):
        folder.write_checkpoint(2, ARRAYS)
    assert folder.latest_step() == 1
    np.testing.assert_array_equal(folder.read_checkpoint(1)["output_bias"], ARRAYS["output_bias"])
    assert not [name for name in names_in(folder) if "-2" in name]


def test_there_is_no_step_where_no_checkpoint_was_saved(folder):
    assert folder.latest_step() == 0


@pytest.mark.parametrize(
    "content",
    ["", "garbage", "\0\xff\xfe", 'model_checkpoint_path: "bert_model.ckpt"\n', 'model_checkpoint_path: "', "[1]\n"],
)
def test_a_checkpoint_file_that_is_not_ours_names_no_step(folder, content):
    (folder.path / "checkpoint").write_text(content, encoding="latin-1")
    assert folder.latest_step() == 0


# Results


def test_results_are_added_to_earlier_ones(folder):
    folder.write_results({"train_loss": 0.5, "eval_loss": 0.7, "model": None})
    folder.write_results({"eval_loss": 0.6, "flags": {"seed": 1}})
    text = (folder.path / "results.json").read_text()
    assert json.loads(text) == {"train_loss": 0.5, "eval_loss": 0.6, "model": None, "flags": {"seed": 1}}
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [None, "", "{", "[1]", "\xff"])
def test_results_that_somebody_broke_are_written_anew(folder, content):
    if content is not None:
        (folder.path / "results.json").write_text(content, encoding="latin-1")
    assert folder.read_results() == {}
    folder.write_results({"loss": 1.0})
    assert folder.read_results() == {"loss": 1.0}


def test_eval_results_are_sorted_lines_of_key_and_value(folder):
    folder.write_eval_results({"loss": 0.5, "global_step": 343, "eval_accuracy": 0.8627451})
    text = (folder.path / "eval_results.txt").read_text()
    assert text == "eval_accuracy = 0.8627451\nglobal_step = 343\nloss = 0.5\n"


def test_eval_predictions_have_a_header_and_a_row_an_example(folder):
    probabilities = np.array([[0.1, 0.9], [1 / 3, 2 / 3]], np.float32)
    folder.write_eval_predictions(["dev-1", "dev-2"], ["1", "0"], ["0", "1"], probabilities)
    text = (folder.path / "eval_predictions.tsv").read_bytes()
    assert text == b"guid\tlabel\t0\t1\ndev-1\t1\t0.1\t0.9\ndev-2\t0\t0.33333334\t0.6666667\n"
    with pytest.raises(ValueError):
        folder.write_eval_predictions(["dev-1"], ["1"], ["0", "1"], probabilities)
    assert (folder.path / "eval_predictions.tsv").read_bytes() == text


def test_test_results_are_a_row_an_example_of_numpys_own_numbers(folder):
    probabilities = np.array([[0.1, 0.9], [1e-8, 1.0], [1 / 3, 2 / 3]], np.float32)
    folder.write_test_results(probabilities)
    # The original: "\t".join(str(class_probability) for class_probability in probabilities) + "\n"
    text = (folder.path / "test_results.tsv").read_bytes()
    assert text == b"0.1\t0.9\n1e-08\t1.0\n0.33333334\t0.6666667\n"
    read = np.loadtxt(folder.path / "test_results.tsv", dtype=np.float32)
    np.testing.assert_array_equal(read, probabilities)


def test_test_results_are_whole_or_not_there(folder):
    folder.write_test_results(np.ones([2, 2], np.float32))
    before = (folder.path / "test_results.tsv").read_text()

    def rows():
        yield np.zeros(2, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write_test_results(rows())
    assert (folder.path / "test_results.tsv").read_text() == before
    assert names_in(folder) == {"test_results.tsv"}
