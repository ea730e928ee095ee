"""The report as one HTML page: nothing is fetched, all text is escaped, and it works without its script."""

import base64
import hashlib
from collections.abc import Sequence

import numpy as np

from bert_tf.report import plots, wording
from bert_tf.report.comparison import Configuration, Study, value_text
from bert_tf.report.escaping import html_text
from bert_tf.report.mistakes import Mistake, most_confident_mistakes
from bert_tf.report.page_style import SCRIPT, STYLE
from bert_tf.report.runs import FailedRun, Found
from bert_tf.report.statistics import CALIBRATION_BINS, confusion_matrix, mean_and_sd, reliability

_ACCURACY_COLUMN = wording.HEADER.index("Accuracy, %")


def page(studies: Sequence[Study], found: Found) -> str:
    """The whole page.

    Its content security policy lets nothing but the page's own script run and nothing load, whatever a corpus, a
    flag or a path may say.
    """
    script_hash = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{script_hash}'"
    )
    tasks = ", ".join(dict.fromkeys(study.task for study in studies))
    heading = html_text(f"{tasks}: fine-tuning runs compared" if tasks else "Fine-tuning runs")
    body = [
        f"<header><h1>{heading}</h1>",
        *_paragraph([wording.overview(studies, found)], "lede"),
        *_paragraph([wording.separation(studies)], "warning"),
        "</header>",
        *(part for number, study in enumerate(studies, 1) for part in _study(study, studies, f"s{number}")),
        *_failed(found.failed),
        *_skipped(found.skipped),
    ]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            # Without this a browser asks the server for an icon.
            '<link rel="icon" href="data:,">',
            f"<title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            *body,
            f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _paragraph(sentences: Sequence[str | None], kind: str = "") -> list[str]:
    text = " ".join(html_text(sentence) for sentence in sentences if sentence)
    text = text.replace(" %", "&nbsp;%")  # no line begins with a percent sign
    return [f'<p class="{kind}">{text}</p>' if kind else f"<p>{text}</p>"] if text else []


def _study(study: Study, studies: Sequence[Study], prefix: str) -> list[str]:
    best = study.best
    warnings = [line for sentence in wording.left_out(study) for line in _paragraph([sentence], "warning")]
    parts = [
        f'<section aria-labelledby="{prefix}">',
        f'<h2 id="{prefix}">{html_text(wording.title(study, studies))}</h2>',
        *_paragraph(wording.conclusion(study)),
        *_paragraph([wording.precision(study)]),
        *warnings,
        *_table(study),
        *_paragraph([wording.TABLE_NOTE, *wording.methods(study)], "note"),
        *_shared(study),
        *(line for note in study.notes for line in _paragraph([note], "note")),
        *_figures(study, prefix),
    ]
    if best is not None and best.has_predictions:
        parts.append(f"<h3>{'The best: ' * (len(study.configurations) > 1)}{html_text(best.label)}</h3>")
        parts += [*_calibration(best, prefix), *_confusion(best), *_mistakes(best)]
    elif best is not None:
        parts += _paragraph(["The best has no predictions: its calibration and its mistakes are not known."], "note")
    return [*parts, "</section>"]


# The table.


def _table(study: Study) -> list[str]:
    heads = [
        f'<th scope="col"{_sorted_by(column)}><button type="button">{html_text(name)}</button></th>'
        for column, name in enumerate(wording.HEADER)
    ]
    rows = [_row(study, configuration) for configuration in study.configurations]
    return [
        '<div class="scroll" tabindex="0" role="region" aria-label="Table of the configurations">',
        '<table class="sortable"><caption>Configurations, best mean accuracy first. A heading sorts.</caption>',
        f"<thead><tr>{''.join(heads)}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody></table></div>",
    ]


def _sorted_by(column: int) -> str:
    return ' aria-sort="descending"' if column == _ACCURACY_COLUMN else ""


def _row(study: Study, configuration: Configuration) -> str:
    marked = wording.mark(study, configuration)
    number, _, seeds, *rest = wording.cells(study, configuration)
    left_out = "".join(f"<small>{html_text(part)}</small>" for part in wording.not_counted(configuration))
    tag = f' <span class="mark">{html_text(marked)}</span>' if marked else ""
    label = html_text(configuration.label)
    cells = [
        f"<td{_value(number)}>{html_text(number.text)}</td>",
        f'<th scope="row" data-value="{label}">{label}{tag}</th>',
        f"<td{_value(seeds)}>{html_text(seeds.value)}{left_out}</td>",
        *(f"<td{_value(cell)}>{html_text(cell.text)}</td>" for cell in rest),
    ]
    kind = ' class="best"' * (marked == "best")
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _value(cell: wording.Cell) -> str:
    return "" if cell.value is None else f' data-value="{html_text(cell.value)}"'


def _shared(study: Study) -> list[str]:
    def terms(pairs: dict) -> str:
        return "".join(f"<dt>{html_text(name)}</dt><dd>{html_text(value_text(x))}</dd>" for name, x in pairs.items())

    data = {"training examples (digest)": study.train_data or "unknown", "dev examples": study.num_dev_examples}
    facts = terms(study.shared_flags) + terms(data) + terms(study.versions)
    return [f"<details><summary>What all these runs share</summary><dl>{facts}</dl></details>"]


# The figures.


def _figure(svg: str | None, caption: str) -> list[str]:
    return [f"<figure>{svg}<figcaption>{html_text(caption)}</figcaption></figure>"] if svg else []


def _figures(study: Study, prefix: str) -> list[str]:
    configurations = study.configurations
    by_configuration = "Dev accuracy: a ring for each seed, a bar for the mean, a cross for a collapsed run."
    by_time = "Mean accuracy against mean training time; lines are one standard deviation, numbers those of the table."
    losses = [
        part
        for each in configurations
        for part in _figure(
            plots.training_loss(each, configurations, f"{prefix}-loss{each.number}"), f"{each.number}. {each.label}"
        )
    ]
    without_logs = sum(run.train_log is None for each in configurations for run in each.runs)
    missing = f"{wording.count(without_logs, 'run')} without a usable log is not in them." * bool(without_logs)
    return [
        "<h3>Accuracy</h3>",
        '<div class="figures">',
        *_figure(plots.accuracy_by_configuration(configurations, f"{prefix}-seeds"), by_configuration),
        *_figure(plots.accuracy_by_time(configurations, f"{prefix}-time"), by_time),
        "</div>",
        *(["<h3>Training loss</h3>"] if losses else []),
        *(_paragraph([_LOSS_NOTE, missing], "note") if losses else []),
        '<div class="figures small">' * bool(losses),
        *losses,
        "</div>" * bool(losses),
    ]


_LOSS_NOTE = (
    "Mean over seeds, with a band from the lowest to the highest; the other configurations are drawn thin behind it. "
    "Each point is the mean loss of the steps since the point before."
)


# The best configuration, looked at closely.


def _calibration(best: Configuration, prefix: str) -> list[str]:
    predictions = [run.predictions for run in best.runs]
    confidence = np.concatenate([each.confidence for each in predictions])
    pooled = reliability(confidence, np.concatenate([each.correct for each in predictions]))
    error = wording.spread(mean_and_sd(best.calibration_errors), digits=3)
    text = (
        f"Its expected calibration error is {error}: the mean over predictions of the distance between the accuracy "
        f"and the mean confidence of their bin, in {CALIBRATION_BINS} bins of equal width between 0 and 1 (Guo et al. "
        "2017)."
    )
    caption = (
        f"Predictions of {wording.count(len(predictions), 'seed')} together. On the dashed line a confidence is worth "
        "what it says; below it the model is too sure of itself."
    )
    return [
        "<h4>Calibration</h4>",
        *_paragraph([text]),
        '<div class="figures">',
        *_figure(plots.reliability_diagram(pooled, f"{prefix}-calibration"), caption),
        "</div>",
    ]


def _confusion(best: Configuration) -> list[str]:
    classes = best.runs[0].predictions.classes
    counts = sum(confusion_matrix(r.predictions.label_ids, r.predictions.predicted, len(classes)) for r in best.runs)
    heads = "".join(f'<th scope="col">{html_text(name)}</th>' for name in classes)
    rows = [
        f'<tr><th scope="row">{html_text(name)}</th>{"".join(map(_shaded, row, row / max(row.sum(), 1)))}</tr>'
        for name, row in zip(classes, counts, strict=True)
    ]
    together = f", {wording.count(len(best.runs), 'seed')} together" * (len(best.runs) > 1)
    return [
        "<h4>Confusion</h4>",
        '<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix">',
        f'<table class="confusion"><caption>Dev examples by label and prediction{together}.</caption>',
        f'<thead><tr><td></td><th scope="colgroup" colspan="{len(classes)}">predicted</th></tr>',
        f'<tr><th scope="col">label</th>{heads}</tr></thead><tbody>',
        *rows,
        "</tbody></table></div>",
    ]


def _shaded(number: int, share: float) -> str:
    return f'<td style="--share:{share:.2f}">{number:,} <small>{share:.0%}</small></td>'


def _mistakes(best: Configuration) -> list[str]:
    mistakes, reason = most_confident_mistakes(best.runs)
    if not mistakes:
        return ["<h4>Mistakes</h4>", *_paragraph(["There are none on the dev set."])]
    of_seeds = f", by the mean probability of {len(best.runs)} seeds" * (len(best.runs) > 1)
    missing = f"Their texts are not shown: {reason}." if reason else None
    return [
        f"<h4>The {wording.count(len(mistakes), 'most confident mistake')}</h4>",
        *_paragraph([f"The dev examples whose wrong answer is the surest{of_seeds}.", missing]),
        '<ol class="mistakes">',
        *map(_mistake, mistakes),
        "</ol>",
    ]


def _mistake(mistake: Mistake) -> str:
    facts = f"{mistake.guid}: predicted {mistake.predicted} with {mistake.probability:.1%}, labelled {mistake.label}"
    example = mistake.example
    texts = [text for text in (example.text_a, example.text_b) if text is not None] if example else []
    quotes = "".join(f"<blockquote>{html_text(text)}</blockquote>" for text in texts)
    return f"<li><p>{html_text(facts)}</p>{quotes}</li>"


# What is in no table.


def _failed(failed: Sequence[FailedRun]) -> list[str]:
    if not failed:
        return []
    items = [f"<dt>{html_text(run.folder)}</dt><dd>{html_text(run.why)}{_last_lines(run)}</dd>" for run in failed]
    return ["<section>", "<h2>Runs without results</h2>", '<dl class="failed">', *items, "</dl>", "</section>"]


def _last_lines(run: FailedRun) -> str:
    return f"<pre>{chr(10).join(map(html_text, run.last_lines))}</pre>" if run.last_lines else ""


def _skipped(skipped: Sequence[str]) -> list[str]:
    if not skipped:
        return []
    items = [f"<li>{html_text(line)}</li>" for line in skipped]
    return ["<section>", "<h2>Not read</h2>", '<ul class="skipped">', *items, "</ul>", "</section>"]
