"""Corpora that tests of several files read."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def export_dir(glue_dir: Path) -> Path:
    """MRPC as pandas exports it."""
    folder = glue_dir.resolve().parent / "notebook_export"
    if not folder.is_dir():
        pytest.skip("there is no notebook_export next to GLUE_DIR: MRPC as pandas exports it")
    return folder


@pytest.fixture(scope="session")
def squad_golden(golden) -> Path:
    """Returns the folder of the golden data of the original's programs for SQuAD."""
    return golden / "squad_programs"
