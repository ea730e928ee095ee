"""`python scripts/run_squad.py` in processes of its own: the original's files, resume, scores and errors."""

import functools
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from support.commands import Command, Result, assert_one_error_line, become_script
from support.outputs import assert_same_bits, latest_step, read_eval_results, rows, weights
from support.paths import GOLDEN, SCRIPTS
from support.questions import write_questions

FILES = GOLDEN / "squad_programs"
INPUTS = FILES / "inputs"
PREDICTION_FILES = ["nbest_predictions.json", "predictions.json"]

pytestmark = pytest.mark.slow
become_run_squad = functools.partial(become_script, script=SCRIPTS / "run_squad.py")


def start(folder: Path, *flags: str) -> Command:
    return Command(folder, list(flags), target=become_run_squad)


@pytest.fixture
def squad(tmp_path):
    def squad(*flags: str) -> Result:
        return start(tmp_path / "command", *flags).result()

    return squad


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    write_questions(folder / "v1", {"train": 60, "dev": 30})
    write_questions(folder / "v2", {"train": 60, "dev": 30}, version_2=True)
    return write_questions(folder, {"test": 9}, has_answers=False)


def train_flags(data: Path, tiny: Path, output_dir: Path, **changes: object) -> list[str]:
    flags = {
        "train_file": data / "train.json",
        "predict_file": data / "dev.json",
        "bert_model": tiny,
        "output_dir": output_dir,
        "max_seq_length": 40,
        "doc_stride": 16,
        "max_query_length": 12,
        "train_batch_size": 8,
        "num_train_epochs": 6,
        "learning_rate": 1e-3,
        "save_checkpoints_steps": 8,
        **changes,
    }
    return ["--do_train", "--do_predict", *(f"--{name}={value}" for name, value in flags.items())]


@pytest.fixture(scope="module")
def finished(questions, tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    result = start(folder / "command", *train_flags(questions / "v1", tiny, folder / "out")).result()
    assert result.code == 0, result.stderr
    return folder / "out"


@pytest.mark.parametrize(("version", "more"), [("11", []), ("20", ["--version_2_with_negative=True"])])
def test_the_originals_command_gives_the_originals_predictions(version, more, squad, tmp_path):
    result = squad(
        f"--vocab_file={INPUTS / 'vocab.txt'}",
        f"--bert_config_file={INPUTS / 'bert_config.json'}",
        f"--init_checkpoint={GOLDEN / 'squad' / 'golden.ckpt'}",
        "--do_predict=True",
        f"--predict_file={INPUTS / f'squad{version}_dev.json'}",
        *("--max_seq_length=96", "--doc_stride=32", "--max_query_length=24", "--do_lower_case=True"),
        *more,
        f"--output_dir={tmp_path / 'out'}",
    )
    assert result.code == 0, result.stderr
    golden = gzip.decompress((FILES / "squad_model" / f"predict_{version}_predictions.json.gz").read_bytes())
    assert (tmp_path / "out" / "predictions.json").read_bytes() == golden
    if version == "20":
        golden = json.loads(gzip.decompress((FILES / "squad_model" / "predict_20_null_odds.json.gz").read_bytes()))
        found = json.loads((tmp_path / "out" / "null_odds.json").read_text())
        assert list(found) == list(golden)
        np.testing.assert_allclose(list(found.values()), list(golden.values()), rtol=0, atol=1e-4)


def test_a_run_leaves_the_originals_files_and_its_scores(finished):
    for name in PREDICTION_FILES:
        assert len(json.loads((finished / name).read_text())) == 30
    assert not (finished / "null_odds.json").exists()
    scores, results = read_eval_results(finished), json.loads((finished / "results.json").read_text())
    assert scores["global_step"] == 45
    assert 0 <= scores["eval_exact_match"] <= scores["eval_f1"] <= 1 and results["eval_f1"] == scores["eval_f1"]
    assert results["program"] == "run_squad" and results["headline"] == "eval_f1"
    header, *table = rows(finished / "eval_predictions.tsv")
    assert header == ["guid", "exact_match", "f1", "probability", "prediction", "answers"] and len(table) == 30
    assert np.mean([float(row[2]) for row in table]) == pytest.approx(scores["eval_f1"])


def test_a_killed_run_resumes_to_the_same_bits(finished, questions, tiny, tmp_path):
    flags = train_flags(questions / "v1", tiny, tmp_path / "out")
    command = start(tmp_path / "first", *flags)
    command.kill_when(lambda: latest_step(tmp_path / "out") >= 8)
    assert latest_step(tmp_path / "out") < 45
    result = start(tmp_path / "second", *flags).result()
    assert result.code == 0 and "Resuming after step" in result.stderr, result.stderr
    assert_same_bits(weights(tmp_path / "out"), weights(finished))
    for name in (*PREDICTION_FILES, "eval_results.txt", "train_log.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (finished / name).read_bytes(), name


def test_prediction_alone_takes_the_settings_of_the_training(finished, questions, squad, tmp_path):
    result = squad(
        "--do_predict",
        f"--predict_file={questions / 'v1' / 'dev.json'}",
        f"--bert_model={finished}",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert result.code == 0, result.stderr
    for name in PREDICTION_FILES:
        assert (tmp_path / "out" / name).read_bytes() == (finished / name).read_bytes()


def test_a_model_of_the_other_version_is_refused(finished, questions, squad):
    predictions = (finished / "predictions.json").read_bytes()
    file = f"--predict_file={questions / 'v2' / 'dev.json'}"
    result = squad("--do_predict", file, f"--output_dir={finished}", "--version_2_with_negative")
    message = f"version_2_with_negative: {finished} holds a model that was trained without it; leave it out here, too"
    assert_one_error_line(result, message, "run_squad.py")
    assert (finished / "predictions.json").read_bytes() == predictions


def test_questions_without_answers_are_answered_and_not_scored(finished, questions, squad, tmp_path):
    result = squad(
        "--do_predict",
        f"--predict_file={questions / 'test.json'}",
        f"--bert_model={finished}",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert result.code == 0, result.stderr
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())) == 9
    assert not (tmp_path / "out" / "eval_results.txt").exists()


def test_the_best_weights_are_kept_by_exact_match(questions, tiny, squad, tmp_path):
    flags = train_flags(questions / "v2", tiny, tmp_path / "out", keep_best="exact_match", num_train_epochs=3)
    result = squad(*flags, "--version_2_with_negative")
    assert result.code == 0, result.stderr
    assert "The weights are those of step" in result.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["best"]["metric"] == "eval_exact_match"
    assert results["best"]["value"] == results["eval_exact_match"]
    assert {"eval_HasAns_f1", "eval_NoAns_exact", "eval_best_f1_thresh"} <= results.keys()
    assert (
        json.loads((tmp_path / "out" / "null_odds.json").read_text()).keys()
        == json.loads((tmp_path / "out" / "predictions.json").read_text()).keys()
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--do_predict", "--train_file=x.json"], "predict_file: is missing; pass --predict_file=FILE"),
        ([], "nothing to do; pass at least one of --do_train, --do_predict"),
        (["--do_train", "--doc_stride=0"], "doc_stride"),
        (["--do_train", "--max_seq_length=40", "--max_query_length=37"], "must be greater than max_query_length"),
        (["--do_train", "--null_score_diff_threshold=1"], "only valid with --version_2_with_negative"),
        (["--do_predict", "--eval_steps=4"], "eval_steps: only valid with --do_train"),
        (["--do_train", "--eval_all_checkpoints"], "eval_all_checkpoints: only valid with --do_predict"),
        (["--do_train", "--keep_best=accuracy"], "keep_best: is 'accuracy'; the scores of this task are exact_match"),
    ],
)
def test_a_mistake_is_one_line(flags, message, questions, tiny, squad, tmp_path):
    data = questions / "v1"
    files = [] if any("_file" in flag for flag in flags) else [f"--{x}_file={data / y}.json" for x, y in FILE_FLAGS]
    result = squad(*files, *flags, f"--bert_model={tiny}", f"--output_dir={tmp_path / 'out'}")
    assert_one_error_line(result, message, "run_squad.py")
    assert not (tmp_path / "out").exists()


FILE_FLAGS = [("train", "train"), ("predict", "dev")]
