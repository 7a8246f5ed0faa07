"""Congestion control (RFC 5681), with NewReno's recovery from several losses of one window (RFC 6582).

Positions are those of the sender; sizes are in octets.
"""

from __future__ import annotations

from typing import Final

_DUPLICATES: Final = 3
"""RFC 5681 section 3.2: how many duplicate ACKs are "an indication that a segment has been lost"."""


class Congestion:
    """How much may be on its way.

    Args:
        mss: the size of a full segment (SMSS).

    Attributes:
        window: cwnd.
        threshold: ssthresh.
        recovering: whether a fast recovery goes on.
    """

    def __init__(self, mss: int) -> None:
        self._mss = mss
        # Section 3.1: the initial window.
        self.window = mss * (2 if mss > 2190 else 3 if mss > 1095 else 4)
        self.threshold = 1 << 30
        self.recovering = False
        self._recover = 0
        self._duplicates = 0

    def duplicate(self, flight: int, una: int, nxt: int) -> bool:
        """Take in a duplicate ACK; returns whether the segment at `una` is to be sent again now.

        Args:
            flight: how much is on its way.
            una: up to where everything is acknowledged.
            nxt: the end of what was sent.
        """
        if self.recovering:
            self.window += self._mss  # step 4
            return False
        self._duplicates += 1
        # RFC 6582 section 3.2, step 2: not once more for the losses that were dealt with already.
        if self._duplicates != _DUPLICATES or una <= self._recover:
            return False
        self._recover = nxt
        self.recovering = True
        self.threshold = max(flight // 2, 2 * self._mss)
        self.window = self.threshold + _DUPLICATES * self._mss
        return True

    def acknowledged(self, count: int, una: int, flight: int) -> bool:
        """Take in that `count` octets were acknowledged; returns whether the segment at `una` is to be sent again now.

        Args:
            count: how many.
            una: up to where everything is acknowledged now.
            flight: how much is on its way still.
        """
        self._duplicates = 0
        if not self.recovering:
            self._grow(count)
            return False
        if una >= self._recover:
            # "Full acknowledgment", the first choice.
            self.window = min(self.threshold, max(flight, self._mss) + self._mss)
            self.recovering = False
            return False
        self.window = max(self.window - count, 0) + (self._mss if count >= self._mss else 0)
        self.window = max(self.window, self._mss)
        return True

    def _grow(self, count: int) -> None:
        if self.window < self.threshold:
            self.window += min(count, self._mss)
        else:
            self.window += max(self._mss * self._mss // self.window, 1)

    def timed_out(self, flight: int, nxt: int) -> None:
        """Take in that the retransmission timer has expired: slow start begins again."""
        self.threshold = max(flight // 2, 2 * self._mss)
        self.window = self._mss
        self.recovering = False
        self._recover = nxt
        self._duplicates = 0
