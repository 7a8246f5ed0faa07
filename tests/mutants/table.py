"""Writes the table of mutants, docs/reference/mutants.md: `python -m tests.mutants.table`."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.mutants.planting import MUTANTS, Mutant
from tests.tree import ROOT

PAGE = ROOT / "docs/reference/mutants.md"
MODULES = (
    "login",
    "login_stages",
    "negotiation",
    "negotiation_text",
    "identity",
    "reinstatement",
    "numbering",
    "data_transfer",
    "data_output",
    "residuals",
    "tasks",
    "task_sets",
    "logout",
    "frames",
    "stream",
    "texts",
    "authentication",
    "chap",
    "scsi_data",
    "scsi_blocks",
    "scsi_reservations",
    "scsi_tasks",
    "scsi_ports",
    "scsi_modes",
    "scsi_limits",
    "scsi_logs",
    "scsi_media",
    "driver_login",
    "driver_sessions",
    "driver_commands",
    "driver_phases",
    "driver_buffers",
    "driver_aborts",
    "driver_tasks",
    "driver_chap",
    "driver_information",
    "driver_events",
    "driver_statistics",
    "driver_access",
    "driver_reconfiguration",
    "offload_placing",
    "offload_messages",
)
HEAD = """# Mutants

A conformance case is worth what it finds. Each row is this project's target with one fault planted, and the cases that
turn red on it; `tests/mutants` proves that they do, that the target without the fault passes all of them, and that no
case is missing here. A case without a variant's suffix stands for all its variants. To watch one:

    chiscsi conform --transport memory --embedded-factory tests.mutants.numbering:pings_are_not_numbered

This page is written by `python -m tests.mutants.table`.
"""


def load() -> None:
    """Import every module of mutants, which fills MUTANTS."""
    for name in MODULES:
        importlib.import_module(f"tests.mutants.{name}")


def _row(mutant: Mutant) -> str:
    return f"| `{mutant.name}` | {mutant.fault} | {mutant.clause} | {' '.join(f'`{case}`' for case in mutant.cases)} |"


def page() -> str:
    """The page as it has to be."""
    load()
    lines = [HEAD]
    for name in MODULES:
        module = f"tests.mutants.{name}"
        doc = importlib.import_module(module).__doc__ or ""
        lines += [f"\n## {name.replace('_', ' ').capitalize()}\n", doc.strip(), ""]
        lines += ["| mutant | fault | section | cases that turn red |", "| --- | --- | --- | --- |"]
        lines += [_row(mutant) for mutant in MUTANTS.values() if mutant.module == name]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(PAGE).write_text(page(), encoding="utf-8")
