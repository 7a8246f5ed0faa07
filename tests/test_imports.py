"""Who may import what: the contracts in pyproject.toml, and the dependencies that it declares."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tree import PACKAGES, ROOT, parse, python_files

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def canonical(requirement: str) -> str:
    """The distribution's name in a requirement such as "jinja2>=3.1", in the form that PEP 503 compares."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_packages(path: Path) -> set[str]:
    """The top-level names that a file imports, at its head or late, absolute imports only."""
    names: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_import_contracts_are_kept() -> None:
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_contracts_see_every_package() -> None:
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_third_party_import_is_a_declared_dependency(package: str) -> None:
    declared = {canonical(requirement) for requirement in PYPROJECT["project"]["dependencies"]}
    distributions = importlib.metadata.packages_distributions()
    own = {*PACKAGES, *sys.stdlib_module_names}
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files(package)
        for name in imported_packages(path) - own
        if not declared & {canonical(each) for each in distributions.get(name, [name])}
    }
    assert not undeclared


def test_no_package_of_ours_imports_the_tests() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for path in python_files(*PACKAGES)
        if imported_packages(path) & {"tests", "fixtures", "benchmarks"}
    }
    assert not importers


def test_every_package_directory_is_seen_by_the_contracts() -> None:
    """A folder without __init__.py would be a namespace package, which import-linter does not look into."""
    blind = {
        str(path.parent.relative_to(ROOT))
        for path in python_files(*PACKAGES)
        if not (path.parent / "__init__.py").exists()
    }
    assert not blind
