"""The files that say what a model's labels are, whole or broken."""

import pytest

from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.errors import UserError


def test_a_model_without_a_kind_is_a_classifier(tmp_path):
    (tmp_path / "labels.txt").write_text("bad\ngood\n")
    assert read_kind(tmp_path, "copy it") == "classification"
    assert read_labels(tmp_path, "classification", "copy it") == ["bad", "good"]


def test_numbers_have_no_names(tmp_path):
    (tmp_path / "task.json").write_text('{"kind": "regression"}')
    kind = read_kind(tmp_path, "copy it")
    assert (kind, read_labels(tmp_path, kind, "copy it")) == ("regression", [])


@pytest.mark.parametrize("content", ["{", "[]", '{"kind": 3}', '{"kind": "ranking"}', '{"kinds": "regression"}'])
def test_a_kind_that_cannot_be_known_is_no_classifier(tmp_path, content):
    (tmp_path / "task.json").write_text(content)
    with pytest.raises(UserError, match=r"task.json: .*; copy it$"):
        read_kind(tmp_path, "copy it")


@pytest.mark.parametrize("content", [None, b"", b"\xff\n", b"good\nbad\ngood\n"])
def test_no_label_is_invented(tmp_path, content):
    if content is not None:
        (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"labels.txt.*; copy it$"):
        read_labels(tmp_path, "classification", "copy it")
