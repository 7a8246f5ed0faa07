"""When to acknowledge (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2), and how often to challenge (RFC 5961)."""

from __future__ import annotations

from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.timers import NEVER


class Acknowledging:
    """Which acknowledgements a connection owes.

    Args:
        settings: times, and how many challenges.
        mss: the size of the peer's full segments, in octets.

    Attributes:
        due: an acknowledgement has to leave, alone if nothing takes it along.
        deadline: when one has to at last that was delayed, in seconds.
    """

    def __init__(self, settings: TcpSettings, mss: int) -> None:
        self.due = False
        self.deadline = NEVER
        self._settings = settings
        self._mss = mss
        self._unacknowledged = 0
        self._challenges: list[float] = []

    def received(self, count: int, now: float) -> None:
        """Learn that octets came in order: with a delay allowed, every second full segment is acknowledged at once."""
        self._unacknowledged += count
        if not self._settings.ack_delay or self._unacknowledged >= 2 * self._mss:
            self.due = True
        elif self.deadline == NEVER:
            self.deadline = now + self._settings.ack_delay

    def sent(self) -> None:
        """Learn that a segment left: whatever it was, it acknowledged all."""
        self.due = False
        self.deadline = NEVER
        self._unacknowledged = 0

    def expired(self) -> None:
        """Learn that the deadline is over."""
        self.due = True
        self.deadline = NEVER

    def may_challenge(self, now: float) -> bool:
        """Whether another challenge ACK may leave (RFC 5961 section 7: "ACK throttling").

        Two ends that misunderstand each other would go on for ever.
        """
        since = now - self._settings.challenge_time
        self._challenges = [sent for sent in self._challenges if sent > since]
        if len(self._challenges) >= self._settings.challenges:
            return False
        self._challenges.append(now)
        return True
