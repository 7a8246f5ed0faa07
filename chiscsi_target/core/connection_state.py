"""The target's connection state machine (RFC 7143 section 8.1.4). Everything that can move its state lives here.

The table holds the RFC's labels. A pair of state and event that is missing from it is a mistake of ours, never of the
peer's: whatever a peer sends is judged before it becomes an event.
"""

from __future__ import annotations

from enum import Enum


class ConnectionState(Enum):
    """States of a connection as the target sees it."""

    FREE = "S1"
    XPT_UP = "S3"
    IN_LOGIN = "S4"
    LOGGED_IN = "S5"
    IN_LOGOUT = "S6"
    LOGOUT_REQUESTED = "S7"
    CLEANUP_WAIT = "S8"


class ConnectionEvent(Enum):
    """What moves a connection on; the comments give the RFC's transitions."""

    TRANSPORT_CONNECTED = "transport connected"  # T3
    LOGIN_STARTED = "login started"  # T4
    LOGIN_CONCLUDED = "login concluded"  # T5
    LOGIN_FAILED = "login failed"  # T6, T7
    CLOSED_CLEANLY = "closed cleanly"  # T8, T18: session logout elsewhere, or reinstatement
    LOGOUT_RECEIVED = "logout received"  # T9, T10
    LOGOUT_ASKED_FOR = "logout asked for"  # T11, T12
    LOGOUT_CONCLUDED = "logout concluded"  # T13
    TRANSPORT_LOST = "transport lost"  # T6, T7, T15, T16, T17
    CLEANED_UP = "cleaned up"  # the cleanup state machine of section 8.2 reached its end


S, E = ConnectionState, ConnectionEvent

TRANSITIONS: dict[ConnectionState, dict[ConnectionEvent, tuple[str, ConnectionState]]] = {
    S.FREE: {
        E.TRANSPORT_CONNECTED: ("T3", S.XPT_UP),
    },
    S.XPT_UP: {
        E.LOGIN_STARTED: ("T4", S.IN_LOGIN),
        E.LOGIN_FAILED: ("T6", S.FREE),
        E.TRANSPORT_LOST: ("T6", S.FREE),
    },
    S.IN_LOGIN: {
        E.LOGIN_CONCLUDED: ("T5", S.LOGGED_IN),
        E.LOGIN_FAILED: ("T7", S.FREE),
        E.TRANSPORT_LOST: ("T7", S.FREE),
        E.CLOSED_CLEANLY: ("T7", S.FREE),
    },
    S.LOGGED_IN: {
        E.CLOSED_CLEANLY: ("T8", S.FREE),
        E.LOGOUT_RECEIVED: ("T9", S.IN_LOGOUT),
        E.LOGOUT_ASKED_FOR: ("T11", S.LOGOUT_REQUESTED),
        E.TRANSPORT_LOST: ("T15", S.CLEANUP_WAIT),
    },
    S.IN_LOGOUT: {
        E.LOGOUT_CONCLUDED: ("T13", S.FREE),
        E.CLOSED_CLEANLY: ("T13", S.FREE),
        E.TRANSPORT_LOST: ("T17", S.CLEANUP_WAIT),
    },
    S.LOGOUT_REQUESTED: {
        E.LOGOUT_RECEIVED: ("T10", S.IN_LOGOUT),
        E.LOGOUT_ASKED_FOR: ("T12", S.LOGOUT_REQUESTED),
        E.TRANSPORT_LOST: ("T16", S.CLEANUP_WAIT),
        E.CLOSED_CLEANLY: ("T18", S.FREE),
    },
    S.CLEANUP_WAIT: {
        E.CLEANED_UP: ("M1", S.FREE),
    },
}


def next_state(state: ConnectionState, event: ConnectionEvent) -> tuple[str, ConnectionState]:
    """The RFC's transition label and the new state.

    Raises:
        KeyError: the event is not possible in this state.
    """
    return TRANSITIONS[state][event]
