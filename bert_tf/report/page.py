"""Renders the report as one HTML page, with `page.html`, `page.css` and `page.js`.

The page fetches nothing and works without its script. The template escapes all text.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from bert_tf.report import plots, table, wording
from bert_tf.report.calibration import confusion_matrix, reliability
from bert_tf.report.comparison import Configuration, Study
from bert_tf.report.escaping import html_text, one_line
from bert_tf.report.formatting import flag_text, listed, shortened
from bert_tf.report.mistakes import Mistake, most_confident_mistakes
from bert_tf.report.runs import Inventory

_FOLDER = Path(__file__).parent
# What a reader can take in, and a browser can show.
_MAX_CONFUSION_CLASSES = 50
_MAX_ILLUSTRATED_STUDIES = 20
_MAX_TEXT_LENGTH = 2000


def page(studies: Sequence[Study], inventory: Inventory) -> str:
    """Renders the whole page.

    Its content security policy runs only the page's own script and loads nothing, whatever texts, flags and paths say.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    tasks = listed(list(dict.fromkeys(flag_text(study.task) for study in studies)))
    separation = wording.separation(studies)
    return _template().render(
        policy=_policy(script),
        heading=f"{tasks}: fine-tuning runs compared" if tasks else "Fine-tuning runs",
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        overview=wording.overview(studies, inventory),
        separation=[separation] if separation else [],
        studies=[
            _study(study, title, number)
            for number, (study, title) in enumerate(zip(studies, wording.titles(studies), strict=True), start=1)
        ],
        unfinished=inventory.unfinished,
        failed=inventory.failed,
        skipped=inventory.skipped,
    )


def _policy(script: str) -> str:
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; base-uri 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{script_hash}'"
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["unbroken"] = _unbroken
    return environment.get_template("page.html")


def _printable(value: object) -> object:
    """Removes control characters and line ends from each text before the template escapes it."""
    return value if isinstance(value, (Markup, jinja2.Undefined)) else one_line(value)


def _unbroken(text: str) -> Markup:
    """Keeps the signs % and ± on the line of their number."""
    return Markup(html_text(text).replace(" %", "&nbsp;%").replace("± ", "±&nbsp;"))  # noqa: S704  # escaped


def _study(study: Study, title: str, number: int) -> dict:
    prefix, precision = f"s{number}", wording.precision(study)
    is_illustrated = number <= _MAX_ILLUSTRATED_STUDIES
    return {
        "id": prefix,
        "title": title,
        "headline": study.headline.name,
        "conclusion": wording.conclusion(study),
        "precision": [precision] if precision else [],
        "left_out": wording.left_out(study),
        "caption": wording.table_caption(study),
        "header": table.header(study),
        "sorted_column": table.HEADLINE_COLUMN,
        "rows": [_row(study, each) for each in study.configurations],
        "table_note": [wording.table_note(study), *wording.methods(study)],
        "shared": list(_shared(study)),
        "notes": [*study.notes, *[wording.no_figures(_MAX_ILLUSTRATED_STUDIES)] * (not is_illustrated)],
        "score_figures": _score_figures(study, prefix) if is_illustrated else [],
        "loss_figures": list(_loss_figures(study, prefix)) if is_illustrated else [],
        "loss_note": wording.loss_note(study, plots.MAX_CONFIGURATIONS),
        "unreadable": wording.no_predictions(study),
        "best": _best(study, prefix) if is_illustrated else None,
    }


# The table.


def _row(study: Study, configuration: Configuration) -> dict:
    number, _, seeds, *cells = table.cells(study, configuration)
    return {
        "number": number,
        "label": configuration.label,
        "mark": table.mark(study, configuration),
        "seeds": seeds,
        "not_counted": table.not_counted(configuration),
        "cells": cells,
    }


def _shared(study: Study) -> Iterator[tuple[str, str]]:
    data = {
        "training examples (digest)": study.train_data or "unknown",
        "dev examples": study.num_dev_examples or "unknown",
    }
    for facts in (study.shared_flags, data, study.versions):
        for name, value in facts.items():
            yield name, flag_text(value)


# The figures.


def _figure(svg: str, caption: str) -> dict:
    return {"svg": Markup(svg), "caption": caption}  # noqa: S704  # the plots escape their texts


def _score_figures(study: Study, prefix: str) -> list[dict]:
    shown = study.configurations[: plots.MAX_CONFIGURATIONS]
    figures = (
        (plots.scores_by_configuration(shown, f"{prefix}-seeds"), wording.scores_caption(study, len(shown))),
        (plots.score_by_time(shown, f"{prefix}-time"), wording.time_caption(study, len(shown))),
    )
    return [_figure(svg, caption) for svg, caption in figures if svg]


def _loss_figures(study: Study, prefix: str) -> Iterator[dict]:
    shown = study.configurations[: plots.MAX_CONFIGURATIONS]
    for each in shown:
        svg = plots.training_loss(each, shown, f"{prefix}-loss{each.number}")
        if svg:
            yield _figure(svg, f"{each.number}. {each.label}")


# The best configuration in detail.


def _best(study: Study, prefix: str) -> dict | None:
    best = study.best
    if best is None or not best.has_predictions:
        return None
    mistakes, reason = most_confident_mistakes(best.runs)
    return {
        "heading": f"{'The best: ' * (len(study.configurations) > 1)}{best.label}",
        "calibration": wording.calibration(best),
        "reliability": _reliability(best, prefix),
        "classes": [shortened(name) for name in best.runs[0].predictions.classes],
        "confusion": _confusion(best),
        "confusion_caption": wording.confusion_caption(best),
        "no_confusion": wording.no_confusion(best),
        "mistakes_heading": wording.mistakes_heading(len(mistakes)),
        "mistakes_note": wording.mistakes_note(best, len(mistakes), reason),
        "mistakes": [_mistake(each) for each in mistakes],
    }


def _reliability(best: Configuration, prefix: str) -> dict:
    predictions = [run.predictions for run in best.runs]
    pooled = reliability(
        np.concatenate([each.confidence for each in predictions]),
        np.concatenate([each.correct for each in predictions]),
    )
    return _figure(plots.reliability_diagram(pooled, f"{prefix}-calibration"), wording.calibration_caption(best))


def _confusion(best: Configuration) -> list[dict] | None:
    """Returns the rows of the confusion matrix; None if there are too many classes for a table."""
    classes = best.runs[0].predictions.classes
    if len(classes) > _MAX_CONFUSION_CLASSES:
        return None
    predictions = [run.predictions for run in best.runs]
    counts = sum(confusion_matrix(each.label_ids, each.predicted, len(classes)) for each in predictions)
    return [
        {"name": shortened(name), "cells": _confusion_cells(row)} for name, row in zip(classes, counts, strict=True)
    ]


def _confusion_cells(row: np.ndarray) -> list[dict]:
    shares = row / max(row.sum(), 1)
    return [
        {"number": f"{number:,}", "percent": f"{share:.0%}", "shade": f"{share:.2f}"}
        for number, share in zip(row, shares, strict=True)
    ]


def _mistake(mistake: Mistake) -> dict:
    example = mistake.example
    texts = [example.text_a, example.text_b] if example else []
    texts = [shortened(text, _MAX_TEXT_LENGTH) for text in texts if text is not None]
    return {"facts": wording.mistake(mistake), "texts": texts}
