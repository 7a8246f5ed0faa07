"""`KeptState`: where a logical unit keeps what has to survive a restart of the target."""

from __future__ import annotations

from typing import Protocol


class KeptState(Protocol):
    """Small pieces of state by name, such as persistent reservations and saved mode pages."""

    def load(self, name: str) -> bytes | None:
        """What was saved under a name; None for nothing. Raises OSError."""

    def save(self, name: str, data: bytes | None) -> None:
        """Keep `data`, or nothing, under a name; on stable storage when it returns. Raises DriverError."""

    def where(self, name: str) -> str:
        """The place where a name is kept, for messages to people."""
