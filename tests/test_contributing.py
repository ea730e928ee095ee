"""CONTRIBUTING.md says what each file is for."""

import re

import pytest
from support.paths import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = [
    *(
        f"bert_tf/{room}"
        for room in ("checkpoints", "data", "exports", "modeling", "models", "report", "serving", "tasks", "training")
    ),
    *("scripts", "scripts/benchmark", "scripts/servers", "scripts/sweep"),
]
KINDS = (".py", ".sh", ".ipynb", ".css", ".html", ".js")


def files_in(folder: str) -> set[str]:
    return {path.name for path in (ROOT / folder).iterdir() if path.suffix in KINDS and path.name != "__init__.py"}


def listed_for(folder: str) -> set[str]:
    """The names in the first column of the table below the line that begins with the folder."""
    _, _, section = TEXT.partition(f"\n`{folder}/`")
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)[0]
    cells = (row.split("|")[1] for row in table.splitlines()[2:])
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_table_of_a_folder_has_all_its_files_and_no_other(folder):
    assert listed_for(folder) == files_in(folder)


def test_the_files_outside_of_these_folders_are_listed_too():
    folders = ("bert_tf", "bert_tf/programs")
    names = {name for folder in folders for name in files_in(folder)}
    assert not [name for name in names if not re.search(rf"[`/]{re.escape(name)}`", TEXT)]
