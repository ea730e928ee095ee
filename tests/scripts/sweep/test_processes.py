import signal
import time

import psutil
import pytest
from support.sweep_project import BASE, Project, finish, lives, wait_for

from processes import SECONDS_TO_STOP

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


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
    assert done.returncode == 128 + number and time.monotonic() - started < SECONDS_TO_STOP
    assert "run the same command again to continue" in done.stderr and "FAILED" not in done.stdout
    for name in names[:2]:
        assert (project.output / name / "cleaned").exists() and not lives(project.output / name)
    assert not (project.output / names[2]).exists() and not (project.output / "report.md").exists()
    assert not list(project.output.glob("*/failure.txt"))
    again = project.run(**grid)
    assert again.returncode == 0 and len(project.results()) == 3


def test_no_run_outlives_a_sweep_that_was_killed(project):
    process = project.start(SECONDS_TO_TRAIN=60, LEARNING_RATES="1e-3", SEEDS="0")
    folder = project.output / f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    wait_for(lambda: (folder / "locked").exists())
    assert lives(folder)
    process.kill()
    finish(process)
    time.sleep(1)
    assert not lives(folder) and not (folder / "cleaned").exists()


def test_a_run_whose_guard_was_killed_ends_and_is_a_failure(project):
    process = project.start(SECONDS_TO_TRAIN=60, LEARNING_RATES="1e-3", SEEDS="0")
    folder = project.output / f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    wait_for(lambda: (folder / "locked").exists())
    (guard,) = psutil.Process(process.pid).children()
    guard.kill()
    done = finish(process)
    assert done.returncode == 1 and "FAILED, 0:0" in done.stdout and "exit code 137, SIGKILL" in done.stdout
    wait_for(lambda: not lives(folder))
