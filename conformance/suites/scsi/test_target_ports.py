"""Asymmetric logical unit access (ALUA): target port groups, what names them, and what a state lets pass."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conformance.api import CommandResult, Session, Unsupported, expect, variants
from conformance.suites.scsi.commands import (
    READS,
    READY,
    WRITES,
    blocks,
    data_of,
    inquiry,
    offered,
    offered_data,
    refused,
    run,
    scsi_case,
    settle,
)
from initiator_sim.expectation import Expectation

_REPORT = "SPC-4 6.37, REPORT TARGET PORT GROUPS command"
_SET = "SPC-4 6.45, SET TARGET PORT GROUPS command"
_STATES = "SPC-4 5.15.2.4, target port asymmetric access states"
_LENGTH = 4096
_EXPLICIT = 2
_OPTIMIZED, _NON_OPTIMIZED, _STANDBY, _UNAVAILABLE = range(4)
_SUPPORT_BIT = {
    _OPTIMIZED: 0x01,
    _NON_OPTIMIZED: 0x02,
    _STANDBY: 0x04,
    _UNAVAILABLE: 0x08,
    4: 0x10,
    0xE: 0x40,
    0xF: 0x80,
}
_RELATIVE_PORT, _PORT_GROUP, _PORT = 4, 5, 1
_NOT_READY = {_STANDBY: 0x0B, _UNAVAILABLE: 0x0C}
_CHANGED: Expectation[CommandResult] = expect.check_condition(6, 0x2A, 0x06)
restricted = variants("state", [_STANDBY, _UNAVAILABLE], ids=["standby", "unavailable"])
_PASSING = {
    "inquiry": (inquiry(length=36), 36),
    "luns": (struct.pack(">BxB3xLxx", 0xA0, 0, 4096), 4096),
    "sense": (bytes((0x03, 0, 0, 0, 252, 0)), 252),
    "groups": (struct.pack(">BB4xLxx", 0xA3, 0x0A, 4096), 4096),
}


@dataclass(frozen=True)
class _Group:
    """A target port group: its number, state, preference, the states it has, status code, and relative ports."""

    number: int
    state: int
    supported: int
    status: int
    ports: tuple[int, ...]


def _cdb(length: int = _LENGTH, form: int = 0) -> bytes:
    return struct.pack(">BB4xLxx", 0xA3, form << 5 | 0x0A, length)


def _groups_of(data: bytes, at: int = 4) -> list[_Group]:
    found = []
    while at + 8 <= len(data):
        state, supported, number, status, count = struct.unpack_from(">BBHxBxB", data, at)
        ports = tuple(int.from_bytes(data[at + 10 + 4 * each : at + 12 + 4 * each]) for each in range(count))
        found.append(_Group(number, state & 0xF, supported, status, ports))
        at += 8 + 4 * count
    return found


def _designators(page: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Association, type and value of each designator of VPD page 83h."""
    at = 4
    while at + 4 <= len(page):
        end = at + 4 + page[at + 3]
        yield page[at + 1] >> 4 & 3, page[at + 1] & 0xF, page[at + 4 : end]
        at = end


def _here(session: Session) -> tuple[int, int]:
    """Target port group and relative target port of a session, as VPD page 83h names them."""
    page = data_of(session, inquiry(0x83), 255)
    named = {kind: int.from_bytes(value) for of, kind, value in _designators(page) if of == _PORT}
    if _PORT_GROUP not in named or _RELATIVE_PORT not in named:
        raise Unsupported("VPD page 83h names no target port group")
    return named[_PORT_GROUP], named[_RELATIVE_PORT]


def _support(session: Session) -> int:
    """TPGS."""
    support = data_of(session, inquiry(), 255, 36)[5] >> 4 & 3
    if not support:
        raise Unsupported("TPGS is 00b: the target has no target port groups")
    return support


def _group(session: Session, number: int) -> _Group:
    groups = {group.number: group for group in _groups_of(offered_data(session, _cdb(), _LENGTH))}
    assert number in groups, f"group {number} is not among {sorted(groups)}"
    return groups[number]


def _set(session: Session, state: int, number: int) -> CommandResult:
    data = struct.pack(">4xBxH", state, number)
    return offered(session, struct.pack(">BB4xLxx", 0xA4, 0x0A, len(data)), write=data)


@dataclass(frozen=True)
class _Port:
    """Two sessions through one target port, whose group may be put into another state."""

    one: Session
    other: Session
    group: int

    def put(self, state: int) -> None:
        """Put the group into a state that it has.

        Raises:
            Unsupported: it does not have it.
        """
        if not _group(self.one, self.group).supported & _SUPPORT_BIT[state]:
            raise Unsupported(f"the target port group does not have state {state:X}h")
        _set(self.one, state, self.group).expect(expect.good())


@pytest.fixture
def port(session: Session, second_session: Session) -> Iterator[_Port]:
    """Two sessions on a unit whose access state an initiator may set; in the end it is active/optimized again."""
    if not _support(session) & _EXPLICIT:
        raise Unsupported("TPGS says that access states cannot be set")
    number = _here(session)[0]
    if _here(second_session)[0] != number:
        raise Unsupported("the sessions came through different target port groups")
    yield _Port(session, second_session, number)
    _set(session, _OPTIMIZED, number)
    settle(session)
    settle(second_session)


@scsi_case("scsi-ports-01", "SPC-4 6.6.2, standard INQUIRY data: TPGS")
def test_port_groups_are_reported_where_tpgs_says_so(session: Session) -> None:
    """With TPGS other than 00b, REPORT TARGET PORT GROUPS succeeds, and RETURN DATA LENGTH is what follows."""
    _support(session)
    result = session.command(_cdb(), read=_LENGTH).expect(expect.good(residual=None))
    length = int.from_bytes(result.data[:4])
    assert length + 4 == result.received, f"RETURN DATA LENGTH is {length}, and {result.received} octets came"
    assert _groups_of(result.data[: result.received]), "there is no target port group"


@scsi_case("scsi-ports-02", _REPORT)
def test_the_own_port_is_in_its_group(session: Session) -> None:
    """The group that VPD page 83h names is reported, and the relative port that it names is in that group."""
    _support(session)
    number, relative = _here(session)
    group = _group(session, number)
    assert relative in group.ports, f"group {number} has the ports {group.ports}, and this is port {relative}"


@scsi_case("scsi-ports-03", _REPORT)
def test_states_are_among_the_supported_ones(session: Session) -> None:
    """Each group is in a state that its support bits admit, with a STATUS CODE that is not reserved."""
    _support(session)
    for group in _groups_of(offered_data(session, _cdb(), _LENGTH)):
        bit = _SUPPORT_BIT.get(group.state, 0)
        assert group.supported & bit, f"group {group.number}: state {group.state:X}h, supported {group.supported:02X}h"
        assert group.status <= 2, f"group {group.number}: STATUS CODE {group.status:02X}h"


@scsi_case("scsi-ports-04", _REPORT)
@variants("length", [0, 4, 8], ids=["0", "4", "8"])
def test_port_groups_are_cut_at_the_allocation_length(session: Session, length: int) -> None:
    """REPORT TARGET PORT GROUPS returns no more than ALLOCATION LENGTH, and its length stays the same."""
    _support(session)
    whole = offered_data(session, _cdb(), _LENGTH)
    run(session, _cdb(length), read=length).expect(expect.good(data=whole[:length]))


@scsi_case("scsi-ports-05", "SPC-4 6.37, REPORT TARGET PORT GROUPS: extended header")
def test_the_extended_header_tells_the_same_groups(session: Session) -> None:
    """PARAMETER DATA FORMAT 001b puts a header of format 001b before the same groups."""
    _support(session)
    plain = _groups_of(offered_data(session, _cdb(), _LENGTH))
    data = offered_data(session, _cdb(form=1), _LENGTH, 8)
    assert data[4] >> 4 & 7 == 1, f"the format of the header is {data[4] >> 4 & 7}"
    assert _groups_of(data, 8) == plain


@scsi_case("scsi-ports-06", "SPC-4 7.8, SCSI Ports VPD page")
def test_all_ports_are_on_the_page_of_ports(session: Session) -> None:
    """The relative ports of all groups are those of VPD page 88h."""
    _support(session)
    if 0x88 not in data_of(session, inquiry(0), 255)[4:]:
        raise Unsupported("the target has no VPD page 88h")
    page, at, listed = data_of(session, inquiry(0x88, _LENGTH), _LENGTH), 4, set()
    while at + 12 <= len(page):
        listed.add(int.from_bytes(page[at + 2 : at + 4]))
        at += 8 + int.from_bytes(page[at + 6 : at + 8])
        at += 4 + int.from_bytes(page[at + 2 : at + 4])
    reported = {each for group in _groups_of(offered_data(session, _cdb(), _LENGTH)) for each in group.ports}
    assert listed == reported, f"page 88h has {sorted(listed)}, the groups have {sorted(reported)}"


@scsi_case("scsi-state-01", _STATES, disturbs=True)
@restricted
@variants("cdb, length", list(_PASSING.values()), ids=list(_PASSING))
def test_reports_pass_in_every_state(port: _Port, state: int, cdb: bytes, length: int) -> None:
    """INQUIRY, REPORT LUNS, REQUEST SENSE and REPORT TARGET PORT GROUPS are executed in states that restrict access."""
    port.put(state)
    port.one.command(cdb, read=length).expect(expect.good(residual=None))


@scsi_case("scsi-state-02", _STATES, disturbs=True)
@restricted
@variants("cdb", [READY, blocks(READS[10], 0, 0), blocks(WRITES[10], 0, 0)], ids=["ready", "read", "write"])
def test_other_commands_are_refused(port: _Port, state: int, cdb: bytes) -> None:
    """Commands that need the medium end with NOT READY, TARGET PORT IN STANDBY STATE or UNAVAILABLE STATE."""
    port.put(state)
    port.one.command(cdb).expect(expect.check_condition(2, 4, _NOT_READY[state]))


@scsi_case("scsi-state-03", _STATES, disturbs=True)
@restricted
@variants("page", [0x0A], ids=["control"])
def test_mode_sense_passes_in_standby_alone(port: _Port, state: int, page: int) -> None:
    """MODE SENSE is executed in the state standby, and not in the state unavailable."""
    port.put(state)
    expected = expect.good(residual=None) if state == _STANDBY else expect.check_condition(2, 4, 0x0C)
    port.one.command(bytes((0x1A, 8, page, 0, 252, 0)), read=252).expect(expected)


@scsi_case("scsi-state-04", _SET, disturbs=True)
@variants("state", [_NON_OPTIMIZED, _STANDBY, _UNAVAILABLE], ids=["non-optimized", "standby", "unavailable"])
def test_the_new_state_is_reported(port: _Port, state: int) -> None:
    """REPORT TARGET PORT GROUPS tells the new state, with the STATUS CODE of a change by command; and the way back."""
    port.put(state)
    found = _group(port.one, port.group)
    assert (found.state, found.status) == (state, 1), f"state {found.state:X}h, STATUS CODE {found.status:02X}h"
    port.put(_OPTIMIZED)
    assert _group(port.one, port.group).state == _OPTIMIZED
    port.one.command(READY).expect(expect.good())


@scsi_case("scsi-state-05", "SPC-4 5.15.2, ASYMMETRIC ACCESS STATE CHANGED", disturbs=True)
def test_others_are_told_of_a_new_state(port: _Port) -> None:
    """The change is a unit attention condition for other nexuses, and none for the one that asked for it."""
    port.put(_NON_OPTIMIZED)
    port.other.command(READY).expect(_CHANGED)
    port.other.command(READY).expect(expect.good())
    port.one.command(READY).expect(expect.good())


@scsi_case("scsi-state-06", _SET, disturbs=True)
@variants("state, group", [(0xF, None), (5, None), (_STANDBY, 0xFFF0)], ids=["transitioning", "reserved", "no-group"])
def test_what_cannot_be_set_is_refused(port: _Port, state: int, group: int | None) -> None:
    """A state that is reserved or cannot be set, or a group that there is not, is INVALID FIELD IN PARAMETER LIST."""
    before = offered_data(port.one, _cdb(), _LENGTH)
    _set(port.one, state, port.group if group is None else group).expect(refused(0x26, 0))
    assert offered_data(port.one, _cdb(), _LENGTH) == before, "the groups are not what they were"


@scsi_case("scsi-state-07", _SET, disturbs=True)
@variants("length", [3, 6], ids=["3", "6"])
def test_a_cut_off_list_is_refused(port: _Port, length: int) -> None:
    """A PARAMETER LIST LENGTH that cuts off header or descriptor is refused, and one of 0 is no error."""
    cdb = struct.pack(">BB4xLxx", 0xA4, 0x0A, length)
    run(port.one, cdb, write=bytes(length)).expect(expect.any_of(refused(0x1A, 0), refused(0x26, 0)))
    run(port.one, struct.pack(">BB4xLxx", 0xA4, 0x0A, 0)).expect(expect.good())
