"""A target node: a name, where it listens, what it wants of its sessions, and what executes their commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.core.chap_secrets import ChapConfig

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.core.portal import Portal


@dataclass(slots=True, eq=False)
class TargetNode:
    """One iSCSI target.

    Attributes:
        name, alias: TargetName and TargetAlias.
        private: the driver's `sdev_priv`.
        target_class: its class's hooks.
        hooks: what gets the commands: the device server, or a pass-through LUN class.
        luns: its logical units, when its class makes them.
        portals: where it listens.
        own: what it wants of each text key.
        max_receive_data: the MaxRecvDataSegmentLength it declares, in octets.
        max_commands: limit of a session's command window (TargetSessionMaxCmd).
        default_max_commands: its size when the driver names none (guide 5.1.2).
        offline: it is going away; nobody can log in any more.
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
    private: Any = None
    offline: bool = False
    chap: ChapConfig = field(default_factory=ChapConfig)

    def portal_at(self, portal: Portal) -> Portal | None:
        """The node's own portal with the same address as `portal`."""
        return next((mine for mine in self.portals if mine.address == portal.address), None)
