"""LOG SENSE and LOG SELECT: which pages there are, and that each is as long as it says."""

from __future__ import annotations

import struct

from conformance.api import Session, Unsupported, expect, variants
from conformance.suites.scsi.commands import INVALID_FIELD, data_of, offered, offered_data, refused, run, scsi_case

_PAGES = "SPC-4 7.3, Supported Log Pages log page"
_SENSE = "SPC-4 6.8, LOG SENSE command"
_SELECT = "SPC-4 6.7, LOG SELECT command"
_LENGTH, _ALL = 4096, 0xFF
_CUMULATIVE = 1


def _log_sense(page: int, *, subpage: int = 0, pointer: int = 0, length: int = _LENGTH, flags: int = 0) -> bytes:
    return struct.pack(">BBBBxHHx", 0x4D, flags, _CUMULATIVE << 6 | page, subpage, pointer, length)


def _log_select(*, reset: bool = False, page: int = 0, length: int = 0) -> bytes:
    return struct.pack(">BBBB3xHx", 0x4C, 2 * reset, _CUMULATIVE << 6 | page, 0, length)


def _listed(session: Session) -> list[int]:
    """The page codes of the page that lists them."""
    data = offered_data(session, _log_sense(0), _LENGTH)
    return list(data[4 : 4 + int.from_bytes(data[2:4])])


@scsi_case("scsi-log-01", _PAGES)
def test_log_pages_are_in_ascending_order(session: Session) -> None:
    """The list of log pages begins with 00h, is in ascending order, and is as long as PAGE LENGTH says."""
    data = offered_data(session, _log_sense(0), _LENGTH)
    assert data[0] & 0x3F == 0 and int.from_bytes(data[2:4]) + 4 == len(data), f"the page begins with {data[:4].hex()}"
    pages = _listed(session)
    assert pages[:1] == [0] and pages == sorted(set(pages)), f"the pages are {bytes(pages).hex(' ')}"


@scsi_case("scsi-log-02", "SPC-4 7.3, log page structure")
def test_each_log_page_is_as_long_as_its_parameters(session: Session) -> None:
    """Every listed page names itself, and its parameters end where PAGE LENGTH says, each with a code of its own."""
    for page in _listed(session)[1:]:
        data = data_of(session, _log_sense(page), _LENGTH)
        length, at, codes = int.from_bytes(data[2:4]), 4, []
        assert data[0] & 0x3F == page, f"page {data[0] & 0x3F:02X}h came for page {page:02X}h"
        assert len(data) == min(length + 4, _LENGTH), f"page {page:02X}h: PAGE LENGTH {length}, {len(data)} octets came"
        while at + 4 <= len(data):
            codes.append(int.from_bytes(data[at : at + 2]))
            at += 4 + data[at + 3]
        assert at == len(data) or length + 4 > _LENGTH, f"page {page:02X}h ends within a parameter"
        assert len(codes) == len(set(codes)), f"page {page:02X}h has a parameter twice: {codes}"


@scsi_case("scsi-log-03", _SENSE)
def test_a_log_page_that_is_not_there_is_refused(session: Session) -> None:
    """A log page that is not listed is an invalid field of the CDB."""
    page = max(set(range(0x30, 0x40)) - set(_listed(session)))
    run(session, _log_sense(page), read=_LENGTH).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-log-04", "SPC-4 7.3, Supported Log Pages and Subpages log page")
def test_the_list_of_subpages_has_every_page(session: Session) -> None:
    """Page 00h, subpage FFh lists every page of the list of pages with subpage 00h, in ascending order."""
    pages = _listed(session)
    data = offered_data(session, _log_sense(0, subpage=_ALL), _LENGTH)
    assert (data[0] & 0x7F, data[1]) == (0x40, _ALL), f"page {data[0]:02X}h, subpage {data[1]:02X}h came"
    listed = [(data[at], data[at + 1]) for at in range(4, 4 + int.from_bytes(data[2:4]), 2)]
    assert listed == sorted(set(listed)), "the list is not in ascending order"
    assert {(page, 0) for page in pages} <= set(listed), f"pages {pages}, subpages {listed}"


@scsi_case("scsi-log-05", _SENSE)
def test_a_pointer_behind_the_last_parameter_is_refused(session: Session) -> None:
    """A PARAMETER POINTER beyond the parameter codes that a page has is an invalid field of the CDB."""
    pages = _listed(session)[1:]
    if not pages:
        raise Unsupported("the target has no log page with parameters")
    run(session, _log_sense(pages[0], pointer=0xFFFF), read=_LENGTH).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-log-06", _SENSE)
@variants("length", [0, 3, 6], ids=["0", "3", "6"])
def test_log_data_are_cut_at_the_allocation_length(session: Session, length: int) -> None:
    """LOG SENSE returns no more than ALLOCATION LENGTH, and that is no error."""
    whole = offered_data(session, _log_sense(0), _LENGTH)[:length]
    run(session, _log_sense(0, length=len(whole)), read=len(whole)).expect(expect.good(data=whole))


@scsi_case("scsi-log-07", _SELECT, disturbs=True, destructive=True)
def test_log_parameters_can_be_reset(session: Session) -> None:
    """LOG SELECT with PCR and no parameter list resets parameters, and is no error."""
    offered(session, _log_select(reset=True)).expect(expect.good())


@scsi_case("scsi-log-08", _SELECT, disturbs=True)
def test_a_reset_with_a_list_is_refused(session: Session) -> None:
    """PCR with a PARAMETER LIST LENGTH other than 0 is an invalid field of the CDB."""
    offered(session, _log_select())
    run(session, _log_select(reset=True, length=4), write=bytes(4)).expect(refused(INVALID_FIELD, 0))
