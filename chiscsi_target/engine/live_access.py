"""What a changed configuration means for live sessions (behaviour file, 1.5); in their workers' threads."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_LUN_OOR
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.lun_mask import NO_MASK
from chiscsi_target.core.task import Task
from chiscsi_target.engine.masked_hooks import MaskedHooks
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.session import Session


def put_mask(session: Session) -> None:
    """Have a session's rights told to its driver with each command, and kept to by the device server."""
    if session.mask != NO_MASK and not isinstance(session.hooks, MaskedHooks):
        session.hooks = MaskedHooks(session.hooks, session)
    assert session.node is not None
    server = session.node.hooks
    if isinstance(server, DeviceServer):
        server.restrict(session.handle, session.mask.visible, session.mask.may_write)
    else:
        # The driver alone knows its logical units: the flag means nothing (behaviour file, 1.6).
        session.lun_flags |= SC_FLAG_LUN_OOR


def apply_access(session: Session) -> None:
    """Look at the access list again for a live session.

    A session that has no access any more, or to other logical units than before, is closed, so that its initiator logs
    in again; rights to write change under it.
    """
    node, name = session.node, session.identity.initiator_name
    if node is None or session.discovery or not session.connections:
        return
    masks = [node.mask_for(name, connection.endpoints) for connection in session.connections.values()]
    mask = masks[0]
    if None in masks:
        session.agenda.event(chiscsi_event.ACL_DENY, f"Initiator={name}, Target={node.name}")
    if mask is None or None in masks or mask.visible != session.mask.visible:
        session.close(ConnectionEvent.TRANSPORT_LOST, announce=True)
    elif mask != session.mask:
        session.set_mask(mask)
        put_mask(session)


def leave_portals(session: Session, portals: Collection[Portal]) -> None:
    """Reset a session's connections to portals that are no longer the target's."""
    for connection in list(session.connections.values()):
        if connection.portal in portals:
            connection.close(ConnectionEvent.TRANSPORT_LOST, reset=True)


def write_denied(sc: chiscsi_scsi_command) -> None:
    """Tell of a write that the access list forbids (behaviour file, 2.6)."""
    assert isinstance(sc, Task) and sc.session.node is not None
    names = f"Initiator={sc.session.identity.initiator_name}, Target={sc.session.node.name}"
    sc.session.agenda.event(chiscsi_event.ACL_DENY, names)
