"""A tagger puts the windows of a sentence together, repairs its tags, scores entities, and learns."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.encoders import SMALL
from support.tiny import WORDS, write_tiny_model

from bert_tf.data.sentence_windows import SentenceFeatures
from bert_tf.data.tagged_sentences import TaggedSentence, read_tagged_sentences
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.tasks.tagging import TaggedAnswer, TaggingTask, TagSettings
from bert_tf.training.config import RunConfig
from bert_tf.training.run import run

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
NO_PIECE = "\u200b"


def make_task(**settings) -> TaggingTask:
    return TaggingTask("NER", TAGS, TagSettings(**settings))


def sentence(words: Sequence[str], tags: Sequence[str] | None = None, guid: str = "0") -> TaggedSentence:
    return TaggedSentence(guid, tuple(words), None if tags is None else tuple(tags), 0, 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def tokenizer(model) -> FullTokenizer:
    return FullTokenizer(model / "vocab.txt")


def answers_for(features: SentenceFeatures, examples: Sequence[TaggedSentence], tags: Sequence[str]) -> np.ndarray:
    """Gives each word of the sentences its tag where it counts; everywhere else the last tag is the most probable."""
    wanted, splits = list(tags), np.cumsum([0, *(len(example.words) for example in examples)])
    answers = np.tile(np.float32([0, 0, 0, 0, 1]), (len(features), features.max_seq_length, 1))
    for row, example in enumerate(features.example_index):
        positions, words = features.words_of(row)
        for position, word in zip(positions, words, strict=True):
            answers[row, position] = 0.05
            answers[row, position, TAGS.index(wanted[splits[example] + word])] = 0.8
    return answers


def combine(task: TaggingTask, examples, tags, tokenizer, length=12) -> list[TaggedAnswer]:
    features = task.featurize(examples, tokenizer, length)
    return task.combine(answers_for(features, examples, tags), features, examples)


# Answers


@pytest.mark.parametrize("with_document", [False, True])
def test_the_tags_of_all_windows_are_those_of_the_sentence(tokenizer, with_document):
    task = make_task(doc_context=3, with_document=with_document)
    examples = [sentence(WORDS[:60]), sentence(WORDS[:3]), sentence(WORDS[20:40])]
    tags = random.Random(0).choices(["O", "B-PER", "B-LOC"], k=83)
    answers = combine(task, examples, tags, tokenizer)
    assert [tag for answer in answers for tag in answer.tags] == tags
    assert [answer.probabilities.shape for answer in answers] == [(60, 5), (3, 5), (20, 5)]


def test_a_word_without_a_piece_is_outside_of_all_entities(tokenizer):
    words = ["w1", NO_PIECE, "w2"]
    (only,) = combine(make_task(), [sentence(words)], ["B-PER", "B-PER", "B-LOC"], tokenizer)
    assert only.tags == ("B-PER", "O", "B-LOC")
    np.testing.assert_array_equal(only.probabilities[1], [1, 0, 0, 0, 0])


def test_a_sentence_without_a_piece_takes_no_tag_from_its_neighbors(tokenizer):
    examples = [sentence([NO_PIECE]), sentence(["w1"]), sentence([NO_PIECE, NO_PIECE])]
    answers = combine(make_task(), examples, ["B-PER", "B-LOC", "B-PER", "B-PER"], tokenizer)
    assert [answer.tags for answer in answers] == [("O",), ("B-LOC",), ("O", "O")]


@pytest.mark.parametrize(
    ("repair", "expected"), [("conll", ("B-PER", "O", "B-LOC", "B-PER")), ("discard", ("O", "O", "B-LOC", "O"))]
)
def test_a_tag_that_cannot_be_is_repaired_by_the_chosen_rule(tokenizer, repair, expected):
    tags = ["I-PER", "O", "B-LOC", "I-PER"]
    (only,) = combine(make_task(repair=repair), [sentence(WORDS[:4])], tags, tokenizer)
    assert only.tags == expected


def test_the_probability_of_a_sentence_is_the_product_of_its_words(tokenizer):
    (only,) = combine(make_task(), [sentence(WORDS[:3])], ["O", "B-PER", "I-LOC"], tokenizer)
    assert only.probability == pytest.approx(0.8**3)


# Scores and files

GOLD = [
    sentence(["w1", "w2", "w3"], ["B-PER", "I-PER", "O"], "0"),
    sentence(["w4", 'w "5"'], ["O", "B-LOC"], "1"),
    sentence(["w6"], ["O"], "2"),
]
PREDICTED = [
    TaggedAnswer(tags, np.full([len(tags), 5], 0.5, np.float32))
    for tags in (("B-PER", "I-PER", "O"), ("B-PER", "O"), ("O",))
]


def test_entities_are_scored_and_the_value_of_a_sentence_is_its_f1():
    evaluation = make_task().evaluate(PREDICTED, GOLD, 8)
    assert tuple(evaluation.scores) == make_task().score_names
    expected = {"eval_f1": 0.5, "eval_precision": 0.5, "eval_recall": 0.5, "eval_token_accuracy": pytest.approx(4 / 6)}
    assert evaluation.scores == expected
    assert evaluation.values.tolist() == [1.0, 0.0, 1.0]


def test_each_type_of_entity_has_its_scores():
    per_class = make_task().per_class(PREDICTED, GOLD)
    assert per_class["PER"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert per_class["LOC"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}


def test_the_file_of_a_dev_set_has_both_taggings_of_each_sentence():
    header, *rows = make_task().result_files("dev", PREDICTED, GOLD)["eval_predictions.tsv"]
    assert header.split("\t") == ["guid", "correct", "f1", "probability", "words", "gold", "prediction"]
    cells = [row.split("\t") for row in rows]
    assert [row[:4] for row in cells] == [line.split() for line in ("0 1 1.0 0.125", "1 0 0.0 0.25", "2 1 1.0 0.5")]
    assert [json.loads(cell) for cell in cells[1][4:]] == [["w4", 'w "5"'], ["O", "B-LOC"], ["B-PER", "O"]]


def test_the_file_of_a_test_set_is_a_conll_file_of_the_predicted_tags(tmp_path):
    lines = list(make_task().result_files("test", PREDICTED, GOLD)["predictions.conll"])
    path = tmp_path / "predictions.conll"
    path.write_text("".join(f"{line}\n" for line in lines))
    assert lines[:4] == ["w1\tB-PER", "w2\tI-PER", "w3\tO", ""]
    assert [each.tags for each in read_tagged_sentences(path, needs_tags=True).sentences] == [
        answer.tags for answer in PREDICTED
    ]


def test_the_model_is_described_by_its_kind_and_its_tags():
    assert json.loads(make_task(doc_context=8).describe()["task.json"]) == {
        "kind": "token_classification",
        "tags": list(TAGS),
        "doc_context": 8,
        "repair": "conll",
    }


def test_the_head_has_an_output_for_each_tag():
    assert make_task().make_head(BertEncoder(SMALL), seed=0).output_weights.shape[0] == len(TAGS)


# Training


NAMES = {"PER": (WORDS[:8], WORDS[8:16]), "LOC": (WORDS[16:24], WORDS[24:32])}


def write_names(folder: Path, sizes: dict[str, int]) -> Path:
    """Sentences with names of one to three words; each word is always at the same place of a name."""
    words = random.Random(0)
    folder.mkdir()
    for name, size in sizes.items():
        lines = [line for _ in range(size) for line in (*_lines(words, words.randint(1, 6)), "")]
        (folder / f"{name}.conll").write_text("".join(f"{line}\n" for line in lines))
    return folder


def _lines(words: random.Random, parts: int) -> list[str]:
    lines = []
    for _ in range(parts):
        kind, (first, others) = words.choice(list(NAMES.items()))
        lines += [f"{word} O" for word in words.choices(WORDS[32:], k=words.randint(0, 6))]
        lines += [f"{words.choice(first)} B-{kind}"]
        lines += [f"{word} I-{kind}" for word in words.choices(others, k=words.randint(0, 2))]
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("with_document", [False, True])
def test_a_tiny_model_learns_to_tag_in_windows(model, tmp_path, with_document):
    data = write_names(tmp_path / "data", {"train": 300, "dev": 60, "test": 5})
    config = RunConfig(
        output_dir=str(tmp_path / "output"),
        data_dir=str(data),
        model=str(model),
        max_seq_length=24,
        train_batch_size=16,
        num_train_epochs=8.0,
        learning_rate=1e-2,
        do_train=True,
        do_eval=True,
        do_predict=True,
    )
    results = run(make_task(doc_context=6, with_document=with_document), config)
    assert results["eval_f1"] > 0.9
    assert results["per_class"]["PER"]["f1"] > 0.9
    tagged = read_tagged_sentences(tmp_path / "output" / "predictions.conll", needs_tags=True).sentences
    gold = read_tagged_sentences(data / "test.conll", needs_tags=True).sentences
    assert [each.words for each in tagged] == [each.words for each in gold]
    assert np.mean([a.tags == b.tags for a, b in zip(tagged, gold, strict=True)]) > 0.5
