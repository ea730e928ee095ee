"""Which checkpoint of a folder is the newest, and what is done if nobody can know."""

import os
from pathlib import Path

import pytest
import tensorflow as tf

from bert_tf.checkpoints.locate import checkpoint_in
from bert_tf.checkpoints.state_file import complete_steps, latest_checkpoint, only_step
from bert_tf.errors import UserError


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("name", ["model.ckpt-7", "modèle 中-7", 'with "quotes" and \\ and \'-7'])
def test_the_newest_checkpoint_is_the_one_that_tensorflow_names(tmp_path, monkeypatch, name, relative):
    monkeypatch.chdir(tmp_path.parent)
    folder = tmp_path.name if relative else str(tmp_path)
    tf.compat.v1.train.update_checkpoint_state(folder, f"{folder}/{name}", [f"{folder}/older", f"{folder}/{name}"])
    assert (str(tmp_path) in (tmp_path / "checkpoint").read_text()) is not relative
    (tmp_path / f"{name}.index").touch()
    assert latest_checkpoint(folder) == Path(folder, name)
    assert Path(tf.train.get_checkpoint_state(folder).model_checkpoint_path) == Path(folder, name)


def test_the_newest_checkpoint_of_a_manager_is_found(tmp_path):
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(x=tf.Variable(1.0)), str(tmp_path), max_to_keep=2)
    for _ in range(3):
        manager.save()
    assert latest_checkpoint(str(tmp_path)) == Path(manager.latest_checkpoint) == tmp_path / "ckpt-3"


def test_a_moved_folder_gives_the_checkpoint_in_it(tmp_path):
    (tmp_path / "checkpoint").write_text('\n  model_checkpoint_path : "/old/model.ckpt-3"\n')
    (tmp_path / "model.ckpt-3.index").touch()
    assert latest_checkpoint(tmp_path) == tmp_path / "model.ckpt-3"


def test_a_folder_from_a_bucket_gives_the_checkpoint_in_it(tmp_path):
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "gs://bucket/output/model.ckpt-3"\n')
    (tmp_path / "model.ckpt-3.index").touch()
    assert latest_checkpoint(tmp_path) == tmp_path / "model.ckpt-3"


HOSTILE = {
    "empty": b"",
    "no text": b"\0\xff\xfe",
    "not UTF-8": b'model_checkpoint_path: "\xff"',
    "not UTF-8, escaped": b'model_checkpoint_path: "\\377"',
    "bad escape": b'model_checkpoint_path: "\\x"',
    "cut off escape": b'model_checkpoint_path: "\\u12"',
    "not closed": b'model_checkpoint_path: "model.ckpt-1',
    "two lines": b'model_checkpoint_path: "model\n.ckpt-1"',
    "line end": b'model_checkpoint_path: "model.ckpt-1\\n"',
    "NUL": b'model_checkpoint_path: "model.ckpt-1\\000"',
    "no name": b'model_checkpoint_path: ""',
    "root": b'model_checkpoint_path: "/"',
    "upwards": b'model_checkpoint_path: "../.."',
    "outside": b'model_checkpoint_path: "../other/bert_model.ckpt"',
    "another field": b'all_model_checkpoint_paths: "model.ckpt-1"',
    "another type": b"model_checkpoint_path: 7",
    "JSON": b'{"model_checkpoint_path": "model.ckpt-1"}',
    "blank": b"\n \t" * 50_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_state_file_that_names_no_checkpoint_is_reported_in_one_line(tmp_path, kind):
    (tmp_path / "checkpoint").write_bytes(HOSTILE[kind])
    for find in (latest_checkpoint, checkpoint_in):
        with pytest.raises(
            UserError, match=r"checkpoint: cannot be read or names no checkpoint of .*; remove"
        ) as error:
            find(tmp_path)
        assert "\n" not in str(error.value)


def test_a_state_file_that_cannot_be_read_is_not_the_same_as_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "missing") is None
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("gone")):
        state_file = tmp_path / make.__name__.strip("<>") / "checkpoint"
        state_file.parent.mkdir()
        make(state_file)
        with pytest.raises(UserError, match=r"checkpoint: cannot be read \("):
            latest_checkpoint(state_file.parent)


def add_checkpoint(folder: Path, step: int, *kinds: str) -> None:
    for kind in kinds:
        (folder / f"model.ckpt-{step}.{kind}").write_text(f"{kind} of {step}")


INDEX, DATA = "index", "data-00000-of-00001"


@pytest.mark.parametrize(
    "state", [None, "", 'model_checkpoint_path: "model.ckpt-34"', 'model_checkpoint_path: "/a/../model.ckpt-343"']
)
def test_the_remedy_for_a_damaged_state_file_keeps_the_newest_weights(tmp_path, state):
    for step in (20, 343):
        add_checkpoint(tmp_path, step, INDEX, DATA)
    add_checkpoint(tmp_path, 400, DATA)  # As a run leaves it that is killed while it saves.
    if state is not None:
        (tmp_path / "checkpoint").write_text(state)
    with pytest.raises(UserError) as error:
        latest_checkpoint(tmp_path)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'checkpoint'}: ") and "\n" not in message and "overwrite" not in message
    line = message.rpartition("write only this line into it: ")[2]
    (tmp_path / "checkpoint").write_text(line)
    assert latest_checkpoint(tmp_path) == tmp_path / "model.ckpt-343"


def test_an_index_without_its_data_is_not_taken_for_nothing(tmp_path):
    add_checkpoint(tmp_path, 343, INDEX)
    with pytest.raises(UserError, match=r"copy model\.ckpt-343\.data-00000-of-00001 there"):
        latest_checkpoint(tmp_path)
    assert only_step(tmp_path) is None and complete_steps(tmp_path) == []


def test_the_only_checkpoint_is_known_without_a_state_file(tmp_path):
    add_checkpoint(tmp_path, 343, INDEX, DATA)
    add_checkpoint(tmp_path, 344, DATA)
    assert only_step(tmp_path) == 343
    assert latest_checkpoint(tmp_path) == checkpoint_in(tmp_path) == tmp_path / "model.ckpt-343"
    add_checkpoint(tmp_path, 20, INDEX)
    assert only_step(tmp_path) is None
