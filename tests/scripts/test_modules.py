"""The scripts in folders import one another by plain names, and say in examples what they do."""

import doctest
import importlib
import importlib.metadata
import sys
from pathlib import Path

import pytest
from support.paths import SCRIPTS

FOLDERS = ("sweep", "benchmark", "servers")
FILES = [path for folder in FOLDERS for path in sorted((SCRIPTS / folder).glob("[!_]*.py"))]
WITH_EXAMPLES = [path for path in FILES if ">>> " in path.read_text(encoding="utf-8")]


def test_no_name_is_used_twice():
    names = [path.stem for path in FILES]
    assert len(set(names)) == len(names) > 10


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_name_hides_a_module_that_something_else_imports(path):
    assert path.stem not in sys.stdlib_module_names
    assert path.stem not in importlib.metadata.packages_distributions()


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_a_script_run(path: Path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(path.stem))
    assert results.attempted > 0 and results.failed == 0
