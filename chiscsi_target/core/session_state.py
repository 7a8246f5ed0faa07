"""The target's session state machine (RFC 7143 section 8.3.2). Everything that can move its state lives here."""

from __future__ import annotations

from enum import Enum


class SessionState(Enum):
    """States of a session as the target sees it."""

    FREE = "Q1"
    ACTIVE = "Q2"
    LOGGED_IN = "Q3"
    FAILED = "Q4"
    IN_CONTINUE = "Q5"


class SessionEvent(Enum):
    """What moves a session on; the comments give the RFC's transitions."""

    LEADING_LOGIN_STARTED = "leading login started"  # N1
    LOGGED_IN = "connection logged in"  # N2
    CLOSED = "closed"  # N3: logout, or reinstatement
    FAILED = "failed"  # N5
    TIMED_OUT = "timed out"  # N6
    CONTINUE_STARTED = "continuation started"  # N7
    CONTINUE_FAILED = "continuation failed"  # N8
    LEADING_LOGIN_FAILED = "leading login failed"  # N9
    CONTINUED = "continued"  # N10


S, E = SessionState, SessionEvent

TRANSITIONS: dict[SessionState, dict[SessionEvent, tuple[str, SessionState]]] = {
    S.FREE: {
        E.LEADING_LOGIN_STARTED: ("N1", S.ACTIVE),
    },
    S.ACTIVE: {
        E.LOGGED_IN: ("N2", S.LOGGED_IN),
        E.LEADING_LOGIN_FAILED: ("N9", S.FREE),
    },
    S.LOGGED_IN: {
        E.CLOSED: ("N3", S.FREE),
        E.FAILED: ("N5", S.FAILED),
    },
    S.FAILED: {
        E.TIMED_OUT: ("N6", S.FREE),
        E.CLOSED: ("N6", S.FREE),
        E.CONTINUE_STARTED: ("N7", S.IN_CONTINUE),
    },
    S.IN_CONTINUE: {
        E.CONTINUE_FAILED: ("N8", S.FAILED),
        E.CONTINUED: ("N10", S.LOGGED_IN),
        E.CLOSED: ("N11", S.FREE),
    },
}


def next_state(state: SessionState, event: SessionEvent) -> tuple[str, SessionState]:
    """The RFC's transition label and the new state.

    Raises:
        KeyError: the event is not possible in this state.
    """
    return TRANSITIONS[state][event]
