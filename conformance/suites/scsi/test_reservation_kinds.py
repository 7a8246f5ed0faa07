"""RESERVE beside persistent reservations, and what of the latter has no other case: capabilities, status, moving."""

from __future__ import annotations

import struct

from conformance.api import Scratch, Session, TaskManagementFunction, Unsupported, expect, variants
from conformance.suites.blocks import ask_write, contents, fill, pattern
from conformance.suites.scsi.commands import (
    READS,
    READY,
    WRITES,
    blocks,
    data_of,
    inquiry,
    offered,
    offered_data,
    run,
    scsi_case,
    settle,
)
from conformance.suites.scsi.reservations import (
    CONFLICT,
    FIRST,
    IGNORE,
    MOVE,
    RELEASES,
    RESERVES,
    SECOND,
    held,
    out,
    plain,
    preempt_and_abort,
    read_in,
    registered,
)

_BOTH = "SPC-2 5.5, and SPC-4 5.12.3, exceptions to SPC-2 RESERVE and RELEASE behavior"
_CAPABILITIES, _FULL_STATUS = 2, 3
_COMPATIBLE = 0x10
_TYPE_BITS = {1: (4, 1), 3: (4, 3), 5: (4, 5), 6: (4, 6), 7: (4, 7), 8: (5, 0)}
two_sizes = variants("size", [6, 10], ids=["6", "10"])


def _capabilities(session: Session) -> bytes:
    return offered_data(session, struct.pack(">BB5xHx", 0x5E, _CAPABILITIES, 8), 8, 8)


def _full_status(session: Session) -> dict[int, tuple[int, bytes]]:
    """By reservation key: the flags (R_HOLDER is bit 0), and the TransportID."""
    data, at, found = offered_data(session, struct.pack(">BB5xHx", 0x5E, _FULL_STATUS, 4096), 4096, 8), 8, {}
    while at + 24 <= len(data):
        length = int.from_bytes(data[at + 20 : at + 24])
        found[int.from_bytes(data[at : at + 8])] = (data[at + 12], data[at + 24 : at + 24 + length])
        at += 24 + length
    return found


@scsi_case("scsi-reserve-04", _BOTH, disturbs=True)
@two_sizes
@variants("codes", [RESERVES, RELEASES], ids=["reserve", "release"])
def test_reserve_meets_registrations(pair: tuple[Session, Session], size: int, codes: dict[int, int]) -> None:
    """While anybody is registered, RESERVE and RELEASE of who is not end with RESERVATION CONFLICT."""
    one, other = pair
    run(other, plain(RELEASES, size))
    registered(one, FIRST)
    run(other, plain(codes, size)).expect(CONFLICT)


@scsi_case("scsi-reserve-05", _BOTH, disturbs=True)
@two_sizes
@variants("who", [0, 1], ids=["holder", "other"])
def test_registrations_meet_reserve(pair: tuple[Session, Session], size: int, who: int) -> None:
    """While a unit is reserved by RESERVE, PERSISTENT RESERVE OUT ends with RESERVATION CONFLICT, whoever sends it."""
    run(pair[0], plain(RESERVES, size)).expect(expect.good())
    out(pair[who], IGNORE, new=SECOND).expect(CONFLICT)


@scsi_case("scsi-reserve-06", "SPC-2 5.5, reservations", disturbs=True)
@two_sizes
def test_a_reset_ends_a_reserve(pair: tuple[Session, Session], size: int) -> None:
    """LOGICAL UNIT RESET releases what RESERVE has reserved."""
    one, other = pair
    run(one, plain(RESERVES, size)).expect(expect.good())
    run(other, READY).expect(CONFLICT)
    other.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(other)
    run(other, READY).expect(expect.good())


@scsi_case("scsi-persistent-12", "SPC-4 6.15.4, REPORT CAPABILITIES service action", disturbs=True)
def test_capabilities_name_the_types_that_there_are(pair: tuple[Session, Session]) -> None:
    """LENGTH is 8, and if TMV is set, a type can be reserved if its bit in the mask is set, and not otherwise."""
    one, _ = pair
    data = _capabilities(one)
    assert int.from_bytes(data[:2]) == 8, f"LENGTH is {int.from_bytes(data[:2])}"
    if not data[3] & 0x80:
        raise Unsupported("the target does not tell which types it has (TMV)")
    registered(one, FIRST)
    for kind, (octet, bit) in _TYPE_BITS.items():
        result = out(one, 1, key=FIRST, kind=kind)
        told = data[octet] >> bit & 1
        assert bool(result.status) != bool(told), f"type {kind}: its bit is {told}, and RESERVE ends with {result}"
        out(one, 2, key=FIRST, kind=kind)


@scsi_case("scsi-persistent-13", "SPC-4 6.15.5, READ FULL STATUS service action", disturbs=True)
def test_full_status_tells_who_is_registered(pair: tuple[Session, Session]) -> None:
    """Every registration is there with its key and the iSCSI name of its initiator; R_HOLDER is the holder's."""
    one, other = held(pair, 1, registered_both=True)
    status = _full_status(one)
    assert {FIRST, SECOND} <= set(status), f"the keys are {[f'{key:016X}' for key in status]}"
    assert (status[FIRST][0] & 1, status[SECOND][0] & 1) == (1, 0), "R_HOLDER is not that of the holder alone"
    for each, key in ((one, FIRST), (other, SECOND)):
        name = each.initiator.name.encode()
        assert name in status[key][1], f"the TransportID of key {key:016X} is not that of {name.decode()}"


@scsi_case("scsi-persistent-14", "SPC-4 5.12.11, preempting and aborting", disturbs=True)
def test_preempt_and_abort_ends_commands(pair: tuple[Session, Session], scratch: Scratch) -> None:
    """PREEMPT AND ABORT ends the commands of whom it preempts: nothing of them is written any more."""
    one, other = held(pair, 1, registered_both=True)
    old = pattern(scratch.block_size, 4)
    fill(one, scratch, old)
    task, r2t = ask_write(one, scratch, bytes(scratch.block_size))
    preempt_and_abort(other)
    task.serve(r2t)
    one.connection.discard(task.tag)
    settle(one)
    assert contents(other, scratch, 1) == old


@scsi_case("scsi-persistent-15", "SPC-4 5.12.8, registering and moving the reservation", disturbs=True)
@variants("unregister", [0, 1], ids=["stays", "leaves"])
def test_a_reservation_moves(pair: tuple[Session, Session], unregister: int) -> None:
    """REGISTER AND MOVE makes another initiator port the holder; with UNREG the old one is registered no more."""
    one, other = held(pair, 1, registered_both=True)
    port = next(value for key, (_, value) in _full_status(one).items() if key == SECOND)
    relative = _relative_port(one)
    data = struct.pack(">QQxBHL", FIRST, SECOND, unregister << 1, relative, len(port)) + port
    offered(one, struct.pack(">BBB2xLx", 0x5F, MOVE, 0, len(data)), write=data).expect(expect.good())
    settle(other)
    found = read_in(other, 1)
    assert (int.from_bytes(found[8:16]), found[21]) == (SECOND, 1), "the holder is not the one that was named"
    assert (FIRST in _full_status(other)) != bool(unregister), "UNREG was not gone by"


def _relative_port(session: Session) -> int:
    page, at = data_of(session, inquiry(0x83), 255), 4
    while at + 4 <= len(page):
        if page[at + 1] & 0x3F == 0x14:
            return int.from_bytes(page[at + 6 : at + 8])
        at += 4 + page[at + 3]
    return 1


@scsi_case("scsi-persistent-16", "SPC-4 5.12.11, unregistering", disturbs=True)
@variants("kind", [1, 5, 7], ids=["WE", "WE-RO", "WE-AR"])
def test_a_holder_that_leaves_releases(pair: tuple[Session, Session], kind: int) -> None:
    """The reservation is released when its holder ends its registration; with All Registrants when the last does."""
    one, other = held(pair, kind, registered_both=True)
    out(one, IGNORE, key=FIRST).expect(expect.good())
    settle(other)
    left = int.from_bytes(read_in(other, 1)[4:8])
    assert bool(left) == (kind == 7), f"the reservation has {left} octets"


@scsi_case("scsi-persistent-17", "SPC-4 5.12, persistent reservations", disturbs=True)
def test_a_reset_leaves_a_persistent_reservation(pair: tuple[Session, Session]) -> None:
    """LOGICAL UNIT RESET changes neither registrations nor the reservation."""
    one, other = held(pair, 3, registered_both=False)
    before = read_in(one, 0), read_in(one, 1)
    one.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(one)
    assert (read_in(one, 0), read_in(one, 1)) == before
    settle(other)
    run(other, blocks(READS[10], 0, 0)).expect(CONFLICT)
    run(one, blocks(WRITES[10], 0, 0)).expect(expect.good())
