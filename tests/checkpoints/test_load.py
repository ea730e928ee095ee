"""Encoders filled with the weights of checkpoints."""

import json

import numpy as np
import pytest
import tensorflow as tf
from support.checkpoint_files import forward_error

from bert_tf.checkpoints.formats import write_checkpoint
from bert_tf.checkpoints.load import fill, load_encoder, load_tokenizer
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
        (lambda a: a | {"something\n\x1b[31m": np.zeros(1)}, r"unknown: something \\x1b\[31m; check"),
        (lambda a: a | {QUERY: np.float32(0)}, rf"another shape: {QUERY} \[1\] instead of \[48, 48\]"),
        (lambda a: a | {QUERY: a[QUERY].astype(np.int8)}, rf"not floating-point: {QUERY} \(int8\)"),
        (lambda a: a | {QUERY: a[QUERY] > 0}, rf"not floating-point: {QUERY} \(bool\)"),
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
        f"{QUERY}/AdamWeightDecayOptimizer_1",
        f"{QUERY}/Momentum",
    ]
    counters = dict.fromkeys(["good_steps", "current_loss_scale"], np.float32(1))
    fill(BertEncoder(config), arrays | dict.fromkeys(more, np.zeros(1)) | counters)


def test_a_classifier_is_filled_with_its_head_or_not_at_all(config, golden, arrays):
    classifier = ClassificationHead(BertEncoder(config), num_labels=3)
    with pytest.raises(UserError, match="missing: output_weights, output_bias"):
        fill(classifier, arrays)
    with np.load(golden / "forward.npz") as data:
        head = {name: data[name] for name in ("output_weights", "output_bias")}
    fill(classifier, arrays | head)
    np.testing.assert_array_equal(classifier.variables_by_name["output_weights"], head["output_weights"])


SIZES = {
    "vocab_size": 1000,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}


@pytest.mark.parametrize("field", SIZES)
def test_a_configuration_of_other_sizes_is_refused_before_anything_is_built(folder, field):
    path, wrong = folder / "bert_config.json", 2 * SIZES[field]
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: wrong}))
    message = f"{path}: does not fit {folder}/bert_model.ckpt: {field} is {wrong}, but the weights have {SIZES[field]};"
    with pytest.raises(UserError, match=message):
        load_encoder(folder)


@pytest.mark.parametrize("change", [None, np.zeros(3), np.zeros([3, 1, 1])])
def test_weights_that_do_not_show_their_sizes_are_refused(folder, arrays, change):
    arrays = {name: array for name, array in arrays.items() if "word_embeddings" not in name}
    if change is not None:
        arrays["bert/embeddings/word_embeddings"] = change
    write_checkpoint(folder / "bert_model.ckpt", arrays)
    with pytest.raises(UserError, match=r"(missing|not a matrix): bert/embeddings/word_embeddings; check"):
        load_encoder(folder)


@pytest.mark.slow
def test_layers_are_counted_and_not_taken_from_the_largest_number(folder, arrays):
    more = {name.replace("layer_2", "layer_999999999"): array for name, array in arrays.items() if "layer_2/" in name}
    path = folder / "bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 4}))
    write_checkpoint(folder / "bert_model.ckpt", arrays | more)
    with pytest.raises(UserError, match=r"missing: bert/encoder/layer_3.*unknown: .*layer_999999999"):
        load_encoder(folder)


# Tokenizers.


def write_vocab(folder, *pieces):
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in ("[UNK]", *pieces)))


@pytest.mark.slow
def test_the_tokenizer_of_a_cased_model_keeps_capital_letters(folder):
    write_vocab(folder, "Paris", "paris", "the", "The")
    assert load_tokenizer(folder).tokenize("The Paris") == ["The", "Paris"]
    assert load_tokenizer(folder, do_lower_case=True).tokenize("The Paris") == ["the", "paris"]


@pytest.mark.slow
def test_the_tokenizer_of_an_official_checkpoint_refuses_the_other_casing(folder):
    folder = folder.rename(folder.parent / "cased_L-12_H-768_A-12")
    write_vocab(folder, "paris")
    assert load_tokenizer(folder).tokenize("paris Paris") == ["paris", "[UNK]"]
    with pytest.raises(UserError, match=r"contradicts cased_L-12_H-768_A-12/.* is a cased model; pass"):
        load_tokenizer(folder, do_lower_case=True)
