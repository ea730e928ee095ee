"""A folder of transformers holds the same model: names, shapes, bits, labels and word pieces."""

import json
import shutil

import numpy as np
import pytest
from safetensors import safe_open
from support.fine_tuned import write_fine_tuned
from support.pretraining_models import write_pretrained_model, write_pretraining_run
from support.question_models import write_question_model
from support.tagging_models import TAGS, write_tagging_model
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.exports.huggingface import write_huggingface
from bert_tf.modeling.config import BertConfig
from bert_tf.models.pretrained import read_model, read_pretrained

# What transformers 5.24 writes for a BertForSequenceClassification of one layer, in its order.
LAYER = (
    *(f"attention.self.{part}" for part in ("query", "key", "value")),
    *("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
)
ENCODER = {
    *(f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")),
    *(f"{scope}.{leaf}" for scope in ("embeddings.LayerNorm", "pooler.dense") for leaf in ("weight", "bias")),
    *(f"encoder.layer.{n}.{part}.{leaf}" for n in (0, 1) for part in LAYER for leaf in ("weight", "bias")),
}


@pytest.fixture
def export(tmp_path):
    def write(source):
        folder = tmp_path / "export"
        folder.mkdir()
        write_huggingface(folder, read_model(source))
        return folder

    return write


def tensors(folder) -> dict[str, np.ndarray]:
    with safe_open(folder / "model.safetensors", framework="np") as file:
        assert file.metadata() == {"format": "pt"}
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_json(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_fine_tuned_model_has_the_names_and_shapes_of_a_sequence_classifier(tmp_path, export):
    found = tensors(export(write_fine_tuned(tmp_path / "run", labels=["a", "b", "c"])))
    assert found.keys() == {f"bert.{name}" for name in ENCODER} | {"classifier.weight", "classifier.bias"}
    assert found["classifier.weight"].shape == (3, 32)
    assert found["bert.encoder.layer.0.intermediate.dense.weight"].shape == (64, 32)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_a_pre_trained_model_has_the_names_of_a_bert_model(tmp_path, export):
    folder = export(write_tiny_model(tmp_path / "tiny"))
    assert tensors(folder).keys() == ENCODER
    config = read_json(folder / "config.json")
    assert config["architectures"] == ["BertModel"] and "id2label" not in config


def test_the_weights_come_back_bit_for_bit(tmp_path, export):
    run = write_fine_tuned(tmp_path / "run")
    arrays, back = read_checkpoint(run), read_checkpoint(export(run))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, name)


def test_a_pre_trained_encoder_comes_back_as_it_was(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    before, after = read_pretrained(tiny), read_pretrained(export(tiny))
    assert (after.config, after.do_lower_case) == (before.config, before.do_lower_case)
    assert after.vocab_file.read_bytes() == before.vocab_file.read_bytes()
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array, name)


def test_a_tokenizer_without_vocabulary_file_has_the_same_pieces(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    folder = export(tiny)
    (folder / "vocab.txt").unlink()
    assert resolve(folder).vocab_file.read_bytes() == (tiny / "vocab.txt").read_bytes()


@pytest.mark.parametrize(
    ("kind", "labels", "problem", "names"),
    [
        ("classification", ["no", "naïve"], "single_label_classification", ["no", "naïve"]),
        ("multi_label", ["a", "b", "c"], "multi_label_classification", ["a", "b", "c"]),
        ("regression", [], "regression", ["LABEL_0"]),
    ],
)
def test_each_kind_of_labels_has_its_problem_type(tmp_path, export, kind, labels, problem, names):
    config = read_json(export(write_fine_tuned(tmp_path / "run", kind, labels)) / "config.json")
    assert config["problem_type"] == problem
    assert config["id2label"] == {str(index): name for index, name in enumerate(names)}
    assert config["label2id"] == {name: index for index, name in enumerate(names)}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("gelu", "gelu_pytorch_tanh"), ("gelu_erf", "gelu"), ("relu", "relu"), ("tanh", "tanh"), ("linear", "linear")],
)
def test_each_activation_has_its_name_there_and_comes_back(tmp_path, export, ours, theirs):
    tiny = write_tiny_model(tmp_path / "tiny")
    config = read_json(tiny / "bert_config.json") | {"hidden_act": ours, "layer_norm_eps": 1e-7}
    (tiny / "bert_config.json").write_text(json.dumps(config))
    folder = export(tiny)
    assert read_json(folder / "config.json")["hidden_act"] == theirs
    assert BertConfig.from_json_file(folder / "config.json") == BertConfig.from_json_file(tiny / "bert_config.json")


def test_the_files_can_be_read_by_all_who_can_read_any_new_file(tmp_path, export):
    folder = export(write_tiny_model(tmp_path / "tiny"))
    (tmp_path / "new").write_text("")
    assert {path.stat().st_mode for path in folder.iterdir()} == {(tmp_path / "new").stat().st_mode}


def test_a_model_that_answers_questions_has_the_names_of_transformers_and_no_pooler(tmp_path, export):
    folder = export(write_question_model(tmp_path / "run"))
    found = tensors(folder)
    encoder = {f"bert.{name}" for name in ENCODER if not name.startswith("pooler")}
    assert found.keys() == encoder | {"qa_outputs.weight", "qa_outputs.bias"}
    assert found["qa_outputs.weight"].shape == (2, 32)
    config = read_json(folder / "config.json")
    assert config["architectures"] == ["BertForQuestionAnswering"]
    assert not {"problem_type", "id2label", "classifier_dropout"} & config.keys()


def test_a_model_that_answers_questions_comes_back_bit_for_bit(tmp_path, export, golden):
    for source in (write_question_model(tmp_path / "run"), golden / "huggingface/question_answering"):
        folder = export(source)
        before, after = read_model(source), read_model(folder)
        assert (after.kind, after.max_seq_length) == ("question_answering", before.max_seq_length)
        assert after.arrays.keys() == before.arrays.keys()
        for name, array in before.arrays.items():
            np.testing.assert_array_equal(after.arrays[name], array, name)
        shutil.rmtree(folder)


def test_a_model_that_tags_words_has_the_names_of_transformers_and_no_pooler(tmp_path, export):
    folder = export(write_tagging_model(tmp_path / "run"))
    found = tensors(folder)
    encoder = {f"bert.{name}" for name in ENCODER if not name.startswith("pooler")}
    assert found.keys() == encoder | {"classifier.weight", "classifier.bias"}
    assert found["classifier.weight"].shape == (len(TAGS), 32)
    config = read_json(folder / "config.json")
    assert config["architectures"] == ["BertForTokenClassification"] and "problem_type" not in config
    assert config["id2label"] == {str(number): tag for number, tag in enumerate(TAGS)}
    assert config["label2id"] == {tag: number for number, tag in enumerate(TAGS)}


def test_a_model_that_tags_words_comes_back_bit_for_bit(tmp_path, export, golden):
    for source in (write_tagging_model(tmp_path / "run"), golden / "huggingface/tagger"):
        folder = export(source)
        before, after = read_model(source), read_model(folder)
        assert (after.kind, after.labels) == ("token_classification", before.labels)
        assert (after.max_seq_length, after.do_lower_case) == (before.max_seq_length, before.do_lower_case)
        assert after.arrays.keys() == before.arrays.keys()
        for name, array in before.arrays.items():
            np.testing.assert_array_equal(after.arrays[name], array, name)
        shutil.rmtree(folder)


MASKED_LM = {
    "cls.predictions.bias",
    *(f"cls.predictions.transform.{part}.{leaf}" for part in ("dense", "LayerNorm") for leaf in ("weight", "bias")),
}
NEXT_SENTENCE = {"cls.seq_relationship.weight", "cls.seq_relationship.bias"}


@pytest.mark.parametrize("write", [write_pretrained_model, write_pretraining_run])
def test_a_model_with_both_heads_becomes_one_for_pre_training(tmp_path, export, write):
    folder = export(write(tmp_path / "model"))
    found = tensors(folder)
    assert found.keys() == {f"bert.{name}" for name in ENCODER} | MASKED_LM | NEXT_SENTENCE
    assert found["cls.seq_relationship.weight"].shape == (2, 32) and found["cls.predictions.bias"].shape == (95,)
    assert read_json(folder / "config.json")["architectures"] == ["BertForPreTraining"]


def test_a_model_that_only_fills_masks_loses_its_pooler(tmp_path, export):
    folder = export(write_pretraining_run(tmp_path / "run", with_next_sentence=False))
    encoder = {f"bert.{name}" for name in ENCODER if not name.startswith("pooler")}
    assert tensors(folder).keys() == encoder | MASKED_LM
    config = read_json(folder / "config.json")
    assert config["architectures"] == ["BertForMaskedLM"] and not {"problem_type", "id2label"} & config.keys()


def test_heads_for_pre_training_come_back_bit_for_bit(tmp_path, export, golden):
    run = write_pretraining_run(tmp_path / "run")
    for source in (run, *(golden / "huggingface" / name for name in ("pretraining", "cased_masked_lm"))):
        folder = export(source)
        before, after = read_model(source), read_model(folder)
        assert (after.head_kind, after.do_lower_case) == (before.head_kind, before.do_lower_case)
        assert after.arrays.keys() == before.arrays.keys()
        for name, array in before.arrays.items():
            np.testing.assert_array_equal(after.arrays[name], array, name)
        shutil.rmtree(folder)


def test_the_tokenizer_of_transformers_finds_masks_only_for_a_model_that_fills_them(tmp_path, export):
    folder = export(write_pretrained_model(tmp_path / "model"))
    assert read_json(folder / "tokenizer_config.json")["split_special_tokens"] is False
    shutil.rmtree(folder)
    assert read_json(export(write_tiny_model(tmp_path / "tiny")) / "tokenizer_config.json")["split_special_tokens"]
