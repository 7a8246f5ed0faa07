"""`check_lun_class`: tries a LUN class in every scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_multi_phase, is_pass_through, problem_of
from chiscsi_target.api.target_class import chiscsi_target_class
from conformance.contract.bench import Bench
from conformance.contract.ledger import Ledger
from conformance.contract.report import ContractFinding, ContractReport, ScenarioResult
from conformance.contract.rules import RULES
from conformance.contract.scenarios import SCENARIOS, NotTried, Scenario
from conformance.contract.trial import CannotGoOn, Trial
from conformance.contract.watching import WatchedLunClass
from conformance.harness.hanging import coming_back, told
from initiator_sim.outcomes import ScriptOutcome

if TYPE_CHECKING:
    from conformance.harness.evidence import Evidence

PATIENCE: Final = 1.0
_UNITS: Final = 2
LunClassFactory = Callable[[], chiscsi_target_lun_class]


def check_lun_class(
    factory: LunClassFactory, *, options: str = "", patience: float = PATIENCE, scenarios: Sequence[str] = ()
) -> ContractReport:
    """Try a LUN class in every scenario. What its disks contain is lost.

    Args:
        factory: makes a new object of the class; the class itself will do if it needs no argument.
        options: for a class that is not pass-through: what follows its name on a `TargetDevice` line.
        patience: seconds to wait for a call that the class owes before it is taken for missing. A hook that does not
            return is broken off after five seconds, if this is called in the program's main thread.
        scenarios: names of the scenarios to try; all if empty.

    Returns:
        The report, whatever the class does.
    """
    chosen = [one for one in SCENARIOS if not scenarios or one.name in scenarios]
    results = [try_scenario(factory, scenario, options=options, patience=patience) for scenario in chosen]
    name = getattr(factory, "__name__", type(factory).__name__)
    return ContractReport(name, tuple(results))


def try_scenario(
    factory: LunClassFactory,
    scenario: Scenario,
    *,
    options: str = "",
    patience: float = PATIENCE,
    evidence: Evidence | None = None,
) -> ScenarioResult:
    """Try a LUN class in one scenario; arguments as for `check_lun_class`.

    Args:
        factory: makes a new object of the class.
        scenario: what to try.
        options: see `check_lun_class`.
        patience: see `check_lun_class`.
        evidence: where to keep the exchange; of its own if None.
    """
    try:
        with coming_back("making the class and its units"):
            lun_class = factory()
            bench = _bench(lun_class, options, patience, evidence)
    except Exception as error:
        # Whatever somebody's class raises is a finding, never the end of the check.
        finding = ContractFinding(RULES["usable"], told(error), scenario.title)
        return ScenarioResult(scenario.name, scenario.title, (finding,))
    skipped = _play(bench, scenario)
    return ScenarioResult(scenario.name, scenario.title, bench.findings(scenario.title), skipped)


def _bench(lun_class: chiscsi_target_lun_class, options: str, patience: float, evidence: Evidence | None) -> Bench:
    """A target with the class.

    Raises:
        ValueError: the class cannot be used, and why.
    """
    if not isinstance(lun_class, chiscsi_target_lun_class):
        raise ValueError(f"the factory made a {type(lun_class).__name__}, which is no chiscsi_target_lun_class")
    problem = problem_of(lun_class)
    if problem:
        raise ValueError(problem)
    ledger = Ledger(multi_phase=is_multi_phase(lun_class))
    watched = WatchedLunClass(lun_class, ledger)
    plain = chiscsi_target_class()
    plain.class_name = "CONTRACT"
    words = [lun_class.class_name, *([options] if options else [])]
    units = [] if is_pass_through(lun_class) else [f"disk{number},{','.join(words)}" for number in range(_UNITS)]
    return Bench(plain, watched, units, ledger, patience, evidence)


def _play(bench: Bench, scenario: Scenario) -> str:
    """Play a scenario to its end, however it ends; returns why it was not tried, or an empty text."""
    skipped = ""
    try:
        trial = Trial(bench)
        trial.look()
        scenario.run(trial)
    except CannotGoOn:
        bench.ledger.settle()
    except NotTried as reason:
        skipped = str(reason)
    except ScriptOutcome as outcome:
        bench.ledger.settle()
        if not bench.ledger.breaches and not bench.ledger.owing:
            bench.ledger.note("wire", _told(outcome))
    except Exception as error:
        # A fault of the kit must not pass for a driver that keeps its contract.
        bench.ledger.note("wire", f"the scenario broke off: {type(error).__name__}: {error}")
    finally:
        bench.close()
    return skipped


def _told(outcome: ScriptOutcome) -> str:
    lines = [line.strip() for line in str(outcome).splitlines()[:2]]
    return "; ".join(line for line in lines if line)
