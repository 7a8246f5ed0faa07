"""What a script can observe of the target: a PDU, the end of the connection, silence, or peace.

Results of whole exchanges (`CommandResult`, `LoginResult`, `TextResult`) stand beside the code that makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from initiator_sim.display import describe, summary
from iscsi_wire.pdus import Pdu

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from iscsi_wire.records import PduRecord

H_co = TypeVar("H_co", bound=Pdu, covariant=True)


@dataclass(slots=True, eq=False)
class Received(Generic[H_co]):
    """A PDU that came from the target.

    Attributes:
        header: its header, decoded.
        ahs: its additional header segments.
        data: its data segment, without padding.
        padding: the octets that filled the data segment up to a word.
        connection: the connection on which it came.
        record: its entry in the exchange.
        header_digest_error: whether its header digest was wrong; nothing in it can be trusted then.
        data_digest_error: whether its data digest was wrong.
    """

    header: H_co
    ahs: bytes
    data: bytes
    padding: bytes
    connection: Connection
    record: PduRecord
    header_digest_error: bool = False
    data_digest_error: bool = False

    def __str__(self) -> str:
        """Return the PDU in one line."""
        return summary(self.record)

    def describe(self, marked: str = "") -> str:
        """Return the PDU with all its fields, one a line; the field called `marked` bears a mark."""
        return describe(self.header, self.data, marked)


AnyReceived: TypeAlias = Received[Any]


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection ended; `reset` says whether by RST (in order, by FIN, otherwise)."""

    reset: bool = False

    def __str__(self) -> str:
        return "connection reset" if self.reset else "connection closed"


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing (more) came within `timeout` seconds."""

    timeout: float

    def __str__(self) -> str:
        return f"nothing within {self.timeout:g} s"


@dataclass(frozen=True, slots=True)
class Peace:
    """A NOP round trip was answered, and nothing came before the answer."""

    answer: AnyReceived

    def __str__(self) -> str:
        return "no answer, and the session went on"


Event: TypeAlias = Received[Any] | Closed | Silence
"""What waiting for the next thing from the target can give."""
