"""SendTargets (RFC 7143 section 13.3 and appendix C): which targets there are, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.negotiation import NegotiationFailure, Pairs
from chiscsi_target.core.portal import reachable
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS
from iscsi_wire.text import REJECT

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.target_node import TargetNode

_ALL = "All"


def send_targets(connection: Connection, value: str) -> Pairs:
    """Answer SendTargets.

    A discovery session gets all the targets that it may see, or the one it names. A normal session gets its own, by an
    empty value or by name, and is refused `All`.

    Raises:
        NegotiationFailure: the value is none that the key can have.
    """
    session = connection.session
    assert session is not None
    try:
        KEYS["SendTargets"].parse(value)
    except TextError as error:
        raise NegotiationFailure(str(error), "13.3") from error
    if session.discovery:
        nodes = connection.agenda.visible_nodes(connection, None if value == _ALL else value)
    elif value == _ALL:
        return [("SendTargets", REJECT)]
    else:
        nodes = [session.node] if session.node is not None and value in ("", session.node.name) else []
    return [pair for node in nodes for pair in _record(connection, node)]


def _record(connection: Connection, node: TargetNode) -> Pairs:
    """One target: its name, and its addresses with their portal group tags (section 13.8).

    Portals that logins are redirected to are left out (behaviour file, 2.5). So is a target that this initiator reaches
    at no address: without one, a name would mean the address that it asks at (appendix C).
    """
    shown = node.redirection.shown(portal.tag for portal in node.portals)
    portals = [portal for portal in node.portals if portal.tag in shown]
    places = [(reachable(portal.address, connection.endpoints), portal.tag) for portal in portals]
    told = [("TargetAddress", f"{address},{tag}") for address, tag in places if address is not None]
    return [("TargetName", node.name), *told] if told else []
