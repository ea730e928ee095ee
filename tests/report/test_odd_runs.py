"""Foreign files and odd values in the folder of a run: they are named, and never stop the report on the others."""

import contextlib
import os
import tempfile
import tracemalloc

import pytest
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    edit_training,
    write_run,
)

from bert_tf.report.runs import read_runs

GOOD = draw_probabilities(LABELS, 0.8, seed=1)

RUN_FILE_NAMES = ["results.json", "run.json", "eval_predictions.tsv", "eval_values.tsv", "train_log.csv", "failure.txt"]


def put_a_folder(path):
    path.mkdir()


def put_a_named_pipe(path):
    os.mkfifo(path)


def put_a_link_to_a_device(path):
    path.symlink_to("/dev/zero")


def put_a_link_to_itself(path):
    path.symlink_to(path)


def put_a_link_to_nothing(path):
    path.symlink_to("nowhere")


def put_too_large_a_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


PUTS = [
    put_a_folder,
    put_a_named_pipe,
    put_a_link_to_a_device,
    put_a_link_to_itself,
    put_a_link_to_nothing,
    put_too_large_a_file,
]


@pytest.mark.parametrize("name", RUN_FILE_NAMES)
@pytest.mark.parametrize("put", PUTS)
def test_what_is_no_file_in_the_place_of_one_is_named_and_the_rest_is_read(tmp_path, name, put):
    write_run(tmp_path / "good", GOOD)
    folder = write_run(tmp_path / "odd", GOOD, seed=1)
    (folder / name).unlink(missing_ok=True)
    put(folder / name)
    inventory = read_runs([tmp_path])
    is_read = name != "results.json"
    assert [run.folder.name for run in inventory.runs] == ["good", "odd"][: 1 + is_read]
    (line,) = inventory.skipped if is_read else [run.reason for run in inventory.failed]
    assert line.startswith(f"{folder / name}: ") and "\n" not in line


@pytest.mark.parametrize("put", PUTS)
def test_results_alone_that_are_no_file_are_named(tmp_path, put):
    (tmp_path / "odd").mkdir()
    put(tmp_path / "odd" / "results.json")
    (line,) = read_runs([tmp_path]).skipped
    assert line.startswith(f"{tmp_path / 'odd' / 'results.json'}: cannot be read (")


@pytest.mark.parametrize("name", ["odd", "odd/results.json", "odd/run.json", "odd/train_log.csv"])
def test_what_may_not_be_read_is_named_and_the_rest_is_read(tmp_path, name):
    write_run(tmp_path / "good", GOOD)
    write_run(tmp_path / "odd", GOOD, seed=1)
    (tmp_path / name).chmod(0)
    with an_ordinary_user(tmp_path):
        inventory = read_runs([tmp_path])
    (tmp_path / name).chmod(0o700)
    assert inventory.runs[0].folder.name == "good"
    lines = [*inventory.skipped, *(run.reason for run in inventory.failed)]
    assert lines and all("Permission denied" in line for line in lines)


@contextlib.contextmanager
def an_ordinary_user(folder):
    """Takes root's rights away inside the block, because root may read everything."""
    user = os.geteuid()
    if user == 0:
        for path in (folder, *folder.parents):
            if path.owner() == "root" and path.is_relative_to(tempfile.gettempdir()):
                path.chmod(path.stat().st_mode | 0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_with_a_name_that_is_not_utf8_is_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff\xfe")
    write_run(folder, GOOD)
    assert [run.folder for run in read_runs([tmp_path]).runs] == [folder]


def test_links_to_folders_are_not_followed_and_those_that_lead_out_are_named(tmp_path):
    folder = write_run(tmp_path / "top" / "run", GOOD)
    write_run(tmp_path / "elsewhere", GOOD, seed=1)
    (folder / "round").symlink_to(tmp_path / "top")
    (tmp_path / "top" / "other").symlink_to(tmp_path / "elsewhere")
    inventory = read_runs([tmp_path / "top"])
    assert [run.folder for run in inventory.runs] == [folder]
    (line,) = inventory.skipped
    assert line.startswith(f"{tmp_path / 'top' / 'other'}: is a link") and "not followed" in line


@pytest.mark.slow
def test_folders_in_folders_without_end_are_read(tmp_path):
    # More levels than Python's stack has. They are removed here, because pytest cannot.
    folders = [tmp_path / "a" / "/".join("a" * level) for level in range(1200)]
    for folder in folders:
        folder.mkdir()
    write_run(tmp_path / "run", GOOD)
    inventory = read_runs([tmp_path])
    for folder in reversed(folders):
        folder.rmdir()
    assert len(inventory.runs) == 1 and not inventory.skipped


def test_many_foreign_files_are_one_line(tmp_path):
    for number in range(1000):
        (tmp_path / f"{number:03}.png").touch()
    (line,) = read_runs([tmp_path]).skipped
    assert line.startswith(f"{tmp_path}: has 1,000 files that are not part of a run: 000.png") and len(line) < 300


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"eval_f1": float("nan")}, "eval_f1 is nan"),
        ({"eval_f1": float("inf")}, "eval_f1 is inf"),
        ({"eval_f1": "0.8"}, "eval_f1 is 0.8"),
        ({"eval_own": [1.0]}, "eval_own is [1.0]"),
        ({"anything": 10**400}, "anything is 1000"),
        ({"train_samples_per_second": -3.0}, "train_samples_per_second is -3"),
        ({"global_step": -1}, "global_step is -1"),
        ({"dataset": ["a"]}, "dataset is ['a']"),
        ({"model": {"a": 1}}, "model is {'a': 1}"),
        ({"evaluation": [1]}, "evaluation is not an object"),
        ({"versions": {"python": ["3"]}}, "python is ['3']"),
    ],
)
def test_odd_values_that_decide_nothing_are_named_and_the_run_is_read(tmp_path, changes, word):
    edit_results(write_run(tmp_path / "run", GOOD), **changes)
    inventory = read_runs([tmp_path])
    (line,) = inventory.skipped
    assert len(inventory.runs) == 1 and not set(changes) & set(inventory.runs[0].results)
    assert "values that cannot be used" in line and word in line


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"headline": "eval_pearson", "eval_pearson": 84.3}, "eval_pearson is 84.3, which is not between -1 and 1"),
        ({"headline": "eval_\ud800\n"}, "the run was not evaluated"),
        ({"e" * 10_000: 1}, "name of 10,000 characters"),
        ({"eval_own": list(range(20_000))}, "20,0"),
        ({"dataset": "x" * (2 << 20)}, "larger than"),
    ],
)
def test_absurd_results_make_a_failed_run(tmp_path, changes, word):
    edit_results(write_run(tmp_path / "run", GOOD), **changes)
    (failed,) = read_runs([tmp_path]).failed
    assert word in failed.reason and "\n" not in failed.reason


@pytest.mark.parametrize("seed", [10**400, True, "3", [3], 3.0])
def test_a_seed_that_is_no_seed_is_named(tmp_path, seed):
    folder = write_run(tmp_path / "run", GOOD)
    edit_training(folder, seed=seed)
    (run,) = read_runs([tmp_path]).runs
    assert run.seed == 0 and "no seed" in read_runs([tmp_path]).skipped[0]


def test_a_number_of_integers_beyond_pythons_limit_is_named(tmp_path):
    (write_run(tmp_path / "run", GOOD) / "results.json").write_text('{"eval_accuracy": 1' + "0" * 5000 + "}")
    assert "not a JSON object" in read_runs([tmp_path]).failed[0].reason


def test_a_table_that_is_too_wide_is_named_in_little_memory(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    (folder / "eval_predictions.tsv").write_text("guid\tlabel" + "\tx" * 10_000_000 + "\n")
    tracemalloc.start()
    inventory = read_runs([tmp_path])
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()
    assert "columns" in inventory.skipped[0] and inventory.runs[0].values is not None


def test_the_tables_of_all_runs_together_are_limited(tmp_path, monkeypatch):
    for seed in range(3):
        folder = write_run(tmp_path / str(seed), GOOD, seed=seed)
    sizes = [(folder / name).stat().st_size for name in ("eval_predictions.tsv", "eval_values.tsv", "train_log.csv")]
    monkeypatch.setattr("bert_tf.report.inventory.MAX_ALL_TABLES_BYTES", 2 * sum(sizes) + 10)
    inventory = read_runs([tmp_path])
    assert [run.predictions is None for run in inventory.runs] == [False, False, True]
    assert inventory.skipped and all("all runs together" in line for line in inventory.skipped)
