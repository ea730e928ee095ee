"""A project whose sweep runs the real scripts with the real flags; its training is a stand-in unless it `trains`."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from support.paths import ROOT

from bert_tf.errors import UserError
from bert_tf.files import locked

SHELL_SCRIPTS = ("mrpc_base.sh", "mrpc_large.sh", "sweep_mrpc.sh", "sweep_glue.sh")
BASE, LARGE = "uncased_L-12_H-768_A-12", "uncased_L-24_H-1024_A-16"
# For a process that hangs; on a busy machine each start of a run takes long.
TIMEOUT = 600
VARIABLES = ("MODELS", "LEARNING_RATES", "BATCH_SIZES", "EPOCHS", "SEEDS", "JOBS", "OUTPUT_DIR")
OTHER_VARIABLES = ("TASKS", "GLUE_DIR", "CUDA_VISIBLE_DEVICES")

# Every Python runs sitecustomize.py first; only those of runs import one of the two below.
SITECUSTOMIZE = """
import sys
import os
if "BERT_TF_TRAINS" not in os.environ and sys.orig_argv[1:] and sys.orig_argv[1].endswith("run_classifier.py"):
    import first_in_a_run
"""
# Replaces the modules that the program of a run imports last, those with TensorFlow.
STAND_IN = """
import dataclasses, fcntl, json, logging, os, pathlib, sys, time, types
logging.disable(logging.INFO)  # what the data files hold is told by the program itself
from bert_tf.data.examples import examples_digest
from bert_tf.training.config import settle

# A node of a Ray cluster has the environment of its own, and the variables of the sweep that begin with BERT_TF_.
def variable(name):
    return os.environ.get(name, os.environ.get("BERT_TF_" + name))

def run(processor, config, examples):
    folder = pathlib.Path(config.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "starts").open("a") as file:
        print(os.environ.get("CUDA_VISIBLE_DEVICES"), time.time(), file=file)
    run.lock = (folder / ".lock").open("w")
    fcntl.flock(run.lock, fcntl.LOCK_EX)
    (folder / "locked").touch()
    print("a line of", folder.name, flush=True)
    if variable("FAIL") and variable("FAIL") in folder.name:
        sys.exit("the last line of " + folder.name)
    try:
        time.sleep(float(variable("SECONDS_TO_TRAIN") or 0))
    finally:
        (folder / "cleaned").touch()
    flags = dataclasses.asdict(settle(config, {}))
    del flags["dataset"]
    train_data, dev_data = (examples_digest(examples[split]) for split in ("train", "dev"))
    (folder / "run.json").write_text(json.dumps({"training": {"train_data": train_data}}))
    results = {"headline": "eval_accuracy", "eval_accuracy": 0.75, "flags": flags, "dev_data": dev_data}
    (folder / "results.json").write_text(json.dumps(results))

for name, content in {
    "bert_tf.tasks.kinds": {"make_task": lambda name, processor, loss: processor},
    "bert_tf.training.run": {"run": run},
    # Any check that the program imports.
    "bert_tf.training.early_checks": {"__getattr__": lambda name: lambda *_: None},
}.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(content)
"""
# Leaves the training as it is and writes down the process id.
PID_WRITER = """
import os, pathlib
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
        shutil.copytree(ROOT / "scripts" / "sweep", self.folder / "scripts" / "sweep")
        for path in (ROOT / "run_classifier.py", *(ROOT / "scripts" / name for name in SHELL_SCRIPTS)):
            shutil.copy(path, self.folder / path.relative_to(ROOT))
        (self.folder / "scripts" / "report.py").write_text(REPORT)
        self.data = self.folder / "data" / "MRPC"
        self.data.mkdir(parents=True)
        (self.data / "train.tsv").write_text("It rains .\tRain falls .\t1\n")
        (self.data / "dev.tsv").write_text("It rains .\tSnow falls .\t0\n")
        (self.folder / "here").mkdir()
        self.output = self.folder / "here" / "an output"
        self.pid_file = folder / "pid"
        first = PID_WRITER.replace("PID_FILE", repr(str(self.pid_file))) if trains else STAND_IN
        (self.folder / "first").mkdir()
        (self.folder / "first" / "sitecustomize.py").write_text(SITECUSTOMIZE)
        (self.folder / "first" / "first_in_a_run.py").write_text(first)
        self.path = [str(self.folder / "first"), str(ROOT)]

    def environment(self, **variables: object) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in VARIABLES + OTHER_VARIABLES}
        return {
            **clean,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([*self.path, os.environ.get("PYTHONPATH", "")]),
            "OUTPUT_DIR": "an output",
            **{name: str(value) for name, value in variables.items()},
        }

    def start(self, *arguments: str, script: str = "sweep_mrpc.sh", **variables: object) -> subprocess.Popen:
        """Starts a script in the folder `here`, in a process group of its own; by default on the project's data."""
        if "GLUE_DIR" not in variables and not any(argument.startswith("--data_dir") for argument in arguments):
            arguments = ("--data_dir=../data/MRPC", *arguments)
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
    """Returns True if the process of a run with the stand-in is still there: its lock dies with it."""
    try:
        with locked(folder / ".lock", "the run lives"):
            return False
    except UserError:
        return True


def assert_refused(project: Project, message: str, *arguments: str, **variables: object) -> None:
    """Checks that a sweep reports this mistake in one line and runs nothing."""
    done = project.run(*arguments, **variables)
    assert done.returncode == 1 and not done.stdout
    # What the data files hold may be told before.
    *told, error = done.stderr.splitlines()
    assert message in error and all(".tsv: 1 example" in line for line in told)
    assert not project.output.exists()
