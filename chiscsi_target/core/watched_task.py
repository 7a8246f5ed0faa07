"""`WatchedTask`: a command whose every move is held against the tables of `task_states`, and recorded.

It stands in for `Task` when somebody listens or findings are wanted; otherwise nothing of this costs anything.
"""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.core.task import CLOSED, DONE, EXE_READY, INITIALIZED, STATE_NAMES, Task
from chiscsi_target.core.task_states import event_between
from iscsi_wire.records import StateRecord

__all__ = ["WatchedTask"]

_ENDED = SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT
_slot: Any = Task.__dict__["state"]


class WatchedTask(Task):
    """A task that tells of its transitions.

    Raises, when its state is set: `IllegalMove`, since the stack itself is at fault then.
    """

    __slots__ = ("_watched",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        _slot.__set__(self, CLOSED)
        self._watched = True
        self.state = INITIALIZED
        if not self.is_write:
            self.state = EXE_READY

    @property
    def state(self) -> int:
        """The state, one of `task`'s."""
        now: int = _slot.__get__(self)
        return now

    @state.setter
    def state(self, new: int) -> None:
        if hasattr(self, "_watched"):  # not while the base class is being set up
            self._tell(_slot.__get__(self), new)
        _slot.__set__(self, new)

    def _tell(self, old: int, new: int) -> None:
        """Hold a move against the tables, and record it."""
        if new == DONE:
            failed = self.sc_flag & _ENDED != 0
        else:
            failed = self.failing or self.sc_status != 0 or self.sc_response != 0
        event = event_between(self.is_write, old, new, failed=failed)
        agenda = self.connection.agenda
        if agenda.listener is not None:
            names = STATE_NAMES[old], f"{self.name}: {event}", STATE_NAMES[new]
            agenda.listener(StateRecord(agenda.now, "target", self.connection.name, "command", *names))
