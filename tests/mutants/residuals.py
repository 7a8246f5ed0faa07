"""Faults of residual counts, sense data and SCSI Responses (RFC 7143 sections 11.4.5 and 11.4.7)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_WRITE, SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.core import data_in, scsi_response, session
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.task import Task
from chiscsi_target.scsi import inquiry, medium, mode, reply, status
from chiscsi_target.scsi.logical_unit import LogicalUnit
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.mutants.planting import Original, Plant, mutant

_ILLEGAL_REQUEST = 5
_REPORT_LUNS = 0xA0


def _wrap_send(plant: Plant, send: Any) -> None:
    """Put `send` before what completes a command with parameter data."""
    for module in (inquiry, mode, status):
        plant.wrap(module, "send", send)


def _never_signal(plant: Plant, flag: int) -> None:
    def settle(original: Original, sc: chiscsi_scsi_command, length: int) -> int:
        result: int = original(sc, length)
        sc.sc_flag &= ~flag
        return result

    plant.wrap(reply, "settle", settle)
    plant.wrap(medium, "settle", settle)


@mutant("11.4.5.3", "residual-allocation-01 residual-allocation-02")
def allocation_length_is_ignored(plant: Plant) -> None:
    """Parameter data are cut to the expected length alone: what the allocation length cuts off counts as overflow."""
    _wrap_send(plant, lambda original, sc, data, allocation_length: original(sc, data, len(data)))


@mutant("11.4.5.2", "residual-allocation-03 residual-read-01 residual-read-04 residual-write-02 residual-write-03")
def underflow_is_not_signaled(plant: Plant) -> None:
    """A command that moves less than expected has no residual."""
    _never_signal(plant, SC_FLAG_XFER_UNDERFLOW)


@mutant("11.4.5.2", "residual-allocation-04 residual-read-02 residual-read-03 residual-write-01")
def overflow_is_not_signaled(plant: Plant) -> None:
    """A command that has more to move than expected has no residual."""
    _never_signal(plant, SC_FLAG_XFER_OVERFLOW)


@mutant("11.4.5.2", "residual-read-05")
def residual_counts_the_padding(plant: Plant) -> None:
    """Residual Count is a multiple of four."""

    def residual(original: Original, task: Task) -> tuple[int, int]:
        flag, count = original(task)
        return flag, count + -count % 4

    plant.wrap(data_in, "residual", residual)
    plant.wrap(scsi_response, "response_residual", residual)


@mutant("11.4.5.1", "residual-exact-01 residual-exact-02")
def residual_count_without_a_residual(plant: Plant) -> None:
    """Residual Count is not 0 although neither O nor U is set."""

    def edit(pdu: DataIn | ScsiResponse, _: Connection) -> None:
        if not pdu.overflow and not pdu.underflow and not pdu.status:
            pdu.residual_count = 1

    plant.sent(ScsiResponse, edit)
    plant.sent(DataIn, lambda pdu, connection: edit(pdu, connection) if pdu.status_present else None)


@mutant("11.4.5.3", "residual-allocation-05")
def lun_list_length_counts_what_fits(plant: Plant) -> None:
    """LUN LIST LENGTH is cut with the list."""

    def send(original: Original, sc: chiscsi_scsi_command, data: bytes, allocation_length: int) -> int:
        if sc.sc_cmd[0] == _REPORT_LUNS:
            data = (min(len(data), allocation_length) - 8).to_bytes(4, "big") + data[4:]
        result: int = original(sc, data, allocation_length)
        return result

    _wrap_send(plant, send)


def _wrap_sense(plant: Plant, change: Any) -> None:
    """Change the data segment of a SCSI Response to an illegal request."""

    def sense_segment(original: Original, task: Task) -> bytes:
        segment: bytes = original(task)
        changed: bytes = change(segment)
        return changed if task.sc_sense_key == _ILLEGAL_REQUEST else segment

    plant.wrap(scsi_response, "sense_segment", sense_segment)


@mutant("11.4.7", "autosense-01 response-lun-01")
def illegal_request_has_no_sense_data(plant: Plant) -> None:
    """CHECK CONDITION for an illegal request comes without sense data."""
    _wrap_sense(plant, lambda segment: b"")


@mutant("11.4.7", "autosense-02")
def sense_length_is_too_long(plant: Plant) -> None:
    """SenseLength counts itself, too."""
    _wrap_sense(plant, lambda segment: len(segment).to_bytes(2, "big") + segment[2:])


@mutant("11.4.4", "response-fields-01")
def residual_of_a_read_without_read(plant: Plant) -> None:
    """Bidirectional Read Residual Count is set in the response to a command of one direction."""

    def edit(pdu: ScsiResponse, _: Connection) -> None:
        pdu.bidi_read_residual_count = 512

    plant.sent(ScsiResponse, edit)


@mutant("11.4.1", "response-fields-02")
def residual_of_a_failed_read_is_twice_too_much(plant: Plant) -> None:
    """Residual Count of a read that failed is more than was expected."""

    def edit(pdu: ScsiResponse, _: Connection) -> None:
        if pdu.status and pdu.underflow:
            pdu.residual_count *= 2

    plant.sent(ScsiResponse, edit)


@mutant("11.4.2", "response-fields-03 incorrect-amount-06")
def write_beyond_the_end_is_good(plant: Plant) -> None:
    """A WRITE beyond the end of the medium ends with GOOD."""

    def fail(original: Original, unit: LogicalUnit, sc: chiscsi_scsi_command, *rest: Any) -> int:
        result: int = reply.good(sc) if sc.sc_flag & SC_FLAG_WRITE else original(unit, sc, *rest)
        return result

    plant.wrap(medium, "fail", fail)


@mutant("11.2.1.7", "response-lun-01 response-lun-02 lun-format-02")
def every_lun_is_lun_0(plant: Plant) -> None:
    """A LUN that does not exist leads to logical unit 0."""

    def decode(original: Original, field: int) -> int:
        number: int = original(field)
        return number if number < 4 else 0

    plant.wrap(session, "decode_lun", decode)
