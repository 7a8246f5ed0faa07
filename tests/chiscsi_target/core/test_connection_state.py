"""The connection state table is the RFC's, and nothing else moves a connection."""

from __future__ import annotations

from itertools import product

import pytest

from chiscsi_target.core.connection_state import TRANSITIONS, ConnectionEvent, ConnectionState, next_state
from tests.chiscsi_target.core.matrices import read_matrix, read_table

# RFC 7143, 8.1.4.
MATRIX = """
      |S1  |S3 |S4 |S5 |S6 |S7  |S8 |
    S1| -  |T3 | - | - | - | -  | - |
    S3|T6  |-  |T4 | - | - | -  | - |
    S4|T7  |-  |-  |T5 | - | -  | - |
    S5|T8  |-  |-  | - |T9 |T11 |T15|
    S6|T13 |-  |-  | - |-  |-   |T17|
    S7|T18 |-  |-  | - |T10|T12 |T16|
    S8| -  |-  |-  | - | - | -  | - |
"""
# RFC 7143, 8.2: CLEANUP_WAIT (R1) is left by the cleanup state machine, for FREE (R3), when its time is over.
CLEANUP = {("S8", "M1", "S1")}


def test_the_matrix_is_read_completely() -> None:
    transitions = read_matrix(MATRIX)
    labels = sorted(int(label[1:]) for _, label, _ in transitions)
    # T1 and T2 are an initiator's, T14 is one's too.
    assert labels == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18]


def test_the_table_is_the_rfcs_matrix() -> None:
    assert read_table(TRANSITIONS) == read_matrix(MATRIX) | CLEANUP


@pytest.mark.parametrize("state, event", list(product(ConnectionState, ConnectionEvent)))
def test_every_event_is_legal_in_a_state_or_a_mistake(state: ConnectionState, event: ConnectionEvent) -> None:
    expected = TRANSITIONS[state].get(event)
    if expected is None:
        with pytest.raises(KeyError):
            next_state(state, event)
    else:
        assert next_state(state, event) == expected


@pytest.mark.parametrize("event", ConnectionEvent)
def test_every_event_happens_somewhere(event: ConnectionEvent) -> None:
    assert any(event in events for events in TRANSITIONS.values())


def test_every_state_can_end() -> None:
    """Whatever state a connection is in, the transport's end brings it back to FREE."""
    for state in ConnectionState:
        if state in (ConnectionState.FREE, ConnectionState.CLEANUP_WAIT):
            continue
        _, following = next_state(state, ConnectionEvent.TRANSPORT_LOST)
        if following is ConnectionState.CLEANUP_WAIT:
            _, following = next_state(following, ConnectionEvent.CLEANED_UP)
        assert following is ConnectionState.FREE
