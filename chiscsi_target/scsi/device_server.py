"""The device server: a LUN class that answers for the logical units of a target and hands medium commands to theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.constants import ISCSI_TMF_FUNCTION_CLEAR_ACA, SC_FLAG_WRITE
from chiscsi_target.api.functions import chiscsi_scsi_cmd_abort_status
from chiscsi_target.api.logical_unit import LU_FLAG_OFFLINE, chiscsi_lun
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.aborts import ABORTED, give_up
from chiscsi_target.scsi.aca import clear_aca, note_end
from chiscsi_target.scsi.admission import admit
from chiscsi_target.scsi.commands import handlers
from chiscsi_target.scsi.logical_unit import Device, LogicalUnit
from chiscsi_target.scsi.nexus import InitiatorPort
from chiscsi_target.scsi.parameter_data import arrived
from chiscsi_target.scsi.reply import fail
from chiscsi_target.scsi.reserve import release_unit
from chiscsi_target.scsi.restart import restore
from chiscsi_target.scsi.sense import (
    CAPACITY_CHANGED,
    INTERNAL_TARGET_FAILURE,
    REPORTED_LUNS_CHANGED,
    RESET_OCCURRED,
    Sense,
)
from chiscsi_target.scsi.status import REPORT_LUNS_UNIT
from chiscsi_target.scsi.table import COMMANDS, WITH_PROTECTION
from chiscsi_target.scsi.task_management import execute
from chiscsi_target.scsi.well_known import report_luns_unit
from iscsi_wire.scsi import Inquiry, ReportLuns

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList

__all__ = ["DeviceServer"]

_PRESENT: Final = handlers(COMMANDS)
_PROTECTING: Final = handlers(WITH_PROTECTION)
_ABSENT: Final = handlers(COMMANDS, present=False)
_REDISCOVERS: Final = frozenset((Inquiry.OPERATION_CODE, ReportLuns.OPERATION_CODE))
"""What an initiator sends that has noticed on its own, or is about to, that the units have changed."""
MOST_REFUSALS: Final = 100
"""After so many commands refused since the units had changed, the session is closed (behaviour file, 8.4)."""
_FOR_ANY_UNIT: Final = frozenset(command.cdb.OPERATION_CODE for command in COMMANDS if command.any_unit)


class DeviceServer(chiscsi_target_lun_class):
    """Executes the commands of a target whose LUN classes are not pass-through.

    To the core it is the LUN class of the whole target. A command that it answers itself is completed inside
    `fp_scsi_cmd_cdb_rcved`; a READ, WRITE or SYNCHRONIZE CACHE goes on to the LUN class of its logical unit, with
    `sc_lu`, `sc_lba` and `sc_blk_cnt` set, and so do all later hooks of that command.
    """

    class_name = "SCSI"
    further_functions = frozenset((ISCSI_TMF_FUNCTION_CLEAR_ACA,))
    """Task management functions that LUN classes do not have (guide 7.3.6)."""

    def __init__(
        self,
        luns: Sequence[chiscsi_lun],
        *,
        target_name: str = "",
        portal_group_tag: int = 1,
        portal_group_tags: Sequence[int] = (),
        vendor_id: str = "CHISCSI",
        revision: str = "0.1",
    ) -> None:
        """Make a device server.

        Args:
            luns: the logical units, attached; their numbers need not be consecutive.
            target_name: iSCSI name of the target, for VPD page 83h.
            portal_group_tag: tag of the target's portal group, likewise.
            portal_group_tags: those of all its portal groups, when there are more.
            vendor_id: T10 vendor identification, up to 8 characters.
            revision: product revision level, up to 4 characters.

        Raises:
            ConfigurationError: what a logical unit keeps over a restart cannot be used.
        """
        device = Device(target_name, portal_group_tag, vendor_id, revision, COMMANDS)
        device.target_ports.describe(portal_group_tags or (portal_group_tag,))
        device.with_protection = WITH_PROTECTION
        device.units = {lu.lun: _unit(lu, device) for lu in luns}
        self._device = device
        self.units = device.units
        self._rescans: dict[int | None, int] = {}  # sessions that are to look again, with the refusals that they had
        self.close_session: Callable[[int], object] = _close_nothing
        self._absent = LogicalUnit(chiscsi_lun(self, 0, ""), device, _ABSENT, present=False)
        self._well_known = report_luns_unit(device, self)
        self._on_turn = device.start = self._start  # bound once, since every command needs it

    @property
    def vendor_id(self) -> str:
        """T10 vendor identification of all units; setting it is seen by the next INQUIRY."""
        return self._device.vendor_id

    @vendor_id.setter
    def vendor_id(self, value: str) -> None:
        self._device.vendor_id = value

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Take a command: see `chiscsi_target_lun_class`."""
        unit = self.units.get(sc.sc_lun) or self._unit_of(sc)
        if not unit.tasks.take(sc) and not admit(unit, sc):
            return 0
        if unit.attentions or unit.guards or unit.lu.flags & LU_FLAG_OFFLINE:
            return self._execute(unit, sc)
        return unit.handlers[sc.sc_cmd[0]](unit, sc)

    def _unit_of(self, sc: chiscsi_scsi_command) -> LogicalUnit:
        return self.units.get(sc.sc_lun) or (self._well_known if sc.sc_lun == REPORT_LUNS_UNIT else self._absent)

    def _start(self, sc: chiscsi_scsi_command) -> None:
        """Execute a command that had to wait; nobody else would look at the result, or catch what a driver raises."""
        unit = self.units.get(sc.sc_lun) or self._unit_of(sc)
        if sc.sc_status or sc.sc_flag & ABORTED:
            give_up(sc)
            return
        try:
            result = self._execute(unit, sc)
        except DriverError as error:
            fail(unit, sc, Sense(error.key, error.asc, error.ascq))
        except Exception:
            fail(unit, sc, INTERNAL_TARGET_FAILURE)
        else:
            if result < 0:
                fail(unit, sc, INTERNAL_TARGET_FAILURE)

    def _execute(self, unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        if unit.attentions or unit.lu.flags & LU_FLAG_OFFLINE:
            sense = self._attention(unit, sc)
            if sense is not None:
                return fail(unit, sc, sense)
        stopped = unit.guards.stop(unit, sc) if unit.guards else None
        return unit.handlers[sc.sc_cmd[0]](unit, sc) if stopped is None else stopped

    def _attention(self, unit: LogicalUnit, sc: chiscsi_scsi_command) -> Sense | None:
        """The unit attention condition with which a command ends before it begins, if any (SAM-5, 5.14)."""
        session, code = sc.sc_sess, sc.sc_cmd[0]
        if code in _FOR_ANY_UNIT:
            if session in self._rescans:
                self._forget_rescan(session, but=None if code in _REDISCOVERS else unit)
            return None
        if unit.lu.flags & LU_FLAG_OFFLINE:
            return REPORTED_LUNS_CHANGED
        sense = unit.take_attention(session)
        if sense == REPORTED_LUNS_CHANGED and session in self._rescans:
            self._refused(session)
        return sense

    def _refused(self, session: int | None) -> None:
        """Count a command that was refused to make its session look again: it is told once, by whatever unit."""
        self._forget_rescan(session, but=None)
        self._rescans[session] = count = self._rescans.get(session, 0) + 1
        if count >= MOST_REFUSALS and session is not None:
            self.close_session(session)

    def _forget_rescan(self, session: int | None, *, but: LogicalUnit | None) -> None:
        for unit in self.units.values():
            if unit is not but:
                unit.forget_attention(session, REPORTED_LUNS_CHANGED)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Pass a medium command's buffers back to its driver, or execute a command whose data were waited for here."""
        if sc.sc_lu is None:
            return arrived(self._unit_of(sc), sc) if sc.sc_flag & SC_FLAG_WRITE else 0
        return sc.sc_lu.lun_class.fp_scsi_cmd_data_xfer_status(sc, buf, sgcnt, offset, buflen)

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Let the driver give up a medium command; one that is executed step by step takes no further one."""
        if sc.sc_lu is None:
            self._device.working.discard(sc)
            return chiscsi_scsi_cmd_abort_status(sc)
        return sc.sc_lu.lun_class.fp_scsi_cmd_abort(sc)

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Tell the driver of a logical unit that the abort which it asked for is done."""
        unit = self.units.get(sc_lun)
        if unit is not None:
            unit.lu.lun_class.fp_scsi_cmd_abort_status(sc_lun, sc_cmdsn, sc_itt, sc_xfer_sgcnt, buf, sc_sdev_hdl)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Let the driver release what it keeps for a medium command, and the commands run that waited for this one."""
        if sc.sc_lu is not None:
            sc.sc_lu.lun_class.fp_scsi_cmd_cleanup(sc)
        elif self._device.working:
            self._device.working.discard(sc)
        unit = self.units.get(sc.sc_lun) or self._unit_of(sc)
        unit.tasks.ended(sc, self._on_turn)

    def note_failure(self, sc: chiscsi_scsi_command) -> None:
        """Learn that a command ends with another status than GOOD, which is about to be sent.

        What the failure means for other commands begins with its status (SAM-5, clause 5), also if the command's driver
        has failed it, or the transport.
        """
        note_end(self._unit_of(sc), sc)

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Execute a task management function; `sess_tclass` is the handle that `session_added` was given."""
        return execute(self._device, sess_tclass, hndl, immediate_cmd, tmf_func, lun, sc)

    def session_added(
        self, sess_hdl: int, initiator_name: str, isid: bytes, target_name: str, portal_group_tag: int | None = None
    ) -> int:
        """Begin an I_T nexus: each logical unit has a unit attention condition for it.

        It has not been told yet of the power on, nor of a reset before it came into being (SAM-5, unit attention
        conditions). The general code 29h/00h covers them all, and is what initiators expect after a login.

        Args:
            sess_hdl: the session, which is an I_T nexus (RFC 7143, 4.4.2).
            initiator_name: the initiator's name, and with
            isid: its SCSI port.
            target_name: the target's name.
            portal_group_tag: tag of the portal group that it came in through; the target's only one without.

        Returns:
            `sess_hdl`, which is also what `fp_tmf_execute` expects.
        """
        self._device.sessions.add(sess_hdl)
        self._device.ports[sess_hdl] = InitiatorPort(initiator_name, isid)
        if portal_group_tag in self._device.target_ports.numbers:
            self._device.target_ports.arrivals[sess_hdl] = portal_group_tag
        for unit in self.units.values():
            unit.establish_attention(sess_hdl, RESET_OCCURRED)
        return sess_hdl

    def session_removed(self, sess_hdl: int) -> None:
        """End an I_T nexus and forget what was kept for it."""
        self._device.sessions.discard(sess_hdl)
        self._device.ports.pop(sess_hdl, None)
        self._device.target_ports.arrivals.pop(sess_hdl, None)
        self._device.visible.pop(sess_hdl, None)
        self._rescans.pop(sess_hdl, None)
        for unit in self.units.values():
            unit.attentions.pop(sess_hdl, None)
            unit.buffers.echo.pop(sess_hdl, None)
            unit.copies.forget(sess_hdl)
            release_unit(unit, sess_hdl)
            clear_aca(unit, sess_hdl)
            unit.readiness.preventing.discard(sess_hdl)
            unit.protected.discard(sess_hdl)

    # What changes at run time

    def restrict(self, sess_hdl: int, visible: Sequence[int] | None, may_write: Callable[[int], bool]) -> None:
        """Let a session see, and write, no more than its access list grants.

        Args:
            sess_hdl: the session.
            visible: numbers of the logical units, in the order of those that the session has for them; None for all.
            may_write: whether a unit, by its number, may be written.
        """
        if visible is None:
            self._device.visible.pop(sess_hdl, None)
        else:
            self._device.visible[sess_hdl] = visible
        for number, unit in self.units.items():
            unit.protected.discard(sess_hdl)
            if not may_write(number):
                unit.protected.add(sess_hdl)

    def watch(self, denied: Callable[[chiscsi_scsi_command], None], close_session: Callable[[int], object]) -> None:
        """Have `denied` called with writes that the access list forbids, and sessions closed that never look again."""
        self._device.denied = denied
        self.close_session = close_session

    def abort_by(self, abort: Callable[[int, Sequence[chiscsi_scsi_command], int], object]) -> None:
        """Have commands ended by `abort(session, commands, status)`, without a word when the status is GOOD."""
        self._device.abort_commands = abort

    def tells_of_aborts(self, lun: int) -> bool:
        """Whether commands that others end get the status TASK ABORTED (TAS of the Control mode page, SPC-4)."""
        unit = self.units.get(lun)
        return unit is not None and unit.tas

    def make_tokens_by(self, clock: Callable[[], float], random: Callable[[int], bytes]) -> None:
        """Have ROD tokens expire by a clock, in seconds, and made of random octets, so that nobody guesses one."""
        self._device.rod_tokens.clock = clock
        self._device.rod_tokens.random = random

    def work_by(self, background: Callable[[Callable[[], bool]], object]) -> None:
        """Have long work done by `background`, which calls what it is given again and again until that is False."""
        self._device.background = background

    def replace_units(
        self, luns: Sequence[chiscsi_lun], *, portal_group_tag: int, portal_group_tags: Sequence[int] = ()
    ) -> None:
        """Go by new descriptions of the logical units; one with the path of an old one keeps its state, even moved."""
        device = self._device
        device.portal_group_tag = portal_group_tag
        device.target_ports.describe(portal_group_tags or (portal_group_tag,))
        known = {unit.lu.path: unit for unit in device.units.values()}
        units = {}
        for lu in luns:
            unit = known.pop(lu.path, None)
            if unit is None:
                unit = _unit(lu, device)
            elif unit.lu.lun != lu.lun:
                # What its driver still holds is gone with its session, and would be looked for under the old number.
                unit.empty_task_set()
            unit.describe(lu)
            units[lu.lun] = unit
        if units != device.units:
            device.units.clear()
            device.units.update(units)

    def rescan(self, sess_hdl: int, resized: Iterable[int] = ()) -> None:
        """Tell a session that the units are not what they were.

        It is told once, at its next command to whatever unit (behaviour file, 8.4), and then of every new size by the
        unit that has it, as initiators expect it that know SBC-3 only (CAPACITY DATA HAS CHANGED).

        Args:
            sess_hdl: the session.
            resized: numbers of the logical units with another number or length of blocks.
        """
        self._rescans.setdefault(sess_hdl, 0)
        for unit in self.units.values():
            unit.establish_attention(sess_hdl, REPORTED_LUNS_CHANGED)
        for number in resized:
            self.establish_attention(sess_hdl, number, CAPACITY_CHANGED)

    def establish_attention(self, sess_hdl: int, lun: int, sense: Sense) -> None:
        """Establish a unit attention condition on one logical unit for a session.

        The core does so when it ended tasks on its own account: 47h/7Fh is what the next command then has to report
        (RFC 7143, 11.14.5).
        """
        unit = self.units.get(lun)
        if unit is not None:
            unit.establish_attention(sess_hdl, sense)


def _unit(lu: chiscsi_lun, device: Device) -> LogicalUnit:
    """A new logical unit, as it was before a restart."""
    unit = LogicalUnit(lu, device, _PROTECTING if lu.protection else _PRESENT)
    restore(unit)
    return unit


def _close_nothing(sess_hdl: int) -> None:
    """Close no session: nobody watches."""
