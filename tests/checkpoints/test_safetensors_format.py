"""The number of a classifier's outputs, from the header of its file alone."""

import json
from pathlib import Path

import pytest

from bert_tf.checkpoints.locate import resolve
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.errors import UserError


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("classifier", 3),
        ("regression", 1),
        ("multi_label_in_bfloat16_shards", 2),
        ("cased_masked_lm", None),
        ("token_classifier", 2),
    ],
)
def test_the_outputs_of_a_classifier_are_counted_without_its_weights(golden, name, outputs):
    assert classifier_outputs(resolve(golden / "huggingface" / name).checkpoint) == outputs


def write(path: Path, entry: object) -> Path:
    header = json.dumps({"bert.pooler.dense.bias": {}, "classifier.bias": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


@pytest.mark.parametrize(
    "entry", [{}, [], None, 7, *({"shape": shape} for shape in ([], [2, 2], "x", [0], [-1], [True], [2.0], [10**12]))]
)
def test_a_header_that_counts_nothing_is_one_line(tmp_path, entry):
    with pytest.raises(UserError, match=r"x.safetensors: cannot be read, it is broken or cut off") as error:
        classifier_outputs(write(tmp_path / "x.safetensors", entry))
    assert str(error.value).isprintable() and len(str(error.value)) < 400


def test_a_header_of_no_arrays_has_no_classifier(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    assert classifier_outputs(path) is None
