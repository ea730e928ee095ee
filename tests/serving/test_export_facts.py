"""An export describes itself, and the newest one is found; without TensorFlow."""

import json
from pathlib import Path

import pytest

from bert_tf.errors import UserError
from bert_tf.serving.export_facts import find_export, newest_export, next_number, read_facts

FACTS = {
    "compute_dtype": "float32",
    "digest": "0123456789abcdef",
    "do_lower_case": True,
    "format": 1,
    "kind": "classification",
    "labels": ["bad", "good"],
    "max_seq_length": 48,
    "pairs": None,
    "scores": {"eval_accuracy": 0.5},
    "vocab_sha256": "00ff",
}


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def test_the_newest_export_has_the_largest_number(tmp_path):
    for name in ("2", "9", "10", ".11.3f2a", "latest", "12x", "\u0664\u0665"):
        write_model(tmp_path / name)
    (tmp_path / "30").mkdir()
    (tmp_path / "40").write_text("a file")
    assert newest_export(tmp_path) == tmp_path / "10"
    assert find_export(tmp_path) == tmp_path / "10"
    assert find_export(tmp_path / "2") == tmp_path / "2"


def test_the_next_number_is_larger_than_all_that_are_there(tmp_path):
    assert next_number(tmp_path / "missing") == 1
    assert next_number(tmp_path) == 1
    write_model(tmp_path / "9")
    assert next_number(tmp_path) == 10
    (tmp_path / "0030").mkdir()
    assert next_number(tmp_path) == 31


def test_a_folder_without_exports_has_none(tmp_path):
    (tmp_path / "1").mkdir()
    assert newest_export(tmp_path) is None
    assert find_export(tmp_path) is None
    assert find_export(tmp_path / "missing") is None


def write_facts(folder: Path, content: object) -> Path:
    (folder / "export.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_facts_are_read_as_they_were_written(tmp_path):
    facts = read_facts(write_facts(tmp_path, FACTS))
    assert facts.labels == ("bad", "good") and facts.pairs is None
    assert json.loads(json.dumps(facts.to_json())) == FACTS


BROKEN = {
    "empty": ("", "cannot be read"),
    "a list": ("[1]", "cannot be read"),
    "deep": ("[" * 100_000, "cannot be read"),
    "of another version": ({**FACTS, "format": 2}, "was written by another version"),
    "without a version": ({key: value for key, value in FACTS.items() if key != "format"}, "another version"),
    "lacking a fact": ({key: value for key, value in FACTS.items() if key != "pairs"}, "cannot be read"),
    "with one more": ({**FACTS, "license": "?"}, "cannot be read"),
    "of an unknown kind": ({**FACTS, "kind": "spans"}, "kind: is 'spans'"),
    "of a kind that is a list": ({**FACTS, "kind": ["spans"]}, "kind: is"),
    "with labels as one text": ({**FACTS, "labels": "ab"}, "labels: is 'ab'"),
    "with a number as label": ({**FACTS, "labels": ["a", 1]}, "labels: is"),
    "without labels": ({**FACTS, "labels": []}, "labels: is"),
    "with pairs as a text": ({**FACTS, "pairs": "no"}, "pairs: is 'no'"),
    "with a casing as a number": ({**FACTS, "do_lower_case": 2}, "do_lower_case: is 2"),
    "with a length as a text": ({**FACTS, "max_seq_length": "48"}, "max_seq_length: is '48'"),
    "with another type": ({**FACTS, "compute_dtype": "int8"}, "compute_dtype: is 'int8'"),
    "with scores as a list": ({**FACTS, "scores": [1]}, "scores: is"),
    "with a score as a text": ({**FACTS, "scores": {"eval_accuracy": "high"}}, "scores: is"),
    "with a number for the vocabulary": ({**FACTS, "vocab_sha256": 3}, "vocab_sha256: is 3"),
    "with a number as digest": ({**FACTS, "digest": 3}, "digest: is 3"),
}


@pytest.mark.parametrize("content, problem", BROKEN.values(), ids=BROKEN)
def test_facts_that_cannot_be_used_are_refused_in_one_line(tmp_path, content, problem):
    with pytest.raises(UserError, match=rf"export\.json: .*{problem}.*export the model again$") as error:
        read_facts(write_facts(tmp_path, content))
    assert "\n" not in str(error.value)


def test_a_saved_model_of_others_is_named_as_such(tmp_path):
    with pytest.raises(UserError, match=r"export\.json: is missing, so this is no export of bert-tf"):
        read_facts(tmp_path)
