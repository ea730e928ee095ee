"""A pre-trained model is known by its heads, wherever it comes from, and keeps them."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from support.fine_tuned import write_fine_tuned
from support.pretraining_models import write_pretrained_model, write_pretraining_run
from support.question_models import write_question_model
from support.tagging_models import write_tagging_model
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
from bert_tf.models.pretrained import is_fine_tuned, read_model, read_pretrained
from bert_tf.models.pretraining_models import fills_masks, fills_only_masks, not_fine_tuned

HEAD = {
    *(f"cls/predictions/{name}" for name in ("output_bias", "transform/dense/kernel", "transform/dense/bias")),
    *(f"cls/predictions/transform/LayerNorm/{name}" for name in ("gamma", "beta")),
}
FOLLOWS = {f"cls/seq_relationship/output_{name}" for name in ("weights", "bias")}


@pytest.mark.parametrize("write", [write_pretrained_model, write_pretraining_run])
def test_the_originals_checkpoints_and_our_runs_fill_masks(tmp_path, write):
    folder = write(tmp_path / "model")
    assert fills_masks(resolve(folder)) and not is_fine_tuned(resolve(folder))
    assert read_model(folder).head_kind == "pretraining"


@pytest.mark.parametrize(("name", "kind"), [("pretraining", "pretraining"), ("cased_masked_lm", "masked_lm")])
def test_models_of_transformers_with_these_heads_fill_masks(golden, name, kind):
    folder = golden / "huggingface" / name
    assert fills_masks(resolve(folder)) and not is_fine_tuned(resolve(folder))
    model = read_model(folder)
    assert (model.kind, model.head_kind) == (None, kind)
    has_all = kind == "pretraining"
    assert model.arrays.keys() >= HEAD
    assert (model.arrays.keys() >= FOLLOWS) == ("bert/pooler/dense/kernel" in model.arrays) == has_all


@pytest.mark.parametrize("write", [write_tiny_model, write_fine_tuned, write_question_model, write_tagging_model])
def test_other_models_fill_none(tmp_path, write):
    assert not fills_masks(resolve(write(tmp_path / "model")))


@pytest.mark.parametrize("name", ["classifier", "question_answering", "tagger", "token_classifier"])
def test_other_models_of_transformers_fill_none(golden, name):
    assert not fills_masks(resolve(golden / "huggingface" / name))


@pytest.mark.parametrize("head", ["output_bias", "cls/squad/output_bias"])
def test_a_checkpoint_that_was_fine_tuned_beside_its_heads_fills_none(tmp_path, head):
    folder = write_pretrained_model(tmp_path / "model")
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    write_checkpoint(folder / "bert_model.ckpt", arrays | {head: np.zeros(2, np.float32)})
    assert not fills_masks(resolve(folder))


def test_without_the_head_for_next_sentences_a_model_only_fills_masks(tmp_path):
    model = read_pretrained(write_pretraining_run(tmp_path / "run", with_next_sentence=False))
    assert model.head_kind == "masked_lm" and not FOLLOWS & model.arrays.keys()
    # It was not trained, but fine-tuning may begin with it.
    assert "bert/pooler/dense/kernel" in model.arrays


def test_a_checkpoint_fills_only_masks_if_it_lacks_the_head_for_next_sentences(tmp_path, golden):
    only_masks = write_pretraining_run(tmp_path / "run", with_next_sentence=False)
    for folder in (only_masks, golden / "huggingface" / "cased_masked_lm"):
        assert fills_only_masks(resolve(folder).checkpoint)
    for folder in (
        write_pretrained_model(tmp_path / "both"),
        golden / "huggingface" / "pretraining",
        write_tiny_model(tmp_path / "tiny"),
    ):
        assert not fills_only_masks(resolve(folder).checkpoint)


def test_a_run_says_how_long_its_texts_were(tmp_path):
    model = read_pretrained(write_pretraining_run(tmp_path / "run"))
    assert (model.trained_length, model.max_seq_length) == (24, 64)
    for training in (None, {}, *({"max_seq_length": length} for length in (None, "24", 2, 65, True))):
        assert dataclasses.replace(model, run={"training": training}).trained_length == 64


def test_a_run_that_was_stopped_is_a_warning(tmp_path, caplog):
    folder = write_pretraining_run(tmp_path / "run", num_train_steps=9)
    state = {"training/loss_scale": np.float32(1), "global_step": np.int64(3)}
    write_checkpoint(folder / "model.ckpt-3", read_checkpoint(folder) | state)
    read_pretrained(folder)
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder / 'model.ckpt-3'}: is from step 3 of 9 of a training that is not finished; the command that started "
        "it resumes it."
    ]


@pytest.mark.parametrize("name", sorted(HEAD - {"cls/predictions/output_bias"}))
def test_half_a_head_is_refused_in_one_line(tmp_path, name):
    folder = write_pretrained_model(tmp_path / "model")
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    write_checkpoint(folder / "bert_model.ckpt", {key: array for key, array in arrays.items() if key != name})
    with pytest.raises(UserError, match=f"bert_model.ckpt: does not fit the model; missing: {name}; check"):
        read_pretrained(folder)


def test_a_head_for_another_vocabulary_is_refused_in_one_line(tmp_path):
    folder = write_pretrained_model(tmp_path / "model")
    bias = {"cls/predictions/output_bias": np.zeros(94, np.float32)}
    write_checkpoint(folder / "bert_model.ckpt", read_checkpoint(folder / "bert_model.ckpt") | bias)
    with pytest.raises(UserError, match=r"of another shape: cls/predictions/output_bias \[94\] instead of \[95\]"):
        read_pretrained(folder)


def test_a_matrix_of_its_own_in_place_of_the_word_embeddings_is_refused_in_one_line(golden, tmp_path):
    from safetensors.numpy import load_file, save_file

    shutil.copytree(golden / "huggingface" / "cased_masked_lm", tmp_path / "untied")
    path = tmp_path / "untied" / "model.safetensors"
    arrays = load_file(path)
    table = arrays["bert.embeddings.word_embeddings.weight"]
    save_file(arrays | {"cls.predictions.decoder.weight": table.copy()}, path, {"format": "pt"})
    assert read_pretrained(path.parent).head_kind == "masked_lm"
    save_file(arrays | {"cls.predictions.decoder.weight": table + 1}, path, {"format": "pt"})
    with pytest.raises(UserError, match=r"its cls.predictions.decoder.weight is not the matrix of the word embeddings"):
        read_pretrained(path.parent)


def test_a_broken_index_or_task_is_one_line(tmp_path):
    folder = write_pretrained_model(tmp_path / "model")
    (folder / "bert_model.ckpt.index").write_bytes(b"no index")
    with pytest.raises(UserError, match=r"bert_model.ckpt: cannot be read, it is broken or cut off"):
        fills_masks(resolve(folder))
    run = write_pretraining_run(tmp_path / "run")
    (run / "task.json").write_text(json.dumps({"kind": "pre-training"}))
    with pytest.raises(UserError, match=r"task.json: the kind 'pre-training' is unknown; give a finished run's output"):
        fills_masks(resolve(run))


def test_the_error_of_programs_for_fine_tuned_models_says_what_to_do():
    assert str(not_fine_tuned("output/a\nb")) == (
        "output/a b: is pre-trained and fills masks; fine-tune it first, as with run_classifier.py --bert_model, or "
        "call bert_tf.load(FOLDER).fill_mask(TEXT) in Python"
    )
