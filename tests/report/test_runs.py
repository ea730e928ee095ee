import json

import numpy as np
import pytest
from support.synthetic_runs import LABELS, draw_probabilities, write_run

from bert_tf.report.runs import REPORT_FILES, read_runs

GOOD = draw_probabilities(LABELS, 0.8, seed=1)


def edit_results(folder, **changes):
    path = folder / "results.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_a_run_is_read_whole(tmp_path):
    write_run(tmp_path / "deep" / "run", GOOD, seed=3, data_dir="somewhere")
    (run,) = read_runs([tmp_path]).runs
    assert run.folder == tmp_path / "deep" / "run"
    assert (run.task, run.dataset, run.data_dir, run.seed) == ("MRPC", "sample", "somewhere", 3)
    assert "seed" not in run.flags and run.flags["learning_rate"] == 2e-5
    assert run.train_data == "0123456789abcdef"
    assert run.train_log.shape == (3, 2)
    assert run.predictions.correct.mean() == run.results["eval_accuracy"]
    np.testing.assert_allclose(run.predictions.probabilities, GOOD)
    assert not run.predictions.collapsed


def test_the_seed_is_the_trainings_where_a_later_evaluation_says_another(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=3)
    edit_results(folder, flags={"seed": 0, "task_name": "MRPC", "learning_rate": 5e-5, "data_dir": "x"}, seed=0)
    (run,) = read_runs([tmp_path]).runs
    assert (run.seed, run.flags["learning_rate"]) == (3, 2e-5)


def test_without_run_json_the_flags_are_those_of_the_results(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=3)
    (folder / "run.json").unlink()
    (run,) = read_runs([tmp_path]).runs
    assert (run.seed, run.flags["learning_rate"], run.train_data) == (3, 2e-5, None)
    assert "do_eval" not in run.flags


def test_a_folder_named_twice_is_read_once(tmp_path):
    write_run(tmp_path / "run", GOOD)
    assert len(read_runs([tmp_path, tmp_path / "run", tmp_path / "." / "run"]).runs) == 1


def test_a_run_that_gives_all_examples_one_class_has_collapsed(tmp_path):
    write_run(tmp_path / "run", np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1)))
    (run,) = read_runs([tmp_path]).runs
    assert run.predictions.collapsed


def test_a_dev_set_of_one_label_makes_no_run_collapse(tmp_path):
    write_run(tmp_path / "run", np.tile(np.float32([0.3, 0.7]), (5, 1)), labels=["1"] * 5)
    (run,) = read_runs([tmp_path]).runs
    assert not run.predictions.collapsed


def test_a_run_without_results_has_failed_and_its_last_lines_are_told(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=2)
    (folder / "results.json").unlink()
    (folder / "run.log").write_bytes(b"one\r12%\r50%\n\x1b[31mthe loss is nan\n\xff\n")
    found = read_runs([tmp_path])
    (failed,) = found.failed
    assert not found.runs
    assert failed.seed == 2 and failed.flags["learning_rate"] == 2e-5
    assert failed.last_lines[-2].endswith("the loss is nan") and "\x1b" not in failed.last_lines[-2]


def test_failure_txt_wins_over_a_log(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "failure.txt").write_text("killed\n")
    (tmp_path / "run" / "run.log").write_text("other\n")
    (failed,) = read_runs([tmp_path]).failed
    assert (failed.why, failed.last_lines) == ("failed", ("killed",))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"eval_accuracy": None}, "not evaluated"),
        ({"eval_loss": float("nan")}, "no number"),
        ({"eval_accuracy": "0.9"}, "no number"),
        ({"flags": None}, "no flags"),
        ({"versions": []}, "no versions"),
    ],
)
def test_results_that_tell_nothing_make_a_failed_run(tmp_path, changes, word):
    folder = write_run(tmp_path / "run", GOOD)
    edit_results(folder, **changes)
    found = read_runs([tmp_path])
    assert not found.runs
    assert word in found.failed[0].why


@pytest.mark.parametrize("text", ['{"eval_accuracy": 0.8, "ev', "", "[1]", "[" * 100_000, "\0", "3"])
def test_cut_and_foreign_results_are_named_and_the_rest_is_read(tmp_path, text):
    write_run(tmp_path / "a", GOOD)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "results.json").write_text(text)
    found = read_runs([tmp_path])
    assert [run.folder.name for run in found.runs] == ["a"]
    assert found.skipped[0].startswith(str(tmp_path / "b" / "results.json"))


def cut_in_a_row(text):
    return text[:-4]


def cut_between_rows(text):
    return "".join(text.splitlines(keepends=True)[:-1])


def with_a_foreign_header(text):
    return "x" + text


def with_a_word(text):
    return text[: text.rindex("0.")] + "word\n"


EDITS = [cut_in_a_row, cut_between_rows, with_a_foreign_header, with_a_word, lambda text: "", lambda text: text[:20]]


@pytest.mark.parametrize("name", ["eval_predictions.tsv", "train_log.csv"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_cut_or_foreign_part_is_named_and_the_run_stays(tmp_path, name, edit):
    path = write_run(tmp_path / "run", GOOD) / name
    path.write_text(edit(path.read_text()))
    found = read_runs([tmp_path])
    assert len(found.runs) == 1
    assert (found.runs[0].predictions if name.endswith("tsv") else found.runs[0].train_log) is None
    assert len(found.skipped) == 1 and found.skipped[0].startswith(str(path))


def test_predictions_of_another_run_are_not_taken(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    other = write_run(tmp_path / "other", draw_probabilities(LABELS, 0.6, seed=2), seed=1)
    (folder / "eval_predictions.tsv").write_text((other / "eval_predictions.tsv").read_text())
    found = read_runs([folder])
    assert found.runs[0].predictions is None
    assert "does not belong" in found.skipped[0]


def test_a_row_that_is_missing_is_seen_though_the_accuracy_stays(tmp_path):
    all_right = 0.8 * np.eye(2, dtype=np.float32)[[int(label) for label in LABELS]] + 0.1
    folder = write_run(tmp_path / "run", all_right)
    path = folder / "eval_predictions.tsv"
    path.write_text(cut_between_rows(path.read_text()))
    assert read_runs([folder]).runs[0].predictions is None


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    write_run(tmp_path / "a", GOOD)
    (write_run(tmp_path / "b", GOOD, seed=1) / "results.json").unlink()

    def fail(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("bert_tf.report.runs.last_lines", fail)
    found = read_runs([tmp_path])
    assert len(found.runs) == 1
    assert found.skipped == [f"{tmp_path / 'b'}: cannot be read (Permission denied)"]


def test_a_binary_part_is_named(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "train_log.csv").write_bytes(b"\xff\xfe\x00")
    assert "train_log.csv" in read_runs([tmp_path]).skipped[0]


def test_what_is_no_part_of_a_run_is_named_and_an_earlier_report_is_not(tmp_path):
    write_run(tmp_path / "run", GOOD)
    for name in (*REPORT_FILES, "notes.txt", ".lock"):
        (tmp_path / name).touch()
    assert read_runs([tmp_path]).skipped == [f"{tmp_path / 'notes.txt'}: is no part of a run"]


def test_an_argument_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert read_runs([tmp_path / "file"]).skipped == [f"{tmp_path / 'file'}: is not a folder"]


def test_a_run_with_a_broken_run_json_is_read_from_its_results(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "run.json").write_text("{")
    found = read_runs([tmp_path])
    assert len(found.runs) == 1
    assert "run.json" in found.skipped[0]
