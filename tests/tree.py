"""The project's files, for the tests that look at the house itself."""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "is_generated", "module_name", "parse", "python_files"]

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("iscsi_wire", "chiscsi_target", "initiator_sim", "conformance", "reports")


def python_files(*folders: str) -> list[Path]:
    """Every Python file below `folders` (relative to the root), sorted; run results are not sources."""
    out = ROOT / "reports" / "out"
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if not path.is_relative_to(out))


def module_name(path: Path) -> str:
    """The dotted name by which `path` is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_generated(path: Path) -> bool:
    """Whether a generator wrote the file: its banner says so in the first lines."""
    head = path.read_text(encoding="utf-8")[:400].lower()
    return "generated" in head and "do not edit" in head


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
