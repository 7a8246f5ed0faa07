"""INQUIRY and vital product data, READ CAPACITY, REPORT LUNS, REQUEST SENSE, MODE SENSE."""

from __future__ import annotations

import struct

from conformance.api import Session, Target, Unsupported, expect, variants
from conformance.suites.exchanges import NO_LUN
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    READY,
    capacity,
    capacity_16,
    data_of,
    refused,
    run,
    scsi_case,
)

VPD, ALL = 1, 0xFF


def _inquiry(length: int, evpd: int = 0, page: int = 0) -> bytes:
    return struct.pack(">BBBHx", 0x12, evpd, page, length)


def _pages(session: Session) -> bytes:
    data = data_of(session, _inquiry(ALL, VPD, 0), ALL)
    return data[4 : 4 + data[3]]


def _sense(size: int, page: int, *, flags: int = 0, subpage: int = 0) -> tuple[bytes, int]:
    """MODE SENSE, and the length of its header."""
    if size == 6:
        return struct.pack(">BBBBBx", 0x1A, flags, page, subpage, ALL), 4
    return struct.pack(">BBBB3xHx", 0x5A, flags, page, subpage, ALL), 8


@scsi_case("scsi-inquiry-01", "SPC-4 6.6.2, standard INQUIRY data")
def test_standard_inquiry_data_describe_a_disk(session: Session) -> None:
    """PERIPHERAL DEVICE TYPE is that of a disk, RESPONSE DATA FORMAT is 2, and at least 36 octets are there."""
    data = data_of(session, _inquiry(ALL), ALL)
    assert data[0] == 0, f"peripheral qualifier and device type are {data[0]:02X}h"
    assert data[3] & 0xF == 2, f"the response data format is {data[3] & 0xF}"
    assert len(data) >= 36 and data[4] >= 31, f"there are {len(data)} octets"


@scsi_case("scsi-vpd-01", "SPC-4 7.8, vital product data parameters")
@variants("page", [0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2], ids=["00", "80", "83", "b0", "b1", "b2"])
def test_each_vpd_page_names_itself_and_its_length(session: Session, page: int) -> None:
    """A page has its own PAGE CODE in octet 1, and as many octets as PAGE LENGTH says."""
    if page not in _pages(session):
        raise Unsupported(f"the target has no page {page:02X}h")
    data = data_of(session, _inquiry(ALL, VPD, page), ALL)
    length = int.from_bytes(data[2:4])
    assert data[1] == page, f"page {data[1]:02X}h came for page {page:02X}h"
    assert len(data) == min(length + 4, ALL), f"PAGE LENGTH is {length}, and {len(data)} octets came"


@scsi_case("scsi-vpd-02", "SPC-4 7.8, Supported VPD Pages VPD page")
def test_supported_pages_are_in_ascending_order(session: Session) -> None:
    """The list of supported VPD pages begins with 00h and is in ascending order."""
    pages = _pages(session)
    assert pages[:1] == b"\0" and list(pages) == sorted(set(pages)), f"the pages are {pages.hex(' ')}"


@scsi_case("scsi-vpd-03", "SPC-4 6.6, INQUIRY command")
@variants("place", [0, -1], ids=["first", "last"])
def test_a_vpd_page_that_is_not_there_is_refused(session: Session, place: int) -> None:
    """> If the device server does not implement the requested vital product data page, ... ILLEGAL REQUEST ...
    > INVALID FIELD IN CDB.
    """
    page = sorted(set(range(256)) - set(_pages(session)))[place]
    run(session, _inquiry(ALL, VPD, page), read=ALL).expect(refused(INVALID_FIELD))


@scsi_case("scsi-inquiry-02", "SPC-4 6.6, INQUIRY command")
@variants("page", [0x01, 0x80, 0x83, 0xFF], ids=["01", "80", "83", "ff"])
def test_a_page_code_without_evpd_is_refused(session: Session, page: int) -> None:
    """> If the PAGE CODE field is not set to zero when the EVPD bit is set to zero, the command shall be terminated."""
    run(session, _inquiry(ALL, 0, page), read=ALL).expect(refused(INVALID_FIELD))


@scsi_case("scsi-inquiry-03", "SPC-4, allocation length")
@variants("length", [0, 1, 5, 35], ids=["0", "1", "5", "35"])
def test_inquiry_data_are_cut_at_the_allocation_length(session: Session, length: int) -> None:
    """An ALLOCATION LENGTH that is too small cuts the data, and is no error; so is 0."""
    whole = data_of(session, _inquiry(ALL), ALL)
    found = run(session, _inquiry(length), read=length).expect(expect.good())
    assert found.data == whole[:length]


@scsi_case("scsi-inquiry-04", "SPC-4 6.6.2, standard INQUIRY data")
def test_a_unit_that_is_not_there_says_so(session: Session) -> None:
    """INQUIRY to a LUN without a logical unit succeeds with a PERIPHERAL QUALIFIER that is not 000b."""
    result = run(session, _inquiry(36), read=36, lun=NO_LUN).expect(expect.good(residual=None))
    assert result.data[0] >> 5, "the peripheral qualifier says that there is a unit"


@scsi_case("scsi-lun-01", "SAM-5 5.11, incorrect logical unit numbers")
@variants("cdb", [READY, bytes((0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0))], ids=["ready", "read"])
def test_commands_to_a_unit_that_is_not_there_are_refused(session: Session, cdb: bytes) -> None:
    """A command to an incorrect logical unit ends with LOGICAL UNIT NOT SUPPORTED."""
    session.command(cdb, read=512 * (cdb != READY), lun=NO_LUN).expect(refused(0x25, 0))


@scsi_case("scsi-capacity-01", "SBC-3 5.15 and 5.16, READ CAPACITY commands")
def test_both_commands_tell_one_capacity(session: Session) -> None:
    """READ CAPACITY (10) and (16) agree on the last block and on the length of a block."""
    count, length = capacity(session)
    last, other = struct.unpack(">QL", capacity_16(session)[:12])
    assert (last + 1, other) == (count, length), f"(10): {count} of {length} octets; (16): {last + 1} of {other}"


@scsi_case("scsi-capacity-02", "SBC-3 5.16, READ CAPACITY (16) command")
@variants("length", [0, 7, 12, 31], ids=["0", "7", "12", "31"])
def test_capacity_data_are_cut_at_the_allocation_length(session: Session, length: int) -> None:
    """READ CAPACITY (16) returns no more than ALLOCATION LENGTH."""
    whole = capacity_16(session)
    cdb = struct.pack(">BB8xLxx", 0x9E, 0x10, length)
    assert run(session, cdb, read=length).expect(expect.good()).data == whole[:length]


@scsi_case("scsi-luns-01", "SPC-4 6.33, REPORT LUNS command")
@variants("select", [0, 1, 2], ids=["0", "1", "2"])
def test_the_list_of_luns_is_as_long_as_it_says(session: Session, target: Target, select: int) -> None:
    """LUN LIST LENGTH is what follows, eight octets a LUN; with SELECT REPORT 00h and 02h the unit itself is there."""
    data = data_of(session, struct.pack(">BxB3xLxx", 0xA0, select, 4096), 4096)
    length = int.from_bytes(data[:4])
    assert length % 8 == 0 and len(data) == length + 8, f"LUN LIST LENGTH is {length}, and {len(data)} octets came"
    found = [int.from_bytes(data[at : at + 2]) & 0x3FFF for at in range(8, len(data), 8)]
    assert select == 1 or target.lun in found, f"LUN {target.lun} is missing"


@scsi_case("scsi-luns-02", "SPC-4 6.33, REPORT LUNS command")
@variants("select", [0x20, 0x80, 0xFF], ids=["20", "80", "ff"])
def test_a_reserved_select_report_is_refused(session: Session, select: int) -> None:
    """A value of SELECT REPORT that the standard reserves is an invalid field."""
    cdb = struct.pack(">BxB3xLxx", 0xA0, select, 4096)
    run(session, cdb, read=4096).expect(refused(INVALID_FIELD))


@scsi_case("scsi-sense-01", "SPC-4 6.39, REQUEST SENSE command")
@variants("descriptor", [0, 1], ids=["fixed", "descriptor"])
def test_request_sense_returns_the_format_asked_for(session: Session, descriptor: int) -> None:
    """REQUEST SENSE with nothing to tell succeeds with NO SENSE, in the format that DESC asks for."""
    result = run(session, bytes((0x03, descriptor, 0, 0, 252, 0)), read=252)
    if descriptor and result.sense is not None:
        raise Unsupported("the target has no sense data in descriptor format")
    data = result.expect(expect.good(residual=None)).data
    code = data[0] & 0x7F
    assert code == (0x72 if descriptor else 0x70), f"the response code is {code:02X}h"
    assert data[1 if descriptor else 2] & 0xF == 0, "there is something to tell"


@scsi_case("scsi-mode-01", "SPC-4 6.13, 6.14 and 7.5, MODE SENSE commands and mode parameters")
@variants("size", [6, 10], ids=["6", "10"])
@variants("page", [0x08, 0x0A, 0x3F], ids=["caching", "control", "all"])
def test_mode_data_have_the_length_that_they_tell(session: Session, size: int, page: int) -> None:
    """MODE DATA LENGTH counts what follows it, and the page asked for is there."""
    cdb, header = _sense(size, page)
    data = data_of(session, cdb, ALL)
    length = data[0] + 1 if size == 6 else int.from_bytes(data[:2]) + 2
    descriptors = data[3] if size == 6 else int.from_bytes(data[6:8])
    assert len(data) == min(length, ALL), f"MODE DATA LENGTH tells of {length} octets, and {len(data)} came"
    assert page == 0x3F or data[header + descriptors] & 0x3F == page, "another page came"


@scsi_case("scsi-mode-02", "SPC-4 6.13, MODE SENSE (6) command")
@variants("size", [6, 10], ids=["6", "10"])
@variants("page", [0x2F, 0x3E], ids=["2f", "3e"])
def test_a_mode_page_that_is_not_there_is_refused(session: Session, size: int, page: int) -> None:
    """A mode page that is not implemented is an invalid field."""
    run(session, _sense(size, page)[0], read=ALL).expect(refused(INVALID_FIELD))


@scsi_case("scsi-mode-03", "SPC-4 6.13, MODE SENSE (6) command")
@variants("size", [6, 10], ids=["6", "10"])
def test_block_descriptors_are_left_out_on_request(session: Session, size: int) -> None:
    """With DBD no block descriptor is returned."""
    data = data_of(session, _sense(size, 0x0A, flags=0x08)[0], ALL)
    assert (data[3] if size == 6 else int.from_bytes(data[6:8])) == 0, "there is a block descriptor"
