"""Who logs in to what: names, and the session that a TSIH means."""

from __future__ import annotations

import pytest

from chiscsi_target.core.login_identity import LoginIdentity, identify
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from tests.chiscsi_target.peer import INITIATOR, ISID, Pairs
from tests.chiscsi_target.stand import NAME, Stand

OTHER = "iqn.2026-11.org.example:other"
INITIATOR_KEY, TARGET_KEY = ("InitiatorName", INITIATOR), ("TargetName", NAME)
DISCOVERY = ("SessionType", "Discovery")


@pytest.fixture(scope="module")
def stand() -> Stand:
    """Two nodes; the first has two portal groups."""
    made = Stand(("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "2@127.0.0.1:3261"), driver=None)
    made.add(OTHER, ("PortalGroup", "9@127.0.0.1:3261"))
    return made


def identity(stand: Stand, pairs: Pairs, portal: int = 0) -> LoginIdentity:
    return identify(pairs, ISID, stand.node.portals[portal], stand.module.directory.registry)


def status(stand: Stand, pairs: Pairs, portal: int = 0) -> int:
    with pytest.raises(LoginFailure) as caught:
        identity(stand, pairs, portal)
    return caught.value.status


def test_a_normal_session(stand: Stand) -> None:
    found = identity(stand, [INITIATOR_KEY, TARGET_KEY])
    assert (found.initiator_name, found.target_name, found.discovery) == (INITIATOR, NAME, False)
    assert found.node is stand.node and found.portal is stand.node.portals[0]
    assert found.key == (INITIATOR, ISID, NAME, "1")


def test_the_order_of_the_names_does_not_matter(stand: Stand) -> None:
    keys = [("SessionType", "Normal"), TARGET_KEY, ("MaxBurstLength", "512"), INITIATOR_KEY]
    assert identity(stand, keys).key == (INITIATOR, ISID, NAME, "1")


def test_the_portal_is_the_nodes_own(stand: Stand) -> None:
    """Two nodes share an address; each has a portal group of its own there."""
    found = identity(stand, [INITIATOR_KEY, ("TargetName", OTHER)], portal=1)
    assert found.portal.tag == 9
    assert identity(stand, [INITIATOR_KEY, TARGET_KEY], portal=1).portal.tag == 2


def test_a_discovery_session_belongs_to_an_address(stand: Stand) -> None:
    found = identity(stand, [INITIATOR_KEY, DISCOVERY])
    assert found.discovery and found.node is None
    assert found.key == (INITIATOR, ISID, "", "127.0.0.1:3260")


def test_a_discovery_session_may_name_a_target(stand: Stand) -> None:
    found = identity(stand, [INITIATOR_KEY, TARGET_KEY, DISCOVERY])
    assert found.discovery and found.node is stand.node


@pytest.mark.parametrize("pairs", [[], [TARGET_KEY], [DISCOVERY], [("SessionType", "Normal"), TARGET_KEY]])
def test_without_initiator_name(stand: Stand, pairs: Pairs) -> None:
    assert status(stand, pairs) == LoginStatus.MISSING_PARAMETER


@pytest.mark.parametrize("pairs", [[INITIATOR_KEY], [INITIATOR_KEY, ("SessionType", "Normal")]])
def test_without_target_name(stand: Stand, pairs: Pairs) -> None:
    assert status(stand, pairs) == LoginStatus.MISSING_PARAMETER


@pytest.mark.parametrize("more", [[], [DISCOVERY]])
@pytest.mark.parametrize("name", ["iqn.2026-11.org.example:nobody", "eui.0123456789abcdef", "disk", "iqn.", NAME + "."])
def test_a_target_that_is_not_there(stand: Stand, name: str, more: Pairs) -> None:
    """RFC 7143, 11.13.5: the name does not exist at this address, whatever it looks like."""
    assert status(stand, [INITIATOR_KEY, ("TargetName", name), *more]) == LoginStatus.NOT_FOUND


def test_a_target_at_another_portal(stand: Stand) -> None:
    """Whether it is at this one is a later question, behind that of access: see `admission`."""
    found = identity(stand, [INITIATOR_KEY, ("TargetName", OTHER)])
    assert found.node is not None and found.node.portal_at(found.portal) is None


def test_a_target_that_is_being_reconfigured(stand: Stand) -> None:
    stand.node.updating = True
    try:
        assert status(stand, [INITIATOR_KEY, TARGET_KEY]) == LoginStatus.OUT_OF_RESOURCES
    finally:
        stand.node.updating = False


def test_a_target_that_is_going_away(stand: Stand) -> None:
    stand.node.offline = True
    try:
        assert status(stand, [INITIATOR_KEY, TARGET_KEY]) == LoginStatus.NOT_FOUND
    finally:
        stand.node.offline = False


@pytest.mark.parametrize("name", ["", "host", "iqn.2026-11.org.example:HOST", "iqn.2026-13.org.example", "x" * 224])
def test_an_initiator_name_that_is_none(stand: Stand, name: str) -> None:
    assert status(stand, [("InitiatorName", name), TARGET_KEY]) == LoginStatus.INITIATOR_ERROR


@pytest.mark.parametrize("value", ["", "normal", "Boot", "Normal,Discovery"])
def test_an_unknown_session_type(stand: Stand, value: str) -> None:
    pairs = [INITIATOR_KEY, TARGET_KEY, ("SessionType", value)]
    assert status(stand, pairs) == LoginStatus.SESSION_TYPE_NOT_SUPPORTED
