"""RESERVE and RELEASE (SPC-2), and persistent reservations (SPC-4), between two initiators."""

from __future__ import annotations

import struct

from conformance.api import CommandResult, Session, Unsupported, expect, variants
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    LIST_LENGTH,
    READS,
    READY,
    WRITES,
    blocks,
    capacity,
    refused,
    run,
    scsi_case,
)
from conformance.suites.scsi.reservations import (
    CLEAR,
    CONFLICT,
    FIRST,
    PREEMPT,
    REGISTER,
    RELEASE,
    RELEASES,
    RESERVE,
    RESERVES,
    SECOND,
    held,
    out,
    plain,
    read_in,
    registered,
)

TYPES = {"WE": 1, "EA": 3, "WE-RO": 5, "EA-RO": 6, "WE-AR": 7, "EA-AR": 8}
types = variants("kind", TYPES.values(), ids=TYPES)
two_sizes = variants("size", [6, 10], ids=["6", "10"])


def _io(session: Session, code: int) -> CommandResult:
    """A READ (10) or WRITE (10) of no blocks, which needs the medium and changes nothing."""
    return run(session, blocks(code, 0, 0))


@scsi_case("scsi-reserve-01", "SPC-2 5.5, reservations and RESERVE commands", disturbs=True)
@two_sizes
@variants("code", [0x00, READS[10], WRITES[10]], ids=["ready", "read", "write"])
def test_commands_meet_anothers_reserve(pair: tuple[Session, Session], size: int, code: int) -> None:
    """While one initiator has reserved a unit, commands of another end with RESERVATION CONFLICT; its own do not."""
    one, other = pair
    run(one, plain(RESERVES, size)).expect(expect.good())
    cdb = blocks(code, 0, 0) if code else READY
    run(other, cdb).expect(CONFLICT)
    run(one, cdb).expect(expect.good())


@scsi_case("scsi-reserve-02", "SPC-2 5.5, RESERVE and RELEASE commands", disturbs=True)
@two_sizes
def test_release_lets_others_reserve(pair: tuple[Session, Session], size: int) -> None:
    """A unit is reserved for one at a time; RELEASE of another changes nothing, that of the holder frees it."""
    one, other = pair
    run(one, plain(RESERVES, size)).expect(expect.good())
    run(other, plain(RESERVES, size)).expect(CONFLICT)
    run(other, plain(RELEASES, size)).expect(expect.good())
    run(other, plain(RESERVES, size)).expect(CONFLICT)
    run(one, plain(RELEASES, size)).expect(expect.good())
    run(other, plain(RESERVES, size)).expect(expect.good())


@scsi_case("scsi-reserve-03", "SPC-2 5.5, reservations", disturbs=True)
@variants(
    "cdb", ["12 00 00 00 24 00", "03 00 00 00 fc 00", "a0 00 00 00 00 00 00 00 00 fc 00 00"], ids=["12", "03", "a0"]
)
def test_some_commands_pass_a_reserve(pair: tuple[Session, Session], cdb: str) -> None:
    """INQUIRY, REQUEST SENSE and REPORT LUNS are executed whoever has reserved the unit."""
    one, other = pair
    run(one, plain(RESERVES, 6)).expect(expect.good())
    run(other, bytes.fromhex(cdb), read=0xFC).expect(expect.good(residual=None))


@scsi_case("scsi-persistent-01", "SPC-4 6.15.2, READ KEYS service action", disturbs=True)
def test_registered_keys_are_read(pair: tuple[Session, Session]) -> None:
    """READ KEYS returns the keys that were registered, and PRGENERATION counts registrations."""
    one, other = pair
    before = int.from_bytes(read_in(one, 0)[:4])
    registered(one, FIRST)
    registered(other, SECOND)
    data = read_in(one, 0)
    keys = {int.from_bytes(data[at : at + 8]) for at in range(8, len(data), 8)}
    assert {FIRST, SECOND} <= keys, f"the keys are {[f'{key:016X}' for key in keys]}"
    assert int.from_bytes(data[:4]) == before + 2, "two registrations were not counted"


@scsi_case("scsi-persistent-02", "SPC-4 5.12.7, registering and reservation keys", disturbs=True)
@variants(
    "action", [REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT], ids=["register", "reserve", "release", "clear", "preempt"]
)
def test_a_wrong_key_is_a_conflict(pair: tuple[Session, Session], action: int) -> None:
    """A RESERVATION KEY that is not the registered one ends with RESERVATION CONFLICT."""
    one, _other = pair
    registered(one, FIRST)
    out(one, action, key=SECOND, new=FIRST, kind=1 if action in (RESERVE, RELEASE, PREEMPT) else 0).expect(CONFLICT)


@scsi_case(
    "scsi-persistent-03", "SPC-4 5.12.1, commands allowed in the presence of various reservations", disturbs=True
)
@types
@variants("code", [READS[10], WRITES[10]], ids=["read", "write"])
def test_others_meet_the_reservation(pair: tuple[Session, Session], kind: int, code: int) -> None:
    """Who is not registered may read if the type is one of Write Exclusive, and never write; the holder may."""
    one, other = held(pair, kind, registered_both=False)
    allowed = code == READS[10] and kind in (1, 5, 7)
    _io(other, code).expect(expect.good() if allowed else CONFLICT)
    _io(one, code).expect(expect.good())


@scsi_case(
    "scsi-persistent-04", "SPC-4 5.12.1, commands allowed in the presence of various reservations", disturbs=True
)
@types
def test_registrants_write_with_types_for_registrants(pair: tuple[Session, Session], kind: int) -> None:
    """Who is registered may write with the types Registrants Only and All Registrants, not with the others."""
    _, other = held(pair, kind, registered_both=True)
    _io(other, WRITES[10]).expect(expect.good() if kind >= 5 else CONFLICT)


@scsi_case("scsi-persistent-05", "SPC-4 6.15.3, READ RESERVATION service action", disturbs=True)
@types
def test_the_reservation_is_read(pair: tuple[Session, Session], kind: int) -> None:
    """READ RESERVATION returns type and holder's key, which is 0 with an All Registrants type."""
    one, _ = held(pair, kind, registered_both=False)
    data = read_in(one, 1)
    assert int.from_bytes(data[4:8]) == 16, f"ADDITIONAL LENGTH is {int.from_bytes(data[4:8])}"
    assert (int.from_bytes(data[8:16]), data[21]) == (0 if kind >= 7 else FIRST, kind)


@scsi_case("scsi-persistent-06", "SPC-4 5.12.11, releasing a persistent reservation", disturbs=True)
@variants("kind", [5, 6, 7, 8], ids=["WE-RO", "EA-RO", "WE-AR", "EA-AR"])
def test_registrants_are_told_of_a_release(pair: tuple[Session, Session], kind: int) -> None:
    """After a release other registrants have the unit attention RESERVATIONS RELEASED."""
    one, other = held(pair, kind, registered_both=True)
    out(one, RELEASE, key=FIRST, kind=kind).expect(expect.good())
    run(other, READY).expect(expect.check_condition(6, 0x2A, 0x04))


@scsi_case("scsi-persistent-07", "SPC-4 5.12.11, releasing a persistent reservation", disturbs=True)
def test_a_release_of_another_type_is_refused(pair: tuple[Session, Session]) -> None:
    """A RELEASE by the holder whose type is not the reservation's is INVALID RELEASE OF PERSISTENT RESERVATION."""
    one, _ = held(pair, 1, registered_both=False)
    out(one, RELEASE, key=FIRST, kind=3).expect(refused(0x26, 0x04))


@scsi_case("scsi-persistent-08", "SPC-4 5.12.11, clearing a persistent reservation", disturbs=True)
def test_clear_takes_everything_away(pair: tuple[Session, Session]) -> None:
    """CLEAR ends reservation and registrations; others that were registered hear RESERVATIONS PREEMPTED."""
    one, other = held(pair, 1, registered_both=True)
    out(one, CLEAR, key=FIRST).expect(expect.good())
    run(other, READY).expect(expect.check_condition(6, 0x2A, 0x03))
    assert len(read_in(one, 0)) == 8 and int.from_bytes(read_in(one, 1)[4:8]) == 0, (
        "there is a key or a reservation left"
    )


@scsi_case(
    "scsi-persistent-09", "SPC-4 5.12.11, preempting a persistent reservation and registration handling", disturbs=True
)
def test_preempt_takes_the_reservation_over(pair: tuple[Session, Session]) -> None:
    """PREEMPT of the holder's key makes who preempts the holder, and ends the holder's registration."""
    one, other = held(pair, 1, registered_both=True)
    out(other, PREEMPT, key=SECOND, new=FIRST, kind=3).expect(expect.good())
    run(one, READY).expect(expect.check_condition(6, 0x2A, 0x05))
    data = read_in(other, 1)
    assert (int.from_bytes(data[8:16]), data[21]) == (SECOND, 3)
    _io(one, WRITES[10]).expect(CONFLICT)


@scsi_case("scsi-persistent-10", "SPC-4 6.16.3, basic PERSISTENT RESERVE OUT parameter list", disturbs=True)
@variants("length", [0, 8, 23, 25], ids=["0", "8", "23", "25"])
def test_a_list_of_another_length_is_refused(pair: tuple[Session, Session], length: int) -> None:
    """Without SPEC_I_PT the parameter list has 24 octets; any other length is a parameter list length error."""
    out(pair[0], REGISTER, new=FIRST, length=length).expect(refused(LIST_LENGTH, 0))


@scsi_case("scsi-persistent-11", "SPC-4 6.15, PERSISTENT RESERVE IN command", disturbs=True)
@variants("action", [0x04, 0x1F], ids=["04", "1f"])
def test_a_reserved_service_action_is_refused(session: Session, action: int) -> None:
    """A service action of PERSISTENT RESERVE IN that is reserved is an invalid field, or no such command."""
    if session.command(struct.pack(">BB5xHx", 0x5E, 0, 512), read=512).status:
        raise Unsupported("the target has no persistent reservations")
    cdb = struct.pack(">BB5xHx", 0x5E, action, 512)
    session.command(cdb, read=512).expect(expect.any_of(refused(INVALID_FIELD), refused(0x20)))


@scsi_case("scsi-capacity-03", "SPC-4 5.12.1, commands allowed in the presence of various reservations", disturbs=True)
def test_capacity_is_told_to_everybody(pair: tuple[Session, Session]) -> None:
    """READ CAPACITY is allowed whoever holds a reservation of the type Exclusive Access."""
    _, other = held(pair, 3, registered_both=False)
    assert capacity(other)[0]
