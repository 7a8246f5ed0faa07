"""PERSISTENT RESERVE IN and OUT where an initiator port comes through several target ports: each is another nexus."""

from __future__ import annotations

import pytest

from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.nexus import encode_transport_id
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scsi.reserving import (
    ALL_TG_PT,
    APTPL,
    CONFLICT,
    EA,
    GOOD,
    IGNORE,
    LIST_FIELD,
    ONE,
    OTHER,
    PREEMPT,
    READ,
    READY,
    REGISTER,
    REGISTRATION_GONE,
    RESERVE,
    SPEC_I_PT,
    THREE,
    TWO,
    WE,
    WRITE,
    Kept,
    attention,
    full_status,
    move,
    port,
    status,
)
from tests.chiscsi_target.scsi.rig import BLOCK, Rig


@pytest.fixture
def wide() -> Rig:
    """Sessions ONE and OTHER of one initiator port, through portal groups 3 and 7, and TWO of another, through 7."""
    made = Rig()
    made.server.replace_units([Rig.disk("size=1M")], portal_group_tag=3, portal_group_tags=(3, 7))
    for session, whose, tag in ((ONE, ONE, 3), (OTHER, ONE, 7), (TWO, TWO, 7)):
        made.server.session_added(session, port(whose).name, port(whose).isid or b"", "iqn.t", tag)
        made.run(READY, session=session)
    return made


def nexuses(rig: Rig) -> dict[tuple[int, int], int]:
    """The keys by whose initiator port, and which target port."""
    whose = {encode_transport_id(port(session)): session for session in (ONE, TWO, THREE)}
    return {(whose[transport], number): key for key, number, _, transport in full_status(rig)}


def test_a_registration_is_good_for_the_target_port_that_it_came_through(wide: Rig) -> None:
    assert status(wide, ONE, REGISTER, new=1) == GOOD
    assert nexuses(wide) == {(ONE, 1): 1}
    assert status(wide, OTHER, REGISTER, key=1, new=2) == CONFLICT
    assert status(wide, OTHER, REGISTER, new=2) == GOOD
    assert nexuses(wide) == {(ONE, 1): 1, (ONE, 2): 2}


def test_the_other_target_port_is_another_nexus_to_a_reservation(wide: Rig) -> None:
    assert status(wide, ONE, REGISTER, new=1) == GOOD
    assert status(wide, ONE, RESERVE, key=1, kind=EA) == GOOD
    assert wide.run(READ, length=BLOCK, session=ONE).status == GOOD
    assert wide.run(READ, length=BLOCK, session=OTHER).status == CONFLICT
    assert status(wide, OTHER, IGNORE, new=2) == GOOD
    assert status(wide, OTHER, PREEMPT, key=2, new=1, kind=EA) == GOOD
    assert attention(wide, ONE) == REGISTRATION_GONE
    assert attention(wide, OTHER) is None
    assert nexuses(wide) == {(ONE, 2): 2}


def test_all_target_ports_can_be_registered_at_once(wide: Rig) -> None:
    assert status(wide, OTHER, REGISTER, new=1, flags=ALL_TG_PT) == GOOD
    assert nexuses(wide) == {(ONE, 1): 1, (ONE, 2): 1}
    assert status(wide, ONE, REGISTER, key=1, new=2, flags=ALL_TG_PT) == GOOD
    assert nexuses(wide) == {(ONE, 1): 2, (ONE, 2): 2}
    assert status(wide, ONE, REGISTER, key=2, new=3) == GOOD
    assert nexuses(wide) == {(ONE, 1): 3, (ONE, 2): 2}
    # Through the other target port, the old key is another.
    assert status(wide, ONE, REGISTER, key=3, new=4, flags=ALL_TG_PT) == CONFLICT
    assert status(wide, ONE, IGNORE, new=4, flags=ALL_TG_PT) == GOOD
    assert nexuses(wide) == {(ONE, 1): 4, (ONE, 2): 4}
    assert status(wide, OTHER, REGISTER, key=4, new=0, flags=ALL_TG_PT) == GOOD
    assert nexuses(wide) == {}


@pytest.mark.parametrize("flags, targets", [(SPEC_I_PT, [2]), (SPEC_I_PT | ALL_TG_PT, [1, 2])])
def test_named_ports_are_registered_through_the_same_target_ports(wide: Rig, flags: int, targets: list[int]) -> None:
    transport = encode_transport_id(port(THREE))
    more = len(transport).to_bytes(4) + transport
    assert status(wide, TWO, REGISTER, new=7, flags=flags, more=more) == GOOD
    assert nexuses(wide) == {(whose, target): 7 for target in targets for whose in (TWO, THREE)}


def test_a_reservation_moves_to_a_target_port(wide: Rig) -> None:
    me = encode_transport_id(port(ONE))
    assert status(wide, ONE, REGISTER, new=1) == GOOD
    assert status(wide, ONE, RESERVE, key=1, kind=WE) == GOOD
    for target in (0, 1, 3):  # none, its own, none
        assert move(wide, ONE, 1, 9, me, target=target).sense == LIST_FIELD
    assert move(wide, ONE, 1, 9, me, target=2).status == GOOD
    assert full_status(wide) == [(1, 1, False, me), (9, 2, True, me)]
    assert wide.stack.run(WRITE, data=bytes(BLOCK), session=OTHER).status == GOOD
    assert wide.stack.run(WRITE, data=bytes(BLOCK), session=ONE).status == CONFLICT


def test_what_survives_knows_its_target_ports(wide: Rig) -> None:
    kept = wide.server.units[0].lu.kept = Kept()
    assert status(wide, ONE, REGISTER, new=1, flags=APTPL | ALL_TG_PT) == GOOD
    lu = Rig.disk("size=1M")
    lu.kept = kept
    again = Rig(lu)
    again.server = DeviceServer([lu], portal_group_tag=7, portal_group_tags=(7, 3))  # the other way round
    again.stack = FakeStack(again.server)
    again.server.session_added(ONE, port(ONE).name, port(ONE).isid or b"", "iqn.t", 3)
    again.run(READY, session=ONE)
    assert status(again, ONE, REGISTER, key=1, new=2) == GOOD
    assert nexuses(again) == {(ONE, 1): 1, (ONE, 2): 2}


def test_a_registration_outlives_its_target_port(wide: Rig) -> None:
    assert status(wide, TWO, REGISTER, new=2) == GOOD
    wide.server.replace_units([wide.server.units[0].lu], portal_group_tag=3, portal_group_tags=(3,))
    assert nexuses(wide) == {(TWO, 2): 2}
