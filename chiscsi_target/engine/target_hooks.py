"""The blocking hooks of target classes that decide something: what is visible, and where a login is sent on to.

A hook that raises, or returns what it must not, is logged; it then has not allowed anything.
"""

from __future__ import annotations

import ipaddress
import traceback
from typing import TYPE_CHECKING

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.api.target_class import BUILT_IN_CLASS, has_hook
from chiscsi_target.core.agenda import ERROR, WARNING

if TYPE_CHECKING:
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.target_node import TargetNode

_MAX_PORT = 0xFFFF


def log_raised(agenda: Agenda, hook: str, error: Exception) -> None:
    """Log that a hook raised, with its traceback."""
    agenda.log(ERROR, f"{hook} raised: " + "".join(traceback.format_exception(error)).rstrip())


def target_accessible(connection: Connection, node: TargetNode, initiator_name: str) -> bool:
    """Whether a discovery session may see a target: 0 hides it, anything else shows it (guide 5.1.6).

    The handle "uniquely identifies the iSCSI connection", by the guide; release 3.14 says 0 (behaviour file, 2.7).
    """
    agenda = connection.agenda
    hook = "fp_discovery_target_accessible"
    if not has_hook(node.target_class, hook):
        return True
    try:
        result: object = node.target_class.fp_discovery_target_accessible(
            connection.handle, initiator_name, node.name, copy_of(connection.endpoints)
        )
    except Exception as error:
        log_raised(agenda, hook, error)
        return False
    if not isinstance(result, int):
        agenda.log(WARNING, f"{hook} returned {result!r}, taken as 1.")
        return True
    return result != 0


def select_redirection_portal(connection: Connection, identity: LoginIdentity) -> tcp_endpoint | None:
    """The portal that a login is sent on to (guide 5.1.7; behaviour file, 2.5).

    For a target of the built-in class, the portals of the groups that the portal's group names take turns. A driver's
    class chooses by `fp_select_redirection_portal`, which overwrites the target's end of what it is given.

    Returns:
        None when the hook is missing, fails, or leaves no address behind.
    """
    node, agenda, hook = identity.node, connection.agenda, "fp_select_redirection_portal"
    assert node is not None
    if node.target_class.class_name == BUILT_IN_CLASS:
        return node.redirection.next(identity.portal.tag)
    if not has_hook(node.target_class, hook):
        agenda.log(ERROR, f"{node.name}: class {node.target_class.class_name} has no {hook}.")
        return None
    ends = copy_of(connection.endpoints)
    try:
        result: object = node.target_class.fp_select_redirection_portal(node.name, identity.initiator_name, ends)
    except Exception as error:
        log_raised(agenda, hook, error)
        return None
    if not isinstance(result, int) or result < 0:
        agenda.log(ERROR, f"{node.name}: {hook} returned {result!r}.")
        return None
    if not _is_portal(ends.taddr) or ends.taddr == connection.endpoints.taddr:
        agenda.log(ERROR, f"{node.name}: {hook} left {ends.taddr}, which is no other portal.")
        return None
    return ends.taddr


def copy_of(ends: chiscsi_tcp_endpoints) -> chiscsi_tcp_endpoints:
    """Endpoints that a driver may write to."""
    return chiscsi_tcp_endpoints(
        tcp_endpoint(ends.iaddr.ip, ends.iaddr.port), tcp_endpoint(ends.taddr.ip, ends.taddr.port), ends.port_id
    )


def _is_portal(address: object) -> bool:
    port: object = address.port if isinstance(address, tcp_endpoint) else None
    if not isinstance(address, tcp_endpoint) or not isinstance(port, int) or not 0 < port <= _MAX_PORT:
        return False
    try:
        ipaddress.ip_address(address.ip)
    except ValueError:
        return False
    return True
