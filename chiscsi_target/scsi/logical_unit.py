"""A logical unit as the device server keeps it: the driver's `chiscsi_lun` and the SCSI state around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.scsi.copy_results import CopyResults
from chiscsi_target.scsi.data_buffer import Buffers
from chiscsi_target.scsi.guards import Guards
from chiscsi_target.scsi.mode_pages import ModePages
from chiscsi_target.scsi.nexus import InitiatorPort, Nexus
from chiscsi_target.scsi.port_groups import TargetPorts
from chiscsi_target.scsi.protected_medium import medium_behind
from chiscsi_target.scsi.protection_information import TUPLE
from chiscsi_target.scsi.readiness import Readiness
from chiscsi_target.scsi.reservations import Reservations
from chiscsi_target.scsi.rod_tokens import RodTokens
from chiscsi_target.scsi.sense import LOGICAL_UNIT_NOT_SUPPORTED, NO_SENSE, RESET_OCCURRED, Sense
from chiscsi_target.scsi.task_set import TaskSet
from chiscsi_target.scsi.watched_medium import WatchedMedium

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.commands import Command
    from chiscsi_target.scsi.watched_medium import Watcher

__all__ = ["NO_LOGICAL_UNIT", "Device", "Handler", "LogicalUnit"]

MAXIMUM_TRANSFER: Final = 16 << 20
"""Octets that one READ or WRITE may move. It bounds the memory of a command; VPD page b0 tells it in blocks."""

_RESET_CODE: Final = RESET_OCCURRED.asc
NO_LOGICAL_UNIT: Final = 0x7F
"""Peripheral qualifier 011b, device type 1Fh: there is no logical unit at this number (SPC-4, 6.6.2)."""


def _abort_nothing(session: int, commands: Sequence[chiscsi_scsi_command], status: int) -> None:
    """End no commands: nobody can."""


def _start_nothing(sc: chiscsi_scsi_command) -> None:
    """Start no command: nobody waits."""


def _take_all(step: Callable[[], bool]) -> None:
    """Take all the steps of long work at once: nobody can do them beside other commands."""
    while step():
        pass


def _tell_nobody(sc: chiscsi_scsi_command) -> None:
    """Tell nobody of a write that was refused."""


@dataclass(slots=True)
class Device:
    """What the logical units of one target have in common.

    Attributes:
        target_name: iSCSI name of the target.
        portal_group_tag: tag of the portal group through which it is reached, which is the SCSI target port.
        vendor_id, revision: T10 vendor identification and product revision, for INQUIRY.
        commands: the rows of the command table; and
        with_protection: those for units with protection information.
        units: the logical units by number.
        target_ports: the target ports, and through which of them each session came.
        ports: whose they are: the initiator port of each.
        abort_commands: ends commands of a session with a status, or without a word when that is GOOD.
        start: executes a command that had to wait in its task set.
        sessions: handles of the sessions, each of them an I_T nexus (RFC 7143, 4.4.1).
        visible: the numbers of the logical units that a session sees, for sessions that do not see all of them, in the
            order of the numbers which the session has for them.
        background: has steps of long work taken beside other commands, each returning whether there are more.
        working: commands that are executed so.
        rod_tokens: copies of blocks that tokens stand for.
        denied: called with a command that was refused since its session may not write.
    """

    target_name: str
    portal_group_tag: int
    vendor_id: str
    revision: str
    commands: Sequence[Command] = ()
    with_protection: Sequence[Command] = ()
    units: dict[int, LogicalUnit] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)
    ports: dict[int | None, InitiatorPort] = field(default_factory=dict)
    visible: dict[int | None, Sequence[int]] = field(default_factory=dict)
    denied: Callable[[chiscsi_scsi_command], None] = _tell_nobody
    abort_commands: Callable[[int, Sequence[chiscsi_scsi_command], int], object] = _abort_nothing
    start: Callable[[chiscsi_scsi_command], object] = _start_nothing
    background: Callable[[Callable[[], bool]], object] = _take_all
    working: set[chiscsi_scsi_command] = field(default_factory=set)
    rod_tokens: RodTokens = field(default_factory=RodTokens)
    target_ports: TargetPorts = field(init=False)

    def __post_init__(self) -> None:
        self.target_ports = TargetPorts((self.portal_group_tag,))

    def nexus(self, session: int | None) -> Nexus | None:
        """The I_T nexus that a session is; None when it is gone."""
        port = self.ports.get(session)
        return None if port is None else Nexus(port, self.target_ports.of_session(session))


class LogicalUnit:
    """One logical unit.

    Attributes:
        lu: the driver's description; `lu.size`, `lu.sect_shift` and `lu.flags` are read at each command.
        device: the target that it belongs to.
        handlers: what to call for each operation code.
        execute: the driver's hook for commands that touch the medium.
        medium: the storage, for the commands that are executed here; with protection information, it sees to that.
        max_blocks: blocks that one command may move.
        peripheral: first octet of its INQUIRY data.
        standing_sense: what REQUEST SENSE answers when nothing is pending.
        attentions: unit attention conditions by session handle, oldest first (SAM-5, 5.14). A session with none has
            no entry, so that an empty table is all that the common path looks at.
        guards: what else stands before every command for the time being.
        protected: handles of the sessions that may not write, though others may.
        readiness: how things are with the medium.
        reservations: who is registered, and who holds what.
        tasks: the commands that run, and those that wait because of their task attribute.
        modes: the mode pages, of which some values are at hand here too:
        swp: whether nobody may write (SWP).
        watchers: who is told of octets before they change; changed by `watch` and `unwatch`.
        access_states: asymmetric access states that were ever set, by target port group.
        qerr, tas: the fields of these names in the Control mode page.
        buffers: what WRITE BUFFER wrote.
        copies: how third-party copies went.
    """

    __slots__ = (
        "access_states",
        "attentions",
        "buffers",
        "copies",
        "device",
        "execute",
        "guards",
        "handlers",
        "lu",
        "max_blocks",
        "medium",
        "modes",
        "peripheral",
        "present",
        "protected",
        "qerr",
        "readiness",
        "reservations",
        "standing_sense",
        "swp",
        "tas",
        "tasks",
        "watchers",
    )

    def __init__(self, lu: chiscsi_lun, device: Device, handlers: Sequence[Handler], *, present: bool = True) -> None:
        self.device = device
        self.handlers = handlers
        self.present = present
        self.modes = ModePages(self)
        self.tasks = TaskSet()
        self.swp = self.tas = False
        self.qerr = 0
        self.buffers = Buffers()
        self.copies = CopyResults()
        self.watchers: list[Watcher] = []
        self.describe(lu)
        self.peripheral = 0 if present else NO_LOGICAL_UNIT
        self.standing_sense = NO_SENSE if present else LOGICAL_UNIT_NOT_SUPPORTED
        self.attentions: dict[int | None, list[Sense]] = {}
        self.guards = Guards()
        self.access_states: dict[int, int] = {}
        self.protected: set[int | None] = set()
        self.readiness = Readiness()
        self.reservations = Reservations()

    def describe(self, lu: chiscsi_lun) -> None:
        """Go by the driver's description `lu` from now on."""
        self.lu = lu
        self._connect()
        self.max_blocks = MAXIMUM_TRANSFER // ((1 << lu.sect_shift) + (TUPLE if lu.protection else 0))
        self.tasks.limit = lu.task_set_limit
        self.modes.describe()

    def _connect(self) -> None:
        """Have commands executed by the driver and on its medium, by way of the watchers if there are some."""
        lu = self.lu
        hook = lu.lun_class.fp_scsi_cmd_cdb_rcved
        self.execute: Callable[[chiscsi_scsi_command], int] = self._tell_and_execute if self.watchers else hook
        medium = lu.medium
        if self.watchers and medium is not None:
            medium = WatchedMedium(medium, self._about_to_change)
        self.medium = medium_behind(lu, medium)

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody of octets before they change, from now on."""
        self.watchers.append(watcher)
        self._connect()

    def unwatch(self, watcher: Watcher) -> None:
        """Tell somebody no longer."""
        self.watchers.remove(watcher)
        self._connect()

    def _about_to_change(self, offset: int, length: int) -> None:
        for watcher in self.watchers:
            watcher(offset, length)

    def _tell_and_execute(self, sc: chiscsi_scsi_command) -> int:
        if sc.sc_flag & SC_FLAG_WRITE:
            self._about_to_change(sc.sc_lba << self.lu.sect_shift, sc.sc_blk_cnt << self.lu.sect_shift)
        return self.lu.lun_class.fp_scsi_cmd_cdb_rcved(sc)

    def empty_task_set(self) -> None:
        """Begin with an empty task set: what was in it has been ended by others."""
        divided, limit = self.tasks.divided, self.tasks.limit
        self.tasks = TaskSet(limit)
        self.tasks.divided = divided

    @property
    def commands(self) -> Sequence[Command]:
        """The rows of its commands."""
        return self.device.with_protection if self.lu.protection else self.device.commands

    def write_protected(self, session: int | None) -> bool:
        """Whether a session may not write."""
        return self.lu.read_only or self.swp or session in self.protected

    def establish_attention(self, session: int, sense: Sense) -> None:
        """Queue a unit attention condition for a session; a reset takes the place of all others (SAM-5, 5.14)."""
        queue = self.attentions.setdefault(session, [])
        if sense.asc == _RESET_CODE:
            queue.clear()
        if sense not in queue:
            queue.append(sense)

    def forget_attention(self, session: int | None, sense: Sense) -> None:
        """Clear one unit attention condition of a session, if it is pending."""
        queue = self.attentions.get(session)
        if queue and sense in queue:
            queue.remove(sense)
            if not queue:
                del self.attentions[session]

    def take_attention(self, session: int | None) -> Sense | None:
        """The oldest unit attention condition of a session, which is cleared by being reported; None without one."""
        queue = self.attentions.get(session)
        if not queue:
            return None
        sense = queue.pop(0)
        if not queue:
            del self.attentions[session]
        return sense


Handler: TypeAlias = "Callable[[LogicalUnit, chiscsi_scsi_command], int]"
"""Executes one command of a logical unit; the result is that of `fp_scsi_cmd_cdb_rcved`."""
