import ast
import sys

import pytest
from support.paths import SCRIPTS

FOLDER = SCRIPTS / "benchmark"


def imported_by(name: str) -> set[str]:
    """The top-level modules that a file of the benchmark imports."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names] + [node.module for node in froms]
    return {each.partition(".")[0] for each in names}


def test_a_program_that_answers_texts_imports_nothing_else_before_its_own_packages():
    tree = ast.parse((FOLDER / "answering.py").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name for node in imports for name in (getattr(node, "module", None) or node.names[0].name,)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"serving"}


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("peer", {"torch", "transformers", "numpy", "serving"}),
        ("serving", set()),
    ],
)
def test_the_peer_needs_nothing_of_this_project_s_environment(name, environment):
    assert imported_by(name) - sys.stdlib_module_names <= environment
