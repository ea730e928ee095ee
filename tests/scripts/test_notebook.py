"""The notebook: it runs from top to bottom, and is kept without outputs."""

import json
import re
from pathlib import Path

import nbclient
import nbformat
import pytest
from support.paths import ROOT

NOTEBOOK = ROOT / "scripts" / "fine_tuning_bert.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def small_corpus(folder: Path) -> Path:
    """The beginning of the sample corpus."""
    for name, rows in (("train.tsv", 320), ("dev.tsv", 96)):
        lines = Path(ROOT, "data", "sample", "MRPC", name).read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(lines[: rows + 1]), encoding="utf-8")
    return folder


def outputs_of(notebook: nbformat.NotebookNode, text: str) -> str:
    """Returns what the cell with this text in its source printed or returned."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and text in cell.source)
    printed = [output.get("text", "") for output in cell.outputs]
    returned = [output.data.get("text/html", "") for output in cell.outputs if "data" in output]
    return "".join(printed + returned)


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_with_the_small_model(notebook, tmp_path):
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    settings.source += f"""
FIRST_MODEL, FIRST_EPOCHS = SMALL, 1
GRID, SEEDS = [(SMALL, 1e-4, 32, 1)], [0]
DATA_DIR = {str(small_corpus(tmp_path))!r}
OUTPUT_DIR = {str(tmp_path / "output")!r}
"""
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    scores = re.search(r"accuracy ([0-9.]+)%, F1 ([0-9.]+)%", outputs_of(notebook, "bert_tf.fine_tune"))
    assert all(50 < float(score) <= 100 for score in scores.groups())
    assert re.findall(r"^[01] \([0-9]+% for the same\)", outputs_of(notebook, "model.predict"), re.MULTILINE)
    assert "&lt;!doctype html&gt;" in outputs_of(notebook, "report.py").lower()
    assert json.loads((tmp_path / "output" / "first" / "results.json").read_text())["eval_f1"] > 0


def test_it_is_kept_without_outputs(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_its_grid_has_no_configuration_twice(notebook):
    source = next(cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    for grid in re.findall(r"GRID = \[(.*?)\]", source, re.DOTALL):
        rows = re.findall(r"\((.*?)\)", grid)
        assert len(rows) > 3 and len(set(rows)) == len(rows)
