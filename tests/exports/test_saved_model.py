"""A SavedModel answers as the run did, in a process that has nothing of ours."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer
from support.fine_tuned import write_fine_tuned
from support.outputs import rows
from support.saved_models import HOSTILE, Request, ask_elsewhere, expected_answers
from support.tiny import write_corpus, write_tiny_model

from bert_tf.data.processors import find_processor
from bert_tf.exports.saved_model import export
from bert_tf.fine_tuning import fine_tune
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import head_shapes, variable_shapes
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.serving.predictor import load

pytestmark = pytest.mark.slow

ODD_LABELS = (" a", "b ", "1,5", "ä ß 漢", "1.0", "1", "", "c\td", "e\r", "[PAD]")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 16, "dev": 40})


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpus) -> Path:
    """The output folder of a run that was exported at its end."""
    top = tmp_path_factory.mktemp("run")
    folders = {"data_dir": str(corpus), "output_dir": str(top / "out"), "bert_model": str(write_tiny_model(top / "m"))}
    settings = {"max_seq_length": 48, "train_batch_size": 8, "learning_rate": 1e-3, "num_train_epochs": 1}
    fine_tune("MRPC", do_export=True, **folders, **settings)
    return top / "out"


@pytest.fixture(scope="module")
def pairs(corpus) -> list[tuple[str, str]]:
    return [tuple(row[:2]) for row in rows(corpus / "dev.tsv")]


def kind_of_model(top: Path, kind: str, labels: Sequence[str] = (), **changes: object) -> FineTunedModel:
    """A model with random weights; `changes` are of the plain data."""
    written = write_fine_tuned(top, kind, [f"label {number}" for number, _ in enumerate(labels)])
    model = read_fine_tuned(written)
    weights, bias = model.arrays["output_weights"], np.zeros_like(model.arrays["output_bias"])
    # Numbers of the size that runs predict: 1e-6 is then about the rounding of float32.
    weights = weights / 16 if kind == "regression" else weights
    arrays = {**model.arrays, "output_weights": weights, "output_bias": bias}
    return dataclasses.replace(model, labels=tuple(labels), arrays=arrays, **changes)


@pytest.fixture(scope="module")
def models(tmp_path_factory, run) -> dict[str, FineTunedModel]:
    top = tmp_path_factory.mktemp("models")
    return {
        "run": read_fine_tuned(run),
        "single texts": kind_of_model(top / "a", "classification", ODD_LABELS, pairs=False),
        "regression": kind_of_model(top / "b", "regression", pairs=None, max_seq_length=20),
        "multi_label": kind_of_model(top / "c", "multi_label", ODD_LABELS, pairs=True),
        "bfloat16": kind_of_model(top / "d", "classification", ("0", "1"), pairs=True, compute_dtype="bfloat16"),
    }


@pytest.fixture(scope="module")
def exports(models, run, tmp_path_factory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("exports")
    paths = {name: export(model, top / name) for name, model in models.items() if name != "run"}
    return {"run": run / "export" / "1", **paths}


@pytest.fixture(scope="module")
def questions(pairs) -> dict[str, list]:
    """Texts of the corpus, and hostile ones as single texts and as pairs, in one request."""
    texts = [text for text, _ in pairs] + list(HOSTILE) * 2
    others = [other for _, other in pairs] + [b""] * len(HOSTILE) + list(reversed(HOSTILE))
    return {"text": texts, "text_pair": others}


@pytest.fixture(scope="module")
def answers(exports, questions) -> dict[str, dict[str, list]]:
    """The answers of all models, from one process that has nothing of ours; and of a request without texts."""
    single, nothing = {"text": questions["text"]}, {name: [] for name in questions}
    requests = [Request(path, single if name == "single texts" else questions) for name, path in exports.items()]
    found = ask_elsewhere([*requests, Request(exports["run"], nothing), Request(exports["regression"], nothing)])
    return dict(zip([*exports, "no texts", "no texts, regression"], found, strict=True))


def test_a_fresh_process_without_anything_of_ours_gives_the_predictions_of_the_run(answers, run):
    header, *expected = rows(run / "eval_predictions.tsv")
    found = np.array(answers["run"]["probabilities"][: len(expected)])
    np.testing.assert_allclose(found, np.array([row[2:] for row in expected], float), rtol=0, atol=1e-6)
    labels = [header[2:][row.argmax()] for row in found]
    assert answers["run"]["label"][: len(expected)] == labels


def test_so_does_a_predictor_of_the_run_and_one_of_the_export(answers, run, exports, pairs):
    expected = np.array(answers["run"]["probabilities"][: len(pairs)])
    for folder in (run, exports["run"], exports["run"].parent):
        found = [list(each.probabilities.values()) for each in load(folder).predict(pairs)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["run", "single texts", "regression", "multi_label"])
def test_texts_of_all_kinds_get_the_answers_of_tokenizer_features_and_encoder(answers, models, questions, name):
    others = [] if name == "single texts" else questions["text_pair"]
    expected = expected_answers(models[name], questions["text"], others)
    found = answers[name]["value" if name == "regression" else "probabilities"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert len(np.unique(np.round(expected, 4), axis=0)) > 40  # Other texts have other answers.


def test_a_model_in_bfloat16_computes_as_its_run(answers, models, questions):
    expected = expected_answers(models["bfloat16"], *questions.values())
    np.testing.assert_allclose(answers["bfloat16"]["probabilities"], expected, rtol=0, atol=0.02)


def test_labels_are_named_as_they_are_whatever_is_in_them(answers):
    found = answers["single texts"]
    assert found["label"] == [ODD_LABELS[np.argmax(row)] for row in found["probabilities"]]
    assert len(set(found["label"])) > 1
    found = answers["multi_label"]
    expected = [
        name if probability >= 0.5 else ""
        for row in found["probabilities"]
        for name, probability in zip(ODD_LABELS, row, strict=True)
    ]
    assert found["labels"] == expected


def test_no_texts_have_no_answers(answers):
    assert answers["no texts"] == {"label": [], "probabilities": []}
    assert answers["no texts, regression"] == {"value": []}


def test_pieces_of_a_text_get_its_answer(models, exports, pairs):
    tokenizer, loaded = models["run"].tokenizer(), tf.saved_model.load(str(exports["run"]))
    text, other = pairs[0]
    tokens = ["[CLS]", *tokenizer.tokenize(text), "[SEP]", *tokenizer.tokenize(other), "[SEP]"]
    ids = tf.constant([tokenizer.convert_tokens_to_ids(tokens)])
    types = tf.cast(tf.range(len(tokens)) > tokens.index("[SEP]"), tf.int32)[None]
    pieces = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": types}
    padded = {name: tf.pad(value, [[0, 0], [0, 5]]) for name, value in pieces.items()}
    expected = loaded.signatures["serving_default"](text=tf.constant([text]), text_pair=tf.constant([other]))
    for asked in (pieces, padded):
        found = loaded.signatures["pieces"](**asked)
        np.testing.assert_allclose(found["probabilities"], expected["probabilities"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["input_mask", "input_type_ids"])
def test_pieces_of_different_shapes_are_refused(exports, name):
    pieces = dict.fromkeys(["input_word_ids", "input_mask", "input_type_ids"], tf.ones([2, 10], tf.int32))
    signature = tf.saved_model.load(str(exports["run"])).signatures["pieces"]
    for shape in ([2, 12], [1, 10], [4, 5]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            signature(**pieces | {name: tf.ones(shape, tf.int32)})


def test_different_numbers_of_texts_and_second_texts_are_refused(exports):
    signature = tf.saved_model.load(str(exports["run"])).signatures["serving_default"]
    for sizes in ((1, 2), (2, 0), (0, 1), (3, 1), (2, 3)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            signature(text=tf.fill(sizes[:1], "w1"), text_pair=tf.fill(sizes[1:], "w2"))


GLUE_SEQ_LENGTH = 32


@pytest.fixture(scope="module")
def small_model(vocab_file) -> FineTunedModel:
    """A model of one narrow layer with BERT's vocabulary."""
    config = BertConfig(
        vocab_size=30522,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=GLUE_SEQ_LENGTH,
        type_vocab_size=2,
    )
    random = np.random.default_rng(0)
    shapes = variable_shapes(config) | head_shapes(2, config)
    return FineTunedModel(
        folder=vocab_file.parent,
        kind="classification",
        labels=("0", "1"),
        config=config,
        arrays={name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()},
        vocab_file=vocab_file,
        do_lower_case=True,
        max_seq_length=GLUE_SEQ_LENGTH,
        compute_dtype="float32",
        pairs=None,
        scores={},
        run={},
    )


@pytest.fixture(scope="module")
def glue(glue_dir) -> dict[str, list[tuple[str, str]]]:
    """All different texts and pairs of GLUE at hand, by task."""
    return {
        task: list(
            dict.fromkeys(
                (each.text_a, each.text_b or "")
                for split in ("train", "dev", "test")
                for each in getattr(find_processor(task), f"get_{split}_examples")(glue_dir / task)
            )
        )
        for task in ("MRPC", "CoLA", "RTE", "SST-2")
    }


# SST-2 has no capital letters.
@pytest.mark.parametrize(
    ("do_lower_case", "tasks"), [(True, ("MRPC", "CoLA", "RTE", "SST-2")), (False, ("MRPC", "CoLA", "RTE"))]
)
def test_all_texts_of_glue_get_the_answers_of_tokenizer_features_and_encoder(
    glue, small_model, tmp_path, do_lower_case, tasks
):
    model = dataclasses.replace(small_model, do_lower_case=do_lower_case)
    signature = tf.saved_model.load(str(export(model, tmp_path))).signatures["serving_default"]
    texts, others = zip(*(pair for task in tasks for pair in glue[task]), strict=True)
    found = [
        signature(text=tf.constant(texts[start : start + 2000]), text_pair=tf.constant(others[start : start + 2000]))
        for start in range(0, len(texts), 2000)
    ]
    found = np.concatenate([each["probabilities"] for each in found])
    np.testing.assert_allclose(found, expected_answers(model, texts, others), rtol=0, atol=1e-6)
