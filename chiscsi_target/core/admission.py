"""Whether an initiator may log in to a target through a portal: access list and redirection (behaviour file, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core.portal import reachable
from chiscsi_target.errors import LoginFailure, LoginMoved
from iscsi_wire.constants import LoginStatus

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.lun_mask import LunMask
    from chiscsi_target.core.registry import Registry

ACL_FIRST = "ACL"
"""The value of `iscsi_auth_order` with which the access list is looked at before anything else is asked."""


def admit(connection: Connection, identity: LoginIdentity, registry: Registry) -> None:
    """Take the steps between finding the target and finding the session (behaviour file, 2.1: 7 to 9).

    Args:
        connection: the connection, which knows at which portal it came in.
        identity: who wants to log in to what.
        registry: where the order of access list and authentication is set.

    Raises:
        LoginFailure: the initiator is not let in, or the target is not here.
        LoginMoved: it is to log in elsewhere.
    """
    node = identity.node
    if node is None:
        return
    if not identity.discovery and registry.globals.auth_order == ACL_FIRST:
        check_access(connection, identity)
    if node.portal_at(connection.portal) is None:
        # The module says 2/0; RFC 7143 has a status of its own for it, and takes precedence.
        raise LoginFailure(LoginStatus.NOT_FOUND, f"{node.name} is not at this portal", "11.13.5")
    if not identity.discovery and node.redirection.redirects(identity.portal.tag):
        _redirect(connection, identity)


def check_access(connection: Connection, identity: LoginIdentity, *, after_chap: bool = False) -> LunMask:
    """Look at the access list.

    Args:
        connection: where the initiator comes from and goes to.
        identity: who it is, and what it wants to log in to.
        after_chap: it has been authenticated, and this is the last thing to be checked.

    Returns:
        What the initiator may see of the logical units.

    Raises:
        LoginFailure: no entry matches (2/2; the module says 2/0 after CHAP, see the quirk `acl_late_status`).
    """
    node, agenda = identity.node, connection.agenda
    assert node is not None
    mask = node.mask_for(identity.initiator_name, connection.endpoints)
    if mask is None:
        agenda.event(chiscsi_event.ACL_DENY, f"Initiator={identity.initiator_name}, Target={node.name}")
        late = after_chap and agenda.quirks.acl_late_status
        status = LoginStatus.INITIATOR_ERROR if late else LoginStatus.AUTHORIZATION_FAILURE
        raise LoginFailure(status, f"{identity.initiator_name} has no access to {node.name}", "11.13.5")
    return mask


def _redirect(connection: Connection, identity: LoginIdentity) -> None:
    """Send the login on (behaviour file, 2.5): the key has no portal group tag (RFC 7143 section 13.8)."""
    chosen = connection.agenda.select_redirection_portal(connection, identity)
    address = None if chosen is None else reachable(chosen, connection.endpoints)
    if address is None:
        raise LoginFailure(LoginStatus.OUT_OF_RESOURCES, "no portal to redirect to", "11.13.5")
    raise LoginMoved(LoginStatus.TARGET_MOVED_TEMPORARILY, str(address), "13.8")
