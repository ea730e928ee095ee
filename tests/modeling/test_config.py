"""Configuration files of the original and of Hugging Face, and the errors for broken ones."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.encoders import SMALL
from support.paths import ROOT

from bert_tf.errors import UserError
from bert_tf.modeling.config import ACTIVATION_NAMES, BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.operations import ACTIVATIONS


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
        ("{", "cannot read the model's configuration (Expecting property name"),
        ("\xff\xfe", "cannot read the model's configuration ('utf-8' codec"),
        ("[1]", "cannot read the model's configuration (is not a JSON object)"),
        ("[" * 200_000, "cannot read the model's configuration (is nested too deeply)"),
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
        ('{"vocab_size": 9, "hidden_act": "swish"}', "hidden_act is 'swish'; known are gelu, gelu_erf, relu"),
        ('{"vocab_size": 9, "hidden_size": 100}', "hidden_size 100 is not a multiple of num_attention_heads 12"),
        ('{"vocab_size": 9, "model_type": "roberta"}', "is a 'roberta' model"),
        ('{"vocab_size": 9, "model_type": "bert", "is_decoder": true}', "has is_decoder True; only False can be"),
        ('{"vocab_size": 9, "model_type": ["bert"]}', "is a ['bert'] model"),
        ('{"vocab_size": 9, "layer_norm_eps": NaN}', "layer_norm_eps is nan; it must be positive and finite"),
        ('{"vocab_size": 9, "layer_norm_eps": Infinity}', "layer_norm_eps is inf; it must be positive and finite"),
        ('{"vocab_size": 9, "layer_norm_eps": 0}', "layer_norm_eps is 0; it must be positive and finite"),
        ('{"vocab_size": 9, "layer_norm_eps": 1e-50}', "layer_norm_eps is 1e-50; it must be positive and finite"),
        ('{"vocab_size": 9, "layer_norm_eps": 1%s}' % ("0" * 400), "layer_norm_eps is 1000000"),
        ('{"vocab_size": 9, "initializer_range": -0.1}', "initializer_range is -0.1; it must be at least 0"),
        ('{"vocab_size": 9, "initializer_range": 1e999}', "initializer_range is inf; it must be at least 0 and finite"),
        ('{"vocab_size": 9, "hidden_dropout_prob": NaN}', "hidden_dropout_prob is nan; it must be at least 0"),
        ('{"vocab_size": 1e999}', "vocab_size is inf; a value of type int is needed"),
        ('{"vocab_size": 2147483648}', "describes a model of more than 10,000,000,000 parameters; check vocab_size 21"),
        ('{"vocab_size": 9, "type_vocab_size": 999999999999}', "type_vocab_size is 999999999999; it must be at most"),
        ('{"vocab_size": 9, "num_hidden_layers": 100000, "hidden_size": 12}', "num_hidden_layers is 100000; it must"),
        (
            '{"vocab_size": 9, "hidden_size": 1%s}' % ("0" * 4000),
            "hidden_size is 100000000000000000...0000000000000000000; it must be at most",
        ),
        ('{"vocab_size": "%s"}' % ("\\u001b" * 9000), "vocab_size is '\\x1b"),
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
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "bert_config.json"
    path.write_text('\ufeff{"vocab_size": 9}', encoding="utf-8")
    assert BertConfig.from_json_file(path) == BertConfig(9)


def test_the_largest_file_that_is_read_is_bounded(tmp_path):
    path = tmp_path / "bert_config.json"
    path.write_text('{"vocab_size": 9}' + " " * (8 << 20))
    with pytest.raises(UserError, match=r"cannot read the model's configuration \(is larger than 8388608 bytes\)"):
        BertConfig.from_json_file(path)


def test_parameters_are_counted_as_the_encoder_has_them():
    encoder = BertEncoder(SMALL)
    assert SMALL.num_parameters() == sum(int(np.prod(v.shape)) for v in encoder.variables)


def test_the_names_of_activations_are_those_of_the_functions():
    assert tuple(ACTIVATIONS) == ACTIVATION_NAMES


def test_reading_a_configuration_needs_no_tensorflow():
    code = "import sys, bert_tf.modeling.config; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo])
def test_the_error_for_an_unreadable_file_is_one_line(tmp_path, make):
    path = tmp_path / "bert_config.json"
    make(path)
    with pytest.raises(UserError, match=r"bert_config\.json: cannot read the model's configuration \([^\n]+\); give"):
        BertConfig.from_json_file(path)
