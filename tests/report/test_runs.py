"""Run folders are read whole, and what is cut, foreign or missing in them is named."""

import json

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

from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.ner_config import NerConfig
from bert_tf.programs.squad_config import SquadConfig
from bert_tf.report.runs import ANSWER_FLAGS, OTHER_FLAGS, REPORT_FILES, read_runs
from bert_tf.training.fields import flags_of

GOOD = draw_probabilities(LABELS, 0.8, seed=1)


def test_a_run_is_read_whole(tmp_path):
    write_run(tmp_path / "deep" / "run", GOOD, seed=3, data_dir="somewhere")
    (run,) = read_runs([tmp_path]).runs
    assert run.folder == tmp_path / "deep" / "run"
    assert (run.task, run.dataset, run.data_dir, run.seed) == ("MRPC", "sample", "somewhere", 3)
    assert "seed" not in run.flags and run.flags["learning_rate"] == 2e-5
    assert run.train_data == "0123456789abcdef"
    assert run.train_log.losses.shape == (3, 2) and not run.train_log.scores
    assert run.name == "run"
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
    flags = flags_of(ClassifierConfig) | flags_of(SquadConfig) | flags_of(NerConfig)
    assert sorted([*OTHER_FLAGS, *ANSWER_FLAGS]) == sorted(name for name, flag in flags.items() if not flag.resume)


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


def test_the_folder_of_an_evaluation_has_no_log_and_none_is_missed(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    for name in ("train_log.csv", "run.json"):
        (folder / name).unlink()
    edit_results(folder, train_runtime=None)
    inventory = read_runs([tmp_path])
    assert not inventory.skipped and inventory.runs[0].train_log is None
