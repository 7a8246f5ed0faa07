"""The READ and WRITE machines: every pair of state and event, every move that the running code makes, and the page."""

from __future__ import annotations

import itertools

import pytest

from chiscsi_target.core import task as states
from chiscsi_target.core.task import CLOSED, DONE, STATE_NAMES, STATUS
from chiscsi_target.core.task_states import READ, WRITE, IllegalMove, TaskEvent, event_between, machine, reference_page
from tests.tree import ROOT

E = TaskEvent
ALIVE = range(states.INITIALIZED, STATUS)

# The rows of the behaviour file, 3.3 and 3.4, by the states' names; FAILED and ABORTED hold in all of them but the
# first one of a READ, which it leaves at once.
READ_ROWS = """
CLOSED ARRIVED INITIALIZED
INITIALIZED READY EXE_READY
EXE_READY TAKEN EXECUTING
EXECUTING DATA_GIVEN R_XFER
R_XFER DATA_GIVEN R_XFER
R_XFER SENT_WITH_STATUS DONE
R_XFER SENT STATUS
STATUS RESPONDED DONE
DONE RELEASED CLOSED
"""
WRITE_ROWS = """
CLOSED ARRIVED INITIALIZED
INITIALIZED TAKEN W_BUFFER_WAIT
W_BUFFER_WAIT BUFFERS_GIVEN W_BUFFER_READY
W_BUFFER_WAIT EXECUTED STATUS
W_BUFFER_READY ASKED W_XFER
W_BUFFER_READY FILLED EXE_READY
W_XFER ASKED W_XFER
W_XFER FILLED EXE_READY
EXE_READY HANDED_BACK EXECUTING
EXECUTING EXECUTED STATUS
EXECUTING MORE_WANTED INITIALIZED
EXECUTING BUFFERS_GIVEN W_BUFFER_READY
STATUS RESPONDED DONE
DONE RELEASED CLOSED
"""


def expected(rows: str) -> dict[tuple[str, TaskEvent], str]:
    words = (line.split() for line in rows.split("\n") if line)
    return {(state, TaskEvent[event]): following for state, event, following in words}


@pytest.mark.parametrize("is_write, rows", [(False, READ_ROWS), (True, WRITE_ROWS)])
def test_every_pair_of_state_and_event(is_write: bool, rows: str) -> None:
    wanted = expected(rows)
    table = machine(is_write)
    for state, event in itertools.product(range(states.INITIALIZED, CLOSED + 1), E):
        following = table.get(state, {}).get(event)
        may_end = state in ALIVE and state in table and (is_write or state != states.INITIALIZED)
        if event is E.FAILED:
            assert following == (STATUS if may_end else None)
        elif event is E.ABORTED:
            assert following == (DONE if may_end else None)
        else:
            found = None if following is None else STATE_NAMES[following]
            assert found == wanted.get((STATE_NAMES[state], event)), (STATE_NAMES[state], event)


@pytest.mark.parametrize("is_write, table", [(False, READ), (True, WRITE)])
def test_the_event_between_two_states(is_write: bool, table: dict[int, dict[TaskEvent, int]]) -> None:
    for old, new in itertools.product(range(states.INITIALIZED, CLOSED + 1), repeat=2):
        leading = [event for event, state in table.get(old, {}).items() if state == new]
        if not leading:
            with pytest.raises(IllegalMove, match=f"no move leads from {STATE_NAMES[old]} to {STATE_NAMES[new]}"):
                event_between(is_write, old, new, failed=False)
            continue
        good = event_between(is_write, old, new, failed=False)
        bad = event_between(is_write, old, new, failed=True)
        assert {good, bad} == set(leading)
        assert good not in (E.FAILED, E.ABORTED) or len(leading) == 1


def test_the_page_is_drawn_from_the_tables() -> None:
    page = ROOT / "docs/reference/command-states.md"
    assert page.read_text(encoding="utf-8") == reference_page(), "run python -m chiscsi_target.core.task_states"
