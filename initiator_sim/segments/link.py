"""The way between two IP endpoints, in virtual time: it loses, duplicates, reorders and delays, by rates and a seed.

Of the same seed and the same packets come the same fates. Everything that crossed can be looked at afterwards.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from heapq import heappop, heappush
from typing import Final, Literal, Protocol

from initiator_sim.outcomes import HarnessFault

Direction = Literal["to target", "to initiator"]
_TOO_MANY: Final = 1_000_000
"""Events of one instant: two that answer each other without end."""


class Endpoint(Protocol):
    """One end: takes packets and the time, and has packets to send."""

    def packet_arrived(self, octets: bytes, now: float) -> None:
        """Take an IP packet at `now`, in seconds."""
        ...

    def output(self) -> list[bytes]:
        """Give what is to be sent, in order."""
        ...

    @property
    def next_timer(self) -> float:
        """When `handle_timer` is to be called, in seconds; infinity for never."""
        ...

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`, in seconds."""
        ...


@dataclass(slots=True, frozen=True)
class Impairments:
    """What a link does to packets.

    Attributes:
        loss, duplicate, reorder: the share of packets that are lost, come twice, and are overtaken by later ones.
        delay: how long a packet takes, in seconds.
        reorder_by: how much longer one takes that is overtaken, and the second copy of one that comes twice.
        seed: what the fates come from.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    reorder_by: float = 0.01
    seed: int = 1

    @classmethod
    def read(cls, text: str) -> Impairments:
        """Read `loss=0.05,reorder=0.05,seed=7`; what is not named stays as it is.

        Raises:
            ValueError: it names something else, or a value cannot be.
        """
        known = {field.name for field in fields(cls)}
        values: dict[str, float] = {}
        for word in filter(None, text.split(",")):
            name, _, value = word.partition("=")
            if name not in known:
                raise ValueError(f"{name!r} is none of {', '.join(sorted(known))}")
            try:
                values[name] = int(value) if name == "seed" else float(value)
            except ValueError:
                raise ValueError(f"{word!r} is no number") from None
        made = cls(**values)  # type: ignore[arg-type]  # seed is an int
        if not all(0 <= rate < 1 for rate in (made.loss, made.duplicate, made.reorder)):
            raise ValueError("a rate is at least 0 and less than 1")
        if not all(0 <= seconds < float("inf") for seconds in (made.delay, made.reorder_by)):
            raise ValueError("a time is at least 0")
        return made


class Fate(StrEnum):
    """What became of a packet."""

    ARRIVED = "arrived"
    LOST = "lost"
    DUPLICATED = "duplicated"
    OVERTAKEN = "overtaken"


@dataclass(slots=True, frozen=True)
class Crossing:
    """A packet that was sent: when, where to, what, and what became of it."""

    time: float
    direction: Direction
    octets: bytes
    fate: Fate


class Link:
    """Joins the initiator's end and the target's; nothing happens but in its calls.

    Args:
        initiator, target: the two ends.
        impairments: what it does to packets; nothing if None.
        keep: how many crossings to keep, the latest; all if None.

    Attributes:
        now: the clock of both ends, in seconds.
        crossings: what was sent, in order.
        impairments: may be changed at any time; the seed counts at the beginning only.
        fate: decides on a packet instead of the rates, where a script sets it; None leaves it to the rates.
    """

    def __init__(
        self,
        initiator: Endpoint,
        target: Endpoint,
        impairments: Impairments | None = None,
        keep: int | None = None,
    ) -> None:
        self.now = 0.0
        self.impairments = impairments or Impairments()
        self.crossings: deque[Crossing] = deque(maxlen=keep)
        self.fate: Callable[[Direction, bytes], Fate | None] | None = None
        self._ends: dict[Direction, Endpoint] = {"to initiator": initiator, "to target": target}
        self._random = random.Random(self.impairments.seed)
        self._coming: list[tuple[float, int, Direction, bytes]] = []
        self._count = 0

    @property
    def under_way(self) -> int:
        """How many packets have been sent and have not come yet."""
        return len(self._coming)

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        for _ in range(_TOO_MANY):
            if not self.step(self.now):
                return
        raise HarnessFault("the two ends answer each other without end")

    def step(self, limit: float) -> bool:
        """Let the next thing happen: a packet comes, or a timer is due.

        Args:
            limit: not later than that, in seconds of the link's clock.

        Returns:
            Whether there was anything; if not, the clock has not moved.
        """
        self._collect()
        coming = self._coming[0][0] if self._coming else float("inf")
        timers = {direction: end.next_timer for direction, end in self._ends.items()}
        due = min(coming, *timers.values())
        if due > limit:
            return False
        self.now = max(self.now, due)
        if coming == due:
            _, _, direction, octets = heappop(self._coming)
            self._ends[direction].packet_arrived(octets, self.now)
        else:
            self._ends[min(timers, key=lambda direction: timers[direction])].handle_timer(self.now)
        self._collect()
        return True

    def run_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until a condition holds, `timeout` seconds at most; returns whether it came to hold."""
        limit = self.now + timeout
        while not condition():
            if not self.step(limit):
                self.now = max(self.now, limit)
                return condition()
        return True

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.run_until(lambda: False, seconds)

    def _collect(self) -> None:
        for direction, sender in self._ways():
            for octets in sender.output():
                self._send(direction, octets)

    def _ways(self) -> tuple[tuple[Direction, Endpoint], ...]:
        return ("to target", self._ends["to initiator"]), ("to initiator", self._ends["to target"])

    def _send(self, direction: Direction, octets: bytes) -> None:
        fate = self.fate(direction, octets) if self.fate is not None else None
        fate = fate or self._draw()
        self.crossings.append(Crossing(self.now, direction, octets, fate))
        wrong = self.impairments
        if fate is Fate.LOST:
            return
        self._arrives(wrong.delay + (wrong.reorder_by if fate is Fate.OVERTAKEN else 0), direction, octets)
        if fate is Fate.DUPLICATED:
            self._arrives(wrong.delay + wrong.reorder_by, direction, octets)

    def _draw(self) -> Fate:
        wrong, draw = self.impairments, self._random.random()
        for rate, fate in (
            (wrong.loss, Fate.LOST),
            (wrong.duplicate, Fate.DUPLICATED),
            (wrong.reorder, Fate.OVERTAKEN),
        ):
            if draw < rate:
                return fate
            draw -= rate
        return Fate.ARRIVED

    def _arrives(self, after: float, direction: Direction, octets: bytes) -> None:
        self._count += 1
        heappush(self._coming, (self.now + after, self._count, direction, octets))
