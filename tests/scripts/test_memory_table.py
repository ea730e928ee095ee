"""The table of batch sizes follows from measured points, and one point can really be measured."""

import dataclasses
import subprocess
import sys

import pytest
from support.commands import subprocess_environment
from support.paths import SCRIPTS

import memory_table

SCRIPT = SCRIPTS / "memory_table.py"


def test_the_parts_are_found_from_three_points():
    wanted = memory_table.Fit(fixed=2e9, by_token=8e5, by_pair=300.0)
    found = memory_table.fit(memory_table.POINTS, [wanted.memory(*point) for point in memory_table.POINTS])
    assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(wanted), rel=1e-6)


def test_the_largest_batch_fits_and_one_more_does_not():
    fit = memory_table.Fit(fixed=2e9, by_token=8e5, by_pair=300.0)
    for length in memory_table.LENGTHS:
        batch = fit.largest_batch(12e9, length)
        assert fit.memory(batch, length) <= 12e9 < fit.memory(batch + 1, length)
    assert fit.largest_batch(1e9, 128) == 0


def test_a_table_has_a_row_for_each_setting_and_a_column_for_each_length():
    setting = memory_table.Setting("large", "bfloat16", True)
    lines = memory_table.table({setting: memory_table.Fit(2e9, 8e5, 300.0)}, 8)
    assert lines[0] == "|  | length 64 | length 128 | length 256 | length 320 | length 384 | length 512 |"
    assert lines[2].startswith("| BERT-large, bfloat16, --recompute | ") and len(lines) == 3


@pytest.mark.slow
def test_a_point_is_measured_by_training(monkeypatch):
    monkeypatch.setitem(memory_table.SIZES, "base", (32, 2, 2))
    setting = memory_table.Setting("base", "none", recompute=True)
    # At the least the memory of a process that has TensorFlow.
    assert 1e8 < memory_table.measure(setting, batch=4, length=16) < 1e11


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--models=huge", "--precisions=float8"])
def test_what_cannot_be_measured_is_refused_in_one_line(flag):
    done = subprocess.run(
        [sys.executable, SCRIPT, flag], capture_output=True, text=True, env=subprocess_environment(), check=False
    )
    name, _, value = flag.strip("-").partition("=")
    assert done.returncode == 1
    assert done.stderr.startswith(f"memory_table.py: error: {name}: is '{value}'; it must be one of ")
    assert len(done.stderr.splitlines()) == 1
