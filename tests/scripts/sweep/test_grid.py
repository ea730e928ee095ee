import shlex
import shutil
import subprocess

import pytest
from support.sweep_project import BASE, LARGE, Project, assert_refused


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


def test_the_notebooks_grid_has_five_configurations_and_three_seeds_each(project):
    shown = project.run("--dry_run")
    assert shown.returncode == 0, shown.stderr
    commands = [shlex.split(line) for line in shown.stdout.splitlines()]
    runs = [dict(word[2:].partition("=")[::2] for word in command[2:]) for command in commands]
    names = ("bert_model", "learning_rate", "train_batch_size", "num_train_epochs", "seed")
    configurations = [
        (BASE, "5e-5", "8", "3"),
        (BASE, "5e-5", "16", "3"),
        (BASE, "2e-5", "8", "3"),
        (BASE, "5e-5", "16", "5"),
        (LARGE, "2e-5", "8", "3"),
    ]
    assert [tuple(run[name] for name in names) for run in runs] == [
        (*configuration, seed) for configuration in configurations for seed in "012"
    ]
    for run in runs:
        assert {"do_train", "do_eval"} <= run.keys() and "init_checkpoint" not in run
        assert (run["task_name"], run["warmup_steps"], run["weight_decay"]) == ("MRPC", "500", "0.01")
    assert len({run["output_dir"] for run in runs}) == 15
    assert not project.output.exists()


def test_variables_make_the_full_product_and_leave_the_warm_up_to_the_proportion(project):
    paper = {"LEARNING_RATES": "5e-5 3e-5 2e-5", "BATCH_SIZES": "16 32", "EPOCHS": "2 3 4"}
    shown = project.run("--dry_run", **paper, SEEDS="7", MODELS=f"{BASE} '/some models/tiny'")
    lines = shown.stdout.splitlines()
    assert len(set(lines)) == 2 * 3 * 2 * 3, shown.stderr
    last = shlex.split(lines[-1])
    assert "--bert_model=/some models/tiny" in last
    assert last[-1] == "--output_dir=an output/tiny_lr2e-5_batch32_epochs4_seed7"
    assert "warmup_steps" not in shown.stdout


def test_seeds_alone_keep_the_notebooks_grid(project):
    assert len(project.run("--dry_run", SEEDS="4").stdout.splitlines()) == 5


def test_a_run_that_stands_in_the_grid_twice_is_run_once(project):
    assert len(project.run("--dry_run", SEEDS="0 0", LEARNING_RATES="1e-3 1e-3").stdout.splitlines()) == 1


def test_the_originals_three_flags_give_the_model_of_the_whole_grid(project):
    files = [f"--{name}=/models/tiny/{name}" for name in ("bert_config_file", "vocab_file", "init_checkpoint")]
    lines = project.run("--dry_run", *files).stdout.splitlines()
    assert len(lines) == 4 * 3 and "bert_model" not in lines[0]
    assert "tiny_lr5e-5_batch8_epochs3_seed0" in lines[0]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MODELS": "a/tiny b/tiny"}, "MODELS: two models are called tiny; rename one of the folders"),
        ({"LEARNING_RATES": "../x"}, "LEARNING_RATES: '../x' is not a number"),
        ({"LEARNING_RATES": "nan"}, "learning_rate: is nan; it must be more than 0 and finite"),
        ({"BATCH_SIZES": "0"}, "train_batch_size: is 0; it must be at least 1"),
        ({"BATCH_SIZES": "8.5"}, "BATCH_SIZES: '8.5' is not a whole number"),
        ({"SEEDS": "'1"}, 'SEEDS: "\'1" cannot be split'),
        ({"SEEDS": " "}, "SEEDS: is empty"),
    ],
)
def test_mistakes_are_reported_in_one_line_and_nothing_is_run(variables, message, project):
    assert_refused(project, message, **variables)


@pytest.mark.slow
def test_a_printed_line_that_is_pasted_into_a_shell_gives_the_same_run(project):
    shutil.copytree(project.data, project.folder / "here" / 'it\'s "here"')
    grid = {"MODELS": "'my $model;'", "LEARNING_RATES": "1e-3", "SEEDS": "3"}
    line = project.run("--dry_run", '--data_dir=it\'s "here"', **grid).stdout
    subprocess.run(["bash", "-n"], input=line, text=True, check=True)
    subprocess.run(["bash"], input=line, text=True, check=True, cwd=project.folder / "here", env=project.environment())
    pasted = project.results()
    shutil.rmtree(project.output)
    assert project.run('--data_dir=it\'s "here"', **grid).returncode == 0
    assert project.results() == pasted and len(pasted) == 1
