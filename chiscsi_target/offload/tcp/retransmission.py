"""The retransmission timer (RFC 6298), which is the persist timer, too, while nothing may be sent."""

from __future__ import annotations

from typing import Final

from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.timers import NEVER

_ALPHA: Final = 1 / 8
_BETA: Final = 1 / 4
_K: Final = 4
_AFTER_SYN: Final = 3.0


class RetransmissionTimer:
    """When to send again, as measured round trips say it; all times in seconds.

    Args:
        settings: bounds.

    Attributes:
        rto: how long to wait for an acknowledgement.
        srtt: the smoothed round-trip time, None before the first measurement.
        deadline: when the timer expires; infinity while it does not run.
    """

    def __init__(self, settings: TcpSettings) -> None:
        self.rto = settings.initial_rto
        self.srtt: float | None = None
        self.deadline = NEVER
        self._rttvar = 0.0
        self._least, self._most = settings.min_rto, settings.max_rto
        self._timed: tuple[int, float] | None = None
        self._progress = 0.0

    # Section 5: the timer

    def start(self, now: float) -> None:
        """Begin to wait (5.1)."""
        self.restart(now)
        self._progress = now

    def restart(self, now: float) -> None:
        """Wait from now on (5.3)."""
        self.deadline = now + self.rto

    def stop(self) -> None:
        """Wait no longer (5.2)."""
        self.deadline = NEVER

    def back_off(self, now: float) -> None:
        """Wait again, for twice as long (5.5 and 5.6)."""
        self.rto = self._bounded(self.rto * 2)
        self.restart(now)

    def heard(self, now: float) -> None:
        """Learn that the peer lets something through, or says why it does not."""
        self._progress = now

    def waiting(self, now: float) -> float:
        """How long the peer has let nothing through."""
        return now - self._progress

    # Section 3: which round trips are measured

    def sent(self, end: int, now: float) -> None:
        """Learn that a segment was sent for the first time that ends at a position: one at a time is measured."""
        if self._timed is None:
            self._timed = (end, now)

    def sent_again(self) -> None:
        """Learn that something is sent twice: its acknowledgement would measure nothing (Karn's algorithm)."""
        self._timed = None

    def acknowledged(self, ack: int, now: float, *, all_of_it: bool) -> None:
        """Learn up to which position everything is acknowledged, and whether nothing is on its way any more."""
        self._progress = now
        if self._timed is not None and ack >= self._timed[0]:
            self._measured(now - self._timed[1])
            self._timed = None
        if all_of_it:
            self.stop()
        else:
            self.restart(now)

    def syn_acknowledged(self, now: float, *, repeated: bool) -> None:
        """Learn that the peer has answered our SYN; one that had been repeated begins with 3 s (5.7)."""
        if repeated:
            self.rto = self._bounded(_AFTER_SYN)
        else:
            self._measured(now - self._progress)
        self._progress = now
        self.stop()

    # Section 2: the time-out

    def _measured(self, round_trip: float) -> None:
        if self.srtt is None:
            self.srtt, self._rttvar = round_trip, round_trip / 2  # (2.2)
        else:  # (2.3)
            self._rttvar = (1 - _BETA) * self._rttvar + _BETA * abs(self.srtt - round_trip)
            self.srtt = (1 - _ALPHA) * self.srtt + _ALPHA * round_trip
        self.rto = self._bounded(self.srtt + _K * self._rttvar)

    def _bounded(self, rto: float) -> float:
        return min(max(rto, self._least), self._most)  # (2.4) and (2.5)
