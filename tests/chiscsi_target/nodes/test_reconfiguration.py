"""Changing a target while sessions live on it: the table of the behaviour file, 1.5, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.constants import AsyncEvent
from iscsi_wire.pdus import AsyncMessage, DataIn, NopIn, ScsiResponse
from tests.chiscsi_target.bench import Watched
from tests.chiscsi_target.peer import INITIATOR, Peer, lun_field, read10, write10
from tests.chiscsi_target.stand import NAME, Stand

TUR = "00"
ALL_IN = (("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR}"))
RESCAN, RESIZED, WRITE_FAULT = (6, 0x3F, 0x0E), (6, 0x2A, 0x09), (3, 3, 0)
DISK, SECOND = ("TargetDevice", "disk,MEM,size=1M"), ("TargetDevice", "second,MEM,size=2M")


def sense(peer: Peer, cdb: str | bytes = TUR, edtl: int = 0, **fields: Any) -> tuple[int, int, int] | None:
    """How a command ends: sense codes, or None for good status."""
    peer.command(cdb, edtl, **fields)
    response, data = peer.receive()[-1]
    if isinstance(response, DataIn):
        assert response.status_present and response.status == 0
        return None
    assert isinstance(response, ScsiResponse)
    return (data[4] & 0xF, data[14], data[15]) if response.status else None


def first_block(peer: Peer, **fields: Any) -> bytes:
    """What the first block has."""
    peer.command(read10(0, 1), 512, **fields)
    return b"".join(data for pdu, data in peer.receive() if isinstance(pdu, DataIn))


def write(peer: Peer, **fields: Any) -> tuple[int, int, int] | None:
    return sense(peer, write10(0, 1), 512, write=True, data=b"x" * 512, **fields)


def told_to_go(peer: Peer) -> bool:
    """Whether the initiator was told that its session ends, and the connection closed."""
    events = [pdu.async_event for pdu, _ in peer.receive() if isinstance(pdu, AsyncMessage)]
    return peer.closed and events == [AsyncEvent.SESSION_DROP]


# What live sessions do not notice


def test_the_same_again_changes_nothing() -> None:
    stand = Stand()
    peer = stand.login()
    assert write(peer) is None
    stand.reconfigure()
    assert peer.ping(b"on")[1] == b"on" and sense(peer) is None
    assert first_block(peer) == b"x" * 512
    assert stand.log.splitlines()[-1] == f"target {NAME} updated."


def test_keys_alias_and_window_are_for_later_logins() -> None:
    stand = Stand()
    peer = stand.login()
    before = dict(stand.session(peer).negotiation.settings)
    stand.reconfigure(
        ("MaxBurstLength", "8192"), ("FirstBurstLength", "4096"), ("TargetAlias", "new"), ("TargetSessionMaxCmd", "7")
    )
    assert stand.session(peer).negotiation.settings == before
    assert stand.session(peer).window.size == 128
    later = stand.login(("MaxBurstLength", "65536"), isid=b"\x40\0\0\0\0\x02")
    assert (later.settings["MaxBurstLength"], later.settings["TargetAlias"]) == ("8192", "new")
    assert stand.session(later).window.size == 7


def test_what_a_description_leaves_out_goes_back_to_its_default() -> None:
    stand = Stand(("MaxBurstLength", "8192"), ("FirstBurstLength", "4096"), ("TargetAlias", "old"), *ALL_IN)
    stand.reconfigure()
    later = stand.login(("MaxBurstLength", "65536"))
    assert later.settings["MaxBurstLength"] == "65536" and "TargetAlias" not in later.settings
    assert not stand.node.access.enabled


# Access


def test_a_session_without_access_is_closed() -> None:
    stand = Stand(*ALL_IN)
    peer = stand.login()
    stand.reconfigure(("ACL_Enable", "Yes"), ("ACL", "iname=iqn.2026-11.org.example:other"))
    assert told_to_go(peer) and stand.sessions == []


def test_a_session_whose_entry_goes_on_matching_stays() -> None:
    stand = Stand()
    peer = stand.login()
    stand.reconfigure(*ALL_IN)
    assert peer.ping(b"on")[1] == b"on"


def test_other_logical_units_want_a_new_login() -> None:
    stand = Stand(DISK, SECOND)
    peer = stand.login()
    stand.reconfigure(DISK, SECOND, ("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR};lun=1:RW"))
    assert told_to_go(peer)


def test_rights_change_under_a_session() -> None:
    stand = Stand()
    peer = stand.login()
    assert write(peer) is None
    stand.reconfigure(("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR};lun=ALL:R"))
    assert write(peer) == WRITE_FAULT
    stand.reconfigure()
    assert write(peer) is None


# Portals


def test_portals_come_and_go_at_once() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "2@127.0.0.1:3261"))
    stays, goes = stand.login(portal=0), stand.login(portal=1)
    listening: list[Portal] = []
    silent: list[Portal] = []
    stand.module.listen, stand.module.unlisten = listening.append, silent.append
    stand.reconfigure(("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "3@127.0.0.1:3262"))
    assert [str(portal.address) for portal in listening] == ["127.0.0.1:3262"]
    assert [str(portal.address) for portal in silent] == ["127.0.0.1:3261"]
    assert stays.ping(b"on")[1] == b"on"
    goes.receive()
    assert goes.closed and stand.pipe(goes).was_reset
    assert stand.login(portal=1, isid=b"\x40\0\0\0\0\x03").settings["TargetPortalGroupTag"] == "3"


def test_time_outs_apply_to_live_connections() -> None:
    stand = Stand()
    peer = stand.login()
    stand.shell.advance(1000)
    assert peer.silent()
    stand.reconfigure(("PortalGroup", "1@127.0.0.1:3260,timeout=30"))
    stand.shell.advance(31)
    assert peer.take(NopIn)


def test_a_portal_that_cannot_listen_is_left_out() -> None:
    def listen(portal: object) -> None:
        raise ConfigurationError("PortalGroup", "failed to start 127.0.0.1:3262.")

    stand = Stand()
    stand.module.listen = listen
    stand.reconfigure(("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "3@127.0.0.1:3262"))
    assert "failed to start 127.0.0.1:3262." in stand.log and len(stand.node.portals) == 1
    with pytest.raises(ConfigurationError, match="No valid portal started!"):
        stand.reconfigure(("PortalGroup", "3@127.0.0.1:3262"))
    assert stand.login().ping(b"on")[1] == b"on"


# Logical units


@pytest.mark.parametrize("change", ["disk,MEM,size=2M", "disk,MEM,size=1M,SN=7", "disk,MEM,size=1M,ID=7"])
def test_a_unit_that_changed_has_to_be_looked_at_again(change: str) -> None:
    """Behaviour file, 8.4: one command is refused, then all is as before."""
    stand = Stand()
    peer, other = stand.login(), stand.login(isid=b"\x40\0\0\0\0\x02")
    stand.reconfigure(("TargetDevice", change))
    for each in (peer, other):
        assert sense(each) == RESCAN
        if "2M" in change:
            assert sense(each) == RESIZED
        assert sense(each) is None


def test_another_block_size_is_another_capacity() -> None:
    stand = Stand()
    peer = stand.login()
    stand.reconfigure(("TargetDevice", "disk,MEM,size=1M,BLOCK=4096"))
    assert [sense(peer), sense(peer), sense(peer)] == [RESCAN, RESIZED, None]


def test_blocks_survive_and_the_unit_has_its_new_size() -> None:
    stand = Stand()
    peer = stand.login()
    assert write(peer) is None
    stand.reconfigure(("TargetDevice", "disk,MEM,size=2M"))
    assert [sense(peer), sense(peer)] == [RESCAN, RESIZED]
    assert sense(peer, read10(2048, 1), 512) is None
    assert first_block(peer) == b"x" * 512


@pytest.mark.parametrize("cdb, edtl", [("120000002400", 36), ("a00000000000000000100000", 16)])
def test_who_looks_again_is_not_told(cdb: str, edtl: int) -> None:
    stand = Stand(DISK, SECOND)
    peer = stand.login()
    assert sense(peer, lun=lun_field(1)) is not None  # the unit attention of the login
    stand.reconfigure(("TargetDevice", "disk,MEM,size=2M"), SECOND)
    assert sense(peer, cdb, edtl) is None
    assert sense(peer) == RESIZED
    assert sense(peer) is None and sense(peer, lun=lun_field(1)) is None


def test_request_sense_tells_it_and_clears_it() -> None:
    stand = Stand(DISK, SECOND)
    peer = stand.login()
    assert sense(peer, lun=lun_field(1)) is not None
    stand.reconfigure(("TargetDevice", "disk,MEM,size=2M"), SECOND)
    peer.command("030000001200", 18)
    (data,) = [data for _, data in peer.receive() if data]
    assert (data[2] & 0xF, data[12], data[13]) == RESCAN
    assert sense(peer) == RESIZED
    assert sense(peer) is None and sense(peer, lun=lun_field(1)) is None


def test_a_session_that_never_looks_again_is_closed() -> None:
    """Behaviour file, 8.4: after 100 refusals."""
    stand = Stand()
    peer = stand.login()
    for count in range(1, 100):
        stand.reconfigure(("TargetDevice", f"disk,MEM,size=1M,SN={count}"))
        assert sense(peer) == RESCAN
    stand.reconfigure(("TargetDevice", "disk,MEM,size=1M,SN=100"))
    peer.command(TUR)
    assert told_to_go(peer)


@pytest.mark.parametrize("devices", [(DISK, SECOND), (SECOND,), (SECOND, DISK)])
def test_another_list_wants_a_new_login(devices: tuple[tuple[str, str], ...]) -> None:
    stand = Stand()
    peer = stand.login()
    assert write(peer) is None
    stand.reconfigure(*devices)
    assert told_to_go(peer) and stand.sessions == []
    again = stand.login()
    if DISK in devices:
        field = lun_field(devices.index(DISK))
        assert sense(again, lun=field) in (None, (6, 0x29, 0))
        assert first_block(again, lun=field) == b"x" * 512


@pytest.mark.parametrize(
    "device, message",
    [
        ("disk,MEM,size=1M,RO", "lun 0 RO change prohibited."),
        ("disk,MEM,size=1M,REMOVABLE", "lun 0 REMOVABLE change prohibited."),
        ("disk,FILE", "lun 0 class change prohibited."),
    ],
)
def test_what_cannot_change(device: str, message: str) -> None:
    stand = Stand()
    peer = stand.login()
    with pytest.raises(ConfigurationError, match=message):
        stand.reconfigure(("TargetDevice", device), ("TargetAlias", "new"))
    assert stand.node.alias == "" and not stand.node.updating
    assert sense(peer) is None


def test_an_error_takes_everything_back() -> None:
    """A unit that cannot be attached leaves units, portals and sessions as they were."""
    stand = Stand()
    peer = stand.login()
    assert write(peer) is None
    with pytest.raises(ConfigurationError, match="No such file"):
        stand.reconfigure(DISK, SECOND, ("TargetDevice", "/nowhere,FILE"), ("PortalGroup", "9@127.0.0.1:3299"))
    assert [lun.path for lun in stand.node.luns] == ["disk"] and len(stand.node.portals) == 1
    assert sense(peer) is None
    assert first_block(peer) == b"x" * 512


def test_shrinking_is_told_too() -> None:
    stand = Stand()
    peer = stand.login()
    stand.reconfigure(("TargetDevice", "disk,MEM,size=512K"))
    assert [sense(peer), sense(peer)] == [RESCAN, RESIZED]
    assert sense(peer, read10(1024, 1), 512) == (5, 0x21, 0)
    assert sense(peer, read10(1023, 1), 512) is None


# Other targets, other sessions


def test_other_targets_are_left_alone() -> None:
    stand = Stand()
    other = stand.add(f"{NAME}.other", ("PortalGroup", "1@127.0.0.1:3299"))
    peer = Peer(stand.shell.connect(other.portals[0]))
    peer.login(other.name)
    stand.reconfigure(DISK, SECOND, *ALL_IN)
    assert peer.ping(b"on")[1] == b"on"
    other.alias = "taken"
    with pytest.raises(ConfigurationError, match="already exists"):
        stand.reconfigure(("TargetAlias", "taken"))


def test_commands_that_the_driver_holds_go_on() -> None:
    watched = Watched()
    peer = watched.stand.login()
    request = peer.command(read10(0, 8), 4096)
    watched.stand.reconfigure(("MaxConnections", "3"), *ALL_IN)
    watched.driver.complete(watched.driver.last, b"d" * 4096)
    answer, data = peer.take(DataIn)
    assert answer.initiator_task_tag == request.initiator_task_tag and data == b"d" * 4096


def test_a_session_that_loses_access_is_closed_in_order() -> None:
    """Behaviour file, 1.7: abort, session removed, and cleanup when the driver has let go."""
    watched = Watched()
    peer = watched.stand.login()
    peer.command(read10(0, 8), 4096)
    watched.driver.events.clear()
    watched.stand.reconfigure(("MaxConnections", "3"), ("ACL_Enable", "Yes"))
    assert watched.hooks == ["abort", "session_removed"]
    watched.driver.complete(watched.driver.last, b"d" * 4096)
    watched.stand.pump()
    assert watched.hooks == ["abort", "session_removed", "cleanup"]


def test_a_login_that_waits_for_the_driver_meets_the_new_list() -> None:
    """It was let in to the old configuration; the last step looks at the new one (behaviour file, 2.1, step 15)."""
    stand = Stand()
    peer = stand.connect()
    peer.ask(peer.names(NAME), csg=0, nsg=None)
    stand.reconfigure(("ACL_Enable", "Yes"))
    response, _ = peer.ask([], csg=0, nsg=3)
    assert (response.status_class, response.status_detail) == (2, 2)
