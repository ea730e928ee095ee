import shlex

import pytest
from support.sweep_project import BASE, Project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


def test_a_failed_run_is_recorded_and_tried_again_and_the_others_finish(project):
    grid = {"LEARNING_RATES": "1e-3 2e-3", "SEEDS": "0 1"}
    (project.output).mkdir()
    in_the_way = project.output / f"{BASE}_lr2e-3_batch8_epochs3_seed1"
    in_the_way.write_text("mine")
    done = project.run(FAIL="seed0", **grid)
    assert done.returncode == 1
    failing, good, also_failing, blocked = [line.partition(" ... ")[2] for line in done.stdout.splitlines()[1:]]
    name = f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    assert f"[1/4] {name} ... FAILED, 0:0" in done.stdout
    assert failing.endswith(f", exit code 1: the last line of {name}")
    assert good.startswith("accuracy 0.7500, 0:0")
    assert also_failing.startswith("FAILED")
    assert blocked.startswith("FAILED") and "not started" in blocked and in_the_way.read_text() == "mine"
    record = (project.output / name / "failure.txt").read_text().splitlines()
    assert record[0] == "exit code 1" and record[-2:] == [f"a line of {name}", f"the last line of {name}"]
    assert f"--output_dir=an output/{name}" in shlex.split(record[2])
    assert "3 of 4 runs failed" in done.stderr and (project.output / "report.md").read_text() == "1"
    again = project.run(**grid)
    assert again.returncode == 1 and "1 of 4 runs failed" in again.stderr
    assert not (project.output / name / "failure.txt").exists()
    assert len(project.starts(name)) == 2
    assert len(project.starts(f"{BASE}_lr1e-3_batch8_epochs3_seed1")) == 1
