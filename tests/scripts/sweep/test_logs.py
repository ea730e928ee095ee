import pytest
from support.sweep_project import BASE, Project, finish, wait_for

SWEEP = {"LEARNING_RATES": "1e-3", "SEEDS": "0"}
NAME = f"{BASE}_lr1e-3_batch8_epochs3_seed0"

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


def test_a_sweep_that_continues_keeps_the_log_of_the_attempt_that_was_killed(project):
    log = project.output / NAME / "run.log"
    process = project.start(SECONDS_TO_TRAIN=60, **SWEEP)
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    process.kill()
    finish(process)
    with log.open("a") as file:
        file.write("a line that was cu")
    assert project.run(FAIL=NAME, **SWEEP).returncode == 1
    second = [f"a line of {NAME}", f"the last line of {NAME}"]
    assert log.read_text().splitlines() == [f"a line of {NAME}", "a line that was cu", *second]
    assert (project.output / NAME / "failure.txt").read_text().splitlines()[4:] == second


def test_a_failure_is_reported_with_its_own_lines_and_not_those_of_an_earlier_one(project):
    for _ in range(2):
        assert project.run(FAIL=NAME, **SWEEP).returncode == 1
    lines = (project.output / NAME / "failure.txt").read_text().splitlines()
    assert lines[4:] == [f"a line of {NAME}", f"the last line of {NAME}"]
    assert (project.output / NAME / "run.log").read_text().splitlines() == [*lines[4:], "", *lines[4:]]


def test_nothing_outside_is_written_through_a_link(project, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    folder = project.output / NAME
    folder.mkdir(parents=True)
    for name in ("run.log", "failure.txt"):
        (folder / name).symlink_to(outside)
    done = project.run(**SWEEP)
    assert done.returncode == 1 and "FAILED" in done.stdout and "run.log" in done.stdout
    assert "is a symbolic link" in (folder / "failure.txt").read_text()
    (project.output / ".sweep.lock").unlink()
    (project.output / ".sweep.lock").symlink_to(outside)
    refused = project.run(**SWEEP)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert ".sweep.lock: cannot be locked (is a symbolic link); remove it" in refused.stderr.splitlines()[-1]
    assert outside.read_text() == "theirs"
