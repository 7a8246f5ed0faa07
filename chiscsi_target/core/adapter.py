"""`Adapter` and `Ulp`: what the core asks of an offload adapter, and nothing of how that does it (behaviour file, 5).

Without one, or for a connection that it does not take over, the core cuts the stream itself, and names its transfers by
tags of its own. The Terminator of `chiscsi_target.offload` is the one there is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from iscsi_wire.framing import Frame

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.core.task import Task
    from iscsi_wire.framing import Buffer, Framer

__all__ = ["Adapter", "Burst", "Ulp"]


class Burst(Frame):
    """Data-Out PDUs with one tag, in order and without a gap, that the adapter completes at once (T6).

    It stands for them among other frames while nobody wants to see each of them.

    Attributes:
        header: of the last of them; `offset`, where the first begins in the stream.
        count: how many they are.
        lun, itt, ttt: what their headers have alike.
        data_sn: DataSN of the first; `buffer_offset`, where its data begin.
        length: how many octets of data they have together.
    """

    OPCODE: Final = 0x40
    """In the place of an opcode, which has six bits on the wire."""

    __slots__ = ("buffer_offset", "count", "data_sn", "itt", "length", "lun", "ttt")

    def __init__(
        self, offset: int, header: Buffer, count: int, fields: tuple[int, int, int, int, int], length: int
    ) -> None:
        super().__init__(offset, self.OPCODE, header)
        self.count = count
        self.lun, self.itt, self.ttt, self.data_sn, self.buffer_offset = fields
        self.length = length
        self.placed = True


class Ulp(ABC):
    """One connection whose PDUs an adapter takes in and sends out: it is in ULP mode.

    Attributes:
        framer: recovers its PDUs.
    """

    framer: Framer

    @abstractmethod
    def ready(self) -> None:
        """Learn that the session's worker has the connection: from now on PDUs are exchanged."""

    @abstractmethod
    def transfer_tag(self, task: Task) -> int | None:
        """The Target Transfer Tag of a write's next R2T, which begins at `task.solicited`.

        Returns:
            The tag; None when the data could neither be placed nor copied, which has been logged.
        """

    @abstractmethod
    def take(self, frame: Frame, task: Task) -> None:
        """Learn that the host takes a PDU for a write, and that the data which the adapter places have to be there."""

    @abstractmethod
    def one_by_one(self, burst: Burst) -> list[Frame]:
        """The PDUs of a burst, since the host does not wait for just this one."""

    @abstractmethod
    def returned(self, task: Task) -> None:
        """Learn that a write's buffers up to `task.returned` are the driver's again."""

    @abstractmethod
    def forget(self, task: Task) -> None:
        """Learn that a write's data are in, or will not be taken: nothing may be placed for it any more."""

    @abstractmethod
    def sent(self, header: bytes, length: int) -> None:
        """Learn that a PDU was given to the adapter to send, with `length` octets of data."""

    @abstractmethod
    def closed(self) -> None:
        """Learn that the connection is gone."""


class Adapter(ABC):
    """A network adapter that connections may be offloaded to."""

    @abstractmethod
    def payload_limits(self, node: TargetNode) -> tuple[int, int]:
        """How many octets of data a PDU of a node's connections may carry: received, and sent."""

    @abstractmethod
    def take_over(self, connection: Connection) -> Ulp | None:
        """Take a connection over that enters full feature phase; None leaves it to the core."""
