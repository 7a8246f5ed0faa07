"""What card and host say to each other about a connection: the CPL messages of Chelsio's adapters, by their names.

A `tid` names a connection and an `stid` a listening server, as on the card. Of a message's fields there are those that
mean something here; work requests, queues and routes do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from chiscsi_target.offload.tcp.options import Options


class CplError(IntEnum):
    """Status of a message, with the card's numbers."""

    NONE = 0
    CONN_RESET = 20
    CONN_EXIST = 22
    CONN_TIMEDOUT = 30
    XMIT_TIMEDOUT = 31
    PERSIST_TIMEDOUT = 32
    FINWAIT2_TIMEDOUT = 33


# From the host to the card


@dataclass(slots=True, frozen=True)
class CPL_PASS_OPEN_REQ:
    """Listen at an address (4 or 16 octets, zeros for any) and port; the host chooses the `stid`."""

    stid: int
    address: bytes
    port: int


@dataclass(slots=True, frozen=True)
class CPL_CLOSE_LISTSRV_REQ:
    """Listen no more. Connections that exist go on."""

    stid: int


@dataclass(slots=True, frozen=True)
class CPL_PASS_ACCEPT_RPL:
    """Take the connection that a CPL_PASS_ACCEPT_REQ announced: the card answers its SYN."""

    tid: int


@dataclass(slots=True, frozen=True)
class CPL_TX_DATA:
    """Send octets; no more than what the connection has credits for."""

    tid: int
    data: bytes


@dataclass(slots=True, frozen=True)
class CPL_RX_DATA_ACK:
    """So many received octets are used up: the window may open by as much."""

    tid: int
    credits: int


@dataclass(slots=True, frozen=True)
class CPL_CLOSE_CON_REQ:
    """Send FIN behind what is queued; what comes from the other side is still handed over."""

    tid: int


@dataclass(slots=True, frozen=True)
class CPL_ABORT_REQ:
    """Break the connection off with RST, and forget it."""

    tid: int


# From the card to the host


@dataclass(slots=True, frozen=True)
class CPL_PASS_OPEN_RPL:
    """The answer to CPL_PASS_OPEN_REQ."""

    stid: int
    status: CplError


@dataclass(slots=True, frozen=True)
class CPL_CLOSE_LISTSRV_RPL:
    """The answer to CPL_CLOSE_LISTSRV_REQ."""

    stid: int


@dataclass(slots=True, frozen=True)
class CPL_PASS_ACCEPT_REQ:
    """Somebody asks for a connection: the host answers CPL_PASS_ACCEPT_RPL, or CPL_ABORT_REQ.

    `options` are those of the SYN.
    """

    tid: int
    stid: int
    local: tuple[bytes, int]
    peer: tuple[bytes, int]
    options: Options


@dataclass(slots=True, frozen=True)
class CPL_PASS_ESTABLISH:
    """The connection is there. `mss`: the largest segment that is sent, in octets; `credits`: what may be sent now."""

    tid: int
    stid: int
    snd_isn: int
    rcv_isn: int
    mss: int
    credits: int


@dataclass(slots=True, frozen=True)
class CPL_RX_DATA:
    """Octets in order, from sequence number `seq` on: those of one segment that had not been there."""

    tid: int
    seq: int
    data: bytes


@dataclass(slots=True, frozen=True)
class CPL_FW4_ACK:
    """The peer has acknowledged data up to `snd_una`; so many `credits`, in octets, come back."""

    tid: int
    credits: int
    snd_una: int


@dataclass(slots=True, frozen=True)
class CPL_PEER_CLOSE:
    """The peer's FIN has come, behind all of its data."""

    tid: int
    rcv_nxt: int


@dataclass(slots=True, frozen=True)
class CPL_CLOSE_CON_RPL:
    """Our FIN is acknowledged. With CPL_PEER_CLOSE, in either order, the tid is free again."""

    tid: int
    snd_nxt: int


@dataclass(slots=True, frozen=True)
class CPL_ABORT_REQ_RSS:
    """The connection is no more: reset by the peer, or given up. The tid is free again."""

    tid: int
    status: CplError


@dataclass(slots=True, frozen=True)
class CPL_ABORT_RPL_RSS:
    """The answer to CPL_ABORT_REQ. The tid is free again."""

    tid: int
    status: CplError


ToCard: TypeAlias = (
    CPL_PASS_OPEN_REQ
    | CPL_CLOSE_LISTSRV_REQ
    | CPL_PASS_ACCEPT_RPL
    | CPL_TX_DATA
    | CPL_RX_DATA_ACK
    | CPL_CLOSE_CON_REQ
    | CPL_ABORT_REQ
)
ToHost: TypeAlias = (
    CPL_PASS_OPEN_RPL
    | CPL_CLOSE_LISTSRV_RPL
    | CPL_PASS_ACCEPT_REQ
    | CPL_PASS_ESTABLISH
    | CPL_RX_DATA
    | CPL_FW4_ACK
    | CPL_PEER_CLOSE
    | CPL_CLOSE_CON_RPL
    | CPL_ABORT_REQ_RSS
    | CPL_ABORT_RPL_RSS
)
