"""A model card says what the model is, how good it is and how it is used, and nothing in it breaks its format."""

import dataclasses
import re

import pytest
import yaml

from bert_tf.report.model_card import ModelFacts, model_card

TRAINING = {
    "task_name": "MRPC",
    "learning_rate": 2e-5,
    "model": "/home/me/models/uncased_L-12_H-768_A-12",
    "seed": 3,
    "class_weight": None,
    "train_data": "8af489d625f42c26",
    "num_train_steps": 180,
}
FACTS = ModelFacts(
    name="my-mrpc",
    shape="A BERT of 12 layers",
    tokenizer="Its tokenizer is the same.",
    max_seq_length=128,
    kind="classification",
    labels=("0", "1"),
    pairs=True,
    scores={"eval_accuracy": 0.8431, "eval_f1": 0.8832, "eval_loss": 0.4464},
    training=TRAINING,
    dataset="MRPC",
    dev_data="84c417caf4f0a5d8",
)
ENCODER = ModelFacts("my-bert", "A BERT of 12 layers", "Its tokenizer is the same.", 512)
HOSTILE = 'a"b: {c}\n---\n# x | <img src=x> [y](z) \x00\x85\u2028\ud800 \\'


def front_matter(card: str) -> dict:
    _, yaml_text, rest = card.split("---\n", 2)
    assert rest.startswith("\n# ")
    return yaml.safe_load(yaml_text)


def test_the_hub_finds_task_data_and_scores():
    assert front_matter(model_card(FACTS)) == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["bert", "bert-tf"],
        "model-index": [
            {
                "name": "my-mrpc",
                "results": [
                    {
                        "task": {"type": "text-classification"},
                        "dataset": {"name": "MRPC", "type": "MRPC", "split": "dev"},
                        "metrics": [
                            {"type": "accuracy", "name": "Accuracy", "value": 0.8431},
                            {"type": "f1", "name": "F1", "value": 0.8832},
                        ],
                    }
                ],
            }
        ],
    }


def test_readers_find_task_digests_scores_and_flags():
    card = model_card(FACTS)
    for text in (
        "For a pair of texts it chooses one of 2 labels (0, 1).",
        "The dev set of MRPC (digest `84c417caf4f0a5d8`):",
        "| accuracy, % | 84.3 |\n| F1, % | 88.3 |\n| loss | 0.446 |",
        "on data of the digest `8af489d625f42c26`",
        "| `--learning_rate` | 2e-5 |",
        "| `--task_name` | MRPC |",
        "| `--seed` | 3 |",
        "Texts are truncated to 128 word pieces, as in training.",
    ):
        assert text in card
    assert "class_weight" not in card and "num_train_steps" not in card


def test_a_path_of_the_runs_machine_is_not_told():
    card = model_card(FACTS)
    assert "/home/me" not in card
    assert "| `--bert_model` | uncased\\_L-12\\_H-768\\_A-12 |" in card


@pytest.mark.parametrize(
    ("kind", "labels", "purpose", "answer"),
    [
        ("classification", ("a", "b", "c"), "it chooses one of 3 labels (a, b, c)", "softmax"),
        ("multi_label", ("a", "b"), "it chooses any number of 2 labels (a, b)", "sigmoid"),
        ("regression", (), "it gives a number", "numbers = logits[:, 0]"),
    ],
)
def test_each_kind_of_labels_has_its_sentence_and_its_answers(kind, labels, purpose, answer):
    card = model_card(dataclasses.replace(FACTS, kind=kind, labels=labels, pairs=None))
    assert f"For a text or a pair of texts {purpose}." in card and answer in card


QUESTIONS = dataclasses.replace(
    FACTS,
    kind="question_answering",
    labels=(),
    max_seq_length=384,
    scores={"eval_f1": 0.8832, "eval_exact_match": 0.8431, "eval_best_f1_thresh": -1.5},
)


def test_a_model_that_answers_questions_has_its_own_task_and_code():
    card = model_card(QUESTIONS)
    facts = front_matter(card)
    assert facts["pipeline_tag"] == "question-answering"
    assert {each["type"]: each["value"] for each in facts["model-index"][0]["results"][0]["metrics"]} == {
        "exact_match": 0.8431,
        "f1": 0.8832,
    }
    for text in (
        "For a question and a text it finds the answer, a part of the text.",
        "model = AutoModelForQuestionAnswering.from_pretrained(folder)",
        "| exact match, % | 84.3 |\n| F1, % | 88.3 |\n| best threshold for F1 | -1.500 |",
        "Longer texts were read in windows of 384 word pieces.",
    ):
        assert text in card


TAGGER = dataclasses.replace(
    FACTS,
    kind="token_classification",
    labels=("O", "B-PER", "I-PER"),
    scores={"eval_precision": 0.75, "eval_recall": 0.5, "eval_f1": 0.6, "eval_token_accuracy": 0.875},
)


def test_a_model_that_tags_words_has_its_own_task_and_code():
    card = model_card(TAGGER)
    facts = front_matter(card)
    assert facts["pipeline_tag"] == "token-classification"
    metrics = facts["model-index"][0]["results"][0]["metrics"]
    assert {each["type"]: each["value"] for each in metrics} == {"precision": 0.75, "recall": 0.5, "f1": 0.6}
    for text in (
        "It gives each word of a text one of 3 labels (O, B-PER, I-PER).",
        "model = AutoModelForTokenClassification.from_pretrained(folder)",
        "Longer sentences were read in windows of 128 word pieces.",
    ):
        assert text in card


def test_the_code_can_be_compiled():
    for facts in (FACTS, ENCODER, QUESTIONS, TAGGER):
        [code] = re.findall(r"```python\n(.*?)```", model_card(facts), re.DOTALL)
        compile(code, "card", "exec")


def test_an_encoder_has_no_scores_and_no_flags():
    card = model_card(ENCODER)
    assert front_matter(card)["pipeline_tag"] == "feature-extraction"
    assert "model-index" not in card and "## Evaluation" not in card and "## Training" not in card
    assert "AutoModel.from_pretrained" in card and "fine-tune it" in card


@pytest.mark.parametrize("changes", [{"scores": {}}, {"dataset": None}, {"scores": {"eval_loss": 1.0}}])
def test_without_scores_or_data_the_hub_gets_no_index(changes):
    assert "model-index" not in front_matter(model_card(dataclasses.replace(FACTS, **changes)))


def test_many_labels_are_counted():
    card = model_card(dataclasses.replace(FACTS, labels=tuple(map(str, range(20_000)))))
    assert "20,000 labels (0, 1, 2, 3, 4, 5, 6, 7 and 19,992 more)" in card


def test_nothing_in_names_labels_and_flags_breaks_the_format():
    facts = dataclasses.replace(
        FACTS, name=HOSTILE, labels=(HOSTILE, "b"), dataset=HOSTILE, training=TRAINING | {"task_name": HOSTILE}
    )
    card = model_card(facts)
    found = front_matter(card)["model-index"][0]
    assert found["name"] == found["results"][0]["dataset"]["name"] != ""
    card.encode("utf-8")
    _, _, body = card.split("---\n", 2)
    assert "<img" not in body and "[y](z)" not in body
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {4}
