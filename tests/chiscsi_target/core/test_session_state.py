"""The session state table is the RFC's."""

from __future__ import annotations

from itertools import product

import pytest

from chiscsi_target.core.session_state import TRANSITIONS, SessionEvent, SessionState, next_state
from tests.chiscsi_target.core.matrices import read_matrix, read_table

# RFC 7143, 8.3.2.
MATRIX = """
      |Q1  |Q2  |Q3  |Q4  |Q5  |
  Q1  | -  |N1  | -  | -  | -  |
  Q2  |N9  | -  |N2  | -  | -  |
  Q3  |N3  | -  | -  |N5  | -  |
  Q4  |N6  | -  | -  | -  |N7  |
  Q5  |N11 | -  |N10 |N8  | -  |
"""


def test_the_table_is_the_rfcs_matrix() -> None:
    matrix = read_matrix(MATRIX)
    assert len(matrix) == 10
    assert read_table(TRANSITIONS) == matrix


@pytest.mark.parametrize("state, event", list(product(SessionState, SessionEvent)))
def test_every_event_is_legal_in_a_state_or_a_mistake(state: SessionState, event: SessionEvent) -> None:
    expected = TRANSITIONS[state].get(event)
    if expected is None:
        with pytest.raises(KeyError):
            next_state(state, event)
    else:
        assert next_state(state, event) == expected


@pytest.mark.parametrize("event", SessionEvent)
def test_every_event_happens_somewhere(event: SessionEvent) -> None:
    assert any(event in events for events in TRANSITIONS.values())
