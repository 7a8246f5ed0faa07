"""PERSISTENT RESERVE IN and OUT between three initiators, and the commands that meet a reservation."""

from __future__ import annotations

import pytest

from chiscsi_target.scsi.nexus import InitiatorPort, encode_transport_id
from iscsi_wire.scsi import ReportCapabilitiesData
from tests.chiscsi_target.scsi.reserving import (
    APTPL,
    CLEAR,
    CONFLICT,
    EA,
    EA_AR,
    EA_RO,
    GOOD,
    IGNORE,
    INVALID_RELEASE,
    LIST_FIELD,
    LIST_LENGTH,
    MOVE,
    ONE,
    PREEMPT,
    PREEMPT_AND_ABORT,
    PREEMPTED,
    READ,
    READY,
    REGISTER,
    REGISTRATION_GONE,
    RELEASE,
    RELEASED,
    RESERVE,
    SPEC_I_PT,
    THREE,
    TWO,
    WE,
    WE_AR,
    WE_RO,
    WRITE,
    Kept,
    attention,
    full_status,
    generation,
    keys,
    move,
    out,
    port,
    registered,
    reservation,
    rig,
    status,
    told,
)
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

__all__ = ["rig"]  # the fixture


# Registering


def test_registering_asks_for_the_old_key(rig: Rig) -> None:
    assert status(rig, ONE, REGISTER, key=1, new=2) == CONFLICT
    assert status(rig, ONE, REGISTER, new=2) == GOOD
    assert status(rig, ONE, REGISTER, new=3) == CONFLICT
    assert status(rig, ONE, REGISTER, key=2, new=3) == GOOD
    assert keys(rig) == [3]


def test_registering_without_a_key_changes_nothing_or_unregisters(rig: Rig) -> None:
    assert status(rig, ONE, REGISTER) == GOOD and keys(rig) == []
    registered(rig, ONE)
    assert status(rig, ONE, REGISTER, key=0x11) == GOOD and keys(rig) == []


def test_ignoring_the_existing_key(rig: Rig) -> None:
    assert status(rig, ONE, IGNORE, key=99, new=5) == GOOD
    assert status(rig, ONE, IGNORE, new=6) == GOOD
    assert keys(rig) == [6]
    assert out(rig, ONE, IGNORE, new=6, flags=SPEC_I_PT, more=bytes(4)).sense == LIST_FIELD


def test_each_change_of_the_registrations_counts(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert generation(rig) == 2
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert generation(rig) == 2
    assert status(rig, TWO, PREEMPT, key=0x22, new=0x11, kind=WE) == GOOD
    assert status(rig, TWO, CLEAR, key=0x22) == GOOD
    assert generation(rig) == 4


def test_other_ports_can_be_registered_too(rig: Rig) -> None:
    ports = encode_transport_id(port(TWO)) + encode_transport_id(InitiatorPort("iqn.x", None))
    more = len(ports).to_bytes(4) + ports
    assert status(rig, ONE, REGISTER, new=7, flags=SPEC_I_PT, more=more) == GOOD
    assert keys(rig) == [7, 7, 7]
    assert status(rig, TWO, RESERVE, key=7, kind=WE) == GOOD
    assert out(rig, ONE, REGISTER, key=7, new=8, flags=SPEC_I_PT, more=more).sense == LIST_FIELD
    assert out(rig, THREE, REGISTER, new=8, flags=SPEC_I_PT, more=more[:-1]).sense == LIST_LENGTH


# Reserving and releasing


def test_reserving_needs_a_registration_and_its_key(rig: Rig) -> None:
    assert status(rig, ONE, RESERVE, kind=WE) == CONFLICT
    registered(rig, ONE)
    assert status(rig, ONE, RESERVE, key=1, kind=WE) == CONFLICT
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert reservation(rig) == (0x11, WE)


def test_what_is_reserved_is_reserved_again_by_its_holder_only(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert status(rig, ONE, RESERVE, key=0x11, kind=EA) == CONFLICT
    assert status(rig, TWO, RESERVE, key=0x22, kind=WE) == CONFLICT


def test_types_and_scopes_that_there_are_not(rig: Rig) -> None:
    registered(rig, ONE)
    assert out(rig, ONE, RESERVE, key=0x11, kind=2).field == (2, 3)
    assert out(rig, ONE, RESERVE, key=0x11, kind=0x11).field == (2, 7)
    assert out(rig, ONE, PREEMPT, key=0x11, new=0x11, kind=0).field == (2, 3)


@pytest.mark.parametrize(
    "kind, told", [(WE, False), (EA, False), (WE_RO, True), (EA_RO, True), (WE_AR, True), (EA_AR, True)]
)
def test_a_release_is_told_to_those_who_shared(rig: Rig, kind: int, told: bool) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=kind) == GOOD
    assert out(rig, ONE, RELEASE, key=0x11, kind=kind ^ 2 or 1).sense == INVALID_RELEASE
    assert status(rig, THREE, RELEASE, kind=kind) == CONFLICT
    assert status(rig, ONE, RELEASE, key=0x11, kind=kind) == GOOD
    assert reservation(rig) is None
    assert attention(rig, TWO) == (RELEASED if told else None)
    assert attention(rig, ONE) is None and attention(rig, THREE) is None
    assert status(rig, ONE, RELEASE, key=0x11, kind=kind) == GOOD


def test_who_holds_nothing_releases_nothing(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert status(rig, TWO, RELEASE, key=0x22, kind=EA) == GOOD
    assert reservation(rig) == (0x11, WE)


def test_unregistering_the_holder_ends_the_reservation(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE_RO) == GOOD
    assert status(rig, ONE, REGISTER, key=0x11) == GOOD
    assert reservation(rig) is None and attention(rig, TWO) == RELEASED


def test_a_reservation_of_all_has_no_key(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE_AR) == GOOD
    assert reservation(rig) == (0, WE_AR)
    assert status(rig, TWO, RESERVE, key=0x22, kind=WE_AR) == GOOD
    assert status(rig, TWO, RELEASE, key=0x22, kind=WE_AR) == GOOD


def test_clear(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=EA) == GOOD
    assert status(rig, TWO, CLEAR, key=0x22) == GOOD
    assert keys(rig) == [] and reservation(rig) is None
    assert attention(rig, ONE) == PREEMPTED and attention(rig, TWO) is None


# Preempting


def test_preempting_the_holder_takes_the_reservation(rig: Rig) -> None:
    registered(rig, ONE, TWO, THREE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE_RO) == GOOD
    assert status(rig, TWO, PREEMPT, key=0x22, new=0x11, kind=EA) == GOOD
    assert reservation(rig) == (0x22, EA) and keys(rig) == [0x22, 0x33]
    assert attention(rig, ONE) == REGISTRATION_GONE
    assert attention(rig, THREE) == RELEASED and attention(rig, TWO) is None


def test_preempting_somebody_else_leaves_the_reservation(rig: Rig) -> None:
    registered(rig, ONE, TWO, THREE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert status(rig, TWO, PREEMPT, key=0x22, new=0x33, kind=EA) == GOOD
    assert reservation(rig) == (0x11, WE) and keys(rig) == [0x11, 0x22]
    assert attention(rig, THREE) == REGISTRATION_GONE and attention(rig, ONE) is None


def test_preempting_everybody(rig: Rig) -> None:
    registered(rig, ONE, TWO, THREE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE_AR) == GOOD
    assert status(rig, TWO, PREEMPT, key=0x22, new=0, kind=WE) == GOOD
    assert reservation(rig) == (0x22, WE) and keys(rig) == [0x22]
    assert attention(rig, ONE) == attention(rig, THREE) == REGISTRATION_GONE


def test_preempting_one_of_all(rig: Rig) -> None:
    registered(rig, ONE, TWO, THREE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE_AR) == GOOD
    assert status(rig, TWO, PREEMPT, key=0x22, new=0x11, kind=EA) == GOOD
    assert reservation(rig) == (0, WE_AR) and keys(rig) == [0x22, 0x33]


def test_preempting_nobody(rig: Rig) -> None:
    registered(rig, ONE)
    assert status(rig, ONE, PREEMPT, key=0x11, new=0x99, kind=WE) == CONFLICT
    assert out(rig, ONE, PREEMPT, key=0x11, new=0, kind=WE).sense == LIST_FIELD
    assert status(rig, TWO, PREEMPT, key=0, new=0x11, kind=WE) == CONFLICT


def test_preempt_and_abort_ends_their_commands(rig: Rig) -> None:
    aborted: list[tuple[int, list[object], int]] = []
    rig.server.abort_by(lambda session, commands, status: aborted.append((session, list(commands), status)))
    registered(rig, ONE, TWO, THREE)
    waiting = [rig.stack.command(bytes.fromhex(WRITE), session=each, write=True, length=BLOCK) for each in (ONE, THREE)]
    rig.stack.reset(bytes(BLOCK))
    assert rig.server.fp_scsi_cmd_cdb_rcved(waiting[0]) == 0
    rig.stack.reset(bytes(BLOCK))
    assert rig.server.fp_scsi_cmd_cdb_rcved(waiting[1]) == 0
    assert status(rig, TWO, PREEMPT_AND_ABORT, key=0x22, new=0x33, kind=EA) == GOOD
    assert aborted == [(THREE, [waiting[1]], GOOD)]


# Moving


def test_the_reservation_moves(rig: Rig) -> None:
    registered(rig, ONE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert move(rig, ONE, 0x11, 0x77, encode_transport_id(port(TWO)), unreg=1).status == GOOD
    assert reservation(rig) == (0x77, WE) and keys(rig) == [0x77]
    assert rig.stack.run(WRITE, data=bytes(BLOCK), session=TWO).status == GOOD
    assert rig.stack.run(WRITE, data=bytes(BLOCK), session=ONE).status == CONFLICT


def test_moving_is_refused(rig: Rig) -> None:
    to = encode_transport_id(port(TWO))
    registered(rig, ONE, THREE)
    assert move(rig, ONE, 0x11, 0x77, to).status == CONFLICT
    assert status(rig, ONE, RESERVE, key=0x11, kind=WE) == GOOD
    assert move(rig, THREE, 0x33, 0x77, to).status == CONFLICT
    assert move(rig, ONE, 0x12, 0x77, to).status == CONFLICT
    assert move(rig, ONE, 0x11, 0, to).sense == LIST_FIELD
    assert move(rig, ONE, 0x11, 0x77, to, target=2).sense == LIST_FIELD
    assert move(rig, ONE, 0x11, 0x77, encode_transport_id(port(ONE))).sense == LIST_FIELD
    assert move(rig, ONE, 0x11, 0x77, to + bytes(4)).sense == LIST_FIELD


# Lists, reports, persistence


@pytest.mark.parametrize("action", [REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, IGNORE, MOVE])
@pytest.mark.parametrize("length", [0, 8, 23, 25])
def test_parameter_lists_of_another_length(rig: Rig, action: int, length: int) -> None:
    outcome = rig.stack.run(f"5f {action:02x} 01 0000 {length:08x} 00", data=bytes(length), session=ONE)
    assert outcome.sense in (LIST_LENGTH, (0, 0, 0)) and (outcome.sense == LIST_LENGTH or outcome.status == CONFLICT)
    assert action == MOVE or outcome.sense == LIST_LENGTH


def test_full_status_names_the_ports(rig: Rig) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, TWO, RESERVE, key=0x22, kind=WE) == GOOD
    assert full_status(rig) == [
        (0x11, 1, False, encode_transport_id(port(ONE))),
        (0x22, 1, True, encode_transport_id(port(TWO))),
    ]


def test_capabilities(rig: Rig) -> None:
    def capabilities() -> ReportCapabilitiesData:
        return ReportCapabilitiesData.decode(told(rig, 2))

    assert (capabilities().ptpl_c, capabilities().persistent_reservation_type_mask) == (0, 0xEA01)
    rig.server.units[0].lu.kept = Kept()
    assert status(rig, ONE, REGISTER, new=1, flags=APTPL) == GOOD
    assert (capabilities().ptpl_c, capabilities().ptpl_a) == (1, 1)


def test_what_must_survive_is_kept_as_long_as_that_is_wanted(rig: Rig) -> None:
    assert out(rig, ONE, REGISTER, new=1, flags=APTPL).sense == LIST_FIELD
    kept = rig.server.units[0].lu.kept = Kept()
    assert status(rig, ONE, REGISTER, new=1, flags=APTPL) == GOOD
    assert b"iqn.2026-11.org.example:1" in kept.pieces["reservations"]
    assert status(rig, ONE, RESERVE, key=1, kind=WE) == GOOD
    assert b'"type": 1' in kept.pieces["reservations"]
    assert status(rig, ONE, REGISTER, key=1, new=2) == GOOD
    assert kept.pieces == {}


# Commands that meet a reservation


def allowed(rig: Rig, session: int) -> tuple[bool, bool, bool]:
    """Whether a session may ask, read and write."""
    return (
        rig.run(READY, session=session).status == GOOD,
        rig.stack.run(READ, length=BLOCK, session=session).status == GOOD,
        rig.stack.run(WRITE, data=bytes(BLOCK), session=session).status == GOOD,
    )


ASK, LOOK, ALL = (True, False, False), (True, True, False), (True, True, True)


@pytest.mark.parametrize(
    "kind, registrant, stranger",
    [(WE, LOOK, LOOK), (EA, ASK, ASK), (WE_RO, ALL, LOOK), (EA_RO, ALL, ASK), (WE_AR, ALL, LOOK), (EA_AR, ALL, ASK)],
)
def test_who_may_do_what(rig: Rig, kind: int, registrant: tuple[bool, ...], stranger: tuple[bool, ...]) -> None:
    registered(rig, ONE, TWO)
    assert status(rig, ONE, RESERVE, key=0x11, kind=kind) == GOOD
    assert (allowed(rig, ONE), allowed(rig, TWO), allowed(rig, THREE)) == (ALL, registrant, stranger)
    assert status(rig, ONE, RELEASE, key=0x11, kind=kind) == GOOD
    rig.run(READY, session=TWO)
    assert allowed(rig, THREE) == ALL


@pytest.mark.parametrize(
    "cdb, passes",
    [
        ("12 00 00 00ff 00", True),
        ("a0 00 00 000000 000000ff 00 00", True),
        ("25 00 00000000 0000 00 00", True),
        (f"9e 10 {0:016x} 00000020 00 00", True),
        (f"9e 12 {0:016x} 00000020 00 00", False),
        ("a3 0c 00 00 0000 000000ff 00 00", True),
        ("5e 00 00000000 00 00ff 00", True),
        ("1a 00 3f 00 ff 00", False),
        ("35 00 00000000 00 0000 00", False),
    ],
)
def test_commands_of_strangers_under_exclusive_access(rig: Rig, cdb: str, passes: bool) -> None:
    registered(rig, ONE)
    assert status(rig, ONE, RESERVE, key=0x11, kind=EA) == GOOD
    assert (rig.run(cdb, length=255, session=TWO).status != CONFLICT) == passes
