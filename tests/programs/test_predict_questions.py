"""scripts/predict.py with a model that answers questions: a question, and files in SQuAD's form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import subprocess_environment
from support.paths import GOLDEN, ROOT
from support.question_models import write_question_model

import bert_tf
from bert_tf.data.squad_file import read_paragraphs

pytestmark = pytest.mark.slow

QUESTIONS = GOLDEN / "squad_programs/inputs/squad11_dev.json"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_question_model(tmp_path_factory.mktemp("run") / "run")


def predict(folder: Path, *words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts/predict.py"), *map(str, words)]
    environment = subprocess_environment(PYTHONPATH=str(ROOT))
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_question_of_the_command_line_is_answered(run, tmp_path):
    done = predict(tmp_path, run, "w1 w2", "w5 w7 w8")
    answer = bert_tf.load(run).answer("w1 w2", "w5 w7 w8")
    assert (done.returncode, done.stdout) == (0, f"{answer.text} ({answer.score:.4f})\n"), done.stderr


@pytest.fixture(scope="module")
def answers(run) -> dict:
    asked = [(question, part.context) for part in read_paragraphs(QUESTIONS) for question in part.questions]
    found = bert_tf.load(run).answers([(question.text, context) for question, context in asked])
    return {question.qas_id: answer for (question, _), answer in zip(asked, found, strict=True)}


def test_a_file_of_questions_becomes_predictions(run, tmp_path, answers):
    done = predict(tmp_path, run, f"--input_file={QUESTIONS}", "--output_file=new/answers.json")
    assert done.returncode == 0, done.stderr
    expected = {name: answer.text for name, answer in answers.items()}
    assert (tmp_path / "new/answers.json").read_text() == json.dumps(expected, indent=4) + "\n"
    assert f"{len(answers)} questions" in done.stderr and "100%" in done.stderr


def test_json_lines_have_text_place_and_score(run, tmp_path, answers):
    done = predict(tmp_path, run, f"--input_file={QUESTIONS}", "--format=jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(row) for row in rows] == [["id", "text", "start", "end", "score"]] * len(answers)
    assert {row["id"]: (row["text"], row["start"]) for row in rows} == {
        name: (answer.text, answer.start) for name, answer in answers.items()
    }


def test_with_a_low_threshold_nothing_is_answered(run, tmp_path):
    done = predict(tmp_path, run, "w1", "w5", "--null_score_diff_threshold=-1e9")
    assert done.stdout.startswith("no answer (0."), done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["w1"], "the model answers questions; give a question and the text that answers it, or --input_file="),
        ([], "the model answers questions; give a question and the text"),
        (
            [f"--input_file={QUESTIONS}", "--output_file=a.csv"],
            "output_file: a.csv: has none of the endings .txt, .json",
        ),
        ([f"--input_file={QUESTIONS}", "--format=tsv"], "format: answers to questions cannot be written as tsv"),
        ([f"--input_file={QUESTIONS}", "--text_column=a"], "text_column: the model answers questions"),
        (["--input_file=none.json"], "none.json: cannot be read (No such file or directory); check the path"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run, tmp_path, words, message):
    done = predict(tmp_path, run, *words)
    assert done.returncode == 1 and not done.stdout and not list(tmp_path.iterdir())
    assert message in done.stderr and "Traceback" not in done.stderr
