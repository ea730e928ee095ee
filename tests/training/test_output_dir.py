"""The files of an output folder, and how the next run reads them."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.errors import UserError
from bert_tf.training.output_dir import OutputDir

ARRAYS = {"output_bias": np.array([1.0, 2.0], np.float32), "global_step": np.int64(3)}


def arrays_of(step: int) -> dict[str, np.ndarray]:
    return {**ARRAYS, "global_step": np.int64(step)}


@pytest.fixture
def folder(tmp_path) -> OutputDir:
    folder = OutputDir(tmp_path / "run")
    with folder.opened():
        return folder


def start(folder: OutputDir, vocab: str = "[PAD]\n", overwrite: bool = False, **model_files: str) -> None:
    """Marks the folder as a run's."""
    files = {f"{name}.txt": text for name, text in model_files.items()}
    folder.start_run(
        {"training": {"seed": 1}},
        {"bert_config.json": "{}\n", **files},
        write(folder.path.parent / "words", vocab),
        overwrite,
    )


def names_in(folder: OutputDir) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# The folder


def test_the_folder_and_those_above_it_are_made(tmp_path):
    for _ in range(2):
        with OutputDir(tmp_path / "a" / "b").opened():
            pass
    assert names_in(OutputDir(tmp_path / "a" / "b")) == {".lock"}


def test_a_file_in_the_way_is_told_in_one_line(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(UserError) as error, OutputDir(path).opened():
            pass
        assert one_line(error).startswith(f"output_dir: {path}: cannot be written to: ")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_in_one_line(folder):
    folder.path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written to"), folder.opened():
        pass


def test_nobody_else_writes_while_the_folder_is_locked(folder):
    with folder.opened():
        with pytest.raises(UserError) as error, OutputDir(folder.path).opened():
            pass
        assert one_line(error).startswith(f"output_dir: {folder.path}: another run is writing there")
    with OutputDir(folder.path).opened():
        pass


def test_the_lock_dies_with_its_process(folder):
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1); time.sleep(99)"
    command = [sys.executable, "-uc", hold, str(folder.path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"1\n"
            with pytest.raises(UserError, match="another run"), folder.opened():
                pass
        finally:
            other.kill()
    with folder.opened():
        pass


def test_only_a_writer_touches_the_folder(tmp_path):
    reader = OutputDir(tmp_path / "run", is_writer=False)
    with reader.opened():
        reader.start_run({}, {}, tmp_path / "no vocabulary", overwrite=True)
        reader.write_checkpoint(3, ARRAYS)
        reader.write_results({"loss": 1.0})
        reader.write_eval_results({"loss": 1.0})
        reader.write_eval_values(["dev-1"], np.ones(1))
        reader.write_lines("lines.txt", ["a"])
        reader.append("lines.txt", b"b\n")
        reader.start_events()
    assert not reader.path.exists()


def test_overwriting_removes_an_earlier_run_and_nothing_else(folder):
    write_everything(folder)
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
    start(folder, overwrite=True)
    ours = {".lock", "run.json", "bert_config.json", "vocab.txt"}
    assert names_in(folder) == ours | theirs | {"sub", "model.ckpt-kept"}
    for name in ("sub", "model.ckpt-kept"):
        assert (folder.path / name / "results.json").read_text() == "theirs"


def test_without_overwriting_nothing_is_removed(folder):
    write(folder.path / "results.json", "{}")
    write(folder.path / "labels.txt", "theirs")
    start(folder)
    assert {"results.json", "labels.txt"} < names_in(folder)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# Links, leftovers, and disks that cannot be written.


def write_everything(folder: OutputDir) -> None:
    start(folder, labels="0\n1\n")
    folder.write_results({"loss": 1.0})
    folder.write_eval_results({"loss": 1.0})
    folder.write_eval_values(["dev-1"], np.ones(1))
    for name in ("eval_predictions.tsv", "test_results.tsv", "train_log.csv"):
        folder.write_lines(name, ["a line"])
    folder.write_checkpoint(3, ARRAYS)


def test_no_file_outside_is_written_through_a_link(folder, tmp_path):
    write_everything(folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    for path in list(folder.path.iterdir()):
        if path.name != ".lock":
            path.unlink()
            state = 'model_checkpoint_path: "model.ckpt-3"'
            path.symlink_to(write(outside / path.name, state if path.name == "checkpoint" else "theirs"))
    (folder.path / ".model.ckpt-3.partial").symlink_to(outside)
    (folder.path / ".model.ckpt-4.partial").mkdir()
    (folder.path / ".model.ckpt-4.partial" / "checkpoint.index").symlink_to(write(outside / "inner", "theirs"))
    before = {path.name: path.read_text() for path in outside.iterdir()}
    with folder.opened():
        write_everything(folder)
    assert {path.name: path.read_text() for path in outside.iterdir()} == before
    assert not any(path.is_symlink() for path in folder.path.iterdir())
    assert folder.start_step() == 3


@pytest.mark.parametrize("is_dangling", [False, True])
def test_a_lock_that_is_a_link_is_refused_in_one_line(folder, tmp_path, is_dangling):
    outside = write(tmp_path / "outside", "theirs")
    (folder.path / ".lock").unlink()
    (folder.path / ".lock").symlink_to(outside if not is_dangling else tmp_path / "none")
    with pytest.raises(UserError) as error, folder.opened():
        pass
    assert one_line(error).startswith(f"{folder.path / '.lock'}: cannot be locked (is a symbolic link); remove it")
    assert outside.read_text() == "theirs" and not (tmp_path / "none").exists()


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder.path)
    linked = OutputDir(tmp_path / "link")
    with linked.opened():
        write_everything(linked)
    assert folder.start_step() == 3 and (tmp_path / "link").is_symlink()


def test_what_killed_runs_left_half_written_is_removed_and_nothing_else(folder):
    ours = [".results.json.k3_x9q2z", ".checkpoint.abcdefgh", ".train_log.csv.________", ".failure.txt.00000000"]
    theirs = [".results.json.bak", ".results.json.K3_X9Q2Z", ".notes.txt.abcdefgh", ".model.ckpt-best.partial"]
    for name in (*ours, *theirs):
        write(folder.path / name, "half")
    for name in (".model.ckpt-12.partial", "model.ckpt-12.partial"):
        (folder.path / name).mkdir()
        write(folder.path / name / "checkpoint.data-00000-of-00001.tempstate", "half")
    reopened(folder)
    assert names_in(folder) == {".lock", *theirs, "model.ckpt-12.partial"}


def test_another_runs_half_written_files_are_left_alone(folder):
    with folder.opened():
        write(folder.path / ".results.json.k3_x9q2z", "half")
        with pytest.raises(UserError, match="another run"), OutputDir(folder.path).opened():
            pass
        assert ".results.json.k3_x9q2z" in names_in(folder)


@pytest.mark.parametrize("name", ["results.json", "checkpoint", "run.json", "vocab.txt", "train_log.csv", "labels.txt"])
def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_computed(folder, name):
    (folder.path / name).mkdir()
    write(folder.path / name / "file", "theirs")
    with pytest.raises(UserError) as error, folder.opened():
        pass
    assert one_line(error).startswith(f"{folder.path / name}: is a folder; ")
    assert (folder.path / name / "file").read_text() == "theirs"


WRITES = {
    "run.json": lambda folder: folder.write_run({"training": {"seed": 2}}),
    "results.json": lambda folder: folder.write_results({"loss": 1.0}),
    "eval_results.txt": lambda folder: folder.write_eval_results({"loss": 1.0}),
    "eval_values.tsv": lambda folder: folder.write_eval_values(["dev-1"], np.ones(1)),
    "test_results.tsv": lambda folder: folder.write_lines("test_results.tsv", ["a line"]),
    "train_log.csv": lambda folder: folder.append("train_log.csv", b"1,1.0,1.0\n"),
    "model.ckpt-4": lambda folder: folder.write_checkpoint(4, arrays_of(4)),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk_is_one_line_and_leaves_the_folder_as_it_was(folder, name):
    write_everything(folder)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with full_disk(), pytest.raises(UserError) as error:
        WRITES[name](folder)
    assert one_line(error).startswith(f"{folder.path / name}: cannot be written (")
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_overwriting_removes_nothing_if_the_disk_is_full(folder):
    write_everything(folder)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with full_disk(), pytest.raises(UserError, match=r"run\.json: cannot be written"):
        folder.start_run({"training": {"seed": 2}}, {}, folder.path / "vocab.txt", overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


@contextlib.contextmanager
def full_disk():
    """Lets no byte be written to any file."""
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


# The run


def test_a_run_is_read_as_it_was_written(folder):
    assert folder.read_run() is None
    training = {"task_name": "MRPC", "seed": 1, "model": None, "learning_rate": 5e-05}
    folder.start_run({"training": training}, {}, write(folder.path.parent / "words", "[PAD]\n"), overwrite=False)
    assert folder.read_run() == {"training": training}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"training": 1}', "\xff"])
def test_a_broken_run_is_told_in_one_line(folder, content):
    (folder.path / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(UserError) as error:
        folder.read_run()
    assert one_line(error).startswith(f"{folder.path / 'run.json'}: ")
    assert "--overwrite_output_dir" in str(error.value)


@pytest.mark.parametrize(
    "field, value",
    [
        ("max_seq_length", "abc"),
        ("max_seq_length", True),
        ("max_seq_length", -5),
        ("do_lower_case", "no"),
        ("do_lower_case", 1),
        ("learning_rate", "5e-5"),
        ("learning_rate", float("nan")),
        ("train_batch_size", 2.5),
        ("train_batch_size", [8]),
        ("mixed_precision", "float8"),
        ("model", {"name": "x"}),
        ("num_train_steps", "343"),
        ("num_train_steps", 0),
    ],
)
def test_a_value_of_an_earlier_run_is_checked_as_a_flag_is(folder, field, value):
    content = json.dumps({"training": {field: value}})
    (folder.path / "run.json").write_text(content)
    with pytest.raises(UserError) as error:
        folder.read_run()
    name = {"model": "bert_model"}.get(field, field)
    assert one_line(error).startswith(f"{folder.path / 'run.json'}: {name}: is ")
    assert (folder.path / "run.json").read_text() == content


@pytest.mark.parametrize("machines", ["here", [1], {"cores": 2}])
def test_machines_that_are_no_objects_are_refused(folder, machines):
    (folder.path / "run.json").write_text(json.dumps({"training": {}, "machines": machines}))
    with pytest.raises(UserError, match=r"run\.json: machines: is "):
        folder.read_run()


@pytest.mark.parametrize("kind", ["folder", "pipe", "nested"])
def test_what_is_in_the_place_of_run_json_is_told_in_one_line(folder, kind):
    path = folder.path / "run.json"
    if kind == "nested":
        path.write_text('{"training": ' + "[" * 100_000)
    else:
        Path.mkdir(path) if kind == "folder" else os.mkfifo(path)
    with pytest.raises(UserError) as error:
        folder.read_run()
    assert one_line(error).startswith(f"{path}: cannot be read (")


def test_the_model_files_are_what_prediction_needs(folder):
    start(folder, vocab="[PAD]\nä\n", labels="entailment\nnot entailment\n")
    assert folder.config_file.read_text() == "{}\n"
    assert folder.vocab_file.read_text(encoding="utf-8") == "[PAD]\nä\n"
    folder.check_description({"labels.txt": "entailment\nnot entailment\n"})


def test_the_folders_own_vocabulary_may_be_given(folder, tmp_path):
    start(folder)
    (tmp_path / "link").symlink_to(folder.path)
    folder.start_run({}, {}, tmp_path / "link" / "vocab.txt", overwrite=True)
    assert folder.vocab_file.read_text() == "[PAD]\n"


@pytest.mark.parametrize("labels", ["neutral\nentailment\n", "entailment\n", "0\n1\n", ""])
def test_a_model_of_other_labels_is_refused_in_one_line(folder, labels):
    start(folder, labels="entailment\nneutral\n")
    with pytest.raises(UserError) as error:
        folder.check_description({"labels.txt": labels})
    message = one_line(error)
    assert message.startswith(f"{folder.path / 'labels.txt'}: the model was trained for ['entailment', 'neutral']")


CLASSIFICATION, REGRESSION = ({"task.json": f'{{"kind": "{kind}"}}\n'} for kind in ("classification", "regression"))


def test_a_folder_that_does_not_say_its_kind_is_a_classifications(folder):
    start(folder)
    folder.check_description(CLASSIFICATION)
    with pytest.raises(UserError, match=r'trained for {"kind": "classification"}, not for'):
        folder.check_description(REGRESSION)


def test_a_model_of_another_kind_is_refused_in_one_line(folder):
    folder.write_lines("task.json", REGRESSION["task.json"].splitlines())
    folder.check_description(REGRESSION)
    with pytest.raises(UserError) as error:
        folder.check_description(CLASSIFICATION)
    kinds = 'for {"kind": "regression"}, not for {"kind": "classification"}'
    remedy = "name its task, or train it for this one: --do_train, --bert_model and another --output_dir"
    assert one_line(error) == f"{folder.path / 'task.json'}: the model was trained {kinds}; {remedy}"


def test_files_that_another_editor_wrote_say_the_same(folder):
    (folder.path / "labels.txt").write_bytes(b"bad\r\ngood")
    (folder.path / "task.json").write_text('{\n  "kind":"regression"}')
    folder.check_description({"labels.txt": "bad\ngood\n"} | REGRESSION)


def tagger(tags: list[str], doc_context: int, repair: str) -> dict[str, str]:
    facts = {"kind": "token_classification", "tags": tags, "doc_context": doc_context, "repair": repair}
    return {"task.json": json.dumps(facts) + "\n"}


def test_a_tagger_may_be_used_in_another_way_than_it_was_trained_for_but_not_for_other_tags(folder):
    folder.write_lines("task.json", tagger(["O", "B-PER"], 32, "conll")["task.json"].splitlines())
    folder.check_description(tagger(["O", "B-PER"], 8, "discard"))
    with pytest.raises(UserError, match="name its task"):
        folder.check_description(tagger(["O", "B-LOC"], 32, "conll"))


@pytest.mark.parametrize("content", [None, b"\xff\n"])
def test_labels_that_cannot_be_read_are_reported_in_one_line(folder, content):
    if content is not None:
        (folder.path / "labels.txt").write_bytes(content)
    with pytest.raises(UserError) as error:
        folder.check_description({"labels.txt": "0\n"})
    assert one_line(error).startswith(f"{folder.path / 'labels.txt'}: cannot be read (")


# Checkpoints


def test_a_checkpoint_is_read_as_it_was_written(folder):
    folder.write_checkpoint(3, ARRAYS)
    assert folder.latest_step() == 3
    read = folder.read_checkpoint(3)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


def test_tensorflow_finds_the_checkpoint_also_where_the_folder_has_moved(folder, tmp_path):
    folder.write_checkpoint(12, arrays_of(12))
    assert tf.train.latest_checkpoint(str(folder.path)) == str(folder.path / "model.ckpt-12")
    folder.path.rename(tmp_path / "moved")
    moved = OutputDir(tmp_path / "moved")
    assert moved.latest_step() == 12
    assert tf.train.latest_checkpoint(str(moved.path)) == str(moved.path / "model.ckpt-12")


def test_only_the_newest_checkpoint_is_kept(folder):
    for step in (1, 2, 20):
        folder.write_checkpoint(step, arrays_of(step))
    files = {"checkpoint", "model.ckpt-20.index", "model.ckpt-20.data-00000-of-00001"}
    assert names_in(folder) - {".lock"} == files
    assert folder.latest_step() == 20


def test_an_older_checkpoint_that_a_killed_run_left_can_be_removed(folder):
    folder.write_checkpoint(20, arrays_of(20))
    folder.write_checkpoint(7, arrays_of(7))
    folder.write_lines("checkpoint", ['model_checkpoint_path: "model.ckpt-20"'])
    OutputDir(folder.path, is_writer=False).remove_older_checkpoints(20)
    assert "model.ckpt-7.index" in names_in(folder)
    folder.remove_older_checkpoints(20)
    assert not [name for name in names_in(folder) if name.startswith("model.ckpt-7")] and folder.start_step() == 20


def test_a_checkpoint_of_a_later_step_is_never_removed(folder):
    folder.write_checkpoint(343, arrays_of(343))
    folder.write_checkpoint(20, arrays_of(20))
    assert folder.latest_step() == 20
    assert {"model.ckpt-343.index", "model.ckpt-343.data-00000-of-00001"} < names_in(folder)


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

    folder.write_checkpoint(1, arrays_of(1))
    monkeypatch.setattr(tf.raw_ops, "SaveV2", disk_full)
    with pytest.raises(UserError, match=r"model\.ckpt-2: cannot be written"):
        folder.write_checkpoint(2, ARRAYS)
    assert folder.latest_step() == 1
    np.testing.assert_array_equal(folder.read_checkpoint(1)["output_bias"], ARRAYS["output_bias"])
    assert not [name for name in names_in(folder) if "-2" in name]


def test_there_is_no_step_where_no_checkpoint_was_saved(folder):
    assert folder.latest_step() == 0


def reopened(folder: OutputDir) -> OutputDir:
    """The folder as the next run finds it."""
    again = OutputDir(folder.path)
    with again.opened():
        return again


DAMAGES = ["", "garbage", "\0\xff\xfe", 'model_checkpoint_path: "', "[1]\n", 'model_checkpoint_path: "../model.ckpt-3"']


@pytest.mark.parametrize("content", [None, *DAMAGES])
def test_a_damaged_checkpoint_file_names_the_only_checkpoint_again(folder, content, caplog):
    folder.write_checkpoint(3, ARRAYS)
    before = (folder.path / "checkpoint").read_bytes()
    damage(folder, content)
    assert folder.latest_step() == reopened(folder).latest_step() == 3
    assert (folder.path / "checkpoint").read_bytes() == before
    (message,) = caplog.messages
    assert message.startswith(f"{folder.path / 'checkpoint'}: was missing or damaged")
    assert reopened(folder).latest_step() == 3 and len(caplog.messages) == 1


def damage(folder: OutputDir, content: str | None) -> None:
    if content is None:
        (folder.path / "checkpoint").unlink()
    else:
        (folder.path / "checkpoint").write_text(content, encoding="latin-1")


@pytest.mark.parametrize("content", [None, *DAMAGES, 'model_checkpoint_path: "model.ckpt-4"'])
def test_a_damaged_checkpoint_file_beside_several_checkpoints_is_an_error_and_nothing_is_lost(folder, content):
    folder.write_checkpoint(343, arrays_of(343))
    folder.write_checkpoint(20, arrays_of(20))
    damage(folder, content)
    before = names_in(folder)
    with pytest.raises(UserError) as error:
        reopened(folder).latest_step()
    assert one_line(error).endswith('write only this line into it: model_checkpoint_path: "model.ckpt-343"')
    assert names_in(folder) == before


def test_a_checkpoint_of_another_program_is_not_taken_for_none(folder):
    write(folder.path / "checkpoint", 'model_checkpoint_path: "bert_model.ckpt"\n')
    write(folder.path / "bert_model.ckpt.index", "")
    with pytest.raises(UserError, match=r"checkpoint: names bert_model\.ckpt, which is no model\.ckpt-STEP"):
        folder.latest_step()


@pytest.mark.parametrize("inside", [np.int64(20), np.float32(20), np.array([343, 1]), np.int64(-343)])
def test_a_name_with_another_step_than_the_checkpoint_has_is_refused(folder, inside):
    folder.write_checkpoint(343, {**ARRAYS, "global_step": inside})
    with pytest.raises(UserError) as error:
        folder.start_step()
    assert one_line(error).startswith(
        f"{folder.checkpoint(343)}: is of step {inside.tolist()} (its global_step) and not 343"
    )


def test_the_name_counts_if_the_checkpoint_has_no_step(folder):
    folder.write_checkpoint(343, {"output_bias": np.zeros(2, np.float32)})
    assert folder.start_step() == 343


@pytest.mark.parametrize("kind", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("size", [0, 30])
def test_a_checkpoint_that_is_cut_off_is_refused(folder, kind, size):
    folder.write_checkpoint(3, ARRAYS)
    path = folder.path / f"model.ckpt-3.{kind}"
    path.write_bytes(path.read_bytes()[:size] if kind == "index" else b"")
    with pytest.raises(UserError) as error:
        folder.start_step()
    assert one_line(error).startswith(f"{folder.checkpoint(3)}: ")


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


def test_eval_values_have_a_header_and_a_number_for_each_example(folder):
    folder.write_eval_values(["dev-1", "dev-2"], np.array([1.0, 0.25]))
    text = (folder.path / "eval_values.tsv").read_text()
    assert text == "guid\tvalue\ndev-1\t1.0\ndev-2\t0.25\n"
    with pytest.raises(ValueError):
        folder.write_eval_values(["dev-1"], np.array([1.0, 0.25]))
    assert (folder.path / "eval_values.tsv").read_text() == text


def test_lines_are_written_whole_or_not_at_all(folder):
    folder.write_lines("test_results.tsv", ["1", "2"])

    def lines():
        yield "3"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write_lines("test_results.tsv", lines())
    assert (folder.path / "test_results.tsv").read_text() == "1\n2\n"
    assert names_in(folder) - {".lock"} == {"test_results.tsv"}
