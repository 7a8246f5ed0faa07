"""Faults of logs, diagnostics, buffers, and of the report on task management functions (SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import data_buffer, diagnostic
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import FAILED_SELF_TEST
from tests.mutants.planting import Plant, mutant
from tests.mutants.scsi_seams import cdb, returned

_LOG_SENSE, _LOG_SELECT, _RECEIVE, _SEND, _READ, _WRITE, _REPORT = 0x4D, 0x4C, 0x1C, 0x1D, 0x3C, 0x3B, 0xA3
_LOGS = "SPC-4 7.3, Supported Log Pages log page"
_SENSE = "SPC-4 6.8, LOG SENSE command"
_FUNCTIONS = "SPC-4 6.36, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS command"
_CODE = 0x3F


@mutant(_LOGS, "scsi-log-01")
def log_pages_are_listed_backwards(plant: Plant) -> None:
    """The list of log pages is in descending order."""

    def change(data: bytearray, octets: bytes) -> None:
        if not octets[2] & _CODE and not octets[3]:
            data[4:] = data[:3:-1]

    returned(plant, change, _LOG_SENSE)


@mutant("SPC-4 7.3, log page structure", "scsi-log-02")
def log_pages_end_too_early(plant: Plant) -> None:
    """A log page lacks the last octet of its last parameter."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[2] & _CODE:
            del data[-1]
            data[2:4] = (len(data) - 4).to_bytes(2)

    returned(plant, change, _LOG_SENSE)


@mutant(_SENSE, "scsi-log-03")
def missing_log_pages_are_the_list(plant: Plant) -> None:
    """A log page that does not exist is answered with the list of those that do."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[2] & _CODE > 0x2F:
            octets[2] &= ~_CODE

    cdb(plant, change, _LOG_SENSE)


@mutant("SPC-4 7.3, Supported Log Pages and Subpages log page", "scsi-log-04")
def the_list_of_subpages_is_cut(plant: Plant) -> None:
    """The list of pages and subpages has the first page only."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[3] and not octets[2] & _CODE:
            del data[8:]
            data[2:4] = (4).to_bytes(2)

    returned(plant, change, _LOG_SENSE)


@mutant(_SENSE, "scsi-log-05")
def parameter_pointers_are_ignored(plant: Plant) -> None:
    """PARAMETER POINTER is taken for 0."""

    def change(octets: bytearray, _: Any) -> None:
        octets[5:7] = bytes(2)

    cdb(plant, change, _LOG_SENSE)


@mutant("SPC-4 6.7, LOG SELECT command", "scsi-log-07")
def resets_need_a_list(plant: Plant) -> None:
    """LOG SELECT with PCR wants a parameter list."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] & 2:
            octets[1], octets[7:9] = 0, (4).to_bytes(2)

    cdb(plant, change, _LOG_SELECT)


@mutant("SPC-4 6.7, LOG SELECT command", "scsi-log-08")
def pcr_is_ignored(plant: Plant) -> None:
    """PCR together with a parameter list is no error of the CDB."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= ~2

    cdb(plant, change, _LOG_SELECT)


@mutant("SPC-4 6.42, SEND DIAGNOSTIC command", "scsi-diagnostic-01")
def self_tests_fail(plant: Plant) -> None:
    """The self-test of a sound unit fails."""

    def fail(_: Any) -> None:
        raise Refused(FAILED_SELF_TEST)

    plant.replace(diagnostic, "_test", fail)


@mutant("SPC-4 6.42, SEND DIAGNOSTIC command", "scsi-diagnostic-02")
def two_self_tests_are_one(plant: Plant) -> None:
    """SELF-TEST CODE is ignored beside SELFTEST."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] & 4:
            octets[1] &= 0x1F

    cdb(plant, change, _SEND)


@mutant("SPC-4, RECEIVE DIAGNOSTIC RESULTS command", "scsi-diagnostic-03")
def diagnostic_pages_have_another_name(plant: Plant) -> None:
    """The list of diagnostic pages has PAGE CODE 01h."""

    def change(data: bytearray, _: bytes) -> None:
        data[0] = 1

    returned(plant, change, _RECEIVE)


@mutant("SPC-4, RECEIVE DIAGNOSTIC RESULTS command", "scsi-diagnostic-04")
def every_diagnostic_page_is_the_list(plant: Plant) -> None:
    """A diagnostic page that does not exist is answered with the list of those that do."""

    def change(octets: bytearray, _: Any) -> None:
        octets[2] = 0

    cdb(plant, change, _RECEIVE)


@mutant("SPC-4 6.18, READ BUFFER command", "scsi-buffer-01 scsi-buffer-03")
def buffers_lose_a_bit(plant: Plant) -> None:
    """READ BUFFER returns other data than were written."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] in (0x02, 0x0A) and data:
            data[0] ^= 1

    returned(plant, change, _READ)


@mutant("SPC-4 6.49, WRITE BUFFER command", "scsi-buffer-02")
def the_data_buffer_wraps_around(plant: Plant) -> None:
    """WRITE BUFFER behind the end of the data buffer writes to its beginning."""

    def change(octets: bytearray, _: Any) -> None:
        if int.from_bytes(octets[3:6]) + int.from_bytes(octets[6:9]) > data_buffer.DATA_CAPACITY:
            octets[3:6] = bytes(3)

    cdb(plant, change, _WRITE)


@mutant("SPC-4 6.18, READ BUFFER command", "scsi-buffer-04")
def an_echo_that_nobody_wrote_is_zeros(plant: Plant) -> None:
    """READ BUFFER in echo mode succeeds although nothing was written."""
    plant.replace(data_buffer, "_echo", lambda unit, sc: unit.buffers.echo.get(sc.sc_sess, bytes(16)))


@mutant("SPC-4 6.18, READ BUFFER command", "scsi-buffer-05")
def every_buffer_mode_is_data(plant: Plant) -> None:
    """A reserved MODE of READ BUFFER is taken for data."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] not in (2, 3, 0x0A, 0x0B):
            octets[1] = 2

    cdb(plant, change, _READ)


@mutant(_FUNCTIONS, "scsi-functions-01 scsi-functions-02")
def functions_are_not_reported(plant: Plant) -> None:
    """No task management function is reported, and all are carried out."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 0x0D:
            data[0] = 0

    returned(plant, change, _REPORT)


@mutant(_FUNCTIONS, "scsi-functions-03")
def repd_is_ignored(plant: Plant) -> None:
    """REPD does not make the parameter data longer."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] & 0x1F == 0x0D:
            octets[2] &= 0x7F

    cdb(plant, change, _REPORT)
