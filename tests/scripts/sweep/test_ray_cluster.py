"""Sweeps on a Ray cluster of two nodes on this machine; one test trains a tiny BERT."""

import importlib.util
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.outputs import latest_step
from support.sweep_project import BASE, Project, assert_refused, finish, lives, wait_for
from support.tiny import write_corpus, write_tiny_model

# Starts a cluster whose head computes nothing and prints its address. Kills the nodes whose process ids it reads, and
# ends with its standard input. A killed node whose parent does not wait for it would seem to live.
CLUSTER = """
import os, signal, sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
for _ in range(2):
    cluster.add_node(num_cpus=1)
print("address", cluster.address, flush=True)
for line in sys.stdin:
    os.kill(int(line), signal.SIGKILL)
    os.waitpid(int(line), 0)
cluster.shutdown()
"""
NAMES = [f"{BASE}_lr1e-3_batch8_epochs3_seed{seed}" for seed in range(3)]
GRID = {"LEARNING_RATES": "1e-3", "SEEDS": "0 1 2"}

pytestmark = pytest.mark.slow
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed (pip install -e '.[ray]')"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("ray"), trains=False)


@pytest.fixture(scope="module")
def cluster(project) -> Iterator[subprocess.Popen]:
    variables = project.environment(RAY_USAGE_STATS_ENABLED=0, CUDA_VISIBLE_DEVICES="")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    cluster = subprocess.Popen([sys.executable, "-c", CLUSTER], env=variables, text=True, **pipes)
    yield cluster
    cluster.stdin.close()
    cluster.stdout.close()
    cluster.wait()


@pytest.fixture(scope="module")
def address(cluster) -> str:
    return next(line.split()[1] for line in cluster.stdout if line.startswith("address "))


def wait_for_runs(output: Path, count: int) -> None:
    wait_for(lambda: len(list(output.glob("*/locked"))) == count)


def node_of(name: str) -> psutil.Process | None:
    """Returns the process of the node on which a run is; None if the run has not begun."""
    for process in psutil.process_iter(["cmdline"]):
        if any(word.endswith(f"/{name}") for word in process.info["cmdline"] or ()):
            nodes = [parent for parent in process.parents() if parent.name() == "raylet"]
            if nodes:
                return nodes[0]
    return None


@needs_ray
def test_runs_are_spread_over_the_nodes_and_a_failed_one_is_recorded(project, address):
    output = project.folder / "here" / "spread"
    done = project.run(f"--ray={address}", OUTPUT_DIR="spread", BERT_TF_FAIL="seed1", **GRID)
    assert done.returncode == 1
    first, *lines = done.stdout.splitlines()
    assert first.startswith(f"3 runs, each with 1 CPU and 0 GPUs, on 2 nodes of the Ray cluster {address}, in spread;")
    assert f"[1/3] {NAMES[0]} ... accuracy 0.7500, 0:0" in done.stdout and len(lines) == 3
    failed = next(line for line in lines if "FAILED" in line)
    assert failed.startswith(f"[2/3] {NAMES[1]} ... FAILED, 0:0")
    assert failed.endswith(f"exit code 1: the last line of {NAMES[1]}")
    record = (output / NAMES[1] / "failure.txt").read_text().splitlines()
    assert record[0] == "exit code 1" and record[4:] == [f"a line of {NAMES[1]}", f"the last line of {NAMES[1]}"]
    assert (output / "report.md").read_text() == "2"
    assert all(".tsv: 1 example" in line for line in done.stderr.splitlines()[:-1])
    again = project.run(f"--ray={address}", OUTPUT_DIR="spread", **GRID)
    assert again.returncode == 0 and again.stdout.count("finished before") == 2
    assert not (output / NAMES[1] / "failure.txt").exists()


@needs_ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_run_outlives_a_sweep_that_was_stopped(number, project, address):
    output = project.folder / "here" / number.name
    process = project.start(f"--ray={address}", OUTPUT_DIR=number.name, BERT_TF_SECONDS_TO_TRAIN=300, **GRID)
    wait_for_runs(output, 2)
    process.send_signal(number)
    done = finish(process)
    assert done.returncode == (130 if number == signal.SIGINT else -9) and "FAILED" not in done.stdout
    wait_for(lambda: not any(lives(folder) for folder in output.glob("*seed*")))
    assert len(list(output.glob("*/starts"))) == 2
    if number == signal.SIGINT:
        assert "run the same command again to continue" in done.stderr
        assert len(list(output.glob("*/cleaned"))) == 2


@needs_ray
def test_a_run_whose_node_dies_resumes_on_another_one(project, cluster, address, tmp_path):
    corpus = write_corpus(tmp_path / "corpus", {"train": 64, "dev": 24})
    tiny = write_tiny_model(tmp_path / "tiny")
    grid = {"MODELS": shlex.quote(str(tiny)), "LEARNING_RATES": "1e-3", "EPOCHS": "64", "SEEDS": "5"}
    flags = [f"--ray={address}", f"--data_dir={corpus}", "--max_seq_length=48", "--save_checkpoints_steps=8"]
    name = "tiny_lr1e-3_batch8_epochs64_seed5"
    folder = project.folder / "here" / "node" / name

    process = project.start(*flags, OUTPUT_DIR="node", BERT_TF_TRAINS=1, **grid)
    wait_for(lambda: (folder / ".lock").exists() and node_of(name) is not None)
    node = node_of(name)
    wait_for(lambda: latest_step(folder) >= 8)
    print(node.pid, file=cluster.stdin, flush=True)
    done = finish(process)
    assert done.returncode == 0, done.stdout + done.stderr
    died, finished = done.stdout.splitlines()[1:]
    assert "node it was running on is dead" in died and died.endswith("; starts again")
    assert finished.startswith(f"[1/1] {name} ... accuracy 0.")
    assert "Resuming after step" in (folder / "run.log").read_text() and latest_step(folder) == 512


@needs_ray
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("127.0.0.1:1", "--ray=127.0.0.1:1: no cluster answers (Connection refused); give the address that `ray start"),
        ("ray://127.0.0.1:1", "no cluster answers (Connection refused)"),
        ("nonsense", "--ray=nonsense: cannot be used (Invalid address format: nonsense); start a cluster"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_one_line(given, message, tmp_path):
    assert_refused(Project(tmp_path, trains=False), message, f"--ray={given}")


def test_without_ray_one_line_says_how_to_install_it(tmp_path):
    project = Project(tmp_path, trains=False)
    (project.folder / "first" / "ray.py").write_text("raise ModuleNotFoundError('not here', name='ray')")
    message = "--ray: the package ray is missing; install it with: pip install -e '.[ray]'"
    assert_refused(project, message, "--ray=auto")
