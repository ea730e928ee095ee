"""Configuration files of the original and of Hugging Face, and the errors for broken ones."""

import dataclasses
import json
from pathlib import Path

import pytest
from support.encoders import SMALL

from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig


def write_config(folder: Path, **fields) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(fields))
    return path


def test_the_originals_configuration_is_read(golden):
    assert BertConfig.from_json_file(golden / "bert_config.json") == BertConfig(
        vocab_size=1000,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_act="gelu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=64,
        type_vocab_size=2,
    )


def test_missing_fields_have_the_originals_defaults(tmp_path):
    config = BertConfig.from_json_file(write_config(tmp_path, vocab_size=9, directionality="bidi"))
    assert config == BertConfig(9, 768, 12, 12, 3072, "gelu", 0.1, 0.1, 512, 16, 0.02)


def test_hugging_faces_configuration_is_read(minilm_dir):
    config = BertConfig.from_json_file(minilm_dir / "config.json")
    assert dataclasses.astuple(config) == (30522, 384, 6, 12, 1536, "gelu_erf", 0.1, 0.1, 512, 2, 0.02, 1e-12)


@pytest.mark.parametrize(
    "marks, written, meant",
    [
        ({}, "gelu", "gelu"),
        ({"model_type": "bert"}, "gelu", "gelu_erf"),
        ({"architectures": ["BertModel"]}, "gelu", "gelu_erf"),
        ({"transformers_version": "4.0"}, "gelu", "gelu_erf"),
        ({"model_type": "bert"}, "gelu_new", "gelu"),
        ({"model_type": "bert"}, "gelu_pytorch_tanh", "gelu"),
        ({"model_type": "bert"}, "relu", "relu"),
        ({}, "relu", "relu"),
    ],
)
def test_gelu_means_what_its_writer_means(tmp_path, marks, written, meant):
    path = write_config(tmp_path, vocab_size=9, hidden_act=written, **marks)
    assert BertConfig.from_json_file(path).hidden_act == meant


def test_hugging_faces_defaults_are_its_own(tmp_path):
    config = BertConfig.from_json_file(write_config(tmp_path, model_type="bert", vocab_size=9))
    assert (config.hidden_act, config.type_vocab_size) == ("gelu_erf", 2)


def test_a_configuration_survives_being_written(tmp_path):
    config = dataclasses.replace(SMALL, hidden_act="gelu_erf", hidden_dropout_prob=0.25, layer_norm_eps=1e-7)
    path = tmp_path / "bert_config.json"
    path.write_text(config.to_json_string())
    assert BertConfig.from_json_file(path) == config


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "is not a JSON file"),
        ("\xff\xfe", "is not a JSON file"),
        ("[1]", "is not a JSON object"),
        ("{}", "has no vocab_size"),
        ('{"vocab_size": "9"}', "vocab_size is '9'; a value of type int is needed"),
        ('{"vocab_size": 9.5}', "vocab_size is 9.5; a value of type int is needed"),
        ('{"vocab_size": true}', "vocab_size is True; a value of type int is needed"),
        ('{"vocab_size": 0}', "vocab_size is 0; it must be at least 1"),
        ('{"vocab_size": 9, "hidden_dropout_prob": null}', "hidden_dropout_prob is None; a value of type float"),
        ('{"vocab_size": 9, "hidden_dropout_prob": 1.0}', "hidden_dropout_prob is 1.0; it must be "),
        ('{"vocab_size": 9, "attention_probs_dropout_prob": -0.1}', "attention_probs_dropout_prob is -0.1; it must"),
        ('{"vocab_size": 9, "hidden_act": null}', "hidden_act is None; a value of type str is needed"),
        ('{"vocab_size": 9, "model_type": "bert", "hidden_act": ["gelu"]}', "hidden_act is ['gelu']; a value of type"),
        ('{"vocab_size": 9, "hidden_act": "swish"}', "hidden_act 'swish' is unknown; known: gelu, gelu_erf, relu"),
        ('{"vocab_size": 9, "hidden_size": 100}', "hidden_size 100 is not a multiple of num_attention_heads 12"),
        ('{"vocab_size": 9, "model_type": "roberta"}', "is a 'roberta' model"),
        (
            '{"vocab_size": 9, "model_type": "bert", "position_embedding_type": "relative_key"}',
            "has position_embedding_type 'relative_key'",
        ),
    ],
)
def test_the_error_for_another_kind_of_file_is_one_line(tmp_path, content, message):
    path = tmp_path / "bert_config.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError) as error:
        BertConfig.from_json_file(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_the_error_for_an_unreadable_file_is_one_line(tmp_path, make):
    path = tmp_path / "bert_config.json"
    make(path)
    with pytest.raises(UserError, match=r"bert_config\.json: cannot read the model's configuration: [^\n]+$"):
        BertConfig.from_json_file(path)
