"""Shards that Apache Beam makes, with its local runner; needs the extra `beam`."""

import sys
from pathlib import Path

import pytest
from support.paths import GOLDEN

from bert_tf.data.pretraining_shards import Made
from bert_tf.errors import UserError
from bert_tf.programs.create_pretraining_data import create_pretraining_data
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig

FOLDER = GOLDEN / "pretraining_data"


def create(output: Path, **flags: object) -> Made:
    shared = {
        "input_file": f"{FOLDER}/docs_1.txt,{FOLDER}/docs_2.txt",
        "vocab_file": GOLDEN / "squad_programs" / "inputs" / "vocab.txt",
        "do_lower_case": True,
        "max_seq_length": 40,
        "max_predictions_per_seq": 6,
        "dupe_factor": 2,
        "shard_megabytes": 0.001,
    }
    return create_pretraining_data(PretrainingDataConfig(**{**shared, "output_file": str(output), **flags}))


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))}


@pytest.mark.slow
def test_beam_makes_the_same_files_and_continues_what_is_there(tmp_path):
    pytest.importorskip("apache_beam")
    made = create(tmp_path / "here" / "x.tfrecord")
    output = tmp_path / "beam" / "x.tfrecord"
    assert create(output, runner="DirectRunner") == made
    assert contents_of(output.parent) == contents_of(tmp_path / "here")
    (output.parent / "x-00002.tfrecord").unlink()
    times = {path: path.stat().st_mtime_ns for path in output.parent.glob("[!.]*")}
    assert create(output, runner="DirectRunner") == made
    assert contents_of(output.parent) == contents_of(tmp_path / "here")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    # Without Beam, the same command finds all that Beam has made.
    assert create(output) == made


@pytest.mark.slow
def test_a_mistake_in_a_worker_is_one_line(tmp_path):
    pytest.importorskip("apache_beam")
    texts = tmp_path / "texts.txt"
    texts.write_bytes((FOLDER / "docs_1.txt").read_bytes() + b"\n" * (1 << 20) + b"\xff\n")
    with pytest.raises(
        UserError, match=r"^runner: .*texts\.txt:\d+: byte 0xff is not UTF-8.*; save the file as UTF-8$"
    ):
        create(tmp_path / "x.tfrecord", input_file=str(texts), runner="DirectRunner")


def test_without_beam_the_extra_to_install_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(UserError, match=r"apache_beam is missing; install it with: pip install -e '\.\[beam\]'"):
        create(tmp_path / "x.tfrecord", runner="DirectRunner")
    assert not list(tmp_path.iterdir())
