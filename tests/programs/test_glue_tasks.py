"""Tasks of GLUE from the command line, with the tiny model."""

import random
from pathlib import Path

import pytest
from support.corpora import write
from support.tiny import WORDS

pytestmark = pytest.mark.slow

NUM_TEST_EXAMPLES = 146  # of WNLI


def write_wnli(folder: Path, num_test_examples: int) -> Path:
    words = random.Random(0)
    pairs = ["\t".join(" ".join(words.choices(WORDS, k=6)) for _ in "ab") for _ in range(num_test_examples)]
    header, rows = "index\tsentence1\tsentence2", [f"{index}\t{pair}" for index, pair in enumerate(pairs)]
    write(folder / "test.tsv", "\n".join([header, *rows, ""]))
    write(folder / "dev.tsv", "\n".join([f"{header}\tlabel", f"{rows[0]}\t1", f"{rows[1]}\t0", ""]))
    return folder


def most_probable(path: Path) -> list[int]:
    rows = [[float(cell) for cell in line.split("\t")] for line in path.read_text().splitlines()]
    return [row.index(max(row)) for row in rows]


def test_a_fine_tuned_model_leaves_the_file_for_the_leaderboard(run, finished_copy, tmp_path):
    data_dir = write_wnli(tmp_path / "WNLI", NUM_TEST_EXAMPLES)
    folders = [f"--data_dir={data_dir}", f"--output_dir={finished_copy}"]
    result = run("--task_name=wnli", "--do_predict", "--glue_submission", *folders)
    assert result.code == 0, result.stderr
    predictions = most_probable(finished_copy / "test_results.tsv")
    assert len(predictions) == NUM_TEST_EXAMPLES and set(predictions) == {0, 1}
    lines = (finished_copy / "WNLI.tsv").read_text().splitlines()
    assert lines == ["index\tprediction", *(f"{index}\t{label}" for index, label in enumerate(predictions))]


def test_another_task_of_glue_is_evaluated_in_a_folder_of_its_own(run, finished_copy, tmp_path):
    data_dir = write_wnli(tmp_path / "WNLI", NUM_TEST_EXAMPLES)
    before = (finished_copy / "results.json").read_bytes()
    result = run("--task_name=wnli", "--do_eval", f"--data_dir={data_dir}", f"--output_dir={finished_copy}")
    assert result.code == 1 and "holds a run of MRPC, and an evaluation on WNLI would replace" in result.stderr
    assert (finished_copy / "results.json").read_bytes() == before


def test_a_test_set_that_the_leaderboard_would_not_take_is_refused_before_anything_is_written(
    run, finished_copy, tmp_path
):
    data_dir = write_wnli(tmp_path / "WNLI", 16)
    folders = [f"--data_dir={data_dir}", f"--output_dir={finished_copy}"]
    result = run("--task_name=wnli", "--do_predict", "--glue_submission", *folders)
    assert result.code == 1 and not (finished_copy / "WNLI.tsv").exists()
    assert "glue_submission: the test set has 16 rows, but GLUE's has 146; " in result.stderr
