"""Fine-tuned models as plain data, from all forms of folders; tests/golden/huggingface has what transformers wrote."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.checkpoint_files import break_json
from support.question_models import write_question_model
from support.tagging_models import TAGS, write_tagging_model
from support.tiny import write_tiny_model

import bert_tf
from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.models.pretrained import is_fine_tuned, read_model
from bert_tf.models.question_settings import QuestionSettings
from bert_tf.models.tagging_models import tags_words
from bert_tf.models.tagging_settings import TaggingSettings


@pytest.fixture(scope="module")
def written(golden) -> Path:
    """The folders that transformers wrote."""
    return golden / "huggingface"


@pytest.fixture
def classifier(written, tmp_path) -> Path:
    return shutil.copytree(written / "classifier", tmp_path / "classifier")


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> dict[str, Path]:
    """Writes the files that the original's run_classifier.py leaves, and those of the model that it started from."""
    top = tmp_path_factory.mktemp("original")
    model, output = write_tiny_model(top / "model"), top / "output"
    output.mkdir()
    random = np.random.default_rng(1)
    head = {"output_weights": random.normal(size=(2, 32)).astype(np.float32), "output_bias": np.zeros(2, np.float32)}
    write_checkpoint(output / "model.ckpt-343", read_checkpoint(model) | head | {"global_step": np.int64(343)})
    (output / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-343"\n')
    (output / "eval_results.txt").write_text("eval_accuracy = 0.875\neval_loss = 0.5\nglobal_step = 343\nloss = 0.5\n")
    (output / "graph.pbtxt").write_text("node {\n}\n")
    return {"folder": output, "bert_config_file": model / "bert_config.json", "vocab_file": model / "vocab.txt"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("classifier", "classification", ("not rain", "rain", "snow")),
        ("two_unnamed_labels_in_float16", "classification", ("LABEL_0", "LABEL_1")),
        ("regression", "regression", ()),
        ("multi_label_in_bfloat16_shards", "multi_label", ("wet", "cold")),
    ],
)
def test_a_folder_of_transformers_gives_its_answers(written, name, kind, labels):
    golden_answers = json.loads((written / "answers.json").read_text())
    model = bert_tf.load(written / name)
    assert (model.kind, model.labels) == (kind, labels)
    predictions = model.predict([text if isinstance(text, str) else tuple(text) for text in golden_answers["texts"]])
    answers = [[each.value] if kind == "regression" else list(each.probabilities.values()) for each in predictions]
    np.testing.assert_allclose(answers, golden_answers[name], rtol=1e-6, atol=1e-6)


def test_a_folder_of_transformers_says_the_rest(written):
    model = read_fine_tuned(written / "classifier")
    assert (model.do_lower_case, model.max_seq_length, model.compute_dtype) == (True, 24, "float32")
    assert (model.pairs, model.scores, model.run, model.num_outputs) == (None, {}, {}, 3)
    assert all(array.dtype == np.float32 for array in model.arrays.values())
    assert model.tokenizer().tokenize("It rains.") == ["it", "rain", "##s", "."]


@pytest.mark.parametrize("length", [None, 2, 25, 10**30, "24", True])
def test_a_length_that_the_model_cannot_take_is_not_taken(classifier, length):
    break_json(classifier / "tokenizer_config.json", model_max_length=length)
    assert read_fine_tuned(classifier).max_seq_length == 24
    break_json(classifier / "tokenizer_config.json", model_max_length=10)
    assert read_fine_tuned(classifier).max_seq_length == 10


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"id2label": {"0": "a", "1": "b"}},
            "the head has 3 outputs, but the ids in id2label are 0, 1; they must be 0",
        ),
        ({"id2label": {"0": "a", "1": "b", "3": "c"}}, "ids in id2label are 0, 1, 3; they must be 0 to 2"),
        ({"id2label": {"0": "a", "1": "b", "01": "c"}}, "ids in id2label are 0, 1, 01"),
        ({"id2label": {}}, "ids in id2label are none"),
        ({"id2label": ["a", "b", "c"]}, "id2label is .*; the names of the labels by their ids are needed"),
        ({"id2label": {"0": "a", "1": "b", "2": "a"}}, "the label 2 in id2label is 'a', as another one"),
        ({"id2label": {"0": "a", "1": 1, "2": "c"}}, "the label 1 in id2label is 1, which is not a text"),
        ({"id2label": {"0": "a", "1": " ", "2": "c"}}, "the label 1 in id2label is ' ', which is empty"),
        ({"id2label": {"0": "a\u2028b", "1": "b", "2": "c"}}, "which has a line end or a control character"),
        ({"id2label": {"0": "a\nb", "1": "b", "2": "c"}}, "which has a line end or a control character"),
        ({"problem_type": "guess"}, "problem_type is 'guess'; known are single_label_classification, multi_label"),
        ({"problem_type": ["regression"]}, "problem_type is "),
        ({"problem_type": "regression"}, "problem_type is 'regression', but the head has 3 outputs"),
        ({"architectures": ["BertForMultipleChoice"]}, "is a 'BertForMultipleChoice'; only the head of a BertForSeq"),
        ({"model_type": "roberta"}, "is a 'roberta' model; only BERT's architecture can be loaded"),
    ],
)
def test_labels_that_do_not_describe_the_head_are_refused_in_one_line(classifier, fields, message):
    break_json(classifier / "config.json", **fields)
    with pytest.raises(UserError, match=rf"config.json: .*{message}") as error:
        read_fine_tuned(classifier)
    assert str(error.value).isprintable()


def test_a_model_without_a_classifier_is_refused(written):
    with pytest.raises(
        UserError, match=r"model.safetensors: has no classifier, so it was not fine-tuned; fine-tune it"
    ):
        read_fine_tuned(written / "cased_masked_lm")


def test_labels_that_the_user_gives_replace_those_of_a_hugging_face_folder(written):
    model = read_fine_tuned(written / "two_unnamed_labels_in_float16", labels=["no", "yes"])
    assert model.labels == ("no", "yes")
    from_array = read_fine_tuned(written / "two_unnamed_labels_in_float16", labels=np.array(["no", "yes"]))
    assert from_array.labels == model.labels and {type(label) for label in from_array.labels} == {str}
    with pytest.raises(
        UserError, match=r"labels: are a, but .*/model.safetensors predicts the labels LABEL_0, LABEL_1"
    ):
        read_fine_tuned(written / "two_unnamed_labels_in_float16", labels=["a"])
    with pytest.raises(UserError, match=r"labels: are a, but .*/model.safetensors predicts numbers, no labels"):
        read_fine_tuned(written / "regression", labels=["a"])


def test_the_folder_of_the_original_needs_what_it_does_not_have(original):
    model = read_fine_tuned(**original, labels=["0", "1"])
    assert (model.kind, model.labels, model.do_lower_case, model.max_seq_length) == (
        "classification",
        ("0", "1"),
        True,
        64,
    )
    assert model.scores == {"eval_accuracy": 0.875, "eval_loss": 0.5}
    assert model.vocab_file == original["vocab_file"]
    np.testing.assert_array_equal(model.arrays["output_bias"], [0, 0])


@pytest.mark.slow
def test_the_folder_of_the_original_predicts(original):
    model = bert_tf.load(**original, labels=["0", "1"])
    assert model.predict([("w1 w2", "w3")])[0].label in {"0", "1"}
    assert model.scores["eval_accuracy"] == 0.875


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no configuration, no vocabulary and no labels; give bert_config_file, vocab_file and labels"),
        ({"labels": ["0", "1"]}, "no configuration, no vocabulary and no labels; give bert_config_file"),
        ({"bert_config_file": ...}, "vocab.txt is missing; copy the model's vocabulary there"),
        ({"vocab_file": ...}, "bert_config_file: .*bert_config.json: there is no such file"),
        ({"bert_config_file": ..., "vocab_file": ...}, "does not say what its labels are; give labels"),
        (
            {"bert_config_file": ..., "vocab_file": ..., "labels": ["a"]},
            r"labels: are 1 \(a\), but the head in .* has 2",
        ),
        ({"bert_config_file": ..., "vocab_file": ..., "labels": "ab"}, "labels: is 'ab'; give a list of names"),
        ({"bert_config_file": ..., "vocab_file": ..., "labels": []}, r"labels: is \[\]; give a list of names"),
        ({"bert_config_file": ..., "vocab_file": ..., "labels": ["a", "a"]}, "the label 1 is 'a', as another one"),
        ({"bert_config_file": ..., "vocab_file": ..., "labels": ["a", 1]}, "the label 1 is 1, which is not a text"),
    ],
)
def test_what_is_missing_for_the_folder_of_the_original_is_named(original, given, message):
    given = {name: original[name] if value is ... else value for name, value in given.items()}
    with pytest.raises(UserError, match=message) as error:
        read_fine_tuned(original["folder"], **given)
    assert str(error.value).isprintable()


def test_a_broken_file_of_scores_is_named(original, tmp_path):
    folder = shutil.copytree(original["folder"], tmp_path / "output")
    (folder / "eval_results.txt").write_text("eval_accuracy = high\n")
    with pytest.raises(UserError, match=r"eval_results.txt: cannot be read .*; repair or remove it"):
        read_fine_tuned(**original | {"folder": folder}, labels=["0", "1"])


def test_the_labels_of_a_run_are_not_replaced(original, tmp_path):
    folder = shutil.copytree(original["folder"], tmp_path / "output")
    (folder / "labels.txt").write_text("0\n1\n")
    assert read_fine_tuned(**original | {"folder": folder}, labels=["0", "1"]).labels == ("0", "1")
    with pytest.raises(UserError, match=r"labels: are 1, 0, but .*/model.ckpt-343 predicts the labels 0, 1"):
        read_fine_tuned(**original | {"folder": folder}, labels=["1", "0"])


def test_a_vocabulary_of_the_user_replaces_that_of_the_folder_and_the_rest_stays(written, tmp_path):
    pieces = read_fine_tuned(written / "classifier").vocab_file.read_text()
    (tmp_path / "mine.txt").write_text(pieces.replace("falls", "sinks"))
    model = read_fine_tuned(written / "classifier", vocab_file=tmp_path / "mine.txt")
    assert model.tokenizer().tokenize("it sinks") == ["it", "sinks"]
    config_file = shutil.copy(written / "classifier" / "config.json", tmp_path / "config.json")
    model = read_fine_tuned(written / "classifier", bert_config_file=config_file)
    assert (model.vocab_file.read_text(), model.labels) == (pieces, ("not rain", "rain", "snow"))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere: there is no such folder; give the output folder of a finished run"):
        read_fine_tuned(tmp_path / "nowhere")


def test_a_model_of_transformers_that_answers_questions_has_the_defaults_of_run_squad(written):
    model = read_fine_tuned(written / "question_answering")
    assert (model.kind, model.labels, model.max_seq_length) == ("question_answering", (), 24)
    # A window has room for a piece of the context at least.
    assert model.questions == QuestionSettings(doc_stride=128, max_query_length=20)
    assert model.arrays["cls/squad/output_weights"].shape == (2, 8)
    assert not [name for name in model.arrays if "pooler" in name]


def test_what_run_squad_of_the_original_leaves_needs_no_labels(original, tmp_path):
    folder = shutil.copytree(original["folder"], tmp_path / "output")
    arrays = read_checkpoint(folder)
    head = {
        "cls/squad/output_weights": arrays.pop("output_weights"),
        "cls/squad/output_bias": arrays.pop("output_bias"),
    }
    write_checkpoint(folder / "model.ckpt-343", arrays | head)
    model = read_fine_tuned(**original | {"folder": folder})
    assert (model.kind, model.max_seq_length, model.questions.version_2_with_negative) == (
        "question_answering",
        64,
        False,
    )
    with pytest.raises(UserError, match=r"labels: are a, b, but .*/model.ckpt-343 predicts answers, no labels; leave"):
        read_fine_tuned(**original | {"folder": folder}, labels=["a", "b"])


def test_a_run_says_how_it_answers_questions(tmp_path):
    run = write_question_model(tmp_path / "run", {"eval_f1": 0.5, "eval_NoAns_f1": 0.25}, version_2_with_negative=True)
    model = read_fine_tuned(run)
    assert model.questions == QuestionSettings(doc_stride=6, max_query_length=8, version_2_with_negative=True)
    assert (model.max_seq_length, dict(model.scores)) == (24, {"eval_f1": 0.5, "eval_NoAns_f1": 0.25})
    break_json(run / "run.json", training={"doc_stride": 0, "max_query_length": "8", "max_seq_length": 30})
    assert read_fine_tuned(run).questions == QuestionSettings(max_query_length=26)


def test_a_head_for_questions_that_is_not_there_is_missed(tmp_path):
    run = write_question_model(tmp_path / "run")
    arrays = read_checkpoint(run)
    del arrays["cls/squad/output_weights"]
    write_checkpoint(run / "model.ckpt-3", arrays)
    with pytest.raises(UserError, match="missing: cls/squad/output_weights"):
        read_fine_tuned(run)


@pytest.mark.parametrize("architecture", ["BertForSequenceClassification", "BertForMaskedLM"])
def test_a_head_for_questions_in_another_model_is_refused(written, tmp_path, architecture):
    folder = shutil.copytree(written / "question_answering", tmp_path / "model")
    break_json(folder / "config.json", architectures=[architecture])
    with pytest.raises(UserError, match=f"is a '{architecture}'; only the head of a BertForQuestionAnswering"):
        read_fine_tuned(folder)


def test_facts_of_a_classifier_are_what_they_were(written):
    assert "questions" not in read_fine_tuned(written / "classifier").facts.to_json()


@pytest.fixture
def tagger(written, tmp_path) -> Path:
    return shutil.copytree(written / "tagger", tmp_path / "tagger")


def test_a_model_of_transformers_that_tags_words_has_its_tags_and_the_defaults_of_run_ner(written):
    model = read_model(written / "tagger")
    assert (model.kind, model.labels) == ("token_classification", ("O", "B-RAIN", "I-RAIN"))
    assert (model.max_seq_length, model.questions) == (24, None)
    # A third of each window counts.
    assert model.tagging == TaggingSettings(doc_context=7, repair="conll")
    assert model.arrays["output_weights"].shape == (3, 8)
    assert not [name for name in model.arrays if "pooler" in name]


def test_a_run_says_how_it_tags_words(tmp_path):
    results = {"eval_f1": 0.5, "eval_precision": 0.25, "eval_exact_match": 1.0}
    run = write_tagging_model(tmp_path / "run", results, doc_context=6, repair="discard")
    model = read_fine_tuned(run)
    assert (model.kind, model.labels, model.max_seq_length) == ("token_classification", TAGS, 24)
    assert model.tagging == TaggingSettings(doc_context=6, repair="discard")
    assert dict(model.scores) == {"eval_precision": 0.25, "eval_f1": 0.5}
    assert not [name for name in model.arrays if "pooler" in name]
    break_json(run / "task.json", doc_context=True, repair=["conll"])
    assert read_fine_tuned(run).tagging == TaggingSettings(doc_context=7)


def test_the_digest_of_a_model_that_tags_words_has_its_settings(tmp_path):
    digests = {
        read_fine_tuned(write_tagging_model(tmp_path / repair, repair=repair)).facts.digest
        for repair in ("conll", "discard")
    }
    assert len(digests) == 2


def test_the_files_of_a_model_say_whether_it_tags_words(written, tmp_path):
    run = write_tagging_model(tmp_path / "run")
    for folder in (run, written / "tagger", written / "token_classifier"):
        assert tags_words(resolve(folder)) and is_fine_tuned(resolve(folder))
    others = [written / name for name in ("classifier", "question_answering", "cased_masked_lm")]
    for folder in (*others, write_question_model(tmp_path / "questions"), write_tiny_model(tmp_path / "tiny")):
        assert not tags_words(resolve(folder))


def test_labels_that_are_no_tags_need_names_that_are(written):
    with pytest.raises(UserError, match=r"config.json: the label 0 is 'LABEL_0', which is no tag; tags of entities"):
        read_fine_tuned(written / "token_classifier")
    assert read_fine_tuned(written / "token_classifier", labels=["O", "B-X"]).labels == ("O", "B-X")
    with pytest.raises(UserError, match=r"^labels: the label 1 is 'X', which is no tag; tags of entities are O, and"):
        read_fine_tuned(written / "token_classifier", labels=["O", "X"])
    with pytest.raises(UserError, match=r"^labels: no label is O, the tag of words outside of entities"):
        read_fine_tuned(written / "token_classifier", labels=["I-X", "B-X"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id2label": {"0": "O", "1": "B-A"}}, "the head has 3 outputs, but the ids in id2label are 0, 1"),
        ({"id2label": {"0": "O", "1": "B-A", "2": "B-A"}}, "the label 2 in id2label is 'B-A', as another one"),
        ({"id2label": {"0": "O", "1": "B-A", "2": "A"}}, "the label 2 is 'A', which is no tag"),
        ({"architectures": ["BertForMaskedLM"]}, "is a 'BertForMaskedLM'; only the head of a BertForSeq"),
    ],
)
def test_tags_that_do_not_describe_the_head_are_refused_in_one_line(tagger, fields, message):
    break_json(tagger / "config.json", **fields)
    with pytest.raises(UserError, match=rf"config.json: .*{message}") as error:
        read_fine_tuned(tagger)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("tags", [None, [], "O", ["O", 1], ["O", "O"], ["O", "person"]])
def test_a_run_whose_tags_cannot_be_read_is_refused(tmp_path, tags):
    with pytest.raises(UserError, match=r"task.json: .*; give a finished run's output folder"):
        read_fine_tuned(write_tagging_model(tmp_path / "run", tags=tags))


def test_a_head_for_other_tags_is_refused(tmp_path):
    with pytest.raises(UserError, match="output_weights"):
        read_fine_tuned(write_tagging_model(tmp_path / "run", tags=["O", "B-LOC"]))
