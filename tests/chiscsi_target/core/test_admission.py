"""Who may log in through which portal: the steps 5 to 9 and 15 of the behaviour file's table 2.1, in their order."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.quirks import Quirks
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginResponse, TextResponse
from iscsi_wire.text import parse_pairs
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import INITIATOR, Pairs, Peer
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

CLOSED_DOOR = (("ACL_Enable", "Yes"), ("ACL", "iname=iqn.2026-11.org.example:somebody-else"))
OPEN_DOOR = (("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR}"))
TWO_GROUPS = (("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@127.0.0.1:3261,127.0.0.1:3262"))


def attempt(stand: Stand, *, portal: int = 0, **how: Any) -> tuple[Peer, LoginResponse, Pairs]:
    """A login in one request; the first response to it."""
    peer = stand.connect(portal)
    response, data = peer.ask(peer.names(NAME), **how)
    return peer, response, data


def watched(stand: Stand) -> list[tuple[int, str]]:
    """The events of a stand, as they happen."""
    events: list[tuple[int, str]] = []
    for worker in (stand.module.directory.login_worker, *stand.module.directory.workers):
        worker.notify = lambda number, text: events.append((int(number), text))
    return events


# Access lists


@pytest.mark.parametrize("order", ["ACL", "CHAP"])
@pytest.mark.parametrize(
    "keys, status",
    [
        ((), 0),
        ((("ACL_Enable", "No"), CLOSED_DOOR[1]), 0),
        (OPEN_DOOR, 0),
        (CLOSED_DOOR, LoginStatus.AUTHORIZATION_FAILURE),
        (CLOSED_DOOR[:1], LoginStatus.AUTHORIZATION_FAILURE),
        ((("ACL_Enable", "Yes"), ("ACL", "sip=127.0.0.1;dip=127.0.0.1")), 0),
        ((("ACL_Enable", "Yes"), ("ACL", "sip=127.0.0.9")), LoginStatus.AUTHORIZATION_FAILURE),
    ],
)
def test_access(order: str, keys: tuple[tuple[str, str], ...], status: int) -> None:
    stand = Stand(*keys)
    events = watched(stand)
    stand.module.directory.registry.globals.auth_order = order
    peer, response, _ = attempt(stand)
    assert status_of(response) == status
    peer.receive()
    assert peer.closed == bool(status) and len(stand.sessions) == (not status)
    denied = (int(chiscsi_event.ACL_DENY), f"Initiator={INITIATOR}, Target={NAME}")
    assert (denied in events) == bool(status)


@pytest.mark.parametrize("late, status", [(False, LoginStatus.AUTHORIZATION_FAILURE), (True, 0x0200)])
@pytest.mark.parametrize("order", ["ACL", "CHAP"])
def test_the_modules_status_after_chap(order: str, late: bool, status: int) -> None:
    """Quirk `acl_late_status`: 2/0 where the list is looked at last; 2/2 where it comes first in any case."""
    stand = Stand(*CLOSED_DOOR, quirks=Quirks(acl_late_status=late))
    stand.module.directory.registry.globals.auth_order = order
    expected = LoginStatus.AUTHORIZATION_FAILURE if order == "ACL" else status
    assert status_of(attempt(stand)[1]) == expected


@pytest.mark.parametrize("order, hooks", [("ACL", []), ("CHAP", ["first", "operational"])])
def test_when_the_list_is_looked_at(order: str, hooks: list[str]) -> None:
    """First of all, before any hook; or last of all, with the final response (steps 7 and 15)."""
    checking = CheckingClass()
    stand = Stand(*CLOSED_DOOR, driver=HoldingDriver(), target_class=checking)
    stand.module.directory.registry.globals.auth_order = order
    done = stand.module
    checking.on_first = lambda handle: done.chiscsi_target_first_login_check_done(handle, 0, 0, 0)
    checking.on_stage = lambda handle, _: done.chiscsi_target_login_stage_check_done(handle, 0, 0)
    _, response, _ = attempt(stand)
    assert status_of(response) == LoginStatus.AUTHORIZATION_FAILURE
    assert ["first" if stage is None else "operational" for _, stage in checking.checks] == hooks
    assert checking.calls == []


def test_discovery_sessions_are_for_everybody() -> None:
    stand = Stand(*CLOSED_DOOR)
    peer = stand.connect()
    peer.login("", session_type="Discovery")


# Steps in their order


def test_a_target_that_is_updating_turns_logins_away_before_it_looks_who_comes() -> None:
    stand = Stand(*CLOSED_DOOR)
    stand.module.directory.registry.globals.auth_order = "ACL"
    stand.node.updating = True
    assert status_of(attempt(stand)[1]) == LoginStatus.OUT_OF_RESOURCES


@pytest.mark.parametrize("order, status", [("ACL", LoginStatus.AUTHORIZATION_FAILURE), ("CHAP", LoginStatus.NOT_FOUND)])
def test_access_comes_before_the_portal(order: str, status: int) -> None:
    stand = Stand(*CLOSED_DOOR)
    stand.module.directory.registry.globals.auth_order = order
    other = stand.add(f"{NAME}.other", ("PortalGroup", "1@127.0.0.1:3299"))
    peer = Peer(stand.shell.connect(other.portals[0]))
    assert status_of(peer.ask(peer.names(NAME))[0]) == status


@pytest.mark.parametrize("order, status", [("ACL", 0x0202), ("CHAP", 0x0101)])
def test_access_comes_before_redirection(order: str, status: int) -> None:
    stand = Stand(*CLOSED_DOOR, *TWO_GROUPS)
    stand.module.directory.registry.globals.auth_order = order
    assert status_of(attempt(stand)[1]) == status


@pytest.mark.parametrize("on, status", [(False, LoginStatus.NOT_FOUND), (True, None)])
def test_an_unknown_target_where_another_machine_may_have_it(on: bool, status: int | None) -> None:
    """`iscsi_HA_mode`: the connection is reset, so that the initiator looks elsewhere (step 5)."""
    stand = Stand()
    stand.module.directory.registry.globals.ha_mode = on
    peer = stand.connect()
    peer.send(peer.login_request(), b"".join(f"{k}={v}\0".encode() for k, v in peer.names(f"{NAME}.unknown")))
    answers = peer.receive()
    assert [status_of(pdu) for pdu, _ in answers if isinstance(pdu, LoginResponse)] == (
        [] if status is None else [status]
    )
    assert peer.closed and stand.pipe(peer).was_reset == on


# Redirection


def test_redirection_takes_turns() -> None:
    stand = Stand(*TWO_GROUPS)
    events = watched(stand)
    places = []
    for _ in range(3):
        peer, response, data = attempt(stand)
        assert status_of(response) == LoginStatus.TARGET_MOVED_TEMPORARILY and not response.transit
        peer.receive()
        assert peer.closed
        places += data
    assert places == [("TargetAddress", f"127.0.0.1:{port}") for port in (3261, 3262, 3261)]
    assert stand.sessions == [] and events == []


@pytest.mark.parametrize("portal", [1, 2])
def test_the_portals_that_are_redirected_to_serve(portal: int) -> None:
    stand = Stand(*TWO_GROUPS)
    assert stand.login(portal=portal).ping(b"here")[1] == b"here"


def test_discovery_is_not_redirected() -> None:
    stand = Stand(*TWO_GROUPS)
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    peer.text([("SendTargets", "All")])
    assert parse_pairs(peer.take(TextResponse)[1]) == [("TargetName", NAME), ("TargetAddress", "127.0.0.1:3260,1")]


def test_an_ipv6_address_stands_in_brackets() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@[::1]:3261"))
    assert attempt(stand)[2] == [("TargetAddress", "[::1]:3261")]


def test_a_wildcard_is_no_address_to_go_to() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@0.0.0.0:3261"))
    assert attempt(stand)[2] == [("TargetAddress", "127.0.0.1:3261")]


def test_nobody_is_sent_to_all_addresses_of_another_family() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@[::]:3261"))
    assert status_of(attempt(stand)[1]) == LoginStatus.OUT_OF_RESOURCES


def test_no_login_hook_is_called_for_a_login_that_moves() -> None:
    class Choosing(CheckingClass):
        def fp_select_redirection_portal(self, target_name: str, initiator_name: str, endpoint: Any) -> int:
            endpoint.taddr.port = 3262
            return 0

    checking = Choosing()
    stand = Stand(*TWO_GROUPS, driver=HoldingDriver(), target_class=checking)
    _, response, data = attempt(stand)
    assert status_of(response) == LoginStatus.TARGET_MOVED_TEMPORARILY
    assert data == [("TargetAddress", "127.0.0.1:3262")]
    assert checking.checks == [] and stand.node.portals[0].address.port == 3260
