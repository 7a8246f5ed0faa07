"""Blocking hooks of target classes: absent, raising, returning what they must not (behaviour file, 2.5 and 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import chiscsi_tcp_endpoints, tcp_endpoint
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import TextResponse
from iscsi_wire.text import parse_pairs
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import INITIATOR, Pairs
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

TWO_GROUPS = (("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@127.0.0.1:3261"))
Ends = chiscsi_tcp_endpoints


class Selecting(NotingClass):
    """Redirects as a test says."""

    def __init__(self, select: Callable[[Ends], Any]) -> None:
        super().__init__()
        self.select = select
        self.asked: list[tuple[str, str, str]] = []

    def fp_select_redirection_portal(self, target_name: str, initiator_name: str, endpoint: Ends) -> Any:
        self.asked.append((target_name, initiator_name, str(endpoint.taddr)))
        return self.select(endpoint)


def to(address: Any, result: Any = 0) -> Callable[[Ends], Any]:
    """A choice."""

    def select(ends: Ends) -> Any:
        ends.taddr = address
        return result

    return select


def explode(_: Ends) -> int:
    raise RuntimeError("no portal at hand")


def redirected(select: Callable[[Ends], Any] | None) -> tuple[int, Pairs, Stand, NotingClass]:
    """A login to a portal that redirects, of a driver's class."""
    selecting = NotingClass() if select is None else Selecting(select)
    stand = Stand(*TWO_GROUPS, driver=HoldingDriver(), target_class=selecting)
    peer = stand.connect()
    response, pairs = peer.ask(peer.names(NAME))
    peer.receive()
    assert peer.closed and stand.sessions == []
    return status_of(response), pairs, stand, selecting


@pytest.mark.parametrize("result", [0, 1, True])
def test_the_driver_chooses_the_portal(result: int) -> None:
    """It need not be one of the configuration; the key has no portal group tag."""
    status, pairs, stand, selecting = redirected(to(tcp_endpoint("192.0.2.9", 860), result))
    assert status == LoginStatus.TARGET_MOVED_TEMPORARILY and pairs == [("TargetAddress", "192.0.2.9:860")]
    assert isinstance(selecting, Selecting) and selecting.asked == [(NAME, INITIATOR, "127.0.0.1:3260")]
    assert str(stand.node.portals[0].address) == "127.0.0.1:3260"


@pytest.mark.parametrize(
    "select, message",
    [
        pytest.param(None, "class DRIVER has no fp_select_redirection_portal.", id="absent"),
        pytest.param(explode, "RuntimeError: no portal at hand", id="raising"),
        pytest.param(to(tcp_endpoint("192.0.2.9", 860), -9), "returned -9.", id="an error"),
        pytest.param(to(tcp_endpoint("192.0.2.9", 860), None), "returned None.", id="nothing returned"),
        pytest.param(to(tcp_endpoint("192.0.2.9", 860), "0"), "returned '0'.", id="a string returned"),
        pytest.param(lambda ends: 0, "left 127.0.0.1:3260, which is no other portal.", id="nothing chosen"),
        pytest.param(to(tcp_endpoint("elsewhere", 860)), "left elsewhere:860", id="a host name"),
        pytest.param(to(tcp_endpoint("192.0.2.9", 0)), "left 192.0.2.9:0", id="no port"),
        pytest.param(to(tcp_endpoint("192.0.2.9", 70000)), "left 192.0.2.9:70000", id="a port beyond all ports"),
        pytest.param(to(tcp_endpoint("192.0.2.9", "860")), "left 192.0.2.9:860", id="a port as text"),  # type: ignore[arg-type]
        pytest.param(to("192.0.2.9:860"), "left 192.0.2.9:860", id="an address as text"),
        pytest.param(to(None), "left None", id="no address"),
    ],
)
def test_without_a_portal_the_login_is_refused(select: Callable[[Ends], Any] | None, message: str) -> None:
    status, pairs, stand, _ = redirected(select)
    assert status == LoginStatus.OUT_OF_RESOURCES and pairs == []
    assert message in stand.log


def discovered(visible: Any, *keys: tuple[str, str], value: str = "All") -> tuple[list[str], Stand]:
    """The targets that a discovery session is told of, when the hook returns or raises `visible`."""

    class Answering(NotingClass):
        def fp_discovery_target_accessible(self, hndl: int, initiator: str, target: str, endpoint: Ends) -> Any:
            super().fp_discovery_target_accessible(hndl, initiator, target, endpoint)
            if isinstance(visible, Exception):
                raise visible
            endpoint.taddr.ip = "198.51.100.1"
            return visible

    noting = Answering()
    stand = Stand(*keys, driver=HoldingDriver(), target_class=noting)
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    peer.text([("SendTargets", value)])
    pairs = parse_pairs(peer.take(TextResponse)[1])
    assert [text for key, text in pairs if key == "TargetAddress"] in ([], ["127.0.0.1:3260,1"])
    assert noting.calls == ([("discovery_target_accessible", stand.connection(peer).handle)] if value == "All" else [])
    return [text for key, text in pairs if key == "TargetName"], stand


@pytest.mark.parametrize(
    "visible, shown", [(0, False), (False, False), (1, True), (-5, True), (None, True), ("no", True)]
)
def test_0_hides_and_anything_else_shows(visible: Any, shown: bool) -> None:
    names, stand = discovered(visible)
    assert names == ([NAME] if shown else [])
    assert ("taken as 1" in stand.log) == (not isinstance(visible, int))


def test_a_hook_that_raises_hides() -> None:
    names, stand = discovered(RuntimeError("who knows"))
    assert names == [] and "RuntimeError: who knows" in stand.log


def test_a_target_that_is_named_is_not_asked_about() -> None:
    """Behaviour file, 2.7: the hook is not called, the access list is."""
    names, _ = discovered(0, value=NAME)
    assert names == [NAME]


@pytest.mark.parametrize("value", ["All", NAME])
def test_the_access_list_decides_after_the_hook(value: str) -> None:
    names, _ = discovered(1, ("ACL_Enable", "Yes"), value=value)
    assert names == []
    names, _ = discovered(1, ("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR}"), value=value)
    assert names == [NAME]


@pytest.mark.parametrize("private", [0, None, "a string", {"any": "thing"}])
def test_what_session_added_returns_is_the_drivers(private: Any) -> None:
    driver, noting = HoldingDriver(), NotingClass()
    noting.private = private
    stand = Stand(driver=driver, target_class=noting)
    stand.login().command("00")
    assert driver.last.sc_tclass_sess_priv is private


def test_hooks_may_be_functions_that_were_assigned() -> None:
    """As in C: the structure's member is set, no class is derived from it."""
    noting = NotingClass()

    def select(target_name: str, initiator_name: str, endpoint: Ends) -> int:
        endpoint.taddr = tcp_endpoint("192.0.2.9", 1)
        return 0

    noting.fp_select_redirection_portal = select  # type: ignore[method-assign]
    stand = Stand(*TWO_GROUPS, driver=HoldingDriver(), target_class=noting)
    peer = stand.connect()
    assert peer.ask(peer.names(NAME))[1] == [("TargetAddress", "192.0.2.9:1")]
