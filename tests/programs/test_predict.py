"""`python scripts/predict.py` on the command line: texts, lines, files; answers, and mistakes in one line."""

import csv
import json
import os
import pty
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.commands import Command, Result, subprocess_environment
from support.outputs import rows
from support.paths import SCRIPTS

from bert_tf.serving.predictor import load

pytestmark = pytest.mark.slow

SCRIPT = SCRIPTS / "predict.py"
PAIR = ("w1 w2 w3", "w4 w5")


def become_script(words: list[str], outputs: list[Path], environment: Mapping[str, str]) -> None:
    """The program in a process that has loaded TensorFlow; `STDIN` and `STDOUT` in the environment name its files."""
    source = os.open(environment.get("STDIN", os.devnull), os.O_RDONLY)
    os.dup2(source, 0)
    outputs = [Path(environment.get("STDOUT", outputs[0])), outputs[1]]
    for descriptor, path in enumerate(outputs, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = [str(SCRIPT), *words]
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.fixture
def predict(tmp_path) -> Callable[..., Result]:
    def run(*words: object, stdin: str | bytes = "") -> Result:
        content = stdin if isinstance(stdin, bytes) else stdin.encode()
        (tmp_path / "stdin").write_bytes(content)
        words = [str(word) for word in words]
        return Command(tmp_path / "command", words, become_script, STDIN=str(tmp_path / "stdin")).result()

    return run


def start(*words: object, **options: object) -> subprocess.Popen:
    """The program in a process of its own."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.Popen(command, env=subprocess_environment(), stderr=subprocess.PIPE, **options)


def assert_error(result: Result, message: str) -> None:
    assert result.code == 1, result
    assert result.stderr.splitlines()[-1].startswith("predict.py: error: ") and "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_a_pair_on_the_command_line_gets_one_line_to_read_and_nothing_else(finished, predict):
    (expected,) = load(finished).predict([PAIR])
    result = predict(finished, *PAIR)
    assert result.code == 0 and result.stderr == ""
    largest = sorted(expected.probabilities.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{label}: {probability:.4f}" for label, probability in largest)
    assert result.stdout == f"{expected.label} ({shown})\n"


def test_lines_of_standard_input_are_answered_in_their_order(finished, predict):
    lines = [f"w{i} w{i + 1}\tw{2 * i}" for i in range(40)]
    result = predict(finished, "--format=jsonl", stdin="\n".join(lines) + "\n\n")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.code == 0 and [f"{each['text']}\t{each['text_pair']}" for each in answers] == lines
    expected = load(finished).predict([tuple(line.split("\t")) for line in lines])
    for each, prediction in zip(answers, expected, strict=True):
        assert each["prediction"] == prediction.label
        assert each["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)


def test_a_file_keeps_its_columns_and_gets_what_the_run_predicted_for_it(finished, corpus, predict, tmp_path):
    test = [line.split("\t") for line in (corpus / "test.tsv").read_text().splitlines()]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text_a", "text_b"], *([i, *row[:2]] for i, row in enumerate(test))])
    result = predict(finished, f"--input_file={tmp_path}/in.csv", f"--output_file={tmp_path}/new/out.csv")
    assert result.code == 0, result.stderr
    assert "in.csv: 21 rows; texts are the columns 'text_a' and 'text_b'.\n" in result.stderr
    assert "21/21" in result.stderr and result.stdout == ""
    with (tmp_path / "new" / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["id", "text_a", "text_b", "prediction", "probability_0", "probability_1"]
    assert [[row["id"], row["text_a"], row["text_b"]] for row in found] == [
        [str(i), *row[:2]] for i, row in enumerate(test)
    ]
    for row, predicted in zip(found, rows(finished / "test_predictions.tsv")[1:], strict=True):
        assert row["prediction"] == predicted[1]
        assert float(row["probability_1"]) == pytest.approx(float(predicted[3]), abs=1e-5)


def test_json_lines_and_a_raw_tsv_file_stay_what_they_are(finished, predict, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text_a": "w1", "text_b": "w2"}\n{"text_b": "w2", "text_a": "w3", "n": 7}\n')
    (tmp_path / "in.tsv").write_text('sentence1\tsentence2\n"w1" w2 .\tw3\n')
    for name in ("in.jsonl", "in.tsv"):
        out = tmp_path / name.replace("in", "out")
        assert predict(finished, f"--input_file={tmp_path / name}", f"--output_file={out}").code == 0
    second = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[1])
    assert list(second) == ["text_b", "text_a", "n", "prediction", "probabilities"] and second["n"] == 7
    assert (tmp_path / "out.tsv").read_text().splitlines()[1].startswith('"w1" w2 .\tw3\t')


def test_a_file_of_lines_and_standard_output_work_as_well(finished, predict, tmp_path):
    (tmp_path / "in.txt").write_text("w1\tw2\nw3\tw4\n")
    result = predict(finished, f"--input_file={tmp_path}/in.txt", "--format=tsv")
    assert result.code == 0, result.stderr
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0] == ["text", "text_pair", "prediction", "probability_0", "probability_1"]
    assert [line[:2] for line in lines[1:]] == [["w1", "w2"], ["w3", "w4"]]


def test_an_output_file_is_replaced_only_if_the_user_says_so_and_is_never_the_input(finished, predict, tmp_path):
    (tmp_path / "in.csv").write_text("text_a,text_b\nw1,w2\n")
    (tmp_path / "out.csv").write_text("mine\n")
    flags = (finished, f"--input_file={tmp_path}/in.csv", f"--output_file={tmp_path}/out.csv")
    assert_error(predict(*flags), "out.csv: is there already; name another file, or pass --overwrite")
    assert (tmp_path / "out.csv").read_text() == "mine\n"
    assert predict(*flags, "--overwrite").code == 0
    assert (tmp_path / "out.csv").read_text().startswith("text_a,text_b,prediction")
    same = predict(*flags[:2], f"--output_file={tmp_path}/in.csv", "--overwrite")
    assert_error(same, "in.csv: is the input_file; name another file")
    device = predict(finished, *PAIR, "--output_file=/dev/stdout", "--format=csv", "--overwrite")
    assert_error(device, "/dev/stdout: is not a regular file")


def test_a_row_that_is_wrong_far_down_leaves_no_output(finished, predict, tmp_path):
    (tmp_path / "in.csv").write_text("text_a,text_b\n" + "w1,w2\n" * 3000 + "w1\n")
    result = predict(finished, f"--input_file={tmp_path}/in.csv", f"--output_file={tmp_path}/new/out.csv")
    assert_error(result, "in.csv:3002: the row has 1 column, but line 1 has 2")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no folder given; give the folder of a finished run"),
        (("no/such/folder", "a"), "no/such/folder: there is no such folder"),
        (("FOLDER", "a", "b", "c"), "there are 3 texts; give one or a pair"),
        (("FOLDER", "a"), "command line: is one text, but the model takes pairs of texts"),
        (("FOLDER", "", ""), "command line: the text is empty"),
        (("FOLDER", "a", "b", "--input_file=x.csv"), "input_file: texts are on the command line, too"),
        (("FOLDER", "--input_file=none.csv"), "none.csv: there is no such file"),
        (("FOLDER", "--input_file=ONE.csv"), "ONE.csv:2: is one text, but the model takes pairs"),
        (("FOLDER", "--input_file=ONE.csv", "--text_column=b"), "text_column: 'b' is no column of"),
        (("FOLDER", "--text_column=b"), "text_column: only valid with --input_file"),
        (("FOLDER", "a", "b", "--overwrite"), "overwrite: only valid with --output_file"),
        (("FOLDER", "a", "b", "--output_file=x"), "output_file: x: has none of the endings"),
        (("FOLDER", "a", "b", "--format=xml"), "--format=xml"),
        (("FOLDER", "--input_file=PAIRS.jsonl", "--format=csv"), "has JSON lines, which are no table"),
        (("FOLDER", "--input_file=PAIRS.jsonl", "--format=jsonl"), "PAIRS.jsonl:2: the column 'prediction' is there"),
    ],
)
def test_a_mistake_is_one_line_before_tensorflow_is_loaded(finished, tmp_path, words, message):
    (tmp_path / "ONE.csv").write_text("text\nw1\n")
    (tmp_path / "PAIRS.jsonl").write_text(
        '{"text_a": "w1", "text_b": "w2"}\n{"text_a": "w1", "text_b": "w2", "prediction": 1}\n'
    )
    words = [str(finished) if word == "FOLDER" else word for word in words]
    # A module of this name in front of TensorFlow's fails when it is imported.
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    path = os.pathsep.join([str(tmp_path), str(SCRIPTS.parent)])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_error(Result(done.returncode, done.stdout, done.stderr), message)


def test_a_text_that_is_the_name_of_a_file_is_predicted_with_a_warning(finished, predict, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "single")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "pairs": False}))
    result = predict(folder, SCRIPT)
    assert result.code == 0 and result.stdout.count("\n") == 1
    assert result.stderr == f"{SCRIPT}: is predicted as a text; --input_file={SCRIPT} predicts the file.\n"


def test_a_folder_that_lacks_a_file_is_one_line(finished, predict, tmp_path):
    for name, message in (("vocab.txt", "vocab.txt"), ("labels.txt", "labels.txt"), ("bert_config.json", "config")):
        folder = shutil.copytree(finished, tmp_path / name)
        (folder / name).unlink()
        assert_error(predict(folder, *PAIR), message)
    folder = shutil.copytree(finished, tmp_path / "weights")
    for path in folder.glob("model.ckpt-*"):
        path.unlink()
    assert_error(predict(folder, *PAIR), "checkpoint")


def test_bytes_that_are_no_text_and_lines_that_are_no_pair_are_named_with_their_line(finished, predict):
    assert_error(predict(finished, stdin=b"a\tb\n\xe4\n"), "standard input:2: byte 0xe4 is not UTF-8")
    assert_error(predict(finished, stdin="a\tb\nc\n"), "standard input:2: is one text, but the model takes pairs")
    nothing = predict(finished, stdin="")
    assert nothing == Result(0, "", "")


def test_a_line_is_answered_while_the_pipe_stays_open_and_a_reader_that_leaves_ends_the_program(finished):
    with start(finished, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        for line in (b"w1\tw2\n", b"w3\tw4\n"):
            program.stdin.write(line)
            program.stdin.flush()
            assert b"(" in program.stdout.readline()
        program.stdout.close()
        program.stdin.write(b"w5\tw6\n" * 10)
        program.stdin.close()
        assert program.wait(60) == 0 and program.stderr.read() == b""


def test_a_terminal_is_told_what_to_type_and_that_a_line_was_wrong(finished):
    ours, theirs = pty.openpty()
    with start(finished, stdin=theirs, stdout=subprocess.PIPE) as program:
        os.close(theirs)
        assert b"Ctrl-D ends" in program.stderr.readline()
        os.write(ours, b"w1\n")
        assert b"standard input:1: is one text, but the model takes pairs" in program.stderr.readline()
        os.write(ours, b"w1\tw2\n")
        assert b"(" in program.stdout.readline()
        os.write(ours, b"\x04")
        assert program.wait(60) == 0
    os.close(ours)


def test_output_that_cannot_be_written_is_one_line(finished, tmp_path):
    (tmp_path / "stdout").touch()
    command = Command(tmp_path, [str(finished), *PAIR], become_script, STDOUT="/dev/full")
    assert_error(command.result(), "standard output: cannot be written (No space left on device)")


def test_a_program_that_is_interrupted_leaves_no_file(finished, tmp_path):
    (tmp_path / "in.csv").write_text("text_a,text_b\n" + "w1 w2 w3,w2\n" * 200_000)
    out = tmp_path / "out"
    with start(finished, f"--input_file={tmp_path}/in.csv", f"--output_file={out}/x.csv") as program:
        deadline = time.monotonic() + 60
        while not (out.is_dir() and any(out.iterdir())):
            assert program.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        program.terminate()
        assert program.wait(60) == 143
        assert b"Traceback" not in program.stderr.read()
    assert not any(out.iterdir())
