"""`python scripts/extract_features.py`: the original's JSON lines, arrays, resume, and mistakes in one line."""

import gzip
import itertools
import json
import os
import re
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from support.commands import Command
from support.fine_tuned import write_fine_tuned
from support.paths import GOLDEN, SCRIPTS
from support.tiny import WORDS

from bert_tf.errors import UserError
from bert_tf.programs.extract_features import extract_features
from bert_tf.programs.extract_features_config import ExtractFeaturesConfig
from bert_tf.serving.feature_arrays import open_features

SCRIPT = SCRIPTS / "extract_features.py"
NUMBER = re.compile(r"(?<=[\[ ])-?\d+\.\d+(?:e-\d+)?(?=[,\]])")
GOLDEN_MODEL = {
    "vocab_file": GOLDEN / "squad_programs" / "inputs" / "vocab.txt",
    "bert_config_file": GOLDEN / "squad" / "bert_config.json",
    "init_checkpoint": GOLDEN / "squad" / "golden.ckpt",
    "input_file": GOLDEN / "extract_features" / "extract.txt",
}


def extract(**flags: object) -> None:
    extract_features(ExtractFeaturesConfig(**flags))


def become_script(words: list[str], outputs: list[Path], environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    for descriptor, path in enumerate(outputs, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = [str(SCRIPT), *words]
    runpy.run_path(str(SCRIPT), run_name="__main__")


def start(folder: Path, **flags: object) -> Command:
    """The program in a process of its own."""
    return Command(folder / "command", [f"--{name}={value}" for name, value in flags.items()], become_script)


@pytest.fixture
def flags(tmp_path, tiny, texts) -> dict[str, object]:
    """Of an extraction that takes little time."""
    output = tmp_path / "new" / "out.jsonl"
    return {"model": str(tiny), "input_file": texts, "output_file": output, "layers": "-1", "max_seq_length": 32}


@pytest.fixture(scope="session")
def texts(tmp_path_factory) -> Path:
    """Texts and pairs of all lengths, more than two blocks of them at a batch size of 4."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("texts") / "input.txt"
    lines = [" ".join(random.choice(WORDS, random.integers(0, 40))) for _ in range(300)]
    path.write_text("".join(f"{a} ||| {b}\n" if len(b) % 3 else f"{b}\n" for a, b in itertools.pairwise(lines)))
    return path


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["default", "cased_two_layers", "tiny"])
def test_json_lines_are_those_of_the_original(tmp_path, golden, name):
    settings = json.loads((golden / "extract_features" / "index.json").read_text())[name]
    flags = {flag: settings[flag] for flag in ("layers", "max_seq_length", "do_lower_case", "batch_size")}
    extract(**GOLDEN_MODEL, **flags, output_file=tmp_path / "out.jsonl")
    found = (tmp_path / "out.jsonl").read_text()
    expected = gzip.decompress((golden / "extract_features" / f"{name}.jsonl.gz").read_bytes()).decode()
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (found, expected)]
    assert len(numbers[0]) > 4000
    np.testing.assert_allclose(*numbers, rtol=0, atol=2e-5)


def test_arrays_have_the_same_numbers_as_json_lines(flags, tmp_path):
    flags = {**flags, "layers": "0,-1"}
    for name in ("out.jsonl", "out.npz"):
        extract(**{**flags, "output_file": tmp_path / name})
    lines, arrays = read_lines(tmp_path / "out.jsonl"), open_features(tmp_path / "out.npz")
    assert arrays.keys() == {"layer_0", "layer_-1", "input_ids", "input_type_ids", "offsets"}
    assert len(lines) == 299
    for number, line in enumerate(lines):
        start, end = arrays["offsets"][number : number + 2]
        assert line["linex_index"] == number and len(line["features"]) == end - start
        for place, layer in enumerate((0, -1)):
            values = [feature["layers"][place]["values"] for feature in line["features"]]
            np.testing.assert_allclose(arrays[f"layer_{layer}"][start:end], values, rtol=0, atol=6e-7)
    with np.load(tmp_path / "out.npz") as loaded:
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)


def test_pooled_vectors_are_those_of_the_pieces(flags, tmp_path):
    for pooling in ("none", "cls", "mean"):
        extract(**{**flags, "output_file": tmp_path / f"{pooling}.npz", "pooling": pooling})
    pieces, cls, mean = (open_features(tmp_path / f"{pooling}.npz") for pooling in ("none", "cls", "mean"))
    starts, vectors = pieces["offsets"][:-1], pieces["layer_-1"]
    np.testing.assert_allclose(cls["layer_-1"], vectors[starts], rtol=0, atol=1e-6)
    expected = np.add.reduceat(vectors, starts, axis=0) / np.diff(pieces["offsets"])[:, np.newaxis]
    np.testing.assert_allclose(mean["layer_-1"], expected, rtol=0, atol=2e-6)
    assert mean.keys() == {"layer_-1"}


def test_pooled_json_lines_have_layers_without_features(flags, tmp_path):
    for name in ("out.npz", "out.jsonl"):
        extract(**{**flags, "layers": "-1,-2", "output_file": tmp_path / name, "pooling": "mean"})
    lines, arrays = read_lines(tmp_path / "out.jsonl"), open_features(tmp_path / "out.npz")
    assert [*lines[5]] == ["linex_index", "layers"] and lines[5]["linex_index"] == 5
    assert [layer["index"] for layer in lines[5]["layers"]] == [-1, -2]
    found = [line["layers"][1]["values"] for line in lines]
    np.testing.assert_allclose(found, arrays["layer_-2"], rtol=0, atol=6e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.jsonl", "out.npz"])
def test_a_killed_extraction_continues_to_the_same_bytes(tmp_path, tiny, texts, name):
    flags = {"bert_model": tiny, "input_file": texts, "layers": "-1,-2", "max_seq_length": 48, "batch_size": 4}
    whole, killed = tmp_path / "whole" / name, tmp_path / "killed" / name
    assert start(tmp_path, **flags, output_file=whole).result().code == 0
    progress = killed.parent / f".{name}.unfinished" / "progress.json"
    start(tmp_path, **flags, output_file=killed).kill_when(progress.exists)
    done = json.loads(progress.read_text())["done"]
    assert 0 < done < 299 and not killed.exists()
    result = start(tmp_path, **flags, output_file=killed).result()
    assert result.code == 0 and f"continues after line {done}." in result.stderr
    assert killed.read_bytes() == whole.read_bytes()
    assert [path.name for path in killed.parent.iterdir()] == [name]


@pytest.mark.slow
def test_an_unfinished_output_of_other_settings_or_texts_is_not_continued(flags, tmp_path, tiny):
    shared = {name: value for name, value in flags.items() if name != "model"} | {"batch_size": 4}
    progress = flags["output_file"].parent / ".out.jsonl.unfinished" / "progress.json"
    start(tmp_path, bert_model=tiny, **shared).kill_when(progress.exists)
    (tmp_path / "other.txt").write_text("w1 w2\n")
    flags = {**flags, "batch_size": 4}
    for change, message in (
        ({"layers": "-2"}, r"layers was \[-1\], is \[-2\]"),
        ({"batch_size": 8}, "batch_size was 4, is 8"),
        ({"input_file": tmp_path / "other.txt"}, "input was "),
    ):
        with pytest.raises(UserError, match="was begun with other settings: " + message):
            extract(**{**flags, **change})
    extract(**{**flags, "input_file": tmp_path / "other.txt", "overwrite": True})
    assert len(read_lines(flags["output_file"])) == 1


def test_an_empty_file_gives_an_empty_output(flags, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    for name in ("out.jsonl", "out.npz"):
        extract(**{**flags, "input_file": tmp_path / "empty.txt", "output_file": tmp_path / name})
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    arrays = open_features(tmp_path / "out.npz")
    assert arrays["layer_-1"].shape == (0, 32) and arrays["offsets"].tolist() == [0]


def test_a_fine_tuned_model_has_features_too(flags, tmp_path):
    folder = write_fine_tuned(tmp_path / "run")
    extract(**{**flags, "model": str(folder)})
    extract(**{**flags, "output_file": tmp_path / "encoder.jsonl"})
    # Its encoder is that of the tiny model.
    assert read_lines(flags["output_file"]) == read_lines(tmp_path / "encoder.jsonl")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"input_file": None}, "input_file: is missing; pass --input_file=FILE"),
        ({"output_file": None}, "output_file: is missing; pass --output_file=FILE"),
        ({"input_file": "none.txt"}, "none.txt: there is no such file; check input_file"),
        ({"output_file": "/dev/null"}, "output_file: /dev/null: is not a regular file"),
        ({"output_file": "gs://bucket/out.jsonl"}, "gs: addresses cannot be used here; give a local path"),
        ({"layers": "-1,last"}, "layers: is '-1,last'; it must be whole numbers with commas between"),
        ({"layers": "-1,-1"}, "layers: '-1,-1' names a layer twice"),
        ({"layers": "-1,2"}, "layers: there is no layer 2; the model has 2 layers, from 0 to 1 or from -2 to -1"),
        ({"max_seq_length": 65}, "max_seq_length: 65 is more than the 64 positions of"),
        ({"max_seq_length": 2}, "max_seq_length: is 2; it must be at least 3"),
        ({"batch_size": 0}, "batch_size: is 0; it must be at least 1"),
        ({"use_tpu": True}, "use_tpu: this program runs on no TPU"),
        ({"master": "grpc://1.2.3.4:8470"}, "master: this program runs on no TPU"),
        ({"format": "csv"}, "format: is 'csv'; it must be one of json, npz"),
        ({"pooling": "max"}, "pooling: is 'max'; it must be one of none, cls, mean"),
        ({"model": "no/such/folder"}, "no/such/folder: no such file or folder"),
        ({"model": None, "bert_config_file": "c.json"}, "bert_config_file: also needs"),
        ({"model": None, "bert_config_file": "c", "vocab_file": "v"}, "init_checkpoint: is missing"),
        ({"init_checkpoint": "x"}, "bert_model: contradicts --init_checkpoint"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(flags, change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        extract(**{**flags, **change})
    assert not flags["output_file"].parent.exists()


def test_an_output_that_is_there_stays_unless_it_may_be_replaced(flags):
    output = flags["output_file"]
    output.parent.mkdir()
    output.write_text("mine")
    with pytest.raises(UserError, match="is there already; name another file, or pass --overwrite"):
        extract(**flags)
    assert output.read_text() == "mine"
    extract(**flags, overwrite=True)
    assert len(read_lines(output)) == 299


@pytest.mark.slow
def test_the_program_reports_a_mistake_in_one_line(tmp_path, tiny, texts):
    result = start(tmp_path, bert_model=tiny, input_file=texts, output_file=tmp_path / "out.jsonl", layers=7).result()
    assert result.code == 1 and result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("extract_features.py: error: layers: there is no layer 7;")
