"""Corpora that tests of several files read."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder with GLUE's tasks."""
    if not os.environ.get("GLUE_DIR"):
        pytest.skip("GLUE_DIR is not set; set it to the folder that holds GLUE's tasks")
    return Path(os.environ["GLUE_DIR"])


@pytest.fixture(scope="session")
def export_dir(glue_dir: Path) -> Path:
    """MRPC as pandas exports it."""
    folder = glue_dir.resolve().parent / "notebook_export"
    if not folder.is_dir():
        pytest.skip("there is no notebook_export next to GLUE_DIR: MRPC as pandas exports it")
    return folder
