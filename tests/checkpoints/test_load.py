"""Encoders filled with the weights of checkpoints."""

import json

import numpy as np
import pytest
import tensorflow as tf
from support.checkpoint_files import forward_error

from bert_tf.checkpoints.load import fill, load_encoder
from bert_tf.errors import UserError
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead

QUERY = "bert/encoder/layer_0/attention/self/query/kernel"


def test_an_original_checkpoint_gives_what_the_original_computes(folder, golden):
    assert forward_error(load_encoder(folder), golden) < 1e-5


@pytest.mark.slow
def test_the_small_real_checkpoint_fills_its_encoder(minilm_dir):
    encoder = load_encoder("all-MiniLM-L6-v2")
    assert sum(int(tf.size(v)) for v in encoder.variables) == 22_713_216
    assert encoder.config.hidden_act == "gelu_erf"
    ids = tf.constant([[101, 7592, 102]])
    outputs = encoder({"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0})
    assert np.isfinite(outputs["pooled_output"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: {n: v for n, v in a.items() if "pooler" not in n},
            r"missing: bert/pooler/dense/\w+, bert/pooler",
        ),
        (
            lambda a: a | {"bert/encoder/layer_3/output/dense/bias": np.zeros(48)},
            r"unknown: .*layer_3/output",
        ),
        (lambda a: a | {"something/else": np.zeros(1)}, "unknown: something/else"),
        (lambda a: a | {QUERY: np.zeros([48, 4, 13])}, rf"another shape: {QUERY} \[48, 52\] instead of \[48, 48\]"),
        (lambda a: a | {QUERY: a[QUERY] * np.nan}, f"not finite: {QUERY}"),
        (lambda a: {}, r"missing: (bert/[^,]+, ){3}bert/\S+ and 51 more; check"),
    ],
)
def test_an_encoder_is_filled_whole_or_not_at_all(config, arrays, change, message):
    encoder = BertEncoder(config)
    before = [v.numpy() for v in encoder.variables]
    with pytest.raises(UserError, match=message) as error:
        fill(encoder, change(arrays), "here.ckpt")
    assert str(error.value).startswith("here.ckpt: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    for old, variable in zip(before, encoder.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_training_state_and_heads_are_not_left_over(config, arrays):
    more = [
        "cls/predictions/output_bias",
        "cls/seq_relationship/output_weights",
        "output_weights",
        "output_bias",
    ]
    more += [
        "global_step",
        "beta1_power",
        f"{QUERY}/adam_m",
        f"{QUERY}/adam_v",
        f"{QUERY}/Adam",
        f"{QUERY}/Adam_1",
    ]
    fill(BertEncoder(config), arrays | dict.fromkeys(more, np.zeros(1)))


def test_a_classifier_is_filled_with_its_head_or_not_at_all(config, golden, arrays):
    classifier = ClassificationHead(BertEncoder(config), num_labels=3)
    with pytest.raises(UserError, match="missing: output_weights, output_bias"):
        fill(classifier, arrays)
    with np.load(golden / "forward.npz") as data:
        head = {name: data[name] for name in ("output_weights", "output_bias")}
    fill(classifier, arrays | head)
    np.testing.assert_array_equal(classifier.variables_by_name["output_weights"], head["output_weights"])


def test_a_configuration_of_another_width_is_reported_with_the_checkpoint(folder):
    config = json.loads((folder / "bert_config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(UserError, match=rf"{folder}/bert_model.ckpt: .*another shape: .* and \d+ more"):
        load_encoder(folder)
