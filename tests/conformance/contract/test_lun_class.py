"""The kit finds each mistake, by the rule that it breaks; the samples and the built-in drivers break none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import chiscsi_target_lun_class
from chiscsi_target.drivers.faulty import Fault, FaultKind, FaultyLunClass
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.drivers.samples.multi_phase import PhasedDisk
from chiscsi_target.drivers.samples.single_phase import ApiDisk
from conformance.contract import RULES, ContractReport, check_lun_class
from conformance.contract import watching as kit_watching
from conformance.harness import hanging
from tests.conformance.contract import mistakes

PATIENCE = 0.02  # seconds; these drivers have no threads, so nothing comes later

# Mistake, the rule that it breaks, and a scenario that shows it.
MISTAKES: list[tuple[type[chiscsi_target_lun_class], str, str]] = [
    (mistakes.NeverCompletes, "completes", "reads-and-writes"),
    (mistakes.CompletesTwice, "once", "reads-and-writes"),
    (mistakes.OneOctetShort, "setup", "reads-and-writes"),
    (mistakes.WrongNumberOfOctets, "order", "reads-and-writes"),
    (mistakes.GivesBuffersForAReadLikeForAWrite, "order", "reads-and-writes"),
    (mistakes.ExecutesBeforeTheDataCame, "order", "reads-and-writes"),
    (mistakes.CallsAfterCleanup, "dead", "no-data"),
    (mistakes.ForgetsToAnswerAborts, "abort", "loss-of-session"),
    (mistakes.AnswersAbortsTwice, "dead", "loss-of-session"),
    (mistakes.ForgetsToAnswerTaskManagement, "tmf", "reset-unit"),
    (mistakes.AnswersTaskManagementTwice, "tmf", "abort-write"),
    (mistakes.InventsATaskManagementResponse, "tmf", "reset-target"),
    (mistakes.LosesTheLastPage, "data", "reads-and-writes"),
    (mistakes.KeepsAllUnitsInOne, "units", "units"),
    (mistakes.KeepsEveryBuffer, "freed", "buffers-let-go"),
    (mistakes.RaisesAtLargeTransfers, "returns", "reads-and-writes"),
    (mistakes.ForgetsSenseData, "sense", "refusals"),
    (mistakes.ReadsBeyondTheEnd, "sense", "refusals"),
    (mistakes.TellsAResidualOfOne, "residual", "residuals"),
    (mistakes.WritesToFieldsOfTheStack, "fields", "no-data"),
    (mistakes.RefusesEverythingAfterAnAbort, "recovers", "loss-of-session"),
    (mistakes.UsesOneBufferForEverything, "ownership", "many-at-once"),
    (mistakes.ReturnsNothing, "returns", "no-data"),
    (mistakes.RefusesTaskManagement, "tmf", "abort-write"),
    (mistakes.EndsTheProgram, "returns", "no-data"),
    (mistakes.ForgetsWhatSenseDataAre, "fields", "refusals"),
    (mistakes.HasTooMuchSenseData, "fields", "no-data"),
    (mistakes.CountsVectorsThatAreNotThere, "setup", "reads-and-writes"),
    (mistakes.InventsABlockLength, "serves", "no-data"),
    (mistakes.SkipsAPhase, "setup", "reads-and-writes"),
    (mistakes.ForgetsTheLastPhase, "completes", "reads-and-writes"),
]


def check(factory: Callable[[], chiscsi_target_lun_class], *scenarios: str) -> ContractReport:
    return check_lun_class(factory, patience=PATIENCE, scenarios=scenarios)


@pytest.mark.parametrize("mistake, rule, scenario", MISTAKES, ids=[mistake.__name__ for mistake, _, _ in MISTAKES])
def test_a_mistake_is_found(mistake: type[chiscsi_target_lun_class], rule: str, scenario: str) -> None:
    report = check(mistake, scenario)
    assert rule in report.rules, report
    (result,) = report.scenarios
    finding = next(one for one in result.findings if one.rule.name == rule)
    assert finding.rule is RULES[rule] and finding.scenario == result.title
    assert finding.text in str(report).replace("\n    ", " ")
    assert finding.exchange, "the exchange is missing"


@pytest.mark.parametrize("kind, rule", [(FaultKind.OVERLAPPING, "vectors"), (FaultKind.ZERO_LENGTH, "vectors")])
@pytest.mark.parametrize("opcode", [0x28, 0x2A], ids=["read", "write"])
def test_vectors_that_the_module_would_not_look_at_are_found(kind: FaultKind, rule: str, opcode: int) -> None:
    report = check(lambda: FaultyLunClass(ApiDisk(4), [Fault(kind, opcode=opcode)]), "reads-and-writes")
    assert rule in report.rules, report


@pytest.mark.parametrize("kind", [FaultKind.SHORT, FaultKind.LONG, FaultKind.WRONG_OFFSET, FaultKind.NO_BUFFER])
@pytest.mark.parametrize("opcode", [0x28, 0x2A], ids=["read", "write"])
def test_buffers_that_the_stack_refuses_are_found(kind: FaultKind, opcode: int) -> None:
    report = check(lambda: FaultyLunClass(ApiDisk(4), [Fault(kind, opcode=opcode)]), "reads-and-writes")
    assert "setup" in report.rules, report


@pytest.mark.slow
@pytest.mark.parametrize(
    "factory",
    [
        lambda: ApiDisk(4, 2),
        lambda: ApiDisk(4, 2, threads=True),
        lambda: PhasedDisk(4, 2),
        lambda: PhasedDisk(4, 2, threads=True),
        MemoryLunClass,
    ],
    ids=["single-phase", "single-phase-threads", "multi-phase", "multi-phase-threads", "memory"],
)
def test_drivers_in_order_keep_every_rule(factory: Callable[[], chiscsi_target_lun_class]) -> None:
    report = check_lun_class(factory, patience=5.0)
    assert not report.findings, report
    assert not [one for one in report.scenarios if one.skipped]
    assert len(report.scenarios) == len(str(report).splitlines()) - 1


def test_a_hook_that_takes_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_watching, "AT_ONCE", -1.0)
    report = check(mistakes.Two, "no-data")
    assert report.rules == {"returns"}


@pytest.mark.parametrize("mistake", [mistakes.Hangs, mistakes.Spins], ids=["waits", "spins"])
def test_a_hook_that_never_returns_is_broken_off(
    monkeypatch: pytest.MonkeyPatch, mistake: type[chiscsi_target_lun_class]
) -> None:
    monkeypatch.setattr(hanging, "HANGS", 0.05)
    report = check(mistake, "reads-and-writes")
    assert report.rules == {"returns"}, report
    assert "had not returned after 0.05 s" in str(report)


def test_a_class_that_never_gets_made_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hanging, "HANGS", 0.05)
    report = check(mistakes.HangsWhenItIsMade, "no-data")
    assert report.rules == {"usable"}
    assert "making the class and its units had not returned" in str(report).replace("\n    ", " ")


def test_a_hook_that_is_none_is_left_out() -> None:
    class Mandatory(mistakes.Two):
        fp_tmf_execute = None  # type: ignore[assignment]  # that is the mistake

    class Optional(mistakes.Two):
        fp_scsi_cmd_abort_status = None  # type: ignore[assignment]  # as a null pointer in C

    assert "lacks fp_tmf_execute" in str(check(Mandatory, "no-data"))
    assert not check(Optional, "no-data").findings


@pytest.mark.parametrize("field, value", [("class_name", b"DISK"), ("property", "pass-through")])
def test_a_field_of_another_type_is_found(field: str, value: object) -> None:
    report = check(type("Odd", (mistakes.Two,), {field: value}), "no-data")
    assert report.rules == {"usable"}
    assert f"{field} of Odd is {value!r}" in str(report)


def test_a_class_without_its_hooks_is_found() -> None:
    class Incomplete(chiscsi_target_lun_class):
        class_name = "INCOMPLETE"

    report = check(Incomplete, "no-data")
    assert report.rules == {"usable"}
    assert "fp_tmf_execute" in str(report)


def test_a_factory_that_fails_is_found() -> None:
    def broken() -> chiscsi_target_lun_class:
        raise OSError("no such device")

    report = check(broken, "no-data")
    assert report.rules == {"usable"}
    assert "OSError: no such device" in str(report)


def test_something_that_is_no_class_is_found() -> None:
    report = check(object, "no-data")  # type: ignore[arg-type]  # that is the mistake
    assert report.rules == {"usable"}


def test_options_reach_a_class_with_units_from_lines() -> None:
    assert not check_lun_class(MemoryLunClass, options="size=2M", scenarios=["reads-and-writes"]).findings
    assert check_lun_class(MemoryLunClass, options="colour=red", scenarios=["no-data"]).rules == {"usable"}


def test_a_scenario_that_does_not_apply_is_skipped() -> None:
    (result,) = check(lambda: ApiDisk(4), "units").scenarios
    assert result.skipped == "one LUN" and not result.findings


def test_a_hook_may_be_null() -> None:
    class Bare(mistakes.Two):
        fp_scsi_cmd_cleanup = None  # type: ignore[assignment]

    report = check(Bare, "no-data")
    assert not report.findings, report
