"""MODE SELECT: what is told to whom, what is refused, and what the fields of the Control mode page do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.api import Scratch, Session, TaskManagementFunction, Unsupported, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import (
    DATA_PROTECT,
    LIST_LENGTH,
    READS,
    READY,
    WRITES,
    blocks,
    capacity,
    data_of,
    offered_data,
    refused,
    run,
    scsi_case,
    settle,
)
from conformance.suites.scsi.modes import (
    CACHING,
    CONTROL,
    D_SENSE,
    SWP,
    TAS,
    TST,
    WCE,
    ModeField,
    change,
    mode_page,
    mode_select,
    mode_sense,
    page_in,
    require_changeable,
)

_SELECT = "SPC-4 6.11, MODE SELECT (6) command"
_PAGE = "SPC-4 7.5, Control mode page"
_CHANGEABLE, _DEFAULT, _SAVED = 1, 2, 3
_INVALID_IN_LIST, _SAVING_UNSUPPORTED = 0x26, 0x39
_CHANGED = expect.check_condition(6, 0x2A, 0x01)
_ALL = 255
both_pages = variants("page", [CACHING, CONTROL], ids=["caching", "control"])


@pytest.fixture
def sessions(session: Session, second_session: Session) -> Iterator[tuple[Session, Session]]:
    """Two sessions; what the cases change of Caching and Control mode page is put back."""
    before = [mode_page(session, page) for page in (CACHING, CONTROL)]
    yield session, second_session
    settle(session)
    for page in before:
        mode_select(session, page)
    settle(session)
    settle(second_session)


def _any_field(session: Session) -> ModeField:
    """A field that may be changed without harm.

    Raises:
        Unsupported: there is none.
    """
    for field in (TAS, D_SENSE, WCE, TST):
        try:
            require_changeable(session, field)
        except Unsupported:
            continue
        return field
    raise Unsupported("none of TAS, D_SENSE, WCE and TST can be changed")


def _other_value(session: Session, field: ModeField) -> int:
    return field.value(mode_page(session, field.page)) ^ 1


@scsi_case("scsi-mode-04", "SPC-4 6.11, MODE SELECT (6) command: MODE PARAMETERS CHANGED", disturbs=True)
def test_others_are_told_of_a_change(sessions: tuple[Session, Session]) -> None:
    """A change of mode parameters is a unit attention condition for other nexuses, and none for who made it."""
    one, other = sessions
    field = _any_field(one)
    change(one, field, _other_value(one, field))
    other.command(READY).expect(_CHANGED)
    other.command(READY).expect(expect.good())
    one.command(READY).expect(expect.good())


@scsi_case("scsi-mode-05", _SELECT, disturbs=True)
def test_nothing_is_told_where_nothing_changes(sessions: tuple[Session, Session]) -> None:
    """MODE SELECT of the values that there are is no change, and establishes no unit attention condition."""
    one, other = sessions
    _any_field(one)
    mode_select(one, mode_page(one, CONTROL)).expect(expect.good())
    other.command(READY).expect(expect.good())


@scsi_case("scsi-mode-06", _SELECT, disturbs=True)
@both_pages
def test_what_cannot_be_changed_is_refused(sessions: tuple[Session, Session], page: int) -> None:
    """A value other than the current one, where the mask of changeable values has 0, is refused, or is rounded and told
    so by the current values: it is never taken in silence.
    """
    one, _ = sessions
    current, mask = mode_page(one, page), mode_page(one, page, _CHANGEABLE)
    fixed = next((at for at in range(2, min(len(current), len(mask))) if mask[at] == 0), None)
    if fixed is None:
        raise Unsupported("every octet of the page has something that can be changed")
    asked = bytearray(current)
    asked[fixed] ^= 0x80
    mode_select(one, bytes(asked)).expect(expect.any_of(refused(_INVALID_IN_LIST, 0), refused(0x24, 0)))
    assert mode_page(one, page) == current, "the page is not what it was"


@scsi_case("scsi-mode-07", _SELECT, disturbs=True)
@variants("length", [1, 3, 5], ids=["1", "3", "5"])
def test_a_cut_off_parameter_list_is_refused(sessions: tuple[Session, Session], length: int) -> None:
    """A parameter list that ends within header or page is a PARAMETER LIST LENGTH ERROR; one of no octets is none."""
    one, _ = sessions
    _any_field(one)
    mode_select(one, mode_page(one, CONTROL), length=length).expect(refused(LIST_LENGTH, 0))
    mode_select(one, b"", length=0).expect(expect.good())


@scsi_case("scsi-mode-08", "SPC-4 6.13, MODE SENSE (6) command: page control")
@both_pages
@variants("control", [_CHANGEABLE, _DEFAULT, _SAVED], ids=["changeable", "default", "saved"])
def test_all_values_have_one_format(session: Session, page: int, control: int) -> None:
    """Changeable, default and saved values come in the format of the current ones; saved ones need not be there, which
    is SAVING PARAMETERS NOT SUPPORTED.
    """
    current = mode_page(session, page)
    result = run(session, mode_sense(page, control), read=_ALL)
    if control == _SAVED and result.status:
        result.expect(refused(_SAVING_UNSUPPORTED, 0))
        return
    result.expect(expect.good(residual=None))
    found = page_in(result.data[: result.received])
    assert found, f"no page came, but {result.data[: result.received].hex(' ') or 'nothing'}"
    assert (found[0] & 0x7F, found[1]) == (current[0] & 0x7F, current[1]), f"the page begins with {found[:2].hex(' ')}"


@scsi_case("scsi-mode-09", _PAGE + ": SWP", disturbs=True)
def test_software_write_protection_stops_writes(sessions: tuple[Session, Session], scratch: Scratch) -> None:
    """With SWP writes end with WRITE PROTECTED and write nothing, WP is set in mode data, and reads go on."""
    one, _ = sessions
    require_changeable(one, SWP)
    old = pattern(scratch.block_size, 1)
    fill(one, scratch, old)
    change(one, SWP, 1)
    cdb = blocks(WRITES[10], scratch.start, 1)
    one.command(cdb, write=bytes(scratch.block_size)).expect(expect.check_condition(DATA_PROTECT, 0x27))
    assert data_of(one, mode_sense(CONTROL), _ALL)[2] & 0x80, "WP is 0"
    change(one, SWP, 0)
    assert contents(one, scratch, 1) == old
    fill(one, scratch, bytes(scratch.block_size))


@scsi_case("scsi-mode-10", _PAGE + ": D_SENSE", disturbs=True)
@variants("descriptor", [0, 1], ids=["fixed", "descriptor"])
def test_sense_data_are_in_the_format_of_d_sense(sessions: tuple[Session, Session], descriptor: int) -> None:
    """D_SENSE says whether sense data beside a CHECK CONDITION are in descriptor format."""
    one, _ = sessions
    require_changeable(one, D_SENSE)
    change(one, D_SENSE, descriptor)
    count, length = capacity(one)
    result = one.command(blocks(READS[10], count, 1), read=length).expect(refused(0x21, 0))
    assert result.sense is not None
    code = result.sense.octets[0] & 0x7F
    assert code == (0x72 if descriptor else 0x70), f"the response code is {code:02X}h"


@scsi_case("scsi-mode-11", "SPC-4 7.5, mode parameters: current values after a reset", disturbs=True)
def test_a_reset_brings_saved_or_default_values_back(sessions: tuple[Session, Session]) -> None:
    """LOGICAL UNIT RESET sets the current values to the saved ones, or where there are none to the default ones."""
    one, _ = sessions
    field = _any_field(one)
    saved = run(one, mode_sense(field.page, _SAVED), read=_ALL)
    before = field.value(mode_page(one, field.page, _DEFAULT if saved.status else _SAVED))
    change(one, field, before ^ 1)
    one.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(one)
    found = field.value(mode_page(one, field.page))
    assert found == before, f"{field.name} is {found} after the reset"


@scsi_case("scsi-mode-12", _SELECT, disturbs=True)
def test_saving_is_refused_where_nothing_is_saved(sessions: tuple[Session, Session]) -> None:
    """SP, where MODE SENSE says that saved values are not supported, is an invalid field of the CDB."""
    one, _ = sessions
    field = _any_field(one)
    if not run(one, mode_sense(field.page, _SAVED), read=_ALL).status:
        raise Unsupported("the target saves mode pages")
    page = mode_page(one, CONTROL)
    octets = bytes(4) + bytes((page[0] & 0x7F,)) + page[1:]
    run(one, bytes((0x15, 0x11, 0, 0, len(octets), 0)), write=octets).expect(refused(0x24, 0))


@scsi_case("scsi-mode-13", "SPC-4 7.5, mode parameter header formats")
def test_ten_and_six_octets_tell_the_same(session: Session) -> None:
    """MODE SENSE (6) and (10) return the same page."""
    short = mode_page(session, CONTROL)
    data = offered_data(session, bytes((0x5A, 8, CONTROL, 0, 0, 0, 0, 0, _ALL, 0)), _ALL, 8)
    assert data[8 + int.from_bytes(data[6:8]) :][: len(short)] == short


@scsi_case("scsi-mode-14", "SBC-3 6.5, Caching mode page: WCE", disturbs=True)
@variants("value", [0, 1], ids=["through", "back"])
def test_the_write_cache_can_be_switched(sessions: tuple[Session, Session], scratch: Scratch, value: int) -> None:
    """WCE has the value that was selected, and writes are read back as they were."""
    one, _ = sessions
    require_changeable(one, WCE)
    change(one, WCE, value)
    found = WCE.value(mode_page(one, CACHING))
    assert found == value, f"WCE is {found} after {value} was selected"
    fill(one, scratch, pattern(scratch.block_size, value))
    assert contents(one, scratch, 1) == pattern(scratch.block_size, value)


@scsi_case("scsi-mode-15", "SBC-3 6.5, mode parameter block descriptors", disturbs=True, destructive=True)
def test_another_number_of_blocks_is_refused_or_gone_by(sessions: tuple[Session, Session]) -> None:
    """A block descriptor with fewer blocks than there are is refused; or the capacity changes, and others are told."""
    one, other = sessions
    _any_field(one)
    count, length = capacity(one)
    header = bytes((0, 0, 0, 8)) + (count - 1).to_bytes(4) + length.to_bytes(4)
    result = mode_select(one, b"", header=header)
    if result.status:
        result.expect(refused(_INVALID_IN_LIST))
        assert capacity(one) == (count, length)
        return
    assert capacity(one) == (count - 1, length), "the parameter list was taken, and the capacity is what it was"
    other.command(READY).expect(expect.check_condition(6, 0x2A, {0x01, 0x09}))
