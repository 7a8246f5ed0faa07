"""Faults of ACA, QERR, TAS, task attributes and unit attention conditions (SAM-5; SPC-4, Control mode page)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chiscsi_target.api.constants import (
    ISCSI_TASK_ATTRIBUTES_ACA,
    ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE,
    ISCSI_TASK_ATTRIBUTES_ORDERED,
    ISCSI_TASK_ATTRIBUTES_SIMPLE,
)
from chiscsi_target.scsi import aca, admission, mode_pages, persistent_reserve, task_management
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.reply import end
from chiscsi_target.scsi.task_set import TaskSet
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi_page_codes import ModePageCode, QueueError
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import everywhere, returned

_ACA = "SAM-5, auto contingent allegiance"
_CONTROL_PAGE = (ModePageCode.CONTROL, 0)


@mutant("SPC-4 6.6.2, standard INQUIRY data: NORMACA", "scsi-aca-01")
def naca_is_taken_although_normaca_is_0(plant: Plant) -> None:
    """NORMACA is 0, and NACA is no error."""

    def change(data: bytearray, octets: bytes) -> None:
        if not octets[1]:
            data[3] &= ~0x20

    returned(plant, change, 0x12)


@mutant(_ACA, "scsi-aca-02 scsi-aca-04 scsi-aca-06 scsi-aca-07 scsi-aca-09.naca")
def naca_establishes_nothing(plant: Plant) -> None:
    """A failure with NACA establishes no ACA condition."""
    plant.replace(TaskSet, "fault", lambda *_: None)


@mutant(_ACA, "scsi-aca-03")
def every_failure_establishes_aca(plant: Plant) -> None:
    """A READ (10) that fails establishes an ACA condition without NACA."""
    plant.replace(aca, "naca", lambda sc: sc.sc_cmd[0] == 0x28)


@mutant(_ACA, "scsi-aca-04 scsi-aca-08 scsi-aca-09")
def the_aca_attribute_is_as_any_other(plant: Plant) -> None:
    """A command with the attribute ACA gets ACA ACTIVE, whether there is an ACA condition or not."""

    def refuse(original: Original, unit: LogicalUnit, sc: Any) -> bool:
        if sc.sc_attribute != ISCSI_TASK_ATTRIBUTES_ACA:
            return bool(original(unit, sc))
        end(sc, ScsiStatus.ACA_ACTIVE)
        return True

    plant.wrap(admission, "_refuse", refuse)


@mutant("SAM-5 7, CLEAR ACA", "scsi-aca-05")
def clear_aca_clears_nothing(plant: Plant) -> None:
    """CLEAR ACA is complete, and the condition goes on."""
    plant.replace(task_management, "clear_aca", lambda *_: None)


@mutant("SAM-5 7, CLEAR ACA", "scsi-aca-06")
def clear_aca_clears_all(plant: Plant) -> None:
    """CLEAR ACA ends the ACA conditions of other nexuses, too."""
    plant.wrap(task_management, "clear_aca", lambda original, unit, session: aca.clear_all_aca(unit))


@mutant(_ACA, "scsi-aca-07")
def aca_is_seen_by_the_faulted_nexus_alone(plant: Plant) -> None:
    """With one task set for all, commands of other nexuses are executed while an ACA condition is in force."""
    plant.replace(TaskSet, "blocked", lambda tasks, session: session in tasks.faulted)


@mutant(_ACA, "scsi-aca-09.plain scsi-aca-10")
def only_clear_aca_ends_aca(plant: Plant) -> None:
    """Neither a failing ACA command nor a reset ends an ACA condition."""
    plant.replace(aca, "clear_aca", lambda *_: None)


@mutant("SPC-4 5.12.11, preempting and aborting", "scsi-aca-11")
def preempting_leaves_aca(plant: Plant) -> None:
    """PREEMPT AND ABORT does not end the ACA condition of whom it preempts."""
    plant.replace(persistent_reserve, "clear_aca", lambda *_: None)


@mutant("SPC-4 7.5, Control mode page: TST", "scsi-aca-12")
def task_sets_are_never_divided(plant: Plant) -> None:
    """TST 001b is taken, and an ACA condition stops the commands of all nexuses all the same."""
    plant.replace(TaskSet, "blocked", lambda tasks, _: bool(tasks.faulted))


@mutant("SPC-4 7.5, Control mode page: QERR", "scsi-qerr-02 scsi-qerr-03")
def no_failure_aborts_other_commands(plant: Plant) -> None:
    """QERR is always taken for 00b."""
    plant.replace(aca, "abort_commands", lambda *_: None)


@mutant("SPC-4 7.5, Control mode page: QERR", "scsi-qerr-01")
def every_failure_aborts_all_commands(plant: Plant) -> None:
    """QERR is always taken for 01b."""
    original = aca.after_check_condition

    def after(unit: LogicalUnit, sc: Any) -> None:
        kept, unit.qerr = unit.qerr, int(QueueError.ABORT_ALL)
        original(unit, sc)
        unit.qerr = kept

    everywhere(plant, "after_check_condition", original, after)


@mutant("SPC-4 7.5, Control mode page: QERR", "scsi-qerr-04")
def the_reserved_qerr_is_taken(plant: Plant) -> None:
    """QERR 10b can be selected."""
    page = mode_pages.PAGES[_CONTROL_PAGE]
    plant.row(mode_pages.PAGES, _CONTROL_PAGE, replace(page, changeable={**page.changeable, "qerr": (0, 1, 2, 3)}))


@mutant("SPC-4 7.5, Control mode page: TAS", "scsi-qerr-03.status scsi-tas-01.status")
def tas_is_ignored(plant: Plant) -> None:
    """No command ever ends with TASK ABORTED."""
    page = mode_pages.PAGES[_CONTROL_PAGE]

    def put(unit: LogicalUnit, values: Any) -> None:
        page.put(unit, values)
        unit.tas = False

    plant.row(mode_pages.PAGES, _CONTROL_PAGE, replace(page, put=put))


@mutant("SPC-4 7.5, Control mode page: TAS", "scsi-qerr-03.attention scsi-tas-01.attention")
def tas_is_always_set(plant: Plant) -> None:
    """Commands that others end get TASK ABORTED whatever TAS says."""
    page = mode_pages.PAGES[_CONTROL_PAGE]

    def put(unit: LogicalUnit, values: Any) -> None:
        page.put(unit, values)
        unit.tas = True

    plant.row(mode_pages.PAGES, _CONTROL_PAGE, replace(page, put=put))


def _attribute(plant: Plant, old: int, new: int) -> None:
    """Take one task attribute for another."""

    def received(original: Original, server: DeviceServer, sc: Any) -> int:
        if sc.sc_attribute == old:
            sc.sc_attribute = new
        return int(original(server, sc))

    plant.wrap(DeviceServer, "fp_scsi_cmd_cdb_rcved", received)


@mutant("SAM-5 8, task set management", "scsi-order-01 scsi-order-02")
def ordered_is_simple(plant: Plant) -> None:
    """ORDERED is taken for SIMPLE."""
    _attribute(plant, ISCSI_TASK_ATTRIBUTES_ORDERED, ISCSI_TASK_ATTRIBUTES_SIMPLE)


@mutant("SAM-5 8, task set management", "scsi-order-03")
def head_of_queue_is_ordered(plant: Plant) -> None:
    """HEAD OF QUEUE is taken for ORDERED."""
    _attribute(plant, ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE, ISCSI_TASK_ATTRIBUTES_ORDERED)


@mutant("SAM-5 8, task set management", "scsi-order-04")
def simple_is_ordered(plant: Plant) -> None:
    """SIMPLE is taken for ORDERED."""
    _attribute(plant, ISCSI_TASK_ATTRIBUTES_SIMPLE, ISCSI_TASK_ATTRIBUTES_ORDERED)


@mutant("SAM-5 5.14, unit attention conditions", "scsi-attention-01 scsi-attention-03")
def attentions_are_told_twice(plant: Plant) -> None:
    """A unit attention condition is reported two times."""
    told: set[tuple[int, Any]] = set()

    def take(original: Original, unit: LogicalUnit, session: Any) -> Any:
        sense, key = original(unit, session), (unit.lu.lun, session)
        if sense is not None and key not in told:
            told.add(key)
            unit.establish_attention(session, sense)
        else:
            told.discard(key)
        return sense

    plant.wrap(LogicalUnit, "take_attention", take)


@mutant("SAM-5 5.14, unit attention conditions", "scsi-attention-02")
def inquiry_and_report_luns_clear_attentions(plant: Plant) -> None:
    """INQUIRY and REPORT LUNS clear a unit attention condition that nobody was told of."""

    def received(original: Original, server: DeviceServer, sc: Any) -> int:
        if sc.sc_cmd[0] in (0x12, 0xA0) and sc.sc_lun in server.units:
            server.units[sc.sc_lun].take_attention(sc.sc_sess)
        return int(original(server, sc))

    plant.wrap(DeviceServer, "fp_scsi_cmd_cdb_rcved", received)


@mutant("SPC-4 6.39, REQUEST SENSE command", "scsi-attention-03 scsi-stop-02")
def request_sense_knows_nothing(plant: Plant) -> None:
    """REQUEST SENSE always returns NO SENSE."""

    def change(data: bytearray, _: bytes) -> None:
        data[2] &= 0xF0
        data[12:14] = bytes(2)

    returned(plant, change, 0x03)


@mutant("SAM-5 5.14, unit attention conditions", "scsi-attention-04")
def one_nexus_is_told_for_all(plant: Plant) -> None:
    """The report of a unit attention condition clears that of every nexus."""

    def take(original: Original, unit: LogicalUnit, session: Any) -> Any:
        sense = original(unit, session)
        if sense is not None:
            unit.attentions.clear()
        return sense

    plant.wrap(LogicalUnit, "take_attention", take)
