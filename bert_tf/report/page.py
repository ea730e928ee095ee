"""Renders the report as one HTML page, with `page.html`, `page.css` and `page.js`.

The page fetches nothing and works without its script. The template escapes all text.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from bert_tf.report import captions, curves, plots, table, wording
from bert_tf.report.details import details, figure
from bert_tf.report.escaping import html_text, one_line
from bert_tf.report.formatting import flag_text, listed
from bert_tf.report.inventory import Inventory
from bert_tf.report.study import Configuration, Study
from bert_tf.report.tasks import TASKS_HEADER, TaskRow, task_rows

_FOLDER = Path(__file__).parent
# What a reader can take in, and a browser can show.
_MAX_ILLUSTRATED_STUDIES = 20
_MAX_NAMED_TASKS = 4  # in the heading


def page(studies: Sequence[Study], inventory: Inventory) -> str:
    """Renders the whole page.

    Its content security policy runs only the page's own script and loads nothing, whatever texts, flags and paths say.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    tasks = list(dict.fromkeys(flag_text(study.task) for study in studies))
    subject = listed(tasks) if len(tasks) <= _MAX_NAMED_TASKS else f"{len(tasks):,} tasks"
    sentences = (wording.overview(studies, inventory), wording.folder(inventory))
    separation, rows = wording.separation(studies), task_rows(studies)
    return _template().render(
        policy=_policy(script),
        heading=f"{subject}: fine-tuning runs compared" if tasks else "Fine-tuning runs",
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        overview=[sentence for sentence in sentences if sentence],
        separation=[separation] if separation else [],
        tasks=_tasks(rows),
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
    environment.filters["spaced"] = _spaced
    environment.filters["lines"] = _lines
    return environment.get_template("page.html")


def _printable(value: object) -> object:
    """Removes control characters and line ends from each text before the template escapes it."""
    return value if isinstance(value, (Markup, jinja2.Undefined)) else one_line(value)


def _unbroken(text: str) -> Markup:
    """Keeps the signs % and ± on the line of their number."""
    return Markup(html_text(text).replace(" %", "&nbsp;%").replace("± ", "±&nbsp;"))  # noqa: S704  # escaped


def _spaced(text: str) -> Markup:
    """Keeps a space at each end of a part of a text, if there is one."""
    spaces = (" " * each.isspace() for each in (text[:1], text[-1:]))
    return Markup(html_text(text).join(spaces))  # noqa: S704  # escaped


def _lines(text: str) -> Markup:
    """Keeps the lines of a text and their indents."""
    lines = text.splitlines()
    indents = [len(line) - len(line.lstrip(" ")) for line in lines]
    return Markup(  # noqa: S704  # escaped
        "\n".join(" " * indent + html_text(line) for indent, line in zip(indents, lines, strict=True))
    )


def _tasks(rows: Sequence[TaskRow]) -> dict | None:
    if not rows:
        return None
    return {"header": TASKS_HEADER, "rows": rows, "note": wording.tasks_note(rows), "glue": wording.glue(rows)}


def _study(study: Study, title: str, number: int) -> dict:
    prefix, precision = f"s{number}", wording.precision(study)
    is_illustrated = number <= _MAX_ILLUSTRATED_STUDIES
    return {
        "id": prefix,
        "title": title,
        "headline": study.headline.name,
        "key_numbers": captions.key_numbers(study),
        "conclusion": wording.conclusion(study),
        "precision": [precision] if precision else [],
        "left_out": wording.left_out(study),
        "caption": wording.table_caption(study),
        "header": table.header(study),
        "sorted_column": table.HEADLINE_COLUMN,
        "rows": [_row(study, each) for each in study.configurations],
        "table_note": [wording.table_note(study), *wording.methods(study)],
        "runs": table.runs(study),
        "shared": list(_shared(study)),
        "notes": [*study.notes, *[captions.no_figures(_MAX_ILLUSTRATED_STUDIES)] * (not is_illustrated)],
        "score_figures": _score_figures(study, prefix) if is_illustrated else [],
        "training": _training(study, prefix) if is_illustrated else None,
        "unreadable": captions.no_predictions(study),
        "best": details(study, prefix) if is_illustrated else None,
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


def _score_figures(study: Study, prefix: str) -> list[dict]:
    shown = min(plots.MAX_CONFIGURATIONS, len(study.configurations))
    figures = (
        (plots.scores_by_configuration(study, f"{prefix}-seeds"), captions.scores_caption(study, shown)),
        (plots.score_by_time(study, f"{prefix}-time"), captions.time_caption(study, shown)),
    )
    return [figure(svg, caption) for svg, caption in figures if svg]


def _training(study: Study, prefix: str) -> dict | None:
    """Returns the figures of each training: its losses, and beside them its dev scores if it was evaluated."""
    items = [_curves(study, each, prefix) for each in study.configurations[: plots.MAX_CONFIGURATIONS]]
    items = [each for each in items if each["svgs"]]
    has_dev_curves = any(len(each["svgs"]) > 1 for each in items)
    note = captions.training_note(study, plots.MAX_CONFIGURATIONS, has_dev_curves)
    return {"items": items, "has_dev_curves": has_dev_curves, "note": note} if items else None


def _curves(study: Study, configuration: Configuration, prefix: str) -> dict:
    figures = (
        curves.losses(configuration, study, f"{prefix}-loss{configuration.number}"),
        curves.dev_scores(configuration, study, f"{prefix}-dev{configuration.number}"),
    )
    svgs = [Markup(svg) for svg in figures if svg]  # noqa: S704  # the plots escape their texts
    return {"svgs": svgs, "caption": f"{configuration.number}. {configuration.label}"}
