import csv
import importlib.util
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from support.paths import SCRIPTS
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    make_old,
    write_regression_run,
    write_run,
    write_scored_run,
)

from bert_tf.errors import UserError
from bert_tf.report.comparison import compare
from bert_tf.report.report import csv_table, markdown, write_report
from bert_tf.report.runs import REPORT_FILES, read_runs

SCRIPT = SCRIPTS / "report.py"
NASTY = "=a|b<script>alert(1)</script>\n`c`"


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    for rate in (1e-5, 2e-5):
        for seed in range(2):
            probabilities = draw_probabilities(LABELS, 0.7 + 5e3 * rate, int(1e6 * rate) + seed)
            write_run(folder / f"{rate}-{seed}", probabilities, seed=seed, learning_rate=rate)
    return folder


def run_script(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def rows_of(folder):
    return list(csv.DictReader(io.StringIO(csv_table(compare(read_runs([folder]))))))


def test_the_three_files_are_written_and_a_second_report_is_the_same(sweep):
    paths = write_report([sweep], sweep)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == list(REPORT_FILES)
    assert [path.read_bytes() for path in write_report([sweep], sweep)] == first
    assert not list(sweep.glob(".report*"))


@pytest.mark.slow
def test_the_script_writes_to_its_first_argument_by_default(sweep):
    process = run_script(sweep)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == [str(sweep / name) for name in REPORT_FILES]
    assert process.stderr == ""


@pytest.mark.slow
def test_flags_may_follow_the_folders(sweep, tmp_path):
    assert run_script(sweep, f"--report_dir={tmp_path / 'new' / 'report'}").returncode == 0
    assert (tmp_path / "new" / "report" / "report.html").exists()
    assert not (sweep / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["gone"], ["."]])
def test_with_nothing_to_report_the_script_says_so_in_one_line(tmp_path, arguments):
    process = run_script(*(tmp_path / argument for argument in arguments))
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1 and process.stderr.startswith("report.py: error: ")
    assert list(tmp_path.iterdir()) == []


ALLOWED = {
    "bert_tf",
    "bert_tf.run_files",
    "bert_tf.errors",
    "bert_tf.files",
    "bert_tf.remote",
    "bert_tf.remote_lock",
    "bert_tf.data",
    "bert_tf.data.cells",
    "bert_tf.data.columns",
    "bert_tf.data.data_processor",
    "bert_tf.data.delimited",
    "bert_tf.data.examples",
    "bert_tf.data.found_labels",
    "bert_tf.data.glue",
    "bert_tf.data.headers",
    "bert_tf.data.json_lines",
    "bert_tf.data.label_files",
    "bert_tf.data.multilingual",
    "bert_tf.data.own_code",
    "bert_tf.data.own_data",
    "bert_tf.data.own_examples",
    "bert_tf.data.own_files",
    "bert_tf.data.quoting",
    "bert_tf.data.readings",
    "bert_tf.data.repeated",
    "bert_tf.data.sources",
    "bert_tf.data.splitting",
    "bert_tf.data.squad_file",
    "bert_tf.data.tag_schemes",
    "bert_tf.data.targets",
    "bert_tf.data.text_files",
    "bert_tf.data.texts",
    "bert_tf.data.tsv",
    "bert_tf.data.tsv_table",
}
WRITE = """
import pathlib, sys
from bert_tf.report.report import write_report
write_report([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[1]))
print(*sorted(sys.modules), sep="\\n")
"""


@pytest.mark.slow
def test_writing_a_report_loads_no_tensorflow_and_no_other_room(sweep):
    command = [sys.executable, "-c", WRITE, str(sweep)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    modules = set(process.stdout.split())
    assert {"bert_tf.report.report", "bert_tf.data.processors"} <= modules
    assert not {"tensorflow", "tf_keras", "keras", "official"} & modules
    ours = {name for name in modules if name.split(".")[0] == "bert_tf" and not name.startswith("bert_tf.report")}
    assert ours <= ALLOWED | {"bert_tf.data.processors"}


def test_a_report_that_cannot_be_written_is_the_users_mistake(sweep):
    (sweep / "file").touch()
    with pytest.raises(UserError, match="cannot be written to"):
        write_report([sweep], sweep / "file")


def test_a_crash_while_writing_leaves_the_earlier_report(sweep, monkeypatch):
    (sweep / "report.html").write_text("earlier")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bert_tf.files.os.fsync", fail)
    with pytest.raises(UserError, match="No space left"):
        write_report([sweep], sweep)
    assert (sweep / "report.html").read_text() == "earlier"
    assert not list(sweep.glob(".report*"))


def test_failed_runs_alone_make_a_report(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "failure.txt").write_text("out of memory\n")
    write_report([tmp_path], tmp_path)
    for name in ("report.html", "report.md"):
        assert "out of memory" in (tmp_path / name).read_text()


def test_the_csv_has_the_numbers_in_full(sweep):
    rows = rows_of(sweep)
    runs = read_runs([sweep]).runs
    accuracies = [run.results["eval_accuracy"] for run in runs if run.flags["learning_rate"] == 2e-5]
    (row,) = (row for row in rows if row["flag learning_rate"] == "2e-5")
    assert float(row["accuracy_mean"]) == pytest.approx(np.mean(accuracies), rel=1e-5)
    assert float(row["accuracy_sd"]) == pytest.approx(np.std(accuracies, ddof=1), rel=1e-5)
    assert (row["seeds"], row["collapsed"], row["failed"]) == ("2", "0", "0")
    assert [bool(row["p_value"]) for row in rows] == [False, True]


def test_the_csv_holds_no_formula_and_no_broken_row(tmp_path):
    write_run(tmp_path / "a", draw_probabilities(LABELS, 0.8, 0), dataset=NASTY, model=NASTY, **{"=flag": NASTY})
    (row,) = rows_of(tmp_path)
    assert row["flag model"] == "'=a|b<script>alert(1)</script> `c`"
    assert not any(str(cell).startswith(("=", "+", "@")) for pair in row.items() for cell in pair)


def test_the_markdown_table_keeps_its_columns_whatever_a_flag_says(tmp_path):
    for seed, model in enumerate((NASTY, "other")):
        write_run(tmp_path / str(seed), draw_probabilities(LABELS, 0.8, seed), model=model, dataset=NASTY)
    inventory = read_runs([tmp_path])
    text = markdown(compare(inventory), inventory)
    rows = [line.replace(r"\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {row.count("|") for row in rows} == {12}
    assert "<script" not in text and "`c`" not in text


def test_the_markdown_has_the_conclusion_and_no_sentence_of_the_corpus(sweep, tmp_path):
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = "".join(f"{label}\t{n}\t{n}\tsecret words\tmore\n" for n, label in enumerate(LABELS))
    (tmp_path / "dev.tsv").write_text(header + rows)
    probabilities = draw_probabilities(LABELS, 0.9, 77)
    write_run(sweep / "best", probabilities, seed=0, learning_rate=5e-5, data_dir=str(tmp_path))
    write_report([sweep], sweep)
    assert "secret words" in (sweep / "report.html").read_text()
    text = (sweep / "report.md").read_text()
    assert "secret words" not in text
    assert "standard error of" in text and "| 1 | lr 5e-5 (best) |" in text


def test_what_was_not_read_is_named(sweep):
    (sweep / "1e-05-0" / "results.json").write_text('{"cut')
    (sweep / "1e-05-1" / "train_log.csv").unlink()
    (sweep / "strange.bin").write_bytes(b"\xff\x00")
    write_report([sweep], sweep)
    for name in ("report.html", "report.md"):
        text = (sweep / name).read_text().replace("\\", "")
        assert "results.json: is cut off or not a JSON object" in text
        assert "train_log.csv: is missing" in text
        assert "strange.bin: is not part of a run" in text


def test_the_script_can_be_imported_beside_another_one():
    spec = importlib.util.spec_from_file_location("report_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert callable(module.main)


def test_a_regression_makes_a_full_report_with_its_headline(tmp_path):
    for rate, error in ((1e-5, 0.5), (2e-5, 1.5)):
        for seed in range(2):
            write_regression_run(tmp_path / f"{rate}-{seed}", error, seed, learning_rate=rate)
    write_report([tmp_path], tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    for each in (html, text):
        assert "best mean Pearson correlation is 0.9" in each
        assert "is significantly different from it" in each and "mean value per example" in each
        assert "ccuracy" not in each and "ollapsed" not in each and "Not read" not in each
    for part in ("Calibration", "Confusion", "Mistakes", "class probabilities", "Always answering"):
        assert part not in html
    assert html.count("<svg") == 4
    first, second = rows_of(tmp_path)
    assert float(first["pearson_mean"]) > float(second["pearson_mean"]) > 0
    assert float(first["worst_pearson"]) <= float(first["pearson_mean"])
    assert float(second["p_adjusted"]) < 0.05 and "accuracy_mean" not in first and "f1_mean" not in first


def test_tasks_of_two_kinds_stand_in_one_report(sweep):
    write_regression_run(sweep / "regression", 0.5, 0)
    edit = {"eval_accuracy": 10**400}
    edit_results(write_run(sweep / "broken", draw_probabilities(LABELS, 0.8, 0), learning_rate=9e-5), **edit)
    write_report([sweep], sweep)
    text = (sweep / "report.md").read_text()
    assert "| Task | Data | Metric | Score |" in text and "2 studies" not in text
    assert "| MRPC | sample | F1 / Accuracy |" in text and "| STS-B | sample | Pearson | 9" in text
    assert text.count("which is not a usable number") == 1


def test_the_columns_of_a_classification_are_those_of_old_reports(sweep):
    names = list(rows_of(sweep)[0])
    assert names[:10] == [
        "study",
        "number",
        "task",
        "dataset",
        "train_data",
        "dev_examples",
        "mark",
        "seeds",
        "collapsed",
        "failed",
    ]
    assert names[10:31] == [
        *(f"{name}_{kind}" for name in ("accuracy", "f1", "eval_loss") for kind in ("mean", "sd")),
        *(f"{name}_examples_per_second_{kind}" for name in ("train", "eval") for kind in ("mean", "sd")),
        *(f"{name}_runtime_{kind}" for name in ("train", "eval") for kind in ("mean", "sd")),
        "worst_accuracy",
        "worst_seed",
        "p_value",
        "p_adjusted",
        "test",
        "calibration_error",
        "flag model",
    ]


def test_very_many_classes_make_a_report_without_a_confusion_matrix(tmp_path):
    probabilities = np.full([3, 20_000], 1e-6)
    probabilities[[0, 1, 2], [0, 1, 19_999]] = 1 - 19_999e-6
    write_run(tmp_path / "run", probabilities, ["0", "1", "2"])
    write_report([tmp_path], tmp_path)
    assert "The confusion matrix of 20,000 classes is too large to show" in (tmp_path / "report.html").read_text()


def test_old_and_new_runs_make_the_same_report(sweep, tmp_path):
    new = [path.read_bytes() for path in write_report([sweep], tmp_path / "new")]
    for path in sweep.glob("*/results.json"):
        make_old(path.parent)
    assert [path.read_bytes() for path in write_report([sweep], tmp_path / "old")] == new


def test_odd_runs_are_listed_in_every_report_and_the_others_are_compared(sweep):
    edits = {
        "percent": {"eval_accuracy": 84.3},
        "nan": {"eval_f1": float("nan")},
        "unfinished": {"num_train_steps": 99},
    }
    for seed, (name, edit) in enumerate(edits.items(), start=5):
        edit_results(write_run(sweep / name, draw_probabilities(LABELS, 0.8, seed), seed=seed), **edit)
    write_report([sweep], sweep)
    for name in ("report.html", "report.md"):
        text = (sweep / name).read_text().replace("\\", "")
        assert "5 finished runs of" in text and "1 unfinished, 1 without results." in text
        assert "Unfinished runs" in text and "evaluated at step 30 of 99" in text
        assert "eval_accuracy is 84.3, which is not between 0 and 1" in text
        assert "nan/results.json: has values that cannot be used: eval_f1 is nan" in text
    assert "nan" not in [cell for row in rows_of(sweep) for cell in row.values()]
    assert {row["unfinished"] for row in rows_of(sweep)} == {"0", "1"}


def test_an_unfinished_run_alone_makes_a_report(tmp_path):
    edit_results(write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0)), num_train_steps=99)
    write_report([tmp_path], tmp_path)
    assert "evaluated at step 30 of 99" in (tmp_path / "report.md").read_text()


def test_many_configurations_and_studies_have_a_limited_number_of_figures(tmp_path, monkeypatch):
    monkeypatch.setattr("bert_tf.report.plots.MAX_CONFIGURATIONS", 2)
    monkeypatch.setattr("bert_tf.report.page._MAX_ILLUSTRATED_STUDIES", 2)
    for number in range(4):
        values = [1.0, 0.0, 1.0, number / 4]
        results = {"headline": "eval_own", "eval_own": float(np.mean(values))}
        write_scored_run(tmp_path / f"a{number}", values, results=results, learning_rate=1e-5 * (number + 1))
        write_scored_run(tmp_path / f"b{number}", values, results=results, dataset=str(number))
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert text.count("<h2 id=") == 5 and text.count("<svg") == 4 + 2
    assert text.count("Figures and mistakes are shown for the first 2 studies.") == 3
    assert text.count("The 2 best configurations.") == 3


@pytest.mark.slow
def test_a_folder_with_a_name_that_is_not_utf8_is_in_the_report_if_it_is_below_the_argument(tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff")
    (write_run(odd, draw_probabilities(LABELS, 0.8, 0)) / "results.json").unlink()
    process = run_script(tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    text = (tmp_path / "report.md").read_text()
    assert "- \ufffd: has no results.json".replace("_", "\\_") in text
    assert f"their folders in {tmp_path}.".replace("_", "\\_") in text
    process = run_script(odd)
    assert process.returncode == 1 and process.stderr.count("\n") == 1 and "not UTF-8" in process.stderr


def test_a_path_that_is_too_long_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="File name too long"):
        write_report([tmp_path / ("x" * 300)], tmp_path)
