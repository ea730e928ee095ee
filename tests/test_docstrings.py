"""The examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import bert_tf
from bert_tf.data.tokenization import FullTokenizer

FOLDER = Path(bert_tf.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_most_modules_have_examples():
    assert len(MODULES) >= len(list(FOLDER.rglob("[a-z]*.py"))) / 2


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, minilm_dir, monkeypatch, tmp_path):
    # The examples name BERT-base, uncased; the small checkpoint has the same vocabulary.
    (tmp_path / "uncased_L-12_H-768_A-12").symlink_to(minilm_dir)
    monkeypatch.chdir(tmp_path)
    known = {"tokenizer": FullTokenizer(minilm_dir / "vocab.txt")} if name == "data.tokenization" else {}
    results = doctest.testmod(importlib.import_module(f"bert_tf.{name}"), extraglobs=known)
    assert results.attempted > 0
    assert results.failed == 0
