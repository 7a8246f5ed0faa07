"""The shape of the house: where tests lie, how long files and functions may get, what each module offers."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.tree import PACKAGES, ROOT, is_generated, module_name, parse, python_files

LONGEST_FILE = 400
LONGEST_FUNCTION = 40

WITH_ALL = [path for path in python_files(*PACKAGES) if re.search(r"(?m)^__all__\b", path.read_text(encoding="utf-8"))]
WRITTEN = [path for path in python_files(*PACKAGES, "tests", "benchmarks") if not is_generated(path)]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of what a function does; its signature and docstring may be as long as the contract that they state."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def mirrored(test: Path) -> bool:
    """Whether tests/a/b/test_c.py stands for a/b/c.py or the folder a/b/c; so does test_c_aspect.py."""
    folder = ROOT / test.relative_to(ROOT / "tests").parent
    name = test.stem.removeprefix("test_")
    words = name.split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    if (folder / "__init__.py").exists() and name == folder.name:
        return True
    return any((folder / f"{each}.py").exists() or (folder / each).is_dir() for each in names)


def test_a_test_lies_where_its_source_lies() -> None:
    astray = [
        relative(path)
        for package in PACKAGES
        for path in python_files(f"tests/{package}")
        if path.name.startswith("test_") and not mirrored(path)
    ]
    assert not astray


def test_no_file_is_too_long() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in WRITTEN}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{relative(path)}:{node.lineno} {node.name}": body_length(node)
        for path in WRITTEN
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {where: length for where, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def public_definitions(module: ModuleType) -> set[str]:
    """Functions and classes that the module itself defines and does not mark as private."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("path", WITH_ALL, ids=relative)
def test_all_names_exactly_what_the_module_offers(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    offered = list(module.__all__)
    assert len(offered) == len(set(offered)), "a name stands twice"
    assert [name for name in offered if not hasattr(module, name)] == [], "names that are not there"
    assert public_definitions(module) - set(offered) == set(), "public definitions that are not offered"
