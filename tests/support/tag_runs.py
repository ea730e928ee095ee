"""Writes folders like those of runs that tag words, without running anything."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from seqeval.metrics.sequence_labeling import accuracy_score, get_entities, precision_recall_fscore_support
from support.synthetic_runs import edit_results, name_examples, write_scored_run

Sentence = tuple[list[str], list[str]]


def _sentence(words: str, tags: str) -> Sentence:
    return words.split(), tags.split()


# Two names of the same type stand next to one another in the third one.
SENTENCES = [
    _sentence("Bo Lindal sailed to Arvel .", "B-PER I-PER O O B-LOC O"),
    _sentence("It rained all day .", "O O O O O"),
    _sentence("The sisters Ada Moe Eva and Brenn Radio met", "O O B-PER I-PER B-PER O B-ORG I-ORG O"),
    _sentence("Kalt Salt Works closed", "B-ORG I-ORG I-ORG O"),
    _sentence("Nine days to Kalt", "O O O B-LOC"),
    _sentence("盐 在 卡尔特", "O O B-LOC"),
]


def draw_tags(sentences: Sequence[Sentence], accuracy: float, seed: int) -> list[tuple[list[str], float]]:
    """Draws tags and their probability for each sentence; a sentence is as difficult for all seeds."""
    generator = np.random.default_rng(seed)
    difficulty = np.random.default_rng(7).normal(0, 1, len(sentences)) + generator.normal(0, 0.5, len(sentences))
    is_right = difficulty < np.quantile(difficulty, accuracy)
    sure = np.clip(0.9 - 0.2 * difficulty, 0.05, 0.99).tolist()
    tags = [tags if right else _spoil(tags, generator) for (_, tags), right in zip(sentences, is_right, strict=True)]
    return list(zip(tags, sure, strict=True))


def _spoil(tags: list[str], generator: np.random.Generator) -> list[str]:
    """Gives one word a tag that it does not have: that of an entity of its own."""
    place = int(generator.integers(0, len(tags)))
    return [*tags[:place], "B-MISC", *(tag.replace("I-", "B-") for tag in tags[place + 1 :])]


def score_sentence(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Returns F1 of the entities of a sentence."""
    right, found = set(get_entities(list(gold))), set(get_entities(list(predicted)))
    return 2 * len(right & found) / (len(right) + len(found)) if right or found else 1.0


def write_tag_run(
    folder: Path, sentences: Sequence[Sentence], answers: Sequence[tuple[list[str], float]], *, results=None, **options
) -> Path:
    """Writes a run with these tags; its scores follow from them."""
    gold, predicted = [tags for _, tags in sentences], [tags for tags, _ in answers]
    values = list(map(score_sentence, gold, predicted))
    precision, recall, f1, _ = precision_recall_fscore_support(gold, predicted, average="micro", zero_division=0)
    scores = {"eval_precision": precision, "eval_recall": recall, "eval_f1": f1}
    scores = {name: float(value) for name, value in scores.items()}
    scores |= {"headline": "eval_f1", "eval_token_accuracy": accuracy_score(gold, predicted), **(results or {})}
    # The speed counts rows, of which a long sentence has several.
    scores["eval_samples_per_second"] = float(len(gold))
    settings = {"task_name": "NER", "max_seq_length": 128, "doc_context": 32, "repair": "conll"}
    write_scored_run(folder, values, results=scores, data_dir=None, **{**settings, **options})
    edit_results(folder, program="run_ner", eval_runtime=2.0)
    task = {"kind": "token_classification", "tags": sorted({tag for tags in gold for tag in tags}, reverse=True)}
    (folder / "task.json").write_text(json.dumps(task))
    rows = [["guid", "correct", "f1", "probability", "words", "gold", "prediction"]]
    for guid, (words, tags), (found, probability), value in zip(
        name_examples(len(gold)), sentences, answers, values, strict=True
    ):
        rows.append([guid, int(tags == found), value, probability, *map(json.dumps, (words, tags, found))])
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "eval_predictions.tsv").write_text(text, encoding="utf-8")
    return folder
