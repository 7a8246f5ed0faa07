from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.nexus import InitiatorPort, Nexus
from chiscsi_target.scsi.reservations import Reservations
from iscsi_wire.scsi_parameter_codes import ReservationType

A, B = Nexus(InitiatorPort("iqn.a", bytes(6)), 1), Nexus(InitiatorPort("iqn.b", b"\x80\0\0\0\0\1"), 1)


def test_a_nexus_is_registered_once() -> None:
    state = Reservations()
    first = state.register(A, 1)
    assert state.register(A, 2) is first and first.key == 2 and state.of(B) is None


def test_another_target_port_makes_another_nexus() -> None:
    state = Reservations()
    state.register(A, 1)
    assert state.of(A._replace(target=2)) is None


def test_an_initiator_without_an_isid_has_all_its_ports_registered_through_one_target_port() -> None:
    state = Reservations()
    whole = state.register(Nexus(InitiatorPort("iqn.a", None), 1), 1)
    assert state.of(A) is whole and state.of(A._replace(target=2)) is None


def test_a_reservation_ends_with_its_holder() -> None:
    state = Reservations()
    mine, theirs = state.register(A, 1), state.register(B, 2)
    state.reserve(mine, ReservationType.WRITE_EXCLUSIVE)
    assert state.holds(mine) and not state.holds(theirs) and state.in_force
    assert not state.unregister(theirs)
    assert state.unregister(mine) and not state.in_force


def test_a_reservation_of_all_ends_with_the_last_of_them() -> None:
    state = Reservations()
    mine, theirs = state.register(A, 1), state.register(B, 2)
    state.reserve(mine, ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS)
    assert state.holds(theirs)
    assert not state.unregister(mine) and state.holder is theirs
    assert state.unregister(theirs) and state.holder is None


def test_the_generation_wraps() -> None:
    state = Reservations(generation=0xFFFFFFFF)
    state.changed()
    assert state.generation == 0


PORTS = st.builds(InitiatorPort, st.sampled_from(("iqn.a", "iqn.b", "iqn.c")), st.binary(min_size=6, max_size=6))
NEXUSES = st.builds(Nexus, PORTS, st.integers(0, 0xFFFF))


@given(
    st.dictionaries(NEXUSES, st.integers(1, 2**64 - 1), max_size=5),
    st.sampled_from([int(kind) for kind in ReservationType]),
    st.integers(0, 5),
)
def test_what_survives_is_what_was(registered: dict[Nexus, int], kind: int, holder: int) -> None:
    state = Reservations()
    for nexus, key in registered.items():
        state.register(nexus, key)
    if holder < len(state.registrations):
        state.reserve(state.registrations[holder], kind)
    kept = Reservations.load(state.dump())
    assert [(each.nexus, each.key) for each in kept.registrations] == list(registered.items())
    assert kept.type == state.type and kept.persist
    assert (kept.holder is None) == (state.holder is None)
    assert kept.holder is None or kept.registrations.index(kept.holder) == holder


@pytest.mark.parametrize(
    "damage",
    [
        {"name": 1},
        {"isid": 1},
        {"isid": "x"},
        {"key": "1"},
        {"key": 0},
        {"key": 1 << 64},
        {"portal_group": None},
        {"portal_group": 1 << 16},
    ],
)
def test_a_registration_of_other_types_is_none(damage: dict[str, object]) -> None:
    kept = {"name": "iqn.a", "isid": None, "portal_group": 1, "key": 1}
    for registration, sound in ((kept, True), ({**kept, **damage}, False)):
        data = json.dumps({"registrations": [registration], "holder": 0, "type": 1}).encode()
        with nullcontext() if sound else pytest.raises(ValueError, match="no reservations"):
            Reservations.load(data)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"registrations": [{}], "holder": null, "type": 0}', b"\xff"])
def test_other_data_are_no_reservations(data: bytes) -> None:
    with pytest.raises(ValueError, match="no reservations"):
        Reservations.load(data)
