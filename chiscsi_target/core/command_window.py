"""Command numbering (RFC 7143 section 4.2.2.1): the window of CmdSNs, and commands that wait behind a hole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from iscsi_wire.sequence import sn_le

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection

_MASK = 0xFFFFFFFF
_HALF = 0x80000000


class CommandWindow:
    """The CmdSN state of one session.

    Attributes:
        exp_cmd_sn: the next CmdSN to be delivered (ExpCmdSN).
        max_cmd_sn: the highest CmdSN that may arrive (MaxCmdSN); it moves on when a command has been answered.
        immediate: number of immediate commands being worked on; `size` bounds them too.
        on_hole: asked when a command comes behind a hole: whether it closes the connection; None for never.
    """

    __slots__ = ("_callbacks", "_waiting", "exp_cmd_sn", "immediate", "max_cmd_sn", "on_hole", "size")

    def __init__(self, cmd_sn: int, size: int) -> None:
        self.exp_cmd_sn = cmd_sn
        self.max_cmd_sn = (cmd_sn + size - 1) & _MASK
        self.size = size
        self.immediate = 0
        self.on_hole: Callable[[Connection], bool] | None = None
        self._waiting: dict[int, tuple[Connection | None, Callable[..., None], tuple[Any, ...]]] = {}
        self._callbacks: list[tuple[int, Callable[[], None]]] = []

    @property
    def last_cmd_sn(self) -> int:
        """The highest CmdSN received so far; from any thread."""
        ahead = max(((cmd_sn - self.exp_cmd_sn) & _MASK for cmd_sn in list(self._waiting)), default=-1)
        return (self.exp_cmd_sn + ahead) & _MASK

    def resize(self, size: int) -> None:
        """Let `size` commands in, before the first one has come."""
        self.size = size
        self.max_cmd_sn = (self.exp_cmd_sn + size - 1) & _MASK

    def admits(self, cmd_sn: int) -> bool:
        """Whether a non-immediate command may come in: it is inside the window, and not there already."""
        if cmd_sn == self.exp_cmd_sn:
            return self.max_cmd_sn != (cmd_sn - 1) & _MASK
        ahead = (cmd_sn - self.exp_cmd_sn) & _MASK
        room = (self.max_cmd_sn - self.exp_cmd_sn) & _MASK
        # A closed window has MaxCmdSN = ExpCmdSN - 1: the difference wraps to a number beyond one half.
        return ahead <= room < _HALF and cmd_sn not in self._waiting

    def in_turn(self, cmd_sn: int) -> bool:
        """Count an admitted command as delivered if it is the next one and nobody waits for it; else see `arrived`."""
        if cmd_sn != self.exp_cmd_sn or self._waiting or self._callbacks:
            return False
        self.exp_cmd_sn = (cmd_sn + 1) & _MASK
        return True

    def arrived(self, cmd_sn: int, connection: Connection | None, deliver: Callable[..., None], *what: Any) -> None:
        """Call `deliver(*what)` for a command that was admitted, now or when the hole before it is filled."""
        if cmd_sn != self.exp_cmd_sn:
            if self.on_hole is None or connection is None or not self.on_hole(connection):
                self._waiting[cmd_sn] = connection, deliver, what
            return
        self.exp_cmd_sn = (cmd_sn + 1) & _MASK
        deliver(*what)
        while self.exp_cmd_sn in self._waiting:
            _, deliver, what = self._waiting.pop(self.exp_cmd_sn)
            self.exp_cmd_sn = (self.exp_cmd_sn + 1) & _MASK
            deliver(*what)
        if self._callbacks:
            self._call_back()

    def call_at(self, cmd_sn: int, callback: Callable[[], None]) -> None:
        """Call back when all commands before `cmd_sn` have been delivered."""
        self._callbacks.append((cmd_sn, callback))

    def _call_back(self) -> None:
        due = [entry for entry in self._callbacks if sn_le(entry[0], self.exp_cmd_sn)]
        self._callbacks = [entry for entry in self._callbacks if entry not in due]
        for _, callback in due:
            callback()

    def skip(self, cmd_sn: int) -> None:
        """Regard a command that has not come as received and ended (section 11.6.1, ABORT TASK of such a command)."""
        self.answered()
        self.arrived(cmd_sn, None, _nothing)

    def holds(self, cmd_sn: int) -> bool:
        """Whether a command has come and waits for a hole before it to be filled."""
        return cmd_sn in self._waiting

    def forget(self, cmd_sn: int) -> None:
        """Keep a waiting command's place, but deliver nothing."""
        if cmd_sn in self._waiting:
            self._waiting[cmd_sn] = None, _nothing, ()

    def discard(self, connection: Connection) -> set[int]:
        """Drop what waits on a connection, which leaves holes (section 11.14); returns the numbers dropped."""
        dropped = {cmd_sn for cmd_sn, (owner, _, _) in self._waiting.items() if owner is connection}
        for cmd_sn in dropped:
            del self._waiting[cmd_sn]
        return dropped

    def answered(self) -> None:
        """Let one more command in: a non-immediate one has been answered, or ended without an answer."""
        self.max_cmd_sn = (self.max_cmd_sn + 1) & _MASK


def _nothing() -> None:
    """Deliver a command that is not to be executed."""
