"""Who logs in to what: the names in the first request, and the session that they mean (RFC 7143 section 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chiscsi_target.core.registry import HIDDEN_NAME
from chiscsi_target.errors import LoginBrokenOff, LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS

if TYPE_CHECKING:
    from chiscsi_target.core.negotiation import Pairs
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.registry import Identity, Registry
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode

_STATUS_OF_BAD_VALUE = {
    "InitiatorName": LoginStatus.INITIATOR_ERROR,
    "SessionType": LoginStatus.SESSION_TYPE_NOT_SUPPORTED,
    "TargetName": LoginStatus.NOT_FOUND,
}


@dataclass(slots=True, frozen=True)
class LoginIdentity:
    """What the first request says of itself.

    Attributes:
        node: the target; None for a discovery session without TargetName.
        portal: the node's own portal that was reached; any other where `admission` finds that it has none there.
    """

    initiator_name: str
    target_name: str
    discovery: bool
    isid: bytes
    node: TargetNode | None
    portal: Portal

    @property
    def key(self) -> Identity:
        """What the ISID rule says must be unique (sections 4.4.3 and 7.4.2).

        A discovery session without TargetName belongs to the address it came to; all others to the portal group.
        """
        if self.node is None:
            return self.initiator_name, self.isid, "", str(self.portal.address)
        return self.initiator_name, self.isid, self.node.name, str(self.portal.tag)

    @property
    def parties(self) -> str:
        """Who logs in to what, as events tell it (behaviour file, 1.8); discovery sessions belong to a hidden node."""
        return f"Initiator={self.initiator_name}, Target={self.target_name or HIDDEN_NAME}"


def identify(pairs: Pairs, isid: bytes, portal: Portal, registry: Registry) -> LoginIdentity:
    """Read the first request's names.

    Raises:
        LoginFailure: one is missing or malformed, or names nothing that is here now.
        LoginBrokenOff: it names nothing that is here, but may be at another machine (`iscsi_HA_mode`).
    """
    names = {}
    for name, value in pairs:
        if name in _STATUS_OF_BAD_VALUE and name not in names:
            names[name] = _checked(name, value)
    discovery = names.get("SessionType") == "Discovery"
    if "InitiatorName" not in names:
        raise LoginFailure(LoginStatus.MISSING_PARAMETER, "InitiatorName is missing", "6.3")
    target_name = names.get("TargetName", "")
    if not target_name and not discovery:
        raise LoginFailure(LoginStatus.MISSING_PARAMETER, "TargetName is missing", "6.3")
    node = _find_node(target_name, registry) if target_name else None
    reached = node.portal_at(portal) if node is not None else None
    return LoginIdentity(names["InitiatorName"], target_name, discovery, isid, node, reached or portal)


def _checked(name: str, value: str) -> str:
    try:
        KEYS[name].parse(value)
    except TextError as error:
        raise LoginFailure(_STATUS_OF_BAD_VALUE[name], f"{name}: {error.message}", KEYS[name].section) from error
    return value


def _find_node(name: str, registry: Registry) -> TargetNode:
    node = registry.node(name)
    if node is None:
        if registry.globals.ha_mode:
            raise LoginBrokenOff(f"no target {name}", "11.13.5")
        raise LoginFailure(LoginStatus.NOT_FOUND, f"no target {name}", "11.13.5")
    if node.updating:
        # The status is the module's (behaviour file, 2.1); "out of resources" by the RFC's name.
        raise LoginFailure(LoginStatus.OUT_OF_RESOURCES, f"{name} is being reconfigured", "11.13.5")
    return node


def session_to_join(identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
    """The session that a login with a TSIH other than 0 means (the table of section 6.3.1).

    Raises:
        LoginFailure: there is none, or it takes no further connection.
    """
    session = registry.sessions.get(identity.key)
    if session is None or session.tsih != tsih:
        if any(
            other.tsih == tsih and _same_but_for_the_portal(other.identity, identity) for other in registry.active()
        ):
            raise LoginFailure(
                LoginStatus.CANNOT_INCLUDE_IN_SESSION, "the session belongs to another portal group", "11.13.5"
            )
        raise LoginFailure(LoginStatus.SESSION_DOES_NOT_EXIST, f"no session with TSIH {tsih:#06x}", "6.3.1")
    if cid not in session.connections and len(session.connections) >= session.keys.max_connections:
        raise LoginFailure(LoginStatus.TOO_MANY_CONNECTIONS, "MaxConnections is reached", "11.13.5")
    return session


def _same_but_for_the_portal(one: LoginIdentity, other: LoginIdentity) -> bool:
    return one.key[:3] == other.key[:3]
