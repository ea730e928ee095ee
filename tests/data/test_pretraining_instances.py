"""Instances of pre-training, compared with those of the original's create_pretraining_data.py."""

import gzip
import hashlib
import json
import random
from pathlib import Path

import pytest
from support.paths import GOLDEN

from bert_tf.data.pretraining_documents import TextFiles, tokenized
from bert_tf.data.pretraining_instances import (
    InstanceSettings,
    TrainingInstance,
    create_training_instances,
    truncate_seq_pair,
)
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig

FOLDER = GOLDEN / "pretraining_data"
VOCAB_FILE = GOLDEN / "squad_programs" / "inputs" / "vocab.txt"
INDEX = json.loads((FOLDER / "index.json").read_text())
EDGE_CASES = json.loads((FOLDER / "edge_cases.json").read_text())
# The names of the settings in the edge cases, and their values unless they are given.
EDGE_SETTINGS = {
    "L": ("max_seq_length", 16),
    "P": ("max_predictions_per_seq", 3),
    "wwm": ("do_whole_word_mask", False),
    "dupe": ("dupe_factor", 2),
    "short": ("short_seq_prob", 0.1),
    "prob": ("masked_lm_prob", 0.15),
}
TEXTS = [case for case in EDGE_CASES if "text" in case]


@pytest.fixture(scope="module")
def tokenizers() -> dict[bool, FullTokenizer]:
    """By do_lower_case."""
    return {lowers: FullTokenizer(VOCAB_FILE, lowers) for lowers in (False, True)}


def instances_of(
    files: list[Path], tokenizer: FullTokenizer, settings: InstanceSettings, rng: random.Random
) -> list[TrainingInstance]:
    found = tokenized(TextFiles(files).documents(), tokenizer.tokenize)
    return create_training_instances(found.documents, list(tokenizer.vocab), settings, rng)


def as_json(instance: TrainingInstance) -> dict:
    """As the golden files have it."""
    fields = ("tokens", "segment_ids", "is_random_next", "masked_lm_positions", "masked_lm_labels")
    return {name: getattr(instance, name) for name in fields}


@pytest.mark.parametrize("name", INDEX)
def test_instances_and_random_draws_are_those_of_the_original(name, tokenizers):
    flags = INDEX[name]["flags"]
    rng = random.Random(flags["random_seed"])
    settings = InstanceSettings(**{field: flags[field] for field in InstanceSettings._fields})
    files = [FOLDER / file for file in INDEX[name]["input_files_in_order"]]
    found = instances_of(files, tokenizers[flags["do_lower_case"]], settings, rng)
    with gzip.open(FOLDER / f"{name}_instances.jsonl.gz", "rt") as expected:
        assert [as_json(instance) for instance in found] == [json.loads(line) for line in expected]
    state = hashlib.sha256(repr(rng.getstate()).encode()).hexdigest()
    assert state == INDEX[name]["rng_state_after_sha256_of_repr"]


@pytest.mark.parametrize("case", [case for case in TEXTS if "result" in case], ids=lambda case: case["case"])
def test_edge_cases_give_what_the_original_gives(case, tokenizers, tmp_path):
    (tmp_path / "docs.txt").write_bytes(case["text"].encode())
    values = {name: case["settings"].get(key, default) for key, (name, default) in EDGE_SETTINGS.items()}
    found = instances_of([tmp_path / "docs.txt"], tokenizers[True], InstanceSettings(**values), random.Random(1))
    assert [as_json(instance) for instance in found] == case["result"]


@pytest.mark.parametrize("case", [case for case in TEXTS if "error" in case], ids=lambda case: case["case"])
def test_an_exception_of_the_original_is_one_line(case, tmp_path):
    (tmp_path / "docs.txt").write_bytes(bytes.fromhex(case["raw_hex"] or ""))
    with pytest.raises(UserError, match=r"is not UTF-8|max_seq_length: is [34]; it must be at least 5"):
        PretrainingDataConfig(max_seq_length=case["settings"].get("L", 16))
        list(TextFiles([tmp_path / "docs.txt"]).documents())


@pytest.mark.parametrize("case", [case for case in EDGE_CASES if case["case"] == "truncate_seq_pair"])
def test_pairs_are_cut_as_by_the_original(case):
    first, second = list(range(case["a"])), list(range(100, 100 + case["b"]))
    found = truncate_seq_pair(first, second, case["max"], random.Random(case["seed"]))
    assert list(found) == case["result"]
