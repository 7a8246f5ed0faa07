"""Where a class is tried: a target in memory, initiators that reach it, and a book of everything that happens."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Final

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.shells.memory import MemoryConnection, MemoryTarget
from chiscsi_target.target_module import TargetModule
from conformance.contract.report import ContractFinding
from conformance.harness.decoding import decode_events
from conformance.harness.evidence import Evidence
from initiator_sim.connection import Settings
from initiator_sim.initiator import Initiator
from reports.text import step

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_target_class, chiscsi_target_lun_class
    from conformance.contract.ledger import Ledger
    from initiator_sim.transport import Transport
    from iscsi_wire.records import Record

NAME: Final = "iqn.2026-11.org.chiscsi:contract"
KEYS: Final[Mapping[str, str]] = {
    "ImmediateData": "Yes",
    "InitialR2T": "No",
    "FirstBurstLength": "65536",
    "MaxBurstLength": "262144",
    "MaxOutstandingR2T": "4",
    "MaxConnections": "2",
}
_SILENCE: Final = 3.0
"""Seconds of the pretended clock after which an initiator takes an answer for missing."""
_CALM: Final = 0.02


class Bench:
    """One target with the class that is tried, for one scenario.

    Args:
        target_class, lun_class: what is tried, watched.
        devices: values of `TargetDevice`.
        ledger: the book of the LUN class.
        patience: seconds of real time to wait for a call that the driver owes.
        evidence: where the exchange is kept.

    Attributes:
        module: the Target Module.
        findings: what was found, beside what the ledger has.
    """

    def __init__(
        self,
        target_class: chiscsi_target_class,
        lun_class: chiscsi_target_lun_class,
        devices: Sequence[str],
        ledger: Ledger,
        patience: float,
        evidence: Evidence | None = None,
        module: TargetModule | None = None,
    ) -> None:
        self.ledger = ledger
        self.evidence = evidence or Evidence()
        self._patience = patience
        self._woken = Event()
        self.module = module or TargetModule(listener=self.hear)
        self.module.chiscsi_target_class_register(target_class)
        self.refusal = self.module.chiscsi_target_lun_class_register(lun_class, target_class.class_name)
        self._shell = MemoryTarget(self.module)
        for worker in (self.module.directory.login_worker, *self.module.directory.workers):
            worker.wake = self._woken.set
        pairs = [("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:3260"), ("TargetClass", target_class.class_name)]
        pairs += [*KEYS.items(), *(("TargetDevice", device) for device in devices)]
        self._node = self.module.add_target(parse_target(pairs))
        self._initiators: list[Initiator] = []

    def hear(self, record: Record) -> None:
        """Take a record of the stack."""
        self.evidence.listen(record)
        self.ledger.hear(record)

    def initiator(self, number: int = 0) -> Initiator:
        """An initiator; each number is another initiator port."""
        settings = Settings(self.evidence.exchange, lambda: self._shell.now, _SILENCE)
        name = f"iqn.2026-11.org.chiscsi:host{number}"
        initiator = Initiator(self._connect, NAME, name=name, isid_seed=number, settings=settings)
        self._initiators.append(initiator)
        return initiator

    def _connect(self) -> Transport:
        return _PatientTransport(self._shell.connect(self._node.portals[0]), self)

    def await_driver(self, condition: bool = True) -> None:
        """Let the target work until the driver owes nothing, or patience is at an end."""
        deadline = time.monotonic() + self._patience
        self._shell.pump()
        while condition and self.ledger.owing and time.monotonic() < deadline:
            self.wait_a_little()
            self._shell.pump()

    def wait_a_little(self) -> None:
        """Wait until another thread of the driver's calls, but not for long."""
        self._woken.wait(_CALM)
        self._woken.clear()

    @property
    def patience(self) -> float:
        """Seconds of real time to wait for a call that the driver owes."""
        return self._patience

    def close(self) -> None:
        """End all sessions, and enter what the driver still owes."""
        for initiator in self._initiators:
            initiator.close()
        self.await_driver()
        self.ledger.settle()

    def exchange(self) -> tuple[str, ...]:
        """Everything that happened, a line each."""
        return tuple(step(event) for event in decode_events(self.evidence.events()))

    def findings(self, scenario: str) -> tuple[ContractFinding, ...]:
        """The breaches of this scenario."""
        exchange = self.exchange() if self.ledger.breaches else ()
        return tuple(ContractFinding(rule, text, scenario, exchange) for rule, text in self.ledger.breaches)


class _PatientTransport:
    """A pipe into the target whose receiver waits, in real time, for what the driver's own threads owe."""

    def __init__(self, pipe: MemoryConnection, bench: Bench) -> None:
        self._pipe = pipe
        self._bench = bench
        self.local, self.peer = pipe.local, pipe.peer
        self.send, self.close, self.reset = pipe.send, pipe.close, pipe.reset

    @property
    def was_reset(self) -> bool:
        """See `Transport`."""
        return self._pipe.was_reset

    def receive(self, timeout: float) -> bytes | None:
        """See `Transport`."""
        deadline = time.monotonic() + self._bench.patience
        data = self._pipe.receive(0)
        while data is None and self._bench.ledger.owing and time.monotonic() < deadline:
            self._bench.wait_a_little()
            data = self._pipe.receive(0)
        return self._pipe.receive(timeout) if data is None else data
