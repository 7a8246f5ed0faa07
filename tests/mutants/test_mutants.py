"""Both directions: the healthy target passes every case, and each mutant turns its cases red."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiscsi_target.core import data_out, dispatch, login
from chiscsi_target.core.connection import Connection
from conformance.harness.conform import chosen_cases, judge
from conformance.harness.results import CaseResult
from conformance.harness.settings import Settings
from tests.mutants import table
from tests.mutants.bench import try_out
from tests.mutants.planting import MUTANTS

table.load()

IN_MEMORY = Settings(transport="memory")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of the harness leaves its mark on the environment."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def _red(result: CaseResult) -> bool:
    """Whether a case accuses the target: advice that is not followed is non-strict, all else a failure."""
    return result.verdict in ("fail", "non-strict")


def test_the_healthy_target_passes_every_case() -> None:
    results = judge(IN_MEMORY)
    assert {name: result.verdict for name, result in results.items()} == dict.fromkeys(results, "pass")


@pytest.mark.parametrize("module", table.MODULES)
def test_every_mutant_turns_its_cases_red(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants = [mutant for mutant in MUTANTS.values() if mutant.module == module]
    results = try_out(mutants, monkeypatch)
    wrong = {}
    for mutant in mutants:
        found = results[mutant.name]
        ran = {*found, *(result.card.family for result in found.values())}
        spared = {name: f"{result.verdict}: {result.reason}" for name, result in found.items() if not _red(result)}
        spared |= {name: "did not run" for name in mutant.cases if name not in ran}
        if spared:
            wrong[mutant.name] = spared
    assert not wrong


def test_every_case_turns_red_on_some_mutant() -> None:
    """Of a case's variants, which try one rule on several values, one is enough."""
    covered = {case.partition(".")[0] for mutant in MUTANTS.values() for case in mutant.cases}
    without = sorted({card.family for card in chosen_cases(IN_MEMORY)} - covered)
    assert not without, f"no mutant turns these cases red: {' '.join(without)}"


def test_mutants_leave_nothing_behind() -> None:
    """A closed mutant is the healthy target again."""
    for mutant in MUTANTS.values():
        before = _attributes()
        mutant("memory", "iqn.2026-11.org.chiscsi:mutant", lambda record: None).close()
        assert _attributes() == before, mutant.name


def _attributes() -> dict[str, object]:
    handlers = {f"{opcode}": handler for opcode, handler in dispatch.handlers_for(False).items()}
    return {**vars(Connection), **vars(login), **vars(data_out), **handlers}


def test_the_table_of_mutants_is_up_to_date() -> None:
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")} - {
        "bench",
        "planting",
        "scsi_seams",
        "seams",
        "table",
        "test_mutants",
    }
    assert modules == set(table.MODULES)
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run: python -m tests.mutants.table"
