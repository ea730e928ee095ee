"""A report on runs as `report.html`, `report.csv` and `report.md`.

    write_report([Path("output")], Path("output"))

reads all runs below `output`, compares them and writes the three files there.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from bert_tf.errors import UserError
from bert_tf.files import atomic_write
from bert_tf.report import wording
from bert_tf.report.comparison import Configuration, Study, compare, value_text
from bert_tf.report.escaping import csv_text, markdown_text
from bert_tf.report.page import page
from bert_tf.report.runs import Found, read_runs
from bert_tf.report.statistics import mean_and_sd

_SUMMARIES = {
    "accuracy": "eval_accuracy",
    "f1": "eval_f1",
    "eval_loss": "eval_loss",
    "train_examples_per_second": "train_samples_per_second",
    "eval_examples_per_second": "eval_samples_per_second",
    "train_runtime": "train_runtime",
    "eval_runtime": "eval_runtime",
}


def write_report(folders: Sequence[Path], report_dir: Path) -> list[Path]:
    """Reads the runs in and below some folders and writes the report on them.

    Args:
        folders: each a run's folder, or one with runs below it.
        report_dir: gets the three files; made where it is missing.

    Returns:
        The files written.

    Raises:
        UserError: a folder does not exist, none holds a run, or `report_dir` cannot be written to.
    """
    for folder in folders:
        if not folder.exists():
            raise UserError(f"{folder}: there is no such folder; name the folders of runs")
    found = read_runs(folders)
    if not found.runs and not found.failed:
        others = f" ({found.skipped[0]})" if found.skipped else ""
        raise UserError(f"{', '.join(map(str, folders))}: no run to report on{others}; run run_classifier.py first")
    studies = compare(found)
    contents = {
        "report.html": page(studies, found),
        "report.csv": csv_table(studies),
        "report.md": markdown(studies, found),
    }
    try:
        report_dir.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with atomic_write(report_dir / name) as file:
                file.write(content)
    except OSError as error:
        raise UserError(f"{report_dir}: cannot be written to ({error.strerror}); pass another --report_dir") from error
    return [report_dir / name for name in contents]


# CSV: a row a configuration, numbers in full.


def csv_table(studies: Sequence[Study]) -> str:
    """The table of all studies for a spreadsheet: shares between 0 and 1, seconds, empty where not known."""
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
    summaries = {}
    for name, key in _SUMMARIES.items():
        summaries[f"{name}_mean"], summaries[f"{name}_sd"] = configuration.summary(key)
    worst, test = configuration.worst, configuration.test
    return {
        "number": configuration.number,
        "task": study.task,
        "dataset": study.dataset,
        "train_data": study.train_data,
        "dev_examples": study.num_dev_examples,
        "mark": wording.mark(study, configuration),
        "seeds": len(configuration.runs),
        "collapsed": len(configuration.collapsed),
        "failed": len(configuration.failed),
        **summaries,
        "worst_accuracy": worst and worst.results["eval_accuracy"],
        "worst_seed": worst and worst.seed,
        "p_value": test and test.p_value,
        "p_adjusted": test and test.adjusted,
        "test": test and test.method,
        "calibration_error": mean_and_sd(configuration.calibration_errors)[0],
        **{f"flag {name}": value_text(value) for name, value in configuration.flags.items() if name != "task_name"},
        **{f"version {name}": value_text(version) for name, version in study.versions.items()},
    }


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    return f"{value:.6g}" if isinstance(value, float) else csv_text(value)


# Markdown: the tables and what they show, without the corpus' sentences.


def markdown(studies: Sequence[Study], found: Found) -> str:
    """The report as text for a README or an issue."""
    lines = ["# Fine-tuning runs", "", markdown_text(wording.overview(studies, found)), ""]
    separation = wording.separation(studies)
    lines += [f"**{markdown_text(separation)}**", ""] if separation else []
    for study in studies:
        lines += _markdown_study(study, studies)
    failed = [
        f"{run.folder}: {run.why}" + (f": {run.last_lines[-1]}" if run.last_lines else "") for run in found.failed
    ]
    lines += _markdown_list("Runs without results", failed) + _markdown_list("Not read", found.skipped)
    return "\n".join(lines).rstrip() + "\n"


def _markdown_study(study: Study, studies: Sequence[Study]) -> list[str]:
    rows = [wording.HEADER, *([cell.text for cell in wording.cells(study, each)] for each in study.configurations)]
    table = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    table.insert(1, "|" + " --- |" * 2 + " ---: |" * (len(wording.HEADER) - 2))
    return [
        f"## {markdown_text(wording.title(study, studies))}",
        "",
        *_paragraph([*wording.conclusion(study), wording.precision(study)]),
        *table,
        "",
        *_paragraph([wording.TABLE_NOTE, *wording.methods(study)]),
        *(line for sentence in [*wording.left_out(study), *study.notes] for line in _paragraph([sentence])),
    ]


def _paragraph(sentences: Sequence[str | None]) -> list[str]:
    return [" ".join(markdown_text(each) for each in sentences if each), ""]


def _markdown_list(heading: str, items: Sequence[str]) -> list[str]:
    return [f"## {heading}", "", *(f"- {markdown_text(item)}" for item in items), ""] if items else []
