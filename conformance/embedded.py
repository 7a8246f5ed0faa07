"""The embedded target: what `chiscsi conform` judges when it is given no address.

One target with a few memory LUNs and everything switched on. A function with the signature of :func:`start`, named
with `--embedded-factory`, puts another one in its place; that is how the suites are tried on faulty targets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from initiator_sim.transport import Transport
from iscsi_wire.records import Listener

LUNS = 4
LUN_SIZE = 64 << 20
"""Octets of a LUN."""


class Embedded(Protocol):
    """A target that runs in this process."""

    @property
    def iqn(self) -> str:
        """Its iSCSI name."""
        ...

    @property
    def luns(self) -> Sequence[int]:
        """Its LUNs."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """The time that it lives by, in seconds: the monotonic clock, or a fake one."""
        ...

    def connect(self) -> Transport:
        """A new connection to it.

        Raises:
            OSError: it does not take any.
        """
        ...

    def close(self) -> None:
        """End it, with all sessions."""
        ...


Factory = Callable[[Literal["tcp", "memory"], str, Listener], Embedded]
"""Transport, iSCSI name, and who hears of the target's records."""
