import contextlib
import json
import os
import tempfile
import tracemalloc

import numpy as np
import pytest
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    edit_training,
    make_old,
    write_regression_run,
    write_run,
)

from bert_tf.report.runs import OTHER_FLAGS, REPORT_FILES, read_runs
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import flags_of

GOOD = draw_probabilities(LABELS, 0.8, seed=1)


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
    assert run.values.values.tolist() == run.predictions.correct.tolist()
    assert (run.headline.key, run.score) == ("eval_accuracy", run.results["eval_accuracy"])
    assert not run.collapsed


def test_the_seed_is_the_trainings_where_a_later_evaluation_says_another(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=3)
    edit_results(folder, flags={"seed": 0, "task_name": "MRPC", "learning_rate": 5e-5, "data_dir": "x"}, seed=0)
    (run,) = read_runs([tmp_path]).runs
    assert (run.seed, run.flags["learning_rate"]) == (3, 2e-5)


def test_without_run_json_the_flags_are_those_of_the_results(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=3)
    (with_run_json,) = read_runs([tmp_path]).runs
    (folder / "run.json").unlink()
    (run,) = read_runs([tmp_path]).runs
    assert (run.seed, run.train_data) == (3, None)
    assert run.flags == with_run_json.flags


def test_without_run_json_flags_that_do_not_shape_the_training_do_not_count(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    (folder / "run.json").unlink()
    flags = {"seed": 0, "do_lower_case": True, "output_dir": "x", "eval_batch_size": 4, "tpu_name": "t", "own": 1}
    edit_results(folder, flags=flags)
    (run,) = read_runs([tmp_path]).runs
    assert run.flags == {"do_lower_case": True, "own": 1}


def test_every_flag_that_may_change_on_resume_does_not_shape_the_training():
    assert {name for name, flag in flags_of(RunConfig).items() if not flag.resume} <= set(OTHER_FLAGS)
    assert not {name for name, flag in flags_of(RunConfig).items() if flag.resume} & set(OTHER_FLAGS)


def test_an_old_run_has_the_accuracy_for_a_headline_and_values_from_its_predictions(tmp_path):
    make_old(write_run(tmp_path / "run", GOOD))
    (run,) = read_runs([tmp_path]).runs
    assert run.headline.key == "eval_accuracy"
    assert run.values.guids == run.predictions.guids
    assert run.values.values.tolist() == run.predictions.correct.tolist()


def test_a_regression_is_read_whole(tmp_path):
    write_regression_run(tmp_path / "run", 0.5, 1)
    inventory = read_runs([tmp_path])
    (run,) = inventory.runs
    assert not inventory.skipped
    assert (run.headline.key, run.score) == ("eval_pearson", run.results["eval_pearson"])
    assert run.num_dev_examples == len(run.values.values) == 60
    assert run.predictions is None and not run.collapsed


def test_where_a_peak_comes_from_is_no_odd_number(tmp_path):
    sources = {"eval_device_peak_source": "measured", "train_device_peak_source": "NVIDIA's data sheet"}
    write_run(tmp_path / "run", GOOD, results=sources)
    assert read_runs([tmp_path]).skipped == []


def test_predictions_of_another_form_belong_to_a_task_without_classes(tmp_path):
    folder = write_regression_run(tmp_path / "run", 0.5, 1)
    (folder / "eval_predictions.tsv").write_text("guid\tlabel\tprediction\ndev-1\t2.5\t2.25\n")
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].predictions is None and not inventory.skipped


def test_a_folder_named_twice_is_read_once(tmp_path):
    write_run(tmp_path / "run", GOOD)
    assert len(read_runs([tmp_path, tmp_path / "run", tmp_path / "." / "run"]).runs) == 1


def test_a_run_that_gives_all_examples_one_class_has_collapsed(tmp_path):
    write_run(tmp_path / "run", np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1)))
    (run,) = read_runs([tmp_path]).runs
    assert run.collapsed


def test_a_dev_set_of_one_label_makes_no_run_collapse(tmp_path):
    write_run(tmp_path / "run", np.tile(np.float32([0.3, 0.7]), (5, 1)), labels=["1"] * 5)
    (run,) = read_runs([tmp_path]).runs
    assert not run.collapsed


def test_a_run_without_results_has_failed_and_its_last_lines_are_kept(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=2)
    (folder / "results.json").unlink()
    (folder / "run.log").write_bytes(b"one\r12%\r50%\n\x1b[31mthe loss is nan\n\xff\n")
    inventory = read_runs([tmp_path])
    (failed,) = inventory.failed
    assert not inventory.runs
    assert failed.seed == 2 and failed.flags["learning_rate"] == 2e-5
    assert failed.last_lines[-2].endswith("the loss is nan") and "\x1b" not in failed.last_lines[-2]


def test_failure_txt_wins_over_a_log(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "failure.txt").write_text("killed\n")
    (tmp_path / "run" / "run.log").write_text("other\n")
    (failed,) = read_runs([tmp_path]).failed
    assert (failed.reason, failed.last_lines) == ("failed", ("killed",))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"eval_accuracy": None}, "not evaluated"),
        ({"eval_loss": float("nan")}, "not a usable number"),
        ({"eval_accuracy": "0.9"}, "not a usable number"),
        ({"eval_accuracy": 10**400}, "not a usable number"),
        ({"eval_loss": 1e300}, "not a usable number"),
        ({"eval_accuracy": 87.0}, "not between 0 and 1"),
        ({"eval_f1": -0.5}, "not between 0 and 1"),
        ({"headline": "eval_pearson"}, "not evaluated"),
        ({"headline": "eval_pearson", "eval_pearson": float("inf")}, "not a usable number"),
        ({"headline": ["eval_accuracy"]}, "headline"),
        ({"flags": None}, "no flags"),
        ({"versions": []}, "no versions"),
        ({"versions": {"python": json.loads("[" * 500 + "]" * 500)}}, "nested"),
    ],
)
def test_results_that_cannot_be_used_make_a_failed_run(tmp_path, changes, word):
    folder = write_run(tmp_path / "run", GOOD)
    edit_results(folder, **changes)
    inventory = read_runs([tmp_path])
    assert not inventory.runs
    assert word in inventory.failed[0].reason and "\n" not in inventory.failed[0].reason


@pytest.mark.parametrize("text", ['{"eval_accuracy": 0.8, "ev', "", "[1]", "[" * 100_000, "\0", "3"])
def test_cut_and_foreign_results_are_named_and_the_rest_is_read(tmp_path, text):
    write_run(tmp_path / "a", GOOD)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "results.json").write_text(text)
    inventory = read_runs([tmp_path])
    assert [run.folder.name for run in inventory.runs] == ["a"]
    assert inventory.skipped[0].startswith(str(tmp_path / "b" / "results.json"))


def cut_in_a_row(text):
    return text[:-4]


def cut_between_rows(text):
    return "".join(text.splitlines(keepends=True)[:-1])


def with_a_foreign_header(text):
    return "x" + text


def with_a_word(text):
    return text[: text.rindex("0.")] + "word\n"


EDITS = [cut_in_a_row, cut_between_rows, with_a_foreign_header, with_a_word, lambda text: "", lambda text: text[:20]]


@pytest.mark.parametrize("name", ["eval_predictions.tsv", "eval_values.tsv", "train_log.csv"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_cut_or_foreign_part_is_named_and_the_run_stays(tmp_path, name, edit):
    path = write_run(tmp_path / "run", GOOD) / name
    path.write_text(edit(path.read_text()))
    inventory = read_runs([tmp_path])
    (run,) = inventory.runs
    # Values per example come from the predictions if their own file is unusable.
    assert run.values is not None
    assert (run.predictions is None) == (name == "eval_predictions.tsv")
    assert (run.train_log is None) == (name == "train_log.csv")
    assert len(inventory.skipped) == 1 and inventory.skipped[0].startswith(str(path))


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("dev-60\tnan\n", "not finite"),
        ("dev-60\t1e400\n", "not finite"),
        ("dev-60\t-1e16\n", "larger than"),
        ("dev-60\t0.5\t0.5\n", ":61: is cut off"),
        ("dev-60\n", ":61: is cut off"),
        ("", "number of rows"),
        ("dev-60\t0\ndev-61\t0\n", "number of rows"),
    ],
)
def test_values_that_cannot_be_used_are_named_and_the_run_stays(tmp_path, row, word):
    path = write_regression_run(tmp_path / "run", 0.5, 1) / "eval_values.tsv"
    path.write_text(cut_between_rows(path.read_text()) + row)
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].values is None
    (line,) = inventory.skipped
    assert line.startswith(str(path)) and word in line


def edit_values(folder, edit):
    path = folder / "eval_values.tsv"
    path.write_text(edit(path.read_text()))


def with_another_guid(text):
    return text.replace("dev-7\t", "dev-77\t")


def with_another_accuracy(text):
    return text.replace("\t0.0\n", "\t1.0\n", 1)


def with_two_rows_swapped(text):
    return text.replace("\t0.0\n", "\tx\n", 1).replace("\t1.0\n", "\t0.0\n", 1).replace("\tx\n", "\t1.0\n")


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (with_another_guid, "other examples"),
        (with_another_accuracy, "its accuracy differs"),
        (with_two_rows_swapped, "other values"),
    ],
)
def test_values_must_agree_with_the_predictions(tmp_path, edit, word):
    edit_values(write_run(tmp_path / "run", GOOD), edit)
    (line,) = read_runs([tmp_path]).skipped
    assert "eval_values.tsv" in line and word in line


def test_values_without_predictions_must_have_the_accuracy(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    (folder / "eval_predictions.tsv").unlink()
    edit_values(folder, with_another_accuracy)
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].values is None and "its accuracy differs" in inventory.skipped[0]


def test_predictions_of_another_run_are_not_taken(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    other = write_run(tmp_path / "other", draw_probabilities(LABELS, 0.6, seed=2), seed=1)
    (folder / "eval_predictions.tsv").write_text((other / "eval_predictions.tsv").read_text())
    inventory = read_runs([folder])
    assert inventory.runs[0].predictions is None
    assert "does not belong" in inventory.skipped[0]


def test_a_row_that_is_missing_is_seen_though_the_accuracy_stays(tmp_path):
    all_right = 0.8 * np.eye(2, dtype=np.float32)[[int(label) for label in LABELS]] + 0.1
    folder = write_run(tmp_path / "run", all_right)
    path = folder / "eval_predictions.tsv"
    path.write_text(cut_between_rows(path.read_text()))
    assert read_runs([folder]).runs[0].predictions is None


def test_a_log_that_cannot_be_read_is_named(tmp_path):
    write_run(tmp_path / "a", GOOD)
    log = tmp_path / "b" / "own.log"
    (write_run(tmp_path / "b", GOOD, seed=1) / "results.json").unlink()
    log.symlink_to(log)
    inventory = read_runs([tmp_path])
    assert [run.folder.name for run in inventory.runs] == ["a"]
    assert [run.folder.name for run in inventory.failed] == ["b"]
    (line,) = inventory.skipped
    assert line.startswith(f"{log}: cannot be read (Too many levels of symbolic links)")


def test_a_binary_part_is_named(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "train_log.csv").write_bytes(b"\xff\xfe\x00")
    assert "train_log.csv" in read_runs([tmp_path]).skipped[0]


def test_what_is_not_part_of_a_run_is_named_and_an_earlier_report_is_not(tmp_path):
    write_run(tmp_path / "run", GOOD)
    for name in (*REPORT_FILES, "notes.txt", ".lock"):
        (tmp_path / name).touch()
    assert read_runs([tmp_path]).skipped == [f"{tmp_path / 'notes.txt'}: is not part of a run"]


def test_an_argument_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert read_runs([tmp_path / "file"]).skipped == [f"{tmp_path / 'file'}: is not a folder"]


def test_a_run_with_a_broken_run_json_is_read_from_its_results(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "run.json").write_text("{")
    inventory = read_runs([tmp_path])
    assert len(inventory.runs) == 1
    assert "run.json" in inventory.skipped[0]


@pytest.mark.parametrize("number", [10**400, float("nan"), float("inf"), 1e300, -1e16])
def test_absurd_numbers_in_results_that_decide_nothing_are_left_out_and_named(tmp_path, number):
    edit_results(write_run(tmp_path / "run", GOOD), eval_runtime=number, train_runtime=number)
    inventory = read_runs([tmp_path])
    assert not {"eval_runtime", "train_runtime"} & set(inventory.runs[0].results)
    (line,) = inventory.skipped
    assert f"eval_runtime is {number}"[:50] in line and f"train_runtime is {number}"[:50] in line


@pytest.mark.parametrize("speed", [-1, 0, 1e-300])
def test_a_speed_that_gives_no_number_of_examples_is_not_used(tmp_path, speed):
    folder = write_run(tmp_path / "run", GOOD)
    edit_results(folder, eval_samples_per_second=speed)
    (run,) = read_runs([tmp_path]).runs
    assert run.num_dev_examples == len(LABELS)
    make_old(folder)
    (folder / "eval_predictions.tsv").unlink()
    (run,) = read_runs([tmp_path]).runs
    assert run.num_dev_examples is None


def test_deeply_nested_run_files_are_named_and_the_results_are_read(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "run.json").write_text('{"training": ' + "[" * 900 + "]" * 900 + "}")
    inventory = read_runs([tmp_path])
    assert len(inventory.runs) == 1
    assert "nested" in inventory.skipped[0]


def test_a_class_that_the_header_has_twice_is_named(tmp_path):
    path = write_run(tmp_path / "run", GOOD) / "eval_predictions.tsv"
    path.write_text(path.read_text().replace("guid\tlabel\t0\t1", "guid\tlabel\t1\t1"))
    assert "class probabilities" in read_runs([tmp_path]).skipped[0]


def test_classes_may_be_named_like_the_other_columns(tmp_path):
    path = write_run(tmp_path / "run", GOOD) / "eval_predictions.tsv"
    text = path.read_text().replace("guid\tlabel\t0\t1", "guid\tlabel\tguid\tlabel")
    path.write_text(text.replace("\t0\t0", "\tguid\t0").replace("\t1\t0", "\tlabel\t0"))
    assert read_runs([tmp_path]).runs[0].predictions.classes == ("guid", "label")


# Foreign things in the place of a run's files. One odd run never stops the others.

RUN_FILE_NAMES = ["results.json", "run.json", "eval_predictions.tsv", "eval_values.tsv", "train_log.csv", "failure.txt"]


def put_a_folder(path):
    path.mkdir()


def put_a_named_pipe(path):
    os.mkfifo(path)


def put_a_link_to_a_device(path):
    path.symlink_to("/dev/zero")


def put_a_link_to_itself(path):
    path.symlink_to(path)


def put_a_link_to_nothing(path):
    path.symlink_to("nowhere")


def put_too_large_a_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


PUTS = [
    put_a_folder,
    put_a_named_pipe,
    put_a_link_to_a_device,
    put_a_link_to_itself,
    put_a_link_to_nothing,
    put_too_large_a_file,
]


@pytest.mark.parametrize("name", RUN_FILE_NAMES)
@pytest.mark.parametrize("put", PUTS)
def test_what_is_no_file_in_the_place_of_one_is_named_and_the_rest_is_read(tmp_path, name, put):
    write_run(tmp_path / "good", GOOD)
    folder = write_run(tmp_path / "odd", GOOD, seed=1)
    (folder / name).unlink(missing_ok=True)
    put(folder / name)
    inventory = read_runs([tmp_path])
    is_read = name != "results.json"
    assert [run.folder.name for run in inventory.runs] == ["good", "odd"][: 1 + is_read]
    (line,) = inventory.skipped if is_read else [run.reason for run in inventory.failed]
    assert line.startswith(f"{folder / name}: ") and "\n" not in line


@pytest.mark.parametrize("put", PUTS)
def test_results_alone_that_are_no_file_are_named(tmp_path, put):
    (tmp_path / "odd").mkdir()
    put(tmp_path / "odd" / "results.json")
    (line,) = read_runs([tmp_path]).skipped
    assert line.startswith(f"{tmp_path / 'odd' / 'results.json'}: cannot be read (")


@pytest.mark.parametrize("name", ["odd", "odd/results.json", "odd/run.json", "odd/train_log.csv"])
def test_what_may_not_be_read_is_named_and_the_rest_is_read(tmp_path, name):
    write_run(tmp_path / "good", GOOD)
    write_run(tmp_path / "odd", GOOD, seed=1)
    (tmp_path / name).chmod(0)
    with an_ordinary_user(tmp_path):
        inventory = read_runs([tmp_path])
    (tmp_path / name).chmod(0o700)
    assert inventory.runs[0].folder.name == "good"
    lines = [*inventory.skipped, *(run.reason for run in inventory.failed)]
    assert lines and all("Permission denied" in line for line in lines)


@contextlib.contextmanager
def an_ordinary_user(folder):
    """Takes root's rights away inside the block, because root may read everything."""
    user = os.geteuid()
    if user == 0:
        for path in (folder, *folder.parents):
            if path.owner() == "root" and path.is_relative_to(tempfile.gettempdir()):
                path.chmod(path.stat().st_mode | 0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_with_a_name_that_is_not_utf8_is_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff\xfe")
    write_run(folder, GOOD)
    assert [run.folder for run in read_runs([tmp_path]).runs] == [folder]


def test_links_to_folders_are_not_followed_and_those_that_lead_out_are_named(tmp_path):
    folder = write_run(tmp_path / "top" / "run", GOOD)
    write_run(tmp_path / "elsewhere", GOOD, seed=1)
    (folder / "round").symlink_to(tmp_path / "top")
    (tmp_path / "top" / "other").symlink_to(tmp_path / "elsewhere")
    inventory = read_runs([tmp_path / "top"])
    assert [run.folder for run in inventory.runs] == [folder]
    (line,) = inventory.skipped
    assert line.startswith(f"{tmp_path / 'top' / 'other'}: is a link") and "not followed" in line


@pytest.mark.slow
def test_folders_in_folders_without_end_are_read(tmp_path):
    # More levels than Python's stack has. They are removed here, because pytest cannot.
    folders = [tmp_path / "a" / "/".join("a" * level) for level in range(1200)]
    for folder in folders:
        folder.mkdir()
    write_run(tmp_path / "run", GOOD)
    inventory = read_runs([tmp_path])
    for folder in reversed(folders):
        folder.rmdir()
    assert len(inventory.runs) == 1 and not inventory.skipped


def test_many_foreign_files_are_one_line(tmp_path):
    for number in range(1000):
        (tmp_path / f"{number:03}.png").touch()
    (line,) = read_runs([tmp_path]).skipped
    assert line.startswith(f"{tmp_path}: has 1,000 files that are not part of a run: 000.png") and len(line) < 300


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"eval_f1": float("nan")}, "eval_f1 is nan"),
        ({"eval_f1": float("inf")}, "eval_f1 is inf"),
        ({"eval_f1": "0.8"}, "eval_f1 is 0.8"),
        ({"eval_own": [1.0]}, "eval_own is [1.0]"),
        ({"anything": 10**400}, "anything is 1000"),
        ({"train_samples_per_second": -3.0}, "train_samples_per_second is -3"),
        ({"global_step": -1}, "global_step is -1"),
        ({"dataset": ["a"]}, "dataset is ['a']"),
        ({"model": {"a": 1}}, "model is {'a': 1}"),
        ({"evaluation": [1]}, "evaluation is not an object"),
        ({"versions": {"python": ["3"]}}, "python is ['3']"),
    ],
)
def test_odd_values_that_decide_nothing_are_named_and_the_run_is_read(tmp_path, changes, word):
    edit_results(write_run(tmp_path / "run", GOOD), **changes)
    inventory = read_runs([tmp_path])
    (line,) = inventory.skipped
    assert len(inventory.runs) == 1 and not set(changes) & set(inventory.runs[0].results)
    assert "values that cannot be used" in line and word in line


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"headline": "eval_pearson", "eval_pearson": 84.3}, "eval_pearson is 84.3, which is not between -1 and 1"),
        ({"headline": "eval_\ud800\n"}, "the run was not evaluated"),
        ({"e" * 10_000: 1}, "name of 10,000 characters"),
        ({"eval_own": list(range(20_000))}, "20,0"),
        ({"dataset": "x" * (2 << 20)}, "larger than"),
    ],
)
def test_absurd_results_make_a_failed_run(tmp_path, changes, word):
    edit_results(write_run(tmp_path / "run", GOOD), **changes)
    (failed,) = read_runs([tmp_path]).failed
    assert word in failed.reason and "\n" not in failed.reason


@pytest.mark.parametrize("seed", [10**400, True, "3", [3], 3.0])
def test_a_seed_that_is_no_seed_is_named(tmp_path, seed):
    folder = write_run(tmp_path / "run", GOOD)
    edit_training(folder, seed=seed)
    (run,) = read_runs([tmp_path]).runs
    assert run.seed == 0 and "no seed" in read_runs([tmp_path]).skipped[0]


def test_a_number_of_integers_beyond_pythons_limit_is_named(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "results.json").write_text('{"eval_accuracy": 1' + "0" * 5000 + "}")
    assert "not a JSON object" in read_runs([tmp_path]).failed[0].reason


def test_a_table_that_is_too_wide_is_named_in_little_memory(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    (folder / "eval_predictions.tsv").write_text("guid\tlabel" + "\tx" * 10_000_000 + "\n")
    tracemalloc.start()
    inventory = read_runs([tmp_path])
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()
    assert "columns" in inventory.skipped[0] and inventory.runs[0].values is not None


def test_the_tables_of_all_runs_together_are_limited(tmp_path, monkeypatch):
    for seed in range(3):
        folder = write_run(tmp_path / str(seed), GOOD, seed=seed)
    sizes = [(folder / name).stat().st_size for name in ("eval_predictions.tsv", "eval_values.tsv", "train_log.csv")]
    monkeypatch.setattr("bert_tf.report.runs.MAX_ALL_TABLES_BYTES", 2 * sum(sizes) + 10)
    inventory = read_runs([tmp_path])
    assert [run.predictions is None for run in inventory.runs] == [False, False, True]
    assert inventory.skipped and all("all runs together" in line for line in inventory.skipped)


# Unfinished runs.


@pytest.mark.parametrize("edit", [edit_results, edit_training])
def test_a_run_of_an_unfinished_training_is_listed_with_step_and_total(tmp_path, edit):
    write_run(tmp_path / "a", GOOD)
    edit(write_run(tmp_path / "b", GOOD, seed=1), num_train_steps=3000)
    inventory = read_runs([tmp_path])
    assert [run.folder.name for run in inventory.runs] == ["a"]
    (run,) = inventory.unfinished
    assert (run.folder.name, run.seed, run.reason) == ("b", 1, "evaluated at step 30 of 3,000")


def test_the_number_of_steps_is_no_flag_and_a_training_at_its_end_is_finished(tmp_path):
    write_run(tmp_path / "old", GOOD)
    edit_training(write_run(tmp_path / "new", GOOD, seed=1), num_train_steps=30)
    new, old = read_runs([tmp_path]).runs
    assert new.flags == old.flags and new.num_train_steps == 30


def test_an_old_run_whose_log_goes_beyond_its_evaluation_is_unfinished(tmp_path):
    edit_results(write_run(tmp_path / "run", GOOD), global_step=20)
    inventory = read_runs([tmp_path])
    assert not inventory.runs
    assert inventory.unfinished[0].reason == "evaluated at step 20, but its training went on to step 30"


# What describes an evaluation.


def test_the_dev_set_and_the_precision_are_those_of_the_evaluation(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, data_dir="of-training")
    edit_results(folder, evaluation={"data_dir": "of-evaluation", "mixed_precision": "bfloat16", "versions": {}})
    (run,) = read_runs([tmp_path]).runs
    assert (run.data_dir, run.eval_precision) == ("of-evaluation", "bfloat16")
