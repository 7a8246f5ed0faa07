"""When something is due: one deadline a connection, in a heap whose old entries are passed over."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K")
NEVER = float("inf")


class Deadlines(Generic[K]):
    """Deadlines in seconds, by what they are of."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: K, deadline: float) -> None:
        """Set the deadline of `key`, instead of the one that it had; infinity for none."""
        if self._due.get(key, NEVER) == deadline:
            return
        if deadline == NEVER:
            del self._due[key]
            return
        self._due[key] = deadline
        self._count += 1
        heappush(self._heap, (deadline, self._count, key))

    @property
    def next(self) -> float:
        """The earliest deadline, or infinity."""
        heap = self._heap
        while heap and self._due.get(heap[0][2]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else NEVER

    def take_due(self, now: float) -> list[K]:
        """Strike out what is due at `now`, and return it, the earliest first."""
        due = []
        while self.next <= now:
            key = heappop(self._heap)[2]
            del self._due[key]
            due.append(key)
        return due
