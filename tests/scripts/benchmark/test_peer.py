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


@pytest.mark.parametrize(
    ("name", "environment"), [("peer", {"torch", "transformers", "numpy", "serving"}), ("serving", set())]
)
def test_the_peer_needs_nothing_of_this_project_s_environment(name, environment):
    assert imported_by(name) - sys.stdlib_module_names <= environment
