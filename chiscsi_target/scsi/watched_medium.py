"""`WatchedMedium`: a medium of which somebody wants to know what is about to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from chiscsi_target.api.medium import AnchoringMedium, Medium

__all__ = ["WatchedMedium", "Watcher"]

Watcher: TypeAlias = "Callable[[int, int], object]"
"""Is told of octets before they change: the first one, and how many."""


class WatchedMedium:
    """A `Medium` that tells a watcher before it does what another one is asked for."""

    def __init__(self, medium: Medium, watcher: Watcher) -> None:
        self._medium = medium
        self._watcher = watcher

    @property
    def thin(self) -> bool:
        """See `Medium`."""
        return self._medium.thin

    @property
    def anchors(self) -> bool:
        """See `AnchoringMedium`."""
        return isinstance(self._medium, AnchoringMedium) and self._medium.anchors

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`."""
        return self._medium.read(offset, length)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`."""
        self._watcher(offset, len(data))
        self._medium.write(offset, data)

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`."""
        self._watcher(offset, length)
        self._medium.discard(offset, length)

    def anchor(self, offset: int, length: int) -> None:
        """See `AnchoringMedium`."""
        assert isinstance(self._medium, AnchoringMedium), "nobody anchors on a medium that cannot"
        self._watcher(offset, length)
        self._medium.anchor(offset, length)

    def anchored(self, offset: int) -> tuple[bool, int]:
        """See `AnchoringMedium`."""
        assert isinstance(self._medium, AnchoringMedium), "nobody asks on a medium that cannot"
        return self._medium.anchored(offset)

    def extent(self, offset: int) -> tuple[bool, int]:
        """See `Medium`."""
        return self._medium.extent(offset)

    def flush(self) -> None:
        """See `Medium`."""
        self._medium.flush()
