"""Files and commands for the tests of the programs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import (
    Command,
    Result,
    train_flags,
)
from support.tiny import write_corpus, write_tiny_model


@pytest.fixture
def run(tmp_path) -> Callable[..., Result]:
    def run(*flags: str) -> Result:
        return Command(tmp_path / "command", list(flags)).result()

    return run


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 64, "dev": 24, "test": 21})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, corpus, tiny) -> Path:
    """The output folder of a run that was never stopped. Tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("finished")
    flags = train_flags(corpus, tiny, folder / "out", seed=5)
    result = Command(folder / "command", [*flags, "--do_eval", "--do_predict"]).result()
    assert result.code == 0, result.stderr
    return folder / "out"


@pytest.fixture
def finished_copy(finished, tmp_path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")
