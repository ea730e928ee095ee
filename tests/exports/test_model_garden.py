"""The Model Garden reads an export back, and its encoder and classifier compute what ours do."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.configs import encoders
from official.nlp.modeling import models, networks
from official.nlp.tasks import sentence_prediction
from support.fine_tuned import write_fine_tuned
from support.pretraining_models import write_pretraining_run
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import load_encoder
from bert_tf.errors import UserError
from bert_tf.exports.model_garden import write_model_garden
from bert_tf.modeling.config import BertConfig
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.models.pretrained import read_model, read_pretrained
from bert_tf.serving.predictor import load

pytestmark = pytest.mark.slow
KINDS = [("classification", ["a", "b", "c"]), ("multi_label", ["a", "b"]), ("regression", [])]


@pytest.fixture
def export(tmp_path):
    def write(source):
        folder = tmp_path / "export"
        folder.mkdir()
        write_model_garden(folder, read_model(source))
        return folder

    return write


def garden_encoder(folder, kind=networks.BertEncoderV2, **changes) -> tf_keras.Model:
    config = BertConfig.from_json_file(folder / "bert_config.json")
    if kind is networks.BertEncoder:
        changes |= {"dict_outputs": True}
    encoder = kind(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        intermediate_size=config.intermediate_size,
        **changes,
    )
    encoder(encoder.inputs)
    return encoder


def batch() -> dict[str, tf.Tensor]:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 40, 8)
    mask = tf.sequence_mask(lengths, 40, tf.int32)
    ids, types = (tf.constant(random.integers(0, top, mask.shape), tf.int32) * mask for top in (90, 2))
    return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": types}


def assert_same_outputs(garden: tf_keras.Model, folder) -> None:
    inputs = batch()
    theirs, ours = garden(inputs), load_encoder(folder)(inputs)
    real = inputs["input_mask"].numpy().astype(bool)
    np.testing.assert_allclose(theirs["pooled_output"], ours["pooled_output"], atol=1e-6)
    np.testing.assert_allclose(
        theirs["sequence_output"].numpy()[real], ours["sequence_output"].numpy()[real], atol=2e-6
    )


@pytest.mark.parametrize("kind", [networks.BertEncoderV2, networks.BertEncoder])
@pytest.mark.parametrize("is_fine_tuned", [False, True])
def test_its_encoders_read_every_variable_and_compute_the_same(tmp_path, export, kind, is_fine_tuned):
    source = (write_fine_tuned if is_fine_tuned else write_tiny_model)(tmp_path / "model")
    folder = export(source)
    encoder = garden_encoder(folder, kind)
    status = tf.train.Checkpoint(encoder=encoder).read(str(folder / "bert_model.ckpt"))
    status.expect_partial().assert_existing_objects_matched()
    assert_same_outputs(encoder, source)


@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_its_classifier_answers_as_ours(tmp_path, export, kind, labels):
    run = write_fine_tuned(tmp_path / "run", kind, labels)
    folder = export(run)
    classifier = models.BertClassifier(garden_encoder(folder), len(labels) or 1)
    status = tf.train.Checkpoint(model=classifier).read(str(folder / "bert_model.ckpt"))
    status.expect_partial().assert_existing_objects_matched()
    logits = classifier(batch()).numpy()
    arrays = read_checkpoint(run)
    pooled = load_encoder(run)(batch())["pooled_output"].numpy()
    ours = pooled @ arrays["output_weights"].T + arrays["output_bias"]
    np.testing.assert_allclose(logits, ours, rtol=1e-6, atol=2e-6)


def test_its_task_starts_from_the_export(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    folder = export(tiny)
    config = BertConfig.from_json_file(folder / "bert_config.json")
    shape = encoders.BertEncoderConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        hidden_activation="gelu",
    )
    task = sentence_prediction.SentencePredictionTask(
        sentence_prediction.SentencePredictionConfig(
            init_checkpoint=str(folder / "bert_model.ckpt"),
            model=sentence_prediction.ModelConfig(num_classes=2, encoder=encoders.EncoderConfig(bert=shape)),
        )
    )
    model = task.build_model()
    task.initialize(model)
    assert_same_outputs(model.checkpoint_items["encoder"], tiny)


@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_a_fine_tuned_model_comes_back_as_it_was(tmp_path, export, kind, labels):
    run = write_fine_tuned(tmp_path / "run", kind, labels)
    before, after = read_fine_tuned(run), read_fine_tuned(export(run))
    assert (after.kind, after.labels, after.config) == (before.kind, before.labels, before.config)
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array, name)


def test_an_encoder_comes_back_bit_for_bit(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    before, after = read_pretrained(tiny), read_pretrained(export(tiny))
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array, name)


def test_heads_for_pre_training_are_left_out(tmp_path, export):
    run = write_pretraining_run(tmp_path / "run")
    before, after = read_model(run), read_model(export(run))
    assert after.head_kind is None
    assert after.arrays.keys() == {name for name in before.arrays if name.startswith("bert/")}


def test_a_model_without_a_pooler_is_refused_in_one_line(golden, export):
    with pytest.raises(
        UserError, match=r"^the model has no pooler, which the Model Garden's encoder has; fine-tune it"
    ):
        export(golden / "huggingface" / "cased_masked_lm")


def test_the_exact_gelu_is_computed_by_an_encoder_that_is_built_with_it(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    config = json.loads((tiny / "bert_config.json").read_text()) | {"hidden_act": "gelu_erf"}
    (tiny / "bert_config.json").write_text(json.dumps(config))
    folder = export(tiny)
    encoder = garden_encoder(folder, inner_activation=tf.nn.gelu)
    tf.train.Checkpoint(encoder=encoder).read(str(folder / "bert_model.ckpt")).assert_existing_objects_matched()
    assert_same_outputs(encoder, tiny)


def test_a_layer_norm_that_the_garden_does_not_have_is_refused(tmp_path, export):
    tiny = write_tiny_model(tmp_path / "tiny")
    config = json.loads((tiny / "bert_config.json").read_text()) | {"layer_norm_eps": 1e-5}
    (tiny / "bert_config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"layer_norm_eps 1e-05, but the Model Garden's encoder has 1e-12 fixed"):
        export(tiny)


def test_the_predictions_of_an_export_are_those_of_the_run(tmp_path, export):
    run = write_fine_tuned(tmp_path / "run")
    texts = ["w1 w2", ("w3", "w4 w5")]
    assert load(export(run)).predict(texts) == load(run).predict(texts)
