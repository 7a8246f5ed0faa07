"""The state machine of a connection (RFC 9293 section 3.3.2, figure 5), as far as a passive open comes.

Everything that moves a state is a row of the table. The card never opens a connection, so that there is no SYN-SENT,
and no way from LISTEN to it. A CLOSE in SYN-RECEIVED waits for ESTABLISHED, as section 3.10.4 has it for connections
with something to send: the host hears of a connection no earlier. CLOSED is a connection that is no more.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from chiscsi_target.errors import ChiscsiError


class State(StrEnum):
    """The RFC's states, by its names (section 3.3.2)."""

    LISTEN = "LISTEN"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"
    CLOSED = "CLOSED"


class Event(StrEnum):
    """What moves a connection: the labels above the lines of figure 5, and the user's calls of section 3.10."""

    RCV_SYN = "rcv SYN"
    RCV_ACK_OF_SYN = "rcv ACK of SYN"
    RCV_FIN = "rcv FIN"
    RCV_ACK_OF_FIN = "rcv ACK of FIN"
    RCV_RST = "rcv RST"
    CLOSE = "CLOSE"
    ABORT = "ABORT"
    USER_TIMEOUT = "USER TIMEOUT"
    TIMEOUT_2MSL = "Timeout=2MSL"


class IllegalTransition(ChiscsiError):
    """The table has no such row: a fault of the engine's own."""


_SYNCHRONIZED: Final = (
    State.ESTABLISHED,
    State.FIN_WAIT_1,
    State.FIN_WAIT_2,
    State.CLOSE_WAIT,
    State.CLOSING,
    State.LAST_ACK,
    State.TIME_WAIT,
)

TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.LISTEN, Event.RCV_SYN): State.SYN_RECEIVED,
    (State.SYN_RECEIVED, Event.RCV_ACK_OF_SYN): State.ESTABLISHED,
    # Note 1, and erratum 8710: after a passive OPEN, RST and SYN lead back to LISTEN, where somebody else listens on.
    (State.SYN_RECEIVED, Event.RCV_RST): State.LISTEN,
    (State.SYN_RECEIVED, Event.RCV_SYN): State.LISTEN,
    (State.ESTABLISHED, Event.CLOSE): State.FIN_WAIT_1,
    (State.ESTABLISHED, Event.RCV_FIN): State.CLOSE_WAIT,
    (State.CLOSE_WAIT, Event.CLOSE): State.LAST_ACK,
    (State.LAST_ACK, Event.RCV_ACK_OF_FIN): State.CLOSED,
    (State.FIN_WAIT_1, Event.RCV_ACK_OF_FIN): State.FIN_WAIT_2,
    # Note 2, FIN-WAIT-1 to TIME-WAIT, is the row above and the one of FIN-WAIT-2: the ACK is looked at first.
    (State.FIN_WAIT_1, Event.RCV_FIN): State.CLOSING,
    (State.FIN_WAIT_2, Event.RCV_FIN): State.TIME_WAIT,
    (State.CLOSING, Event.RCV_ACK_OF_FIN): State.TIME_WAIT,
    (State.TIME_WAIT, Event.TIMEOUT_2MSL): State.CLOSED,
    # Note 3: "receipt of a RST from any state results in a transition to LISTEN or CLOSED".
    **{(state, Event.RCV_RST): State.CLOSED for state in _SYNCHRONIZED},
    # Sections 3.10.5 and 3.10.8.
    **{(state, Event.ABORT): State.CLOSED for state in (State.LISTEN, State.SYN_RECEIVED, *_SYNCHRONIZED)},
    **{(state, Event.USER_TIMEOUT): State.CLOSED for state in (State.SYN_RECEIVED, *_SYNCHRONIZED)},
}


def next_state(state: State, event: Event) -> State:
    """The state that an event leads to.

    Raises:
        IllegalTransition: it cannot happen there.
    """
    following = TABLE.get((state, event))
    if following is None:
        raise IllegalTransition(f"{event} in {state}")
    return following
