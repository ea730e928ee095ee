import sys

import psutil
import pytest
from support.paths import ROOT
from support.sweep_project import wait_for

pytestmark = pytest.mark.slow

# Runs a command as a node of a cluster does, and writes how it ended.
RUN = """
import sys
from pathlib import Path
from grid import Run
from bert_tf.programs.classifier_config import ClassifierConfig
from ray_task import run_on_node
code = "open('begun', 'w'); import time; time.sleep(60)"
run = Run("a run", (sys.executable, "-c", code), ClassifierConfig(task_name="MRPC", do_train=True, output_dir="."))
outcome = run_on_node(run, ".", None, {})
Path("outcome").write_text(f"{outcome.lost} {outcome.problem}")
"""
NODE = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {RUN!r}])"


@pytest.mark.parametrize("is_the_node", [True, False])
def test_an_attempt_is_lost_if_its_node_ends_and_failed_if_the_run_does(is_the_node, tmp_path):
    paths = ":".join(str(ROOT / folder) for folder in ("", "scripts", "scripts/sweep"))
    node = psutil.Popen([sys.executable, "-c", NODE], cwd=tmp_path, env={"PYTHONPATH": paths})
    wait_for((tmp_path / "begun").exists)
    run = next(process for process in node.children(recursive=True) if process.cmdline()[-1].startswith("open('begun'"))
    (node if is_the_node else run).kill()
    node.wait()
    wait_for((tmp_path / "outcome").exists)
    said = (tmp_path / "outcome").read_text()
    assert said == ("True the node it was running on is dead" if is_the_node else "False exit code 137, SIGKILL")
