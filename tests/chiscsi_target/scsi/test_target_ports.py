"""REPORT TARGET PORT GROUPS, SET TARGET PORT GROUPS, and what INQUIRY says of target ports (SPC-4)."""

from __future__ import annotations

import pytest

from iscsi_wire.scsi import DeviceIdentification, ScsiPorts, StandardInquiry
from iscsi_wire.scsi_page_codes import DesignatorType
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import TARGET, Rig

ONE, TWO = 1, 2
READY = "00 00 00 00 00 00"
GOOD, OPTIMIZED = 0, 0


@pytest.fixture
def rig() -> Rig:
    """Two sessions, each through a portal group of its own, that have been told of the power on."""
    rig = Rig()
    rig.server.replace_units([Rig.disk("size=1M")], portal_group_tag=3, portal_group_tags=(3, 4))
    for session, tag in ((ONE, 3), (TWO, 4)):
        rig.server.session_added(session, "iqn.i", bytes(6), "iqn.t", tag)
        rig.run(READY, session=session)
    return rig


def report(rig: Rig, form: int = 0, allocation: int = 255) -> Outcome:
    return rig.run(f"a3 {form << 5 | 0x0A:02x} 00000000 {allocation:08x} 00 00", length=allocation)


def change(rig: Rig, data: str, session: int = ONE) -> Outcome:
    octets = bytes.fromhex(data)
    return rig.stack.run(f"a4 0a 00000000 {len(octets):08x} 00 00", data=octets, session=session)


GROUP_3 = "00 0f 0003 00 00 00 01 0000 0001"
GROUP_4 = "00 0f 0004 00 00 00 01 0000 0002"


def test_every_portal_group_is_a_target_port_group_with_one_port(rig: Rig) -> None:
    assert report(rig).data == bytes.fromhex("00000018" + GROUP_3 + GROUP_4)


def test_the_extended_header_comes_on_request(rig: Rig) -> None:
    assert report(rig, 1).data == bytes.fromhex("0000001c 10 00 0000" + GROUP_3 + GROUP_4)
    assert report(rig, 2).field == (1, 7)
    assert report(rig, allocation=6).data == bytes.fromhex("00000018 000f")


def test_a_state_is_set_and_told_to_the_other_session(rig: Rig) -> None:
    assert change(rig, "00000000 03 00 0004 01 00 0003").status == GOOD
    assert report(rig).data == bytes.fromhex(
        "00000018" + "01 0f 0003 00 01 00 01 0000 0001 03 0f 0004 00 01 00 01 0000 0002"
    )
    assert rig.run(READY, session=TWO).sense == (6, 0x2A, 6)
    assert rig.run(READY, session=TWO).sense == (2, 0x04, 0x0C)
    assert rig.run(READY, session=ONE).status == GOOD
    assert change(rig, "00000000 00 00 0004", TWO).status == GOOD
    assert rig.run(READY, session=TWO).status == GOOD
    assert rig.run(READY, session=ONE).sense == (6, 0x2A, 6)


def test_what_changes_nothing_is_not_told(rig: Rig) -> None:
    assert change(rig, "").status == change(rig, "00000000").status == GOOD
    assert change(rig, "00000000 00 00 0004").status == GOOD
    assert rig.run(READY, session=TWO).status == GOOD


@pytest.mark.parametrize(
    "data, sense",
    [
        ("00000000 00 00 0005", (5, 0x26, 0)),  # no such group
        ("00000000 04 00 0004", (5, 0x26, 0)),  # states that cannot be set
        ("00000000 0e 00 0004", (5, 0x26, 0)),
        ("00000000 0f 00 0004", (5, 0x26, 0)),
        ("00000000 02 00 0004 02 00 0005", (5, 0x26, 0)),
        ("0000", (5, 0x1A, 0)),
        ("00000000 02 00", (5, 0x1A, 0)),
    ],
)
def test_a_wrong_list_changes_nothing(rig: Rig, data: str, sense: tuple[int, int, int]) -> None:
    assert change(rig, data).sense == sense
    assert report(rig).data == bytes.fromhex("00000018" + GROUP_3 + GROUP_4)


def test_inquiry_names_the_port_that_it_comes_through(rig: Rig) -> None:
    for session, number, tag in ((ONE, 1, 3), (TWO, 2, 4)):
        page = DeviceIdentification.decode(rig.run("12 01 83 00ff 00", length=255, session=session).data)
        found = {each.designator_type: each.designator for each in page.designators if each.association == 1}
        assert found[DesignatorType.RELATIVE_TARGET_PORT] == number.to_bytes(4)
        assert found[DesignatorType.TARGET_PORT_GROUP] == tag.to_bytes(4)
        assert found[DesignatorType.SCSI_NAME_STRING].rstrip(b"\0").decode() == f"{TARGET},t,0x{tag:04x}"


def test_inquiry_lists_all_ports(rig: Rig) -> None:
    ports = ScsiPorts.decode(rig.run("12 01 88 00ff 00", length=255).data).ports
    assert [port.relative_port_identifier for port in ports] == [1, 2]
    names = [port.target_port_descriptors[0].designator.rstrip(b"\0").decode() for port in ports]
    assert names == [f"{TARGET},t,0x0003", f"{TARGET},t,0x0004"]


def test_inquiry_says_that_states_can_be_set(rig: Rig) -> None:
    data = StandardInquiry.decode(rig.run("12 00 00 00ff 00", length=255).data)
    assert (data.tpgs, data.multip) == (2, 1)
    assert StandardInquiry.decode(Rig().run("12 00 00 00ff 00", length=255).data).multip == 0
