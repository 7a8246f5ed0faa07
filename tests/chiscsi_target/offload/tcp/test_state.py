"""The state machine against figure 5 of RFC 9293, as its lines are drawn."""

from __future__ import annotations

import itertools

import pytest

from chiscsi_target.offload.tcp.state import TABLE, Event, IllegalTransition, State, next_state

# Lines of figure 5 and its notes, less those of an active open; and the calls of 3.10.5 and 3.10.8.
FIGURE_5 = """
    LISTEN        rcv SYN          SYN-RECEIVED
    SYN-RECEIVED  rcv ACK of SYN   ESTABLISHED
    SYN-RECEIVED  rcv RST          LISTEN
    SYN-RECEIVED  rcv SYN          LISTEN
    ESTABLISHED   CLOSE            FIN-WAIT-1
    ESTABLISHED   rcv FIN          CLOSE-WAIT
    FIN-WAIT-1    rcv ACK of FIN   FIN-WAIT-2
    FIN-WAIT-1    rcv FIN          CLOSING
    FIN-WAIT-2    rcv FIN          TIME-WAIT
    CLOSING       rcv ACK of FIN   TIME-WAIT
    CLOSE-WAIT    CLOSE            LAST-ACK
    LAST-ACK      rcv ACK of FIN   CLOSED
    TIME-WAIT     Timeout=2MSL     CLOSED
"""
SYNCHRONIZED = "ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT".split()


def drawn() -> dict[tuple[str, str], str]:
    lines = [[part.strip() for part in line.split("  ") if part.strip()] for line in FIGURE_5.strip().splitlines()]
    moves = {(old, event): new for old, event, new in lines}
    moves |= {(state, "rcv RST"): "CLOSED" for state in SYNCHRONIZED}
    moves |= {(state, "ABORT"): "CLOSED" for state in ["LISTEN", "SYN-RECEIVED", *SYNCHRONIZED]}
    return moves | {(state, "USER TIMEOUT"): "CLOSED" for state in ["SYN-RECEIVED", *SYNCHRONIZED]}


def test_the_table_is_the_figure() -> None:
    assert {(str(state), str(event)): str(new) for (state, event), new in TABLE.items()} == drawn()


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_is_a_move_or_an_error(state: State, event: Event) -> None:
    expected = drawn().get((state, event))
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{event} in {state}"):
            next_state(state, event)
    else:
        assert next_state(state, event) == expected
