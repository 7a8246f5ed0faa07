"""Which commands get through a target port, by its asymmetric access state (SPC-4, 5.15.2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.port_groups import CAN_BE_SET, TargetPorts, dump_states, load_states, watch
from iscsi_wire.scsi_parameter_codes import AccessState
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

ONE, TWO = 1, 2
STANDBY, UNAVAILABLE = (2, 0x04, 0x0B), (2, 0x04, 0x0C)
EVERYWHERE = {
    "INQUIRY": "12 00 00 00 24 00",
    "REPORT LUNS": "a0 00 00 000000 00000100 00 00",
    "REQUEST SENSE": "03 00 00 00 12 00",
    "REPORT TARGET PORT GROUPS": "a3 0a 00000000 00000100 00 00",
    "SET TARGET PORT GROUPS": "a4 0a 00000000 00000000 00 00",
    "READ BUFFER": "3c 0b 00 000000 000004 00",
}
IN_STANDBY = {
    "MODE SENSE (6)": "1a 00 0a 00 ff 00",
    "LOG SENSE": "4d 00 40 00 00 0000 00ff 00",
    "PERSISTENT RESERVE IN": "5e 00 00000000 00 0008 00",
    "SEND DIAGNOSTIC": "1d 04 00 0000 00",
}
NOWHERE = {
    "TEST UNIT READY": "00 00 00 00 00 00",
    "READ (10)": "28 00 00000000 00 0001 00",
    "READ CAPACITY (10)": "25" + "00" * 9,
    "REPORT SUPPORTED OPERATION CODES": "a3 0c 00000000 00000100 00 00",
    "READ BUFFER of data": "3c 02 00 000000 000004 00",
}


def rig(state: AccessState) -> Rig:
    """Session 1 through portal group 3, session 2 through 4, whose state is `state`."""
    rig = Rig()
    rig.server.replace_units([Rig.disk("size=1M")], portal_group_tag=3, portal_group_tags=(3, 4))
    for session, tag in ((ONE, 3), (TWO, 4)):
        rig.server.session_added(session, "iqn.i", bytes(6), "iqn.t", tag)
        rig.run(NOWHERE["TEST UNIT READY"], session=session)
    unit = rig.server.units[0]
    unit.access_states[4] = state
    watch(unit)
    return rig


@pytest.mark.parametrize("state, sense", [(AccessState.STANDBY, STANDBY), (AccessState.UNAVAILABLE, UNAVAILABLE)])
@pytest.mark.parametrize("cdb", [*EVERYWHERE.values(), *IN_STANDBY.values(), *NOWHERE.values()])
def test_a_port_takes_only_some_commands(state: AccessState, sense: tuple[int, int, int], cdb: str) -> None:
    taken = {*EVERYWHERE.values(), *(IN_STANDBY.values() if state == AccessState.STANDBY else ())}
    length = 0 if cdb[:2] in ("a4", "1d") else BLOCK
    assert rig(state).run(cdb, length=length, session=TWO).sense == ((0, 0, 0) if cdb in taken else sense)
    assert rig(state).run(cdb, length=length, session=ONE).status == 0


@pytest.mark.parametrize("state", [AccessState.ACTIVE_OPTIMIZED, AccessState.ACTIVE_NON_OPTIMIZED])
@pytest.mark.parametrize("cdb", NOWHERE.values())
def test_an_active_port_takes_all(state: AccessState, cdb: str) -> None:
    assert rig(state).run(cdb, length=BLOCK, session=TWO).status == 0


STATES = st.dictionaries(st.integers(0, 0xFFFF), st.sampled_from(sorted(CAN_BE_SET)), max_size=5)


@given(STATES)
def test_states_that_survive_are_those_that_were(states: dict[int, AccessState]) -> None:
    data = dump_states(states)
    if data is None:
        assert set(states.values()) <= {AccessState.ACTIVE_OPTIMIZED}
    else:
        assert load_states(data) == states


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"1": 2}',
        b'{"1": "TRANSITIONING"}',
        b'{"65536": "STANDBY"}',
        b'{"-1": "STANDBY"}',
        b'{"1": {}}',
    ],
)
def test_other_data_are_no_states(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # JSON's own errors are some of them
        load_states(data)


def test_a_port_keeps_its_number_even_while_it_is_not_there() -> None:
    ports = TargetPorts((7, 3, 7))
    assert ports.numbers == {7: 1, 3: 2}
    ports.describe((3, 9))
    assert ports.numbers == {3: 2, 9: 3}
    ports.describe((9, 7, 3))
    assert ports.numbers == {9: 3, 7: 1, 3: 2}
    assert (ports.tag(1), ports.tag(4), ports.number(5), ports.tag(4)) == (7, None, 4, None)
