"""Changing a target while it runs (behaviour file, 1.5).

The new description is built beside the old one and compared with it; until then nothing has changed. While it is put in
place, the node is `updating`: logins that arrive are turned away, and what live sessions notice is done by their own
workers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.engine.live_access import apply_access, leave_portals
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.nodes import logical_units, portals
from chiscsi_target.nodes.target_nodes import settings_of
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.nodes.logical_units import UnitChanges
    from chiscsi_target.nodes.portals import PortalChanges
    from chiscsi_target.nodes.target_nodes import TargetNodes


def reconfigure(nodes: TargetNodes, node: TargetNode, config: TargetConfig) -> None:
    """Give a node a new description.

    Args:
        nodes: what nodes are built with.
        node: the node; other nodes are not affected.
        config: the whole new description; what it leaves out goes back to its default.

    Raises:
        ConfigurationError: it cannot be changed like that; everything is as it was.
    """
    nodes.check_names(config, own=node)
    nodes.check_secrets(config, own=node)
    if config.class_name != node.target_class.class_name:
        raise ConfigurationError("TargetClass", "TargetClass change prohibited.", complete=True)
    lun_classes = nodes.classes.lun_classes(config.class_name)
    elsewhere = portals.all_elsewhere(config)
    units = [] if elsewhere else logical_units.configure(config, lun_classes, needed=True)
    changes = logical_units.compare(node.luns, units)
    node.updating = True
    try:
        _replace(nodes, node, config, changes, units)
    finally:
        node.updating = False
    nodes.directory.login_worker.log(INFORMATION, f"target {node.name} updated.")


def _replace(
    nodes: TargetNodes,
    node: TargetNode,
    config: TargetConfig,
    changes: UnitChanges,
    units: list[chiscsi_lun],
) -> None:
    undo: list[Callable[[], object]] = []
    try:
        logical_units.carry_out(changes, undo, nodes.directory.login_worker)
        reached = portals.change(node.portals, config, nodes.shell, nodes.directory.login_worker)
    except ConfigurationError:
        for call in reversed(undo):
            call()
        raise
    if changes.renumbered:
        # Their initiators log in again, and find the units under their new numbers.
        _close_sessions(nodes, node)
    left = _merge(nodes, node, config, reached, units)
    _tell_sessions(nodes, node, changes, left)
    for portal in left:
        nodes.shell.unlisten(portal)
    logical_units.detach(changes.vanished, nodes.directory.login_worker)


def _close_sessions(nodes: TargetNodes, node: TargetNode) -> None:
    nodes.close_logins(node)
    for session in nodes.directory.sessions_of(node):
        nodes.directory.close_session(session)
    nodes.shell.wait_until(lambda: not nodes.directory.sessions_of(node))


def _merge(
    nodes: TargetNodes, node: TargetNode, config: TargetConfig, reached: PortalChanges, units: list[chiscsi_lun]
) -> list[Portal]:
    """Put the new description in place, in the thread that handles logins: they see all of it or nothing."""
    settings = settings_of(config, node.hooks)

    def put(_: None) -> None:
        for name, value in settings.items():
            setattr(node, name, value)
        node.luns = units
        node.portals = reached.portals
        for portal, timeout in reached.timeouts:
            portal.timeout = timeout
        if isinstance(node.hooks, DeviceServer):
            tags = [portal.tag for portal in reached.portals]
            node.hooks.replace_units(units, portal_group_tag=tags[0], portal_group_tags=tags)

    nodes.in_login_thread(put)
    return reached.removed


def _tell_sessions(nodes: TargetNodes, node: TargetNode, changes: UnitChanges, left: list[Portal]) -> None:
    """Have live sessions keep to the new description, and wait until they do."""
    directory = nodes.directory
    for session in directory.sessions_of(node):
        directory.in_session(session, apply_access, session)
        directory.in_session(session, partial(leave_portals, session), left)
        if changes.told_anew and isinstance(node.hooks, DeviceServer):
            directory.in_session(session, partial(node.hooks.rescan, resized=changes.resized), session.handle)
    nodes.settle()
