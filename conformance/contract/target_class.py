"""`check_target_class`: tries a target class in logins, discovery, and the ends of sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chiscsi_target.api.chap_info import (
    CHAP_FLAG_LOCAL_NAME_VALID,
    CHAP_FLAG_LOCAL_SECRET_VALID,
    CHAP_FLAG_REMOTE_NAME_VALID,
    CHAP_FLAG_REMOTE_SECRET_VALID,
    chap_info,
)
from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.api.struct import is_set
from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.drivers.memory import MemoryLunClass
from conformance.contract.bench import NAME, Bench
from conformance.contract.logins import LoginLedger, NotingModule, watched_class
from conformance.contract.report import ContractFinding, ContractReport, ScenarioResult
from conformance.contract.rules import RULES
from conformance.contract.scenarios import NotTried
from conformance.contract.trial import CannotGoOn
from conformance.harness.evidence import Evidence
from conformance.harness.hanging import coming_back, told
from initiator_sim.initiator import Initiator
from initiator_sim.login import OPERATIONAL, SECURITY
from initiator_sim.outcomes import ScriptOutcome
from iscsi_wire.records import Record

PATIENCE: Final = 1.0
TargetClassFactory = Callable[[], chiscsi_target_class]
_SHORTEST_SECRET, _LONGEST_SECRET = 12, 16


class _Trial:
    """One scenario of a target class."""

    def __init__(self, bench: Bench, subject: chiscsi_target_class, ledger: LoginLedger, who: tuple[str, str]) -> None:
        self.bench = bench
        self.subject = subject
        self.ledger = ledger
        self.initiator_name, self.chap_name = who

    def initiator(self, number: int = 0) -> Initiator:
        """An initiator of the name that the class is to know."""
        initiator = self.bench.initiator(number)
        initiator.name = self.initiator_name or initiator.name
        return initiator

    def log_in(self, initiator: Initiator, *stages: int) -> bool:
        """Log in; returns whether the class let it in.

        Raises:
            CannotGoOn: the login got no answer.
        """
        result = initiator.session().attempt_login(stages=stages or (SECURITY, OPERATIONAL))
        if not result.succeeded and result.header is None:
            if not self.ledger.owing and not self.ledger.breaches:
                self.ledger.note("login", f"a login ended with {result}")
            raise CannotGoOn(str(result))
        return result.succeeded

    def has(self, hook: str) -> None:
        """Go on only with a class that has this hook.

        Raises:
            NotTried: it has not.
        """
        if not is_set(self.subject, chiscsi_target_class, hook):
            raise NotTried(f"no {hook}")


def _logins(trial: _Trial) -> None:
    """Logins that begin in either stage, and log out again."""
    for number, stages in enumerate(((SECURITY, OPERATIONAL), (OPERATIONAL,))):
        with trial.initiator(number) as initiator:
            if trial.log_in(initiator, *stages):
                initiator.sessions[-1].logout()
    trial.bench.await_driver()
    if trial.ledger.sessions:
        trial.ledger.note("session", f"sessions {trial.ledger.sessions} were not removed")


def _two_sessions(trial: _Trial) -> None:
    """Two sessions at a time; one of them is lost."""
    one, other = trial.initiator(0), trial.initiator(1)
    if trial.log_in(one) and trial.log_in(other):
        one.close()
        other.sessions[-1].nop(b"still there")
    other.close()


def _broken_off(trial: _Trial) -> None:
    """A connection that breaks while its login waits for the class."""
    with trial.initiator(0) as initiator:
        session = initiator.session()
        session.begin_login().request(csg=SECURITY, keys=initiator.identity())
    trial.bench.await_driver()
    with trial.initiator(1) as initiator:
        trial.log_in(initiator)


def _discovery(trial: _Trial) -> None:
    """A discovery session that asks for all targets."""
    trial.has("fp_discovery_target_accessible")
    with trial.initiator() as initiator:
        initiator.discover().send_targets()


def _secrets(trial: _Trial) -> None:
    """What the class knows of a CHAP name."""
    trial.has("fp_chap_info_get")
    chap = chap_info(flag=CHAP_FLAG_REMOTE_NAME_VALID, remote_name=trial.chap_name)
    with coming_back("fp_chap_info_get"):
        trial.subject.fp_chap_info_get(trial.initiator_name or "iqn.2026-11.org.chiscsi:host0", NAME, chap)
    sides = (
        ("remote", CHAP_FLAG_REMOTE_SECRET_VALID, chap.remote_secret, chap.remote_secret_length),
        ("local", CHAP_FLAG_LOCAL_SECRET_VALID, chap.local_secret, chap.local_secret_length),
    )
    for side, flag, secret, length in sides:
        if chap.flag & flag and not _SHORTEST_SECRET <= length <= min(_LONGEST_SECRET, len(secret)):
            text = f"{side}_secret_length is {length}, of a secret of {len(secret)} octets"
            trial.ledger.note("secrets", text)
        if secret and not chap.flag & flag:
            trial.ledger.note("secrets", f"{side}_secret is set, and its flag is not")
    if bool(chap.flag & CHAP_FLAG_LOCAL_NAME_VALID) != bool(chap.flag & CHAP_FLAG_LOCAL_SECRET_VALID):
        trial.ledger.note("secrets", "of local_name and local_secret one is valid, and the other is not")


def _redirection(trial: _Trial) -> None:
    """Where the class sends an initiator."""
    trial.has("fp_select_redirection_portal")
    ends = chiscsi_tcp_endpoints(tcp_endpoint("127.0.0.1", 40000), tcp_endpoint("127.0.0.1", 3260))
    initiator = trial.initiator_name or "iqn.2026-11.org.chiscsi:h"
    with coming_back("fp_select_redirection_portal"):
        result: object = trial.subject.fp_select_redirection_portal(NAME, initiator, ends)
    if not isinstance(result, int):
        trial.ledger.note("session", f"fp_select_redirection_portal returned {result!r}, which is no number")
    elif result >= 0 and str(ends.taddr) == "127.0.0.1:3260":
        trial.ledger.note("session", "fp_select_redirection_portal returned 0 and left endpoint.taddr as it was")


_Scenario = tuple[str, str, Callable[[_Trial], None]]
_SCENARIOS: Final[tuple[_Scenario, ...]] = (
    ("logins", "Logins that begin in either stage", _logins),
    ("two-sessions", "Two sessions, one of which is lost", _two_sessions),
    ("broken-off", "A connection breaks during its login", _broken_off),
    ("discovery", "A discovery session", _discovery),
    ("secrets", "What the class knows of a CHAP name", _secrets),
    ("redirection", "Where the class sends an initiator", _redirection),
)


def check_target_class(
    factory: TargetClassFactory, *, initiator_name: str = "", chap_name: str = "", patience: float = PATIENCE
) -> ContractReport:
    """Try a target class in logins, discovery and the ends of sessions.

    Args:
        factory: makes a new object of the class; the class itself will do if it needs no argument.
        initiator_name: an initiator that the class lets in; any if empty.
        chap_name: a CHAP_N that the class knows a secret for.
        patience: seconds to wait for an answer that the class owes before it is taken for missing.

    Returns:
        The report, whatever the class does.
    """
    who = (initiator_name, chap_name)
    results = [_try(factory, scenario, who, patience) for scenario in _SCENARIOS]
    return ContractReport(getattr(factory, "__name__", type(factory).__name__), tuple(results))


def _try(
    factory: TargetClassFactory,
    scenario: tuple[str, str, Callable[[_Trial], None]],
    who: tuple[str, str],
    patience: float,
) -> ScenarioResult:
    name, title, run = scenario
    ledger = LoginLedger()
    try:
        with coming_back("making the class"):
            subject = factory()
            bench = _bench(subject, ledger, patience)
    except Exception as error:
        # Whatever somebody's class raises is a finding, never the end of the check.
        text = told(error)
        return ScenarioResult(name, title, (ContractFinding(RULES["usable"], text, title),))
    skipped = ""
    try:
        run(_Trial(bench, subject, ledger, who))
    except NotTried as reason:
        skipped = str(reason)
    except CannotGoOn:
        pass
    except ScriptOutcome as outcome:
        if not ledger.breaches and not ledger.owing:
            ledger.note("wire", str(outcome).partition("\n")[0])
    except Exception as error:
        # The class's own hooks are called here, too.
        ledger.note("returns", told(error))
    finally:
        bench.close()
    return ScenarioResult(name, title, bench.findings(title), skipped)


def _bench(subject: chiscsi_target_class, ledger: LoginLedger, patience: float) -> Bench:
    """A target of the class with disks in memory.

    Raises:
        ValueError: the class cannot be used, and why.
    """
    if not isinstance(subject, chiscsi_target_class):
        raise ValueError(f"the factory made a {type(subject).__name__}, which is no chiscsi_target_class")
    if not subject.class_name:
        raise ValueError("it has no class_name")
    evidence = Evidence()

    def hear(record: Record) -> None:
        evidence.listen(record)
        ledger.hear(record)

    module = NotingModule(hear, ledger)
    watched = watched_class(subject, ledger)
    return Bench(watched, MemoryLunClass(), ["disk0,MEM,size=1M"], ledger, patience, evidence, module)
