"""Writes a report on runs: `report.html`, `report.csv` and `report.md`.

    write_report([Path("output")], Path("output"))

reads all runs below `output`, compares them and writes the three files there.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from bert_tf.errors import UserError, reading
from bert_tf.files import atomic_write
from bert_tf.report import captions, table, wording
from bert_tf.report.comparison import compare
from bert_tf.report.escaping import csv_text, markdown_text
from bert_tf.report.formatting import flag_text, listed, score_spread
from bert_tf.report.inventory import Inventory
from bert_tf.report.page import page
from bert_tf.report.runs import read_runs
from bert_tf.report.scores import LOSS
from bert_tf.report.significance import mean_and_sd
from bert_tf.report.study import Configuration, Study
from bert_tf.report.tasks import TASKS_HEADER, TaskRow, in_order_of_tasks, task_rows

# Columns of the CSV file besides the scores, and their numbers in results.json.
_SUMMARIES = {
    "eval_loss": LOSS,
    "train_examples_per_second": "train_samples_per_second",
    "eval_examples_per_second": "eval_samples_per_second",
    "train_runtime": "train_runtime",
    "eval_runtime": "eval_runtime",
}


def write_report(folders: Sequence[Path], report_dir: Path) -> list[Path]:
    """Reads the runs in and below some folders and writes the report on them.

    Args:
        folders: folders of runs, or folders with runs anywhere below them.
        report_dir: the folder for the three files; created if missing.

    Returns:
        The files written.

    Raises:
        UserError: if a folder does not exist, no folder holds a run, or `report_dir` cannot be written to.
    """
    for folder in folders:
        with reading(folder, "give the folders of runs"):
            if not folder.exists():
                raise UserError(f"{folder}: there is no such folder; give the folders of runs")
    inventory = read_runs(folders)
    if not (inventory.runs or inventory.unfinished or inventory.failed):
        others = f" ({inventory.skipped[0]})" if inventory.skipped else ""
        raise UserError(f"{listed(list(map(str, folders)))}: holds no run{others}; run run_classifier.py first")
    studies = in_order_of_tasks(compare(inventory))
    contents = {
        "report.html": page(studies, inventory),
        "report.csv": csv_table(studies),
        "report.md": markdown(studies, inventory),
    }
    try:
        report_dir.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with atomic_write(report_dir / name) as file:
                file.write(content)
    except OSError as error:
        raise UserError(f"{report_dir}: cannot be written to ({error.strerror}); pass another --report_dir") from error
    return [report_dir / name for name in contents]


# CSV: one row per configuration, numbers in full.


def csv_table(studies: Sequence[Study]) -> str:
    """Returns the table of all studies for a spreadsheet: shares between 0 and 1, seconds, empty if unknown."""
    rows = [
        {"study": number, **_csv_row(study, configuration)}
        for number, study in enumerate(studies, start=1)
        for configuration in study.configurations
    ]
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_text, columns))
    writer.writerows([_csv_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _csv_row(study: Study, configuration: Configuration) -> dict:
    worst, comparison = configuration.worst, configuration.comparison
    return {
        "number": configuration.number,
        "task": flag_text(study.task),
        "dataset": flag_text(study.dataset),
        "train_data": study.train_data,
        "dev_examples": study.num_dev_examples,
        "mark": table.mark(study, configuration),
        "seeds": len(configuration.runs),
        "collapsed": len(configuration.collapsed),
        "failed": len(configuration.failed),
        **_csv_summaries(study, configuration),
        f"worst_{study.headline.short_key}": worst and worst.score,
        "worst_seed": worst and worst.seed,
        "p_value": comparison and comparison.p_value,
        "p_adjusted": comparison and comparison.adjusted,
        "test": comparison and comparison.method,
        **_csv_other_tests(study, configuration),
        "calibration_error": mean_and_sd(configuration.calibration_errors)[0],
        **{f"flag {name}": flag_text(value) for name, value in configuration.flags.items() if name != "task_name"},
        **{f"version {name}": flag_text(version) for name, version in study.versions.items()},
        "unfinished": len(configuration.unfinished),
    }


def _csv_summaries(study: Study, configuration: Configuration) -> dict:
    keys = {score.short_key: score.key for score in (study.headline, *study.other_scores)}
    summaries = {}
    for name, key in {**keys, **_SUMMARIES}.items():
        summaries[f"{name}_mean"], summaries[f"{name}_sd"] = configuration.summary(key)
    return summaries


def _csv_other_tests(study: Study, configuration: Configuration) -> dict:
    tests = {}
    for score in study.also_tested:
        comparison = configuration.other_comparisons.get(score.key)
        tests[f"p_value_{score.short_key}"] = comparison and comparison.p_value
        tests[f"p_adjusted_{score.short_key}"] = comparison and comparison.adjusted
        tests[f"test_{score.short_key}"] = comparison and comparison.method
    return tests


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    return f"{value:.6g}" if isinstance(value, float) else csv_text(value)


# Markdown: the tables and the conclusions, without texts of the corpus.


def markdown(studies: Sequence[Study], inventory: Inventory) -> str:
    """Returns the report as text for a README or an issue."""
    sentences = [wording.overview(studies, inventory), wording.folder(inventory)]
    lines = ["# Fine-tuning runs", "", *_paragraph(sentences)]
    separation = wording.separation(studies)
    lines += [f"**{markdown_text(separation)}**", ""] if separation else []
    lines += _markdown_tasks(task_rows(studies))
    for study, title in zip(studies, wording.titles(studies), strict=True):
        lines += _markdown_study(study, title)
    failed = [
        f"{run.name}: {run.reason}" + (f": {run.last_lines[-1]}" if run.last_lines else "") for run in inventory.failed
    ]
    unfinished = [f"{run.name}: {run.reason}" for run in inventory.unfinished]
    lines += _markdown_list("Unfinished runs", unfinished) + _markdown_list("Runs without results", failed)
    lines += _markdown_list("Not read", inventory.skipped)
    return "\n".join(lines).rstrip() + "\n"


def _markdown_tasks(rows: Sequence[TaskRow]) -> list[str]:
    if not rows:
        return []
    cells = [[row.task, row.dataset, row.metrics, row.score, str(row.seeds), row.configuration] for row in rows]
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in (TASKS_HEADER, *cells)]
    lines.insert(1, "|" + " --- |" * 3 + " ---: |" * 2 + " --- |")
    return ["## Tasks", "", *lines, "", *_paragraph([*wording.tasks_note(rows), wording.glue(rows)])]


def _markdown_study(study: Study, title: str) -> list[str]:
    header = table.header(study)
    rows = [header, *([cell.text for cell in table.cells(study, each)] for each in study.configurations)]
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * 2 + " ---: |" * (len(header) - 2))
    return [
        f"## {markdown_text(title)}",
        "",
        *_paragraph([*wording.conclusion(study), wording.precision(study)]),
        *lines,
        "",
        *_paragraph([wording.table_note(study), *wording.methods(study)]),
        *_markdown_groups(study.best),
        *(line for sentence in [*wording.left_out(study), *study.notes] for line in _paragraph([sentence])),
    ]


def _markdown_groups(best: Configuration | None) -> list[str]:
    """Returns the table of the scores of groups, such as languages, of the best configuration."""
    groups = best and best.groups
    if groups is None:
        return []
    rows = [*groups.rows, ("mean", sum(number for _, number, _ in groups.rows), groups.means)]
    cells = [[name, f"{number:,}", *map(score_spread, groups.scores, spreads)] for name, number, spreads in rows]
    header = [groups.name.capitalize(), "Dev examples", *(score.heading for score in groups.scores)]
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in (header, *cells)]
    lines.insert(1, "| --- |" + " ---: |" * (len(header) - 1))
    return [*_paragraph([f"{captions.groups_heading(groups)}, {best.label}:"]), *lines, ""]


def _paragraph(sentences: Sequence[str | None]) -> list[str]:
    return [" ".join(markdown_text(each) for each in sentences if each), ""]


def _markdown_list(heading: str, items: Sequence[str]) -> list[str]:
    return [f"## {heading}", "", *(f"- {markdown_text(item)}" for item in items), ""] if items else []
