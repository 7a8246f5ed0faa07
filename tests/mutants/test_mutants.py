"""Both directions: the healthy target passes every case, and each mutant turns its cases red."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from chiscsi_target.core import data_out, dispatch, login
from chiscsi_target.core.connection import Connection
from conformance.harness.conform import chosen_cases, judge
from conformance.harness.results import CaseResult
from conformance.harness.settings import Settings
from tests.mutants import table
from tests.mutants.planting import MUTANTS, Mutant

table.load()

IN_MEMORY = Settings(transport="memory")
NON_STRICT = {"tmf-clear-aca-01"}
"""Cases that the healthy target passes with a remark: there is no ACA, which is allowed but not advised."""


def _judge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, CaseResult]:
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        return judge(settings)


def _red(result: CaseResult) -> bool:
    """Whether a case accuses the target: advice that is not followed is non-strict, all else a failure."""
    return result.verdict == "fail" or (result.verdict == "non-strict" and result.card.identifier not in NON_STRICT)


def test_the_healthy_target_passes_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    results = _judge(IN_MEMORY, monkeypatch)
    verdicts = {name: "non-strict" if name in NON_STRICT else "pass" for name in results}
    assert {name: result.verdict for name, result in results.items()} == verdicts


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_turns_its_cases_red(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = msgspec.structs.replace(IN_MEMORY, factory=mutant.factory, case=list(mutant.cases))
    results = _judge(settings, monkeypatch)
    spared = {name: f"{result.verdict}: {result.reason}" for name, result in results.items() if not _red(result)}
    ran = {*results, *(result.card.family for result in results.values())}
    assert ran >= set(mutant.cases), "the run broke off"
    assert not spared, f"{mutant.fault} Not red: {spared}"


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
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")} - {"planting", "table", "test_mutants"}
    assert modules == set(table.MODULES)
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run: python -m tests.mutants.table"
