import json

import pytest
from support.sweep_project import BASE, Project, assert_refused

SWEEP = {"LEARNING_RATES": "1e-3", "SEEDS": "0"}
NAME = f"{BASE}_lr1e-3_batch8_epochs3_seed0"

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


def test_only_what_was_finished_with_the_same_flags_is_skipped(project):
    for count, flags in enumerate([[], ["--max_seq_length=64"], [], ["--data_dir=../data/./MRPC"]], start=1):
        assert "accuracy 0.7500, 0:0" in project.run(*flags, **SWEEP).stdout
        skipped = project.run(*flags, **SWEEP)
        assert skipped.returncode == 0 and "accuracy 0.7500, finished before" in skipped.stdout
        assert len(project.starts(NAME)) == count


def test_own_files_and_the_flags_about_them_are_passed_on(project):
    rows = "".join(f"{word},{label}\n" for word in ("Good", "Fine", "Poor", "Bad") for label in ("yes", "no"))
    (project.folder / "here" / "own.csv").write_text(f"review,stars\n{rows}")
    flags = ["--train_file=own.csv", "--dev_split=0.5"]
    done = project.run(*flags, GLUE_DIR="", **SWEEP)  # no data_dir
    assert done.returncode == 0, done.stderr + (project.output / NAME / "run.log").read_text()
    assert project.results()[NAME]["flags"]["train_file"] == "own.csv"
    assert "finished before" in project.run(*flags, GLUE_DIR="", **SWEEP).stdout
    assert "finished before" not in project.run(flags[0], "--dev_split=0.25", GLUE_DIR="", **SWEEP).stdout


@pytest.mark.parametrize("name", ["train.tsv", "dev.tsv"])
def test_a_run_on_other_data_under_the_same_path_is_not_finished(name, project):
    project.run(**SWEEP)
    with (project.data / name).open("a") as file:
        file.write("Rain fell .\tSnow fell .\t0\n")
    assert "accuracy 0.7500, 0:0" in project.run(**SWEEP).stdout
    assert "finished before" in project.run(**SWEEP).stdout
    assert len(project.starts(NAME)) == 2


@pytest.mark.parametrize(("name", "key"), [("run.json", "training"), ("results.json", "dev_data")])
def test_a_run_that_does_not_say_on_what_it_was_run_is_not_finished(name, key, project):
    project.run(**SWEEP)
    path = project.output / NAME / name
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    assert "accuracy 0.7500, 0:0" in project.run(**SWEEP).stdout


def test_data_that_cannot_be_read_is_reported_in_one_line_and_nothing_is_run(project):
    assert_refused(project, "nowhere/train.tsv: there is no such file", "--data_dir=nowhere", **SWEEP)
