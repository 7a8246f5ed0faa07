"""What the emulated adapter of a bench has done: where data went, which pods it holds, what it said to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api import chiscsi_connection_info, chiscsi_session_info
from initiator_sim.outcomes import HarnessFault
from iscsi_wire.records import OffloadRecord, PlacementRecord

if TYPE_CHECKING:
    from chiscsi_target.offload.page_pods import PagePods
    from chiscsi_target.offload.terminator import Terminator
    from conformance.driver_bench.bench import DriverBench
    from initiator_sim.task import Task

__all__ = ["Card"]


class Card:
    """The adapter.

    Args:
        bench: whose it is.
    """

    def __init__(self, bench: DriverBench) -> None:
        self._bench = bench

    @property
    def terminator(self) -> Terminator:
        """The adapter itself.

        Raises:
            HarnessFault: the bench's module has none.
        """
        terminator = self._bench.module.terminator
        if terminator is None:
            raise HarnessFault("this bench has no adapter")
        return terminator

    @property
    def pods(self) -> PagePods:
        """Its region of page pods."""
        return self.terminator.pods

    def messages(self, *names: str) -> list[str]:
        """The messages between it and the host so far, a line each; of these names only if there are any."""
        self._bench.stage.settle()
        records = [record for record in list(self._bench.records) if isinstance(record, OffloadRecord)]
        return [record.text for record in records if not names or record.message in names]

    def information(self, session: int = 0) -> chiscsi_connection_info:
        """What `chiscsi_get_connection_info` tells of the only connection of the bench's `session`-th session."""
        self._bench.stage.settle()
        sessions: list[chiscsi_session_info] = []
        self._bench.module.chiscsi_get_session_info(self._bench.name, None, 16, sessions)
        info = chiscsi_connection_info()
        result = self._bench.module.chiscsi_get_connection_info(sessions[session].hndl, 0, info)
        self._bench.expect_equal("result of chiscsi_get_connection_info", result, 0)
        return info

    def placement(self, task: Task) -> PlacementRecord | None:
        """What became of a write's data, when it is over; None when nothing came."""
        self._bench.stage.settle()
        found = [one for one in self._bench.records if isinstance(one, PlacementRecord) and one.itt == task.tag]
        return found[-1] if found else None

    def expect_went(self, task: Task, placed: int, copied: int, reason: str = "") -> None:
        """Require what became of a write's data: octets placed, octets copied, and a word of the reason.

        Raises:
            ExpectationFailed: something else did.
        """
        found = self.placement(task)
        went = (0, 0) if found is None else (found.placed, found.copied)
        self._bench.expect_equal("octets placed and copied", went, (placed, copied))
        why = "" if found is None else found.reason
        self._bench.expect_equal(f"the reason names {reason!r}", reason in why and bool(reason) == bool(why), True)
