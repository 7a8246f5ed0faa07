"""Faults of what commands tell: INQUIRY, READ CAPACITY, REPORT LUNS, mode pages, operation codes (SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import reply
from chiscsi_target.scsi.device_server import DeviceServer
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, everywhere, returned

_INQUIRY, _MODE_SENSES, _REPORT_LUNS, _REPORT_CODES = 0x12, (0x1A, 0x5A), 0xA0, 0xA3
_SOME_PAGES = (0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2)


@mutant("SPC-4 6.6.2, standard INQUIRY data", "scsi-inquiry-01")
def disk_is_a_tape(plant: Plant) -> None:
    """Standard INQUIRY data have the PERIPHERAL DEVICE TYPE of a tape."""

    def change(data: bytearray, octets: bytes) -> None:
        if not octets[1]:
            data[0] |= 1

    returned(plant, change, _INQUIRY)


@mutant("SPC-4 7.8, vital product data parameters", "scsi-vpd-01")
def vpd_pages_have_another_name(plant: Plant) -> None:
    """VPD pages have a wrong PAGE CODE."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1]:
            data[1] ^= 0x55

    returned(plant, change, _INQUIRY)


@mutant("SPC-4 7.8, Supported VPD Pages VPD page", "scsi-vpd-02")
def vpd_pages_are_listed_backwards(plant: Plant) -> None:
    """The list of supported VPD pages is in descending order."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] and not octets[2]:
            data[4:] = data[:3:-1]

    returned(plant, change, _INQUIRY)


@mutant("SPC-4 6.6, INQUIRY command", "scsi-vpd-03")
def every_vpd_page_is_there(plant: Plant) -> None:
    """A VPD page that does not exist is answered with the list of those that do."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] and octets[2] not in _SOME_PAGES:
            octets[2] = 0

    cdb(plant, change, _INQUIRY)


@mutant("SPC-4 6.6, INQUIRY command", "scsi-inquiry-02")
def page_codes_without_evpd_are_ignored(plant: Plant) -> None:
    """A PAGE CODE without EVPD is no error."""

    def change(octets: bytearray, _: Any) -> None:
        if not octets[1]:
            octets[2] = 0

    cdb(plant, change, _INQUIRY)


@mutant("SPC-4, allocation length", "scsi-inquiry-03 scsi-capacity-02 scsi-ports-04 scsi-log-06")
def allocation_lengths_are_ignored(plant: Plant) -> None:
    """Data are not cut at the ALLOCATION LENGTH, so that more is there than was expected."""
    original = reply.send
    everywhere(plant, "send", original, lambda sc, data, _: original(sc, data, 1 << 20))


@mutant("SAM-5 5.11, incorrect logical unit numbers", "scsi-inquiry-04 scsi-lun-01")
def every_lun_is_the_first(plant: Plant) -> None:
    """Commands to a LUN that does not exist go to LUN 0."""

    def received(original: Original, server: DeviceServer, sc: Any) -> int:
        if sc.sc_lun not in server.units:
            sc.sc_lun = 0
        return int(original(server, sc))

    plant.wrap(DeviceServer, "fp_scsi_cmd_cdb_rcved", received)


@mutant("SBC-3 5.16, READ CAPACITY (16) command", "scsi-capacity-01")
def capacities_differ(plant: Plant) -> None:
    """READ CAPACITY (16) tells of a block less."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 0x10:
            data[:8] = (int.from_bytes(data[:8]) - 1).to_bytes(8)

    returned(plant, change, 0x9E)


@mutant("SPC-4 6.33, REPORT LUNS command", "scsi-luns-01")
def lun_list_is_shorter_than_it_says(plant: Plant) -> None:
    """LUN LIST LENGTH counts a LUN that is not in the list."""

    def change(data: bytearray, _: bytes) -> None:
        data[:4] = (int.from_bytes(data[:4]) + 8).to_bytes(4)

    returned(plant, change, _REPORT_LUNS)


@mutant("SPC-4 6.33, REPORT LUNS command", "scsi-luns-02")
def select_report_is_ignored(plant: Plant) -> None:
    """Every SELECT REPORT is taken for 00h."""

    def change(octets: bytearray, _: Any) -> None:
        octets[2] = 0

    cdb(plant, change, _REPORT_LUNS)


@mutant("SPC-4 6.39, REQUEST SENSE command", "scsi-sense-01.descriptor")
def desc_is_ignored(plant: Plant) -> None:
    """REQUEST SENSE returns the fixed format, whatever DESC asks for."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] = 0

    cdb(plant, change, 0x03)


@mutant("SPC-4 6.39, REQUEST SENSE command", "scsi-sense-01.fixed")
def sense_is_always_descriptors(plant: Plant) -> None:
    """REQUEST SENSE returns the descriptor format, whatever DESC asks for."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] = 1

    cdb(plant, change, 0x03)


@mutant("SPC-4 7.5, mode parameter header formats", "scsi-mode-01")
def mode_data_have_no_length(plant: Plant) -> None:
    """MODE DATA LENGTH is 0."""

    def change(data: bytearray, octets: bytes) -> None:
        size = 1 if octets[0] == _MODE_SENSES[0] else 2
        data[:size] = bytes(size)

    returned(plant, change, *_MODE_SENSES)


@mutant("SPC-4 6.13, MODE SENSE (6) command", "scsi-mode-02")
def missing_mode_pages_are_the_control_page(plant: Plant) -> None:
    """A mode page that does not exist is answered with the Control mode page."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[2] in (0x2F, 0x3E):
            octets[2] = 0x0A

    cdb(plant, change, *_MODE_SENSES)


@mutant("SPC-4 6.13, MODE SENSE (6) command", "scsi-mode-03")
def dbd_is_ignored(plant: Plant) -> None:
    """Block descriptors are returned although DBD forbids them."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= ~0x08

    cdb(plant, change, *_MODE_SENSES)


@mutant("SPC-4, operation codes", "scsi-opcode-01")
def unknown_commands_do_nothing(plant: Plant) -> None:
    """An operation code that does not exist ends with GOOD."""

    def change(octets: bytearray, _: Any) -> None:
        octets[0] = 0

    cdb(plant, change, 0x02, 0x1F, 0xC1, 0xE7, 0xFF)


@mutant("SPC-4, service actions", "scsi-opcode-02")
def unknown_service_actions_read_the_capacity(plant: Plant) -> None:
    """Every service action of SERVICE ACTION IN (16) is READ CAPACITY (16)."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] = 0x10

    cdb(plant, change, 0x9E)


@mutant("SPC-4 6.35, REPORT SUPPORTED OPERATION CODES: all commands", "scsi-codes-01")
def no_command_is_listed(plant: Plant) -> None:
    """The list of supported commands is empty."""

    def change(data: bytearray, octets: bytes) -> None:
        if not octets[2] & 7:
            data[:] = bytes(4)

    returned(plant, change, _REPORT_CODES)


@mutant("SPC-4 6.35, REPORT SUPPORTED OPERATION CODES: one command", "scsi-codes-02 scsi-codes-03")
def support_is_doubtful(plant: Plant) -> None:
    """SUPPORT says of every command that nothing is known yet."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[2] & 7:
            data[1] &= 0xF8

    returned(plant, change, _REPORT_CODES)


@mutant("SPC-4 6.35, REPORT SUPPORTED OPERATION CODES command", "scsi-codes-04")
def reporting_options_are_ignored(plant: Plant) -> None:
    """Reserved REPORTING OPTIONS ask for the list of all commands."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] & 0x1F == 0x0C and octets[2] & 4:
            octets[2] &= 0xF8

    cdb(plant, change, _REPORT_CODES)
