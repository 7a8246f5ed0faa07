"""A target node: a name, where it listens, what it wants of its sessions, and what executes their commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.core.access import AccessControl
from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.core.lun_mask import NO_MASK, LunMask, mask_of
from chiscsi_target.core.redirection import Redirection
from iscsi_wire.text import NONE

if TYPE_CHECKING:
    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.core.portal import Portal


@dataclass(slots=True, eq=False)
class TargetNode:
    """One iSCSI target.

    Attributes:
        name, alias: TargetName and TargetAlias.
        handle: a small integer, never reused in a run.
        private: the driver's `sdev_priv`.
        target_class: its class's hooks.
        hooks: what gets the commands: the device server, or a pass-through LUN class.
        luns: its logical units, when its class makes them.
        portals: where it listens.
        own: what it wants of each text key.
        max_receive_data: the MaxRecvDataSegmentLength it declares, in octets.
        max_commands: limit of a session's command window (TargetSessionMaxCmd).
        default_max_commands: its size when the driver names none (guide 5.1.2).
        access: who may log in, and to which of its logical units.
        redirection: which of its portal groups send logins on to others.
        offline: it is going away; nobody can log in any more.
        updating: its configuration is being changed; nobody can log in until that is done.
        chap: names and secrets for CHAP, and what is demanded of it.
    """

    name: str
    target_class: chiscsi_target_class
    hooks: chiscsi_target_lun_class
    luns: list[chiscsi_lun]
    portals: list[Portal]
    own: Mapping[str, Own]
    max_receive_data: int
    max_commands: int
    default_max_commands: int = 128
    alias: str = ""
    handle: int = 0
    private: Any = None
    access: AccessControl = field(default_factory=AccessControl)
    redirection: Redirection = field(default_factory=lambda: Redirection({}))
    offline: bool = False
    updating: bool = False
    chap: ChapConfig = field(default_factory=ChapConfig)

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """The values of AuthMethod that are configured, in any order."""
        methods = self.own.get("AuthMethod", (NONE,))
        return tuple(map(str, methods)) if isinstance(methods, tuple) else (NONE,)

    def portal_at(self, portal: Portal) -> Portal | None:
        """The node's own portal with the same address as `portal`."""
        return next((mine for mine in self.portals if mine.address == portal.address), None)

    def mask_for(self, initiator: str, endpoints: chiscsi_tcp_endpoints) -> LunMask | None:
        """What an initiator sees of the logical units; None when it has no access (behaviour file, 2.6)."""
        if not self.access.enabled:
            return NO_MASK
        entry = self.access.entry_for(initiator, endpoints)
        if entry is None:
            return None
        return mask_of(entry, {lun.lun for lun in self.luns} if self.luns else None)
