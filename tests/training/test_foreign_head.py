"""The head of a Hugging Face classifier in a run of ours."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.checkpoint_files import break_json

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.errors import UserError
from bert_tf.training.foreign_head import fit_head

CLASSIFICATION = '{"kind": "classification"}\n'
RAIN = {"task.json": CLASSIFICATION, "labels.txt": "rain\nsnow\nnot rain\n"}


@pytest.fixture
def folder(golden, tmp_path) -> Path:
    return shutil.copytree(golden / "huggingface" / "classifier", tmp_path / "classifier")


def read(folder: Path) -> tuple[dict[str, np.ndarray], CheckpointFiles]:
    return read_checkpoint(folder), resolve(folder)


def test_the_rows_of_the_head_are_put_in_the_order_of_the_tasks_labels(folder):
    arrays, files = read(folder)
    fitted = fit_head(arrays, files, RAIN, is_needed=True)
    order = [1, 2, 0]  # config.json has: not rain, rain, snow
    for name, array in arrays.items():
        wanted = array[order] if name in ("output_weights", "output_bias") else array
        np.testing.assert_array_equal(fitted[name], wanted)


@pytest.mark.parametrize(
    ("description", "subject"),
    [
        ({"labels.txt": "0\n1\n2\n"}, "classification with the labels 0, 1, 2"),
        ({"labels.txt": "rain\nsnow\n"}, "classification with the labels rain, snow"),
        ({"task.json": '{"kind": "multi_label"}'}, "multi-label with the labels rain, snow, not rain"),
        ({"task.json": '{"kind": "regression"}', "labels.txt": ""}, "a regression"),
    ],
)
def test_a_head_for_other_labels_is_refused_where_it_is_needed_and_left_out_in_training(
    folder, caplog, description, subject
):
    arrays, files = read(folder)
    with pytest.raises(
        UserError, match=f"config.json: the head is for .* not rain, rain, snow, not for {subject}; name"
    ):
        fit_head(arrays, files, RAIN | description, is_needed=True)
    with caplog.at_level(logging.INFO, logger="absl"):
        fitted = fit_head(arrays, files, RAIN | description, is_needed=False)
    assert arrays.keys() - fitted.keys() == {"output_weights", "output_bias"}
    [record] = caplog.records
    assert f"The head is new: {files.config_file}: the head is for" in record.getMessage()


def test_labels_that_cannot_be_read_are_refused_only_where_they_are_needed(folder):
    break_json(folder / "config.json", id2label={"0": "rain"})
    arrays, files = read(folder)
    with pytest.raises(UserError, match="the head has 3 outputs, but the ids in id2label are 0"):
        fit_head(arrays, files, RAIN, is_needed=True)
    assert "output_weights" not in fit_head(arrays, files, RAIN, is_needed=False)


def test_a_regression_has_one_row(golden):
    arrays, files = read(golden / "huggingface" / "regression")
    fitted = fit_head(arrays, files, {"task.json": '{"kind": "regression"}'}, is_needed=True)
    np.testing.assert_array_equal(fitted["output_weights"], arrays["output_weights"])


def test_the_head_of_a_task_of_other_kinds_is_left_to_that_task(folder):
    arrays, files = read(folder)
    assert fit_head(arrays, files, {"task.txt": "spans\n"}, is_needed=True) is arrays


def test_a_head_whose_arrays_do_not_fit_each_other_is_left_to_the_check_of_shapes(folder):
    arrays, files = read(folder)
    for odd in ({"output_bias": np.zeros(2)}, {"output_weights": np.float32(0)}):
        changed = arrays | odd
        assert fit_head(changed, files, RAIN, is_needed=True) is changed


def tags(*names: str) -> dict[str, str]:
    return {"task.json": json.dumps({"kind": "token_classification", "tags": names})}


def test_the_rows_of_a_head_for_words_are_put_in_the_order_of_the_tasks_tags(golden):
    arrays, files = read(golden / "huggingface" / "tagger")
    fitted = fit_head(arrays, files, tags("I-RAIN", "O", "B-RAIN"), is_needed=True)
    for name in ("output_weights", "output_bias"):
        np.testing.assert_array_equal(fitted[name], arrays[name][[2, 0, 1]])  # config.json has: O, B-RAIN, I-RAIN


@pytest.mark.parametrize(
    ("name", "description"),
    [("tagger", tags("O", "B-SNOW", "I-SNOW")), ("tagger", RAIN), ("classifier", tags("rain", "snow", "not rain"))],
)
def test_a_head_for_words_and_one_for_texts_do_not_replace_each_other(golden, name, description):
    arrays, files = read(golden / "huggingface" / name)
    with pytest.raises(UserError, match=r"config.json: the head is for .* with the labels .*, not for"):
        fit_head(arrays, files, description, is_needed=True)
    assert "output_weights" not in fit_head(arrays, files, description, is_needed=False)
