"""Faults of what changes while sessions live (behaviour file, 1.5 and 8.4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import login_identity
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.nodes import logical_units, portals, reconfiguration
from chiscsi_target.nodes.portals import PortalChanges
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.target_module import TargetModule
from tests.mutants.planting import Original, Plant, mutant

_EINVAL, _ENONAME = -26, -8


def _nothing(*_: Any, **__: Any) -> None:
    """Leave something out."""


@mutant("behaviour file, 1.5", "drv-reconfig-01 drv-reconfig-02")
def live_sessions_keep_their_access(plant: Plant) -> None:
    """A changed access list holds for later logins only."""
    plant.replace(reconfiguration, "apply_access", _nothing)


@mutant("behaviour file, 1.4", "drv-reconfig-01 drv-reconfig-12 drv-session-12 drv-node-07")
def sessions_are_closed_without_a_word(plant: Plant) -> None:
    """A session that the target closes gets no Async Message."""

    def close(original: Original, session: Session, event: ConnectionEvent, *, announce: bool = False) -> None:
        original(session, event)

    plant.wrap(Session, "close", close)


@mutant(
    "behaviour file, 1.5",
    "drv-reconfig-01 drv-reconfig-03 drv-reconfig-04 drv-reconfig-08 drv-reconfig-09 drv-reconfig-10 drv-reconfig-11"
    " drv-reconfig-15 drv-reconfig-16",
)
def every_change_closes_all_sessions(plant: Plant) -> None:
    """Live sessions do not survive a reconfiguration."""

    def close(session: Session) -> None:
        session.close(ConnectionEvent.TRANSPORT_LOST)

    plant.replace(reconfiguration, "apply_access", close)


@mutant("behaviour file, 1.7", "drv-reconfig-02")
def sessions_are_removed_without_aborts(plant: Plant) -> None:
    """The commands of a session that is closed are not aborted with the driver."""

    def end(original: Original, session: Session, tasks: Any, flag: int, *rest: Any) -> Any:
        ended = list(tasks)
        for task in ended:
            task.seen = False
        return original(session, ended, flag, *rest)

    plant.wrap(Session, "end_silently", end)


@mutant("behaviour file, 1.5", "drv-reconfig-04 drv-reconfig-05")
def keys_are_not_taken_over(plant: Plant) -> None:
    """Negotiated keys and the command window stay as they were when the target was added."""

    def settings(original: Original, config: Any, hooks: Any) -> dict[str, Any]:
        return {name: value for name, value in original(config, hooks).items() if name in ("access", "redirection")}

    plant.wrap(reconfiguration, "settings_of", settings)


@mutant("behaviour file, 1.5", "drv-reconfig-06")
def part_of_a_faulty_description_is_taken_over(plant: Plant) -> None:
    """A reconfiguration that is refused has changed the command window of later sessions all the same."""

    def change(original: Original, module: TargetModule, private: Any, name: str, *rest: Any) -> int:
        result: int = original(module, private, name, *rest)
        if result and name in module.directory.registry.nodes:
            module.directory.registry.nodes[name].max_commands = 5
        return result

    plant.wrap(TargetModule, "chiscsi_target_reconfig", change)


@mutant("behaviour file, 1.5", "drv-reconfig-07 drv-reconfig-13")
def errors_of_a_reconfiguration_are_not_told(plant: Plant) -> None:
    """chiscsi_target_reconfig returns 0 where it changed nothing."""

    def change(original: Original, *arguments: Any) -> int:
        result: int = original(*arguments)
        return 0 if result in (_EINVAL, _ENONAME) else result

    plant.wrap(TargetModule, "chiscsi_target_reconfig", change)


@mutant("behaviour file, 1.5", "drv-reconfig-08")
def time_outs_are_for_new_portals(plant: Plant) -> None:
    """A new time-out does not reach the connections of a portal that was there before."""

    def change(original: Original, *arguments: Any) -> PortalChanges:
        changes: PortalChanges = original(*arguments)
        changes.timeouts.clear()
        return changes

    plant.wrap(portals, "change", change)


@mutant("behaviour file, 1.5", "drv-reconfig-09")
def connections_outlive_their_portal(plant: Plant) -> None:
    """The connections of a portal that is no more go on."""
    plant.replace(reconfiguration, "leave_portals", _nothing)


@mutant("behaviour file, 8.4", "drv-reconfig-10")
def changed_units_are_not_announced(plant: Plant) -> None:
    """A unit's size or identification changes, and no initiator is told."""
    plant.replace(DeviceServer, "rescan", _nothing)


@mutant("SBC-3, CAPACITY DATA HAS CHANGED", "drv-reconfig-10.size drv-reconfig-11")
def new_sizes_are_not_told(plant: Plant) -> None:
    """A unit has another size, and does not say so itself."""

    def rescan(original: Original, server: DeviceServer, session: int, resized: Any = ()) -> None:
        original(server, session)

    plant.wrap(DeviceServer, "rescan", rescan)


@mutant("behaviour file, 8.4", "drv-reconfig-10 drv-reconfig-11")
def every_unit_announces_the_change(plant: Plant) -> None:
    """The condition is pending on each unit for itself, whatever the initiator has done about another."""
    plant.replace(DeviceServer, "_forget_rescan", lambda server, session, *, but: None)


@mutant("behaviour file, 1.5", "drv-reconfig-12")
def sessions_stay_when_units_are_renumbered(plant: Plant) -> None:
    """Live sessions go on with a list of units which they do not know."""
    plant.replace(reconfiguration, "_close_sessions", _nothing)


@mutant("behaviour file, 1.5", "drv-reconfig-13")
def anything_about_a_unit_may_change(plant: Plant) -> None:
    """LUN class and RO of a unit change under its sessions."""
    plant.replace(logical_units, "_check_kept", _nothing)


@mutant("behaviour file, 2.1", "drv-reconfig-14")
def logins_do_not_wait_for_the_change(plant: Plant) -> None:
    """A login is let in to a target that is being changed."""

    def find(original: Original, name: str, registry: Registry) -> TargetNode:
        node = registry.node(name)
        if node is None:
            found: TargetNode = original(name, registry)
            return found
        return node

    plant.wrap(login_identity, "_find_node", find)
