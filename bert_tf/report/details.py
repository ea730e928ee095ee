"""Prepares the part of the page on the best configuration: calibration, classes, numbers and mistakes."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from bert_tf.report import captions, plots, tag_captions
from bert_tf.report.calibration import reliability
from bert_tf.report.classes import (
    ClassScores,
    confusion,
    most_frequent_confusions,
    scores_of_classes,
    scores_of_types,
)
from bert_tf.report.command import command
from bert_tf.report.differences import differing_words
from bert_tf.report.formatting import score_spread, shortened
from bert_tf.report.groups import GroupTable, Spread
from bert_tf.report.mistakes import Mistake, worst_mistakes
from bert_tf.report.predictions import (
    AnswerPredictions,
    ClassPredictions,
    LabelSetPredictions,
    NumberPredictions,
    TagPredictions,
)
from bert_tf.report.scores import score
from bert_tf.report.study import Configuration, Study
from bert_tf.report.wrong_answers import WrongAnswer, worst_answers
from bert_tf.report.wrong_taggings import TagPart, WrongTagging, worst_taggings

# What a reader can take in, and a browser can show.
_MAX_CONFUSION_CLASSES = 50
_MAX_CLASSES = 50
_ROOMY_CLASSES = 8  # more classes are shown in a small print
_DENSE_CHARACTERS = 24
_CONFUSIONS = 10
_MAX_TEXT_LENGTH = 2000
_SHARE = score("eval_f1")  # its unit and digits are those of precision and recall
_SCORES = tuple(_SHARE.with_unit(name) for name in ("Precision", "Recall", "F1"))


def details(study: Study, prefix: str) -> dict | None:
    """Returns the values for the template; None if no run counts."""
    best = study.best
    if best is None:
        return None
    return {
        "heading": f"{'The best: ' * (len(study.configurations) > 1)}{best.label}",
        "command": command(best.runs[0]),
        "command_note": captions.command_note(best),
        **dict.fromkeys(_PARTS),
        "groups": _groups(best),
        **(_parts(best, prefix) if best.predictions else {}),
    }


def _parts(best: Configuration, prefix: str) -> dict[str, dict]:
    """Returns what there is to show of predictions of a kind."""
    parts = {
        ClassPredictions: ("calibration", "confusion", "classes", "mistakes"),
        NumberPredictions: ("numbers", "mistakes"),
        LabelSetPredictions: ("classes", "mistakes"),
        AnswerPredictions: ("calibration", "answers"),
        TagPredictions: ("calibration", "types", "taggings"),
    }
    return {name: _PARTS[name](best, prefix) for name in parts[type(best.predictions[0])]}


def figure(svg: str, caption: str) -> dict:
    """Returns a figure for the template."""
    return {"svg": Markup(svg), "caption": caption}  # noqa: S704  # the plots escape their texts


def _calibration(best: Configuration, prefix: str) -> dict:
    pooled = reliability(
        np.concatenate([each.confidence for each in best.predictions]),
        np.concatenate([each.correct for each in best.predictions]),
    )
    diagram = plots.reliability_diagram(pooled, type(best.predictions[0]), f"{prefix}-calibration")
    return {"text": captions.calibration(best), "figure": figure(diagram, captions.calibration_caption(best))}


def _numbers(best: Configuration, prefix: str) -> dict:
    return figure(plots.predicted_by_label(best.predictions, f"{prefix}-numbers"), captions.numbers_caption(best))


# Classes.


def _confusion(best: Configuration, prefix: str) -> dict:
    """Returns the rows of the confusion matrix, or if there are too many classes for one, no rows and the reason."""
    classes = best.predictions[0].classes
    is_shown = len(classes) <= _MAX_CONFUSION_CLASSES
    is_dense = len(classes) > _ROOMY_CLASSES
    return {
        "names": [_class_name(name, is_dense) for name in classes] if is_shown else [],
        "rows": _confusion_rows(best, is_dense) if is_shown else [],
        "is_dense": is_dense,
        "caption": captions.confusion_caption(best),
        "too_large": [] if is_shown else [captions.no_confusion(best)],
        "most_frequent": _most_frequent_confusions(best) if is_dense else [],
    }


def _confusion_rows(best: Configuration, is_dense: bool) -> list[dict]:
    names, counts = best.predictions[0].classes, confusion(best.predictions)
    return [
        {"name": _class_name(name, is_dense), "cells": [_confusion_cell(*cell, is_dense) for cell in _shares(row)]}
        for name, row in zip(names, counts, strict=True)
    ]


def _class_name(name: str, is_dense: bool) -> str:
    return shortened(name, _DENSE_CHARACTERS) if is_dense else shortened(name)


def _shares(row: np.ndarray) -> zip:
    return zip(row.tolist(), (row / max(row.sum(), 1)).tolist(), strict=True)


def _confusion_cell(number: int, share: float, is_dense: bool) -> dict:
    is_empty = is_dense and number == 0
    return {
        "number": "" if is_empty else f"{number:,}",
        "percent": "" if is_dense else f"{share:.0%}",
        "shade": f"{share:.2f}",
    }


def _most_frequent_confusions(best: Configuration) -> list[str]:
    confusions = most_frequent_confusions(best.predictions, _CONFUSIONS)
    return [captions.confusion(shortened(each.label), shortened(each.predicted), each.number) for each in confusions]


def _classes(best: Configuration, prefix: str) -> dict:
    """Returns the table of precision, recall and F1; if there are very many classes, of those with the lowest F1."""
    shown = _lowest(scores_of_classes(best.predictions))
    return {
        "heading": "Classes",
        "caption": captions.classes_caption(best, len(shown)),
        "header": ["Class", "Dev examples", *_SCORES],
        "rows": [_class_row(each) for each in shown],
    }


def _types(best: Configuration, prefix: str) -> dict:
    """Returns the table of precision, recall and F1 of the types of entities."""
    scores = scores_of_types(best.predictions)
    shown = _lowest(scores)
    return {
        "heading": "Types of entities",
        "caption": tag_captions.types_caption(best, len(shown), len(scores)),
        "header": ["Type", "Entities", *_SCORES],
        "rows": [_class_row(each) for each in shown],
    }


def _groups(best: Configuration) -> dict | None:
    """Returns the table of the scores of groups, such as languages; None if there are no groups."""
    table = best.groups
    if table is None:
        return None
    return {
        "heading": captions.groups_heading(table),
        "caption": captions.groups_caption(best, table, min(len(table.rows), _MAX_CLASSES)),
        "header": [table.name.capitalize(), "Dev examples", *(score.heading for score in table.scores)],
        "rows": [_group_row(table, *row) for row in table.rows[:_MAX_CLASSES]],
    }


def _group_row(table: GroupTable, name: str, number: int, spreads: Sequence[Spread]) -> dict:
    cells = [{"text": f"{number:,}", "value": number}]
    for score_, spread in zip(table.scores, spreads, strict=True):
        cells.append({"text": score_spread(score_, spread), "value": spread[0]})
    return {"name": shortened(name), "cells": cells}


def _lowest(scores: Sequence[ClassScores]) -> Sequence[ClassScores]:
    return sorted(scores, key=lambda each: each.f1[0])[:_MAX_CLASSES] if len(scores) > _MAX_CLASSES else scores


def _class_row(scores: ClassScores) -> dict:
    cells = [(f"{scores.number:,}", scores.number)]
    cells += [(score_spread(_SHARE, each), each[0]) for each in (scores.precision, scores.recall, scores.f1)]
    return {"name": shortened(scores.name), "cells": [{"text": text, "value": value} for text, value in cells]}


# Mistakes.


def _mistakes(best: Configuration, prefix: str) -> dict:
    mistakes, reason = worst_mistakes(best.runs)
    return {
        "heading": captions.mistakes_heading(best, len(mistakes)),
        "note": captions.mistakes_note(best, mistakes, reason),
        "items": [{"facts": captions.mistake(each), "texts": _texts(each)} for each in mistakes],
    }


def _texts(mistake: Mistake) -> Sequence[list[tuple[str, bool]]]:
    """Returns the texts of an example, each as parts with True for those that the other text does not have."""
    if mistake.example is None:
        return []
    texts = [mistake.example.text_a, mistake.example.text_b]
    texts = [shortened(text, _MAX_TEXT_LENGTH) for text in texts if text is not None]
    return differing_words(*texts) if len(texts) == 2 else [[(text, False)] for text in texts]


def _answers(best: Configuration, prefix: str) -> dict:
    groups, reason = worst_answers(best.runs)
    return {
        "heading": captions.answers_heading(groups),
        "note": captions.answers_note(best, groups, reason),
        "groups": [
            {"heading": captions.answers_of_kind(best, each), "items": list(map(_answer, each.worst))}
            for each in groups
        ],
    }


def _answer(answer: WrongAnswer) -> dict:
    name, facts = captions.question_name(answer), captions.answer_facts(answer)
    return {"name": name, "facts": facts, "excerpt": answer.excerpt}


def _taggings(best: Configuration, prefix: str) -> dict:
    groups, mistakes = worst_taggings(best.predictions)
    return {
        "heading": captions.answers_heading(groups),
        "note": tag_captions.taggings_note(best, groups, mistakes),
        "groups": [
            {"heading": tag_captions.taggings_of_kind(best, each), "items": list(map(_tagging, each.worst))}
            for each in groups
        ],
    }


def _tagging(tagging: WrongTagging) -> dict:
    parts = [
        {"text": each.text, "label": tag_captions.tag_label(each), "marks": _marks(each)} for each in tagging.parts
    ]
    return {"name": tag_captions.tagging_name(tagging), "facts": tag_captions.tagging_facts(tagging), "parts": parts}


def _marks(part: TagPart) -> str:
    """Returns the names of the marks of words in the style sheet."""
    if part.is_right:
        return "right"
    return " ".join(["gold"] * (part.gold is not None) + ["prediction"] * (part.predicted is not None))


# The parts of the page, by their names in the template.
_PARTS = {
    "calibration": _calibration,
    "numbers": _numbers,
    "confusion": _confusion,
    "classes": _classes,
    "mistakes": _mistakes,
    "answers": _answers,
    "types": _types,
    "taggings": _taggings,
}
