import shlex
import shutil

import pytest
from support.sweep_project import BASE, Project, assert_refused

COLA = "gj04\t1\t\tIt rains .\n"
CONFIGURATION = f"{BASE}_lr2e-5_batch32_epochs3"


@pytest.fixture
def project(tmp_path) -> Project:
    project = Project(tmp_path, trains=False)
    cola = project.data.with_name("CoLA")
    cola.mkdir()
    for name in ("train.tsv", "dev.tsv"):
        (cola / name).write_text(COLA)
    return project


def glue(project: Project, *arguments: str, **variables: object):
    return project.run(*arguments, script="sweep_glue.sh", GLUE_DIR="../data", **variables)


def test_each_task_has_its_data_and_a_folder_of_its_own(project):
    project.data.with_name("MNLI").mkdir()
    shown = glue(project, "--dry_run", "--max_seq_length=64", TASKS="mrpc CoLA COLA mnli_mismatched", SEEDS="4 5")
    assert shown.returncode == 0 and not shown.stderr
    commands = [shlex.split(line)[2:] for line in shown.stdout.splitlines()]
    data = {"MRPC": "MRPC", "CoLA": "CoLA", "MNLI-MM": "MNLI"}
    expected = [(task, seed) for task in data for seed in "45"]
    assert len(commands) == len(expected)
    for command, (task, seed) in zip(commands, expected, strict=True):
        assert command[-1] == f"--output_dir=an output/{task}/{CONFIGURATION}_seed{seed}"
        assert {"--max_seq_length=64", f"--task_name={task}", f"--data_dir=../data/{data[task]}"} <= set(command)


@pytest.mark.slow
def test_all_tasks_whose_data_are_here_are_run_and_reported_together(project):
    done = glue(project, SEEDS="0")
    assert done.returncode == 0, done.stderr
    assert "No data for SST-2, STS-B, QQP, MNLI, QNLI, RTE, WNLI, neither in GLUE_DIR nor in data" in done.stderr
    assert f"[1/2] CoLA/{CONFIGURATION}_seed0 ... accuracy 0.7500" in done.stdout
    assert f"[2/2] MRPC/{CONFIGURATION}_seed0 ... accuracy 0.7500" in done.stdout
    assert len(list(project.output.glob("*/*/results.json"))) == 2 and (project.output / "report.md").exists()
    (project.data / "dev.tsv").write_text("It snows .\tSnow falls .\t1\n")
    again = glue(project, SEEDS="0").stdout
    assert f"CoLA/{CONFIGURATION}_seed0 ... accuracy 0.7500, finished before" in again
    assert f"MRPC/{CONFIGURATION}_seed0 ... accuracy 0.7500, 0:0" in again


def test_without_any_data_nothing_is_run(project):
    shutil.rmtree(project.data.parent)
    done = glue(project)
    assert done.returncode == 1 and not done.stdout and not project.output.exists()
    assert "TASKS: no data for CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI; put them into" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ([], {"TASKS": "CoLA MNLI"}, "TASKS: no data for MNLI; put them into data/TASK, or set GLUE_DIR to the folder"),
        ([], {"TASKS": "CoLA MPRC"}, "task_name: 'MPRC' is unknown; known: "),
        ([], {"TASKS": " "}, "TASKS: is empty"),
        ([], {"TASKS": "'a"}, 'TASKS: "\'a" cannot be split into words'),
        (["--task_name=CoLA"], {}, "--task_name: the sweep sets it for each run; set TASKS instead"),
        (["--data_dir=x"], {}, "--data_dir: the sweep sets it for each run; set GLUE_DIR instead"),
    ],
)
def test_mistakes_are_reported_in_one_line_and_nothing_is_run(arguments, variables, message, project):
    assert_refused(project, message, *arguments, script="sweep_glue.sh", GLUE_DIR="../data", **variables)
