import os

import pytest
from support.sweep_project import Project, assert_refused

from gpus import find_gpus

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"JOBS": "0"}, "JOBS: '0' is not a whole number of at least 1"),
        (
            {"JOBS": "3", "CUDA_VISIBLE_DEVICES": "0,1"},
            "JOBS: 3 runs at the same time need a GPU each",
        ),
    ],
)
def test_a_number_of_jobs_that_cannot_be_is_refused(variables, message, project):
    assert_refused(project, message, **variables)


def test_runs_at_the_same_time_have_a_gpu_each(project):
    done = project.run(
        *("--max_seq_length=64",),
        LEARNING_RATES="1e-3",
        SEEDS="0 1 2 3",
        JOBS=2,
        CUDA_VISIBLE_DEVICES="3,GPU-5",
        SECONDS_TO_TRAIN=2,
    )
    assert done.returncode == 0, done.stderr
    starts = [project.starts(name)[0] for name in sorted(project.results())]
    assert [gpu for gpu, _ in starts[:2]] == ["3", "GPU-5"] and {gpu for gpu, _ in starts[2:]} == {"3", "GPU-5"}
    moments = [float(moment) for _, moment in starts]
    assert abs(moments[1] - moments[0]) < 1.9 and min(moments[2:]) - moments[0] > 1.9


@pytest.mark.parametrize(
    ("visible", "gpus"), [(None, ["0", "1"]), ("", []), ("-1", []), ("1", ["1"]), ("2, 0,-1,3", ["2", "0"])]
)
def test_gpus_are_those_that_cuda_would_show(visible, gpus, tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "GPU 0: A (UUID: a)"\necho "  MIG 1g: (UUID: m)"\necho "GPU 1: B (UUID: b)"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == gpus


def test_without_nvidias_tool_there_are_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert find_gpus() == []
