#!/usr/bin/env python
r"""Compares finished runs: writes a table, tests and figures to report.html, report.csv and report.md.

    python scripts/report.py output
    python scripts/report.py output/lr2e-5 output/lr5e-5 --report_dir=/tmp/report

Each argument is the folder of a run, or a folder with runs anywhere below it. Runs that differ only in their seed share
one row of the table.
"""

import sys
from pathlib import Path

try:
    from absl import flags

    from bert_tf.errors import UserError, printable
    from bert_tf.flags import run_program
    from bert_tf.paths import local_path
    from bert_tf.report.report import write_report
except ModuleNotFoundError as error:
    sys.exit(f"report.py: error: the package {error.name} is missing; install this project with: pip install -e .")
except KeyboardInterrupt:
    sys.exit(130)


def define_flags() -> None:
    """Defines the flags. This is a function so that importing this file defines no flags."""
    flags.DEFINE_string("report_dir", None, "The folder for the report. The default is the first argument.")


def main(arguments: list[str]) -> None:
    """Writes the report on the folders in `arguments`."""
    if not arguments:
        raise UserError("no folder given; give the folders of runs, e.g. python scripts/report.py output")
    folders = [Path(local_path(argument, "report")) for argument in arguments]
    report_dir = flags.FLAGS.report_dir
    for path in write_report(folders, folders[0] if report_dir is None else Path(local_path(report_dir, "report_dir"))):
        print(printable(path))


if __name__ == "__main__":
    define_flags()
    run_program(main, takes_arguments=True)
