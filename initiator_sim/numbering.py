"""The numbers of a session that its connections share: CmdSN, the command window, task tags (RFC 7143, 4.2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.sequence import sn_add, sn_le, sn_lt


@dataclass(slots=True)
class Numbering:
    """The session-wide counters of an initiator.

    Attributes:
        cmd_sn: the CmdSN of the next non-immediate command.
        exp_cmd_sn: the highest ExpCmdSN received.
        max_cmd_sn: the highest MaxCmdSN received.
        next_tag: the next Initiator Task Tag.
        highest_sent: the highest CmdSN ever sent with a non-immediate command, or None before the first login.
        known: false once raw octets were sent, so that nobody knows what the target has seen.
    """

    cmd_sn: int = 1
    exp_cmd_sn: int = 1
    max_cmd_sn: int = 1
    next_tag: int = 1
    highest_sent: int | None = None
    known: bool = True

    def take_tag(self) -> int:
        """Return an Initiator Task Tag that no task of this session had so far."""
        tag = self.next_tag
        self.next_tag = 1 if tag + 1 >= RESERVED_TAG else tag + 1
        return tag

    def take_cmd_sn(self, immediate: bool) -> int:
        """Return the CmdSN for a request; only a non-immediate one uses it up."""
        number = self.cmd_sn
        if not immediate:
            self.cmd_sn = sn_add(number, 1)
        return number

    def sent(self, cmd_sn: int) -> None:
        """Note that a non-immediate command with `cmd_sn` was sent."""
        if self.highest_sent is None or sn_lt(self.highest_sent, cmd_sn):
            self.highest_sent = cmd_sn

    def start(self, exp_cmd_sn: int, max_cmd_sn: int) -> None:
        """Take over the window of the leading login's final response."""
        self.exp_cmd_sn, self.max_cmd_sn = exp_cmd_sn, max_cmd_sn
        self.highest_sent = sn_add(self.cmd_sn, -1)

    def update(self, exp_cmd_sn: int, max_cmd_sn: int) -> None:
        """Move the window forward as RFC 7143, 4.2.2.1 tells an initiator to; it never moves back."""
        if sn_lt(max_cmd_sn, sn_add(exp_cmd_sn, -1)):
            return
        if sn_lt(self.max_cmd_sn, max_cmd_sn):
            self.max_cmd_sn = max_cmd_sn
        if sn_lt(self.exp_cmd_sn, exp_cmd_sn):
            self.exp_cmd_sn = exp_cmd_sn

    @property
    def open(self) -> bool:
        """Whether the window admits the next non-immediate command."""
        return sn_le(self.cmd_sn, self.max_cmd_sn)

    def possible(self, exp_cmd_sn: int) -> bool:
        """Say whether the target can expect `exp_cmd_sn` next: it may not acknowledge what was never sent."""
        if not self.known or self.highest_sent is None:
            return True
        return sn_le(exp_cmd_sn, sn_add(self.highest_sent, 1))
