"""Adding target nodes, and taking them away (guide 6.1.1 and 6.1.2; behaviour file, 1.3 and 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.api.lun_class import is_multi_phase, is_pass_through
from chiscsi_target.core.access import AccessControl
from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.core.registry import HIDDEN_ALIAS, HIDDEN_NAME
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.engine.live_access import write_denied
from chiscsi_target.engine.task_aborts import abort_commands
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.nodes import logical_units, portals
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.engine.directory import Directory
    from chiscsi_target.nodes.class_registry import ClassRegistry


class TargetNodes:
    """Builds target nodes from descriptions.

    Args:
        directory: where they and their sessions are.
        classes: the classes that they may have.
        shell: starts and stops portals, and waits.
    """

    def __init__(self, directory: Directory, classes: ClassRegistry, shell: portals.Shell) -> None:
        self.directory = directory
        self.classes = classes
        self.shell = shell

    def add(self, config: TargetConfig, private: Any = None) -> TargetNode:
        """Create a target node and start it.

        Args:
            config: its description.
            private: the driver's `sdev_priv`.

        Raises:
            ConfigurationError: something in the description cannot be; nothing is left behind.
        """
        directory, registry = self.directory, self.directory.registry
        target_class = self.classes.target_class(config.class_name)
        if target_class is None:
            raise ConfigurationError("TargetClass", f"{config.class_name} is not registered")
        self.check_names(config)
        self.check_secrets(config)
        lun_classes = self.classes.lun_classes(config.class_name)
        elsewhere = portals.all_elsewhere(config)
        luns = [] if elsewhere else logical_units.configure(config, lun_classes, needed=True)
        logical_units.attach(luns, directory.login_worker)
        try:
            hooks = self._hooks(config, lun_classes, luns)
            started = portals.start(config, portals.local_portals(config), self.shell, directory.login_worker)
        except ConfigurationError:
            logical_units.detach(luns, directory.login_worker)
            raise
        node = TargetNode(
            name=config.name,
            handle=registry.next_handle(),
            private=private,
            target_class=target_class,
            hooks=hooks,
            luns=luns,
            portals=started,
            **settings_of(config, hooks),
        )
        registry.nodes[node.name] = node
        directory.login_worker.event(chiscsi_event.NODE_ADDED, f"Node name={node.name}")
        directory.login_worker.log(INFORMATION, f"target {node.name} added.")
        return node

    def check_names(self, config: TargetConfig, own: TargetNode | None = None) -> None:
        """See that a description's name and alias are its own; `own` is the node that may have them already.

        Raises:
            ConfigurationError: another node has one of them.
        """
        others = self._others(own)
        if config.name in (HIDDEN_NAME, *(node.name for node in others)):
            message = f"An target with name {config.name} already exists."
            raise ConfigurationError("TargetName", message, complete=True)
        if config.alias and config.alias in (HIDDEN_ALIAS, *(node.alias for node in others)):
            message = f"An target with alias {config.alias} already exists."
            raise ConfigurationError("TargetAlias", message, complete=True)

    def check_secrets(self, config: TargetConfig, own: TargetNode | None = None) -> None:
        """See that no CHAP secret of a description has the other direction at another target, or in discovery.

        Raises:
            ConfigurationError: one has.
        """
        discovery = self.directory.registry.globals.discovery_chap
        config.chap.check_apart([*(node.chap for node in self._others(own)), discovery])

    def _others(self, own: TargetNode | None) -> list[TargetNode]:
        return [node for node in list(self.directory.registry.nodes.values()) if node is not own]

    def _hooks(
        self, config: TargetConfig, lun_classes: Mapping[str, chiscsi_target_lun_class], luns: Sequence[chiscsi_lun]
    ) -> chiscsi_target_lun_class:
        """What gets the commands: the default LUN class if it is pass-through, else a device server over the units."""
        default = logical_units.default_class(config, lun_classes)
        if is_pass_through(default):
            return default
        server = DeviceServer(
            luns,
            target_name=config.name,
            portal_group_tag=config.portals[0].tag,
            portal_group_tags=[portal.tag for portal in config.portals],
            vendor_id=self.directory.registry.globals.vendor_id,
        )
        server.watch(write_denied, self.directory.abort_session)
        server.abort_by(abort_commands)
        server.work_by(partial(self.directory.background, server))
        server.make_tokens_by(self.directory.time, self.directory.registry.random)
        return server

    def remove(self, node: TargetNode) -> None:
        """Stop a target node and take it away: its sessions are told, and gone when this returns."""
        directory, name = self.directory, node.name
        node.offline = True
        for portal in node.portals:
            self.shell.unlisten(portal)
        self.close_logins(node)
        for session in directory.sessions_of(node):
            directory.close_session(session)
        self.shell.wait_until(lambda: not directory.sessions_of(node))
        if isinstance(node.hooks, DeviceServer):
            node.hooks.units.clear()  # which ends what is done beside commands
            self.shell.wait_until(lambda: not directory.workers_for(node.hooks))
        logical_units.detach(node.luns, directory.login_worker)
        directory.registry.nodes.pop(name, None)
        directory.login_worker.event(chiscsi_event.NODE_REMOVED, f"Node name={name}")
        directory.login_worker.log(INFORMATION, f"target {name} removed.")

    def close_logins(self, node: TargetNode) -> None:
        """Break off the logins to a node; those at its portals too that have not said where they go (1.4)."""
        registry = self.directory.registry
        others = [other for other in list(registry.nodes.values()) if other is not node and not other.offline]
        shared = {str(portal.address) for other in others for portal in other.portals}
        lonely = [portal.address for portal in node.portals if str(portal.address) not in shared]

        def close(_: None) -> None:
            self.directory.close_logins(node)
            if node.offline:
                self.directory.close_logins_at(lonely)

        self.in_login_thread(close)

    def in_login_thread(self, call: Callable[[None], object]) -> None:
        """Have something done by the thread that handles logins, and wait until it is done."""
        done: list[object] = []
        worker = self.directory.login_worker
        worker.post(call, None)
        worker.post(done.append, None)
        self.shell.wait_until(lambda: bool(done))

    def settle(self) -> None:
        """Wait until the workers have done what sessions were told so far, and look at their timers anew."""
        done: list[object] = []
        workers = self.directory.workers

        def mark(_: None) -> None:
            for worker in workers:
                worker.post(worker.rearm, None)
                worker.post(done.append, None)

        self.directory.login_worker.post(mark, None)
        self.shell.wait_until(lambda: len(done) >= len(workers))


def settings_of(config: TargetConfig, hooks: chiscsi_target_lun_class) -> dict[str, Any]:
    """What a description makes of a node besides logical units and portals, by the names of the node's attributes."""
    return {
        "alias": config.alias,
        "own": _without_unsolicited_data(config.own) if is_multi_phase(hooks) else config.own,
        "max_receive_data": config.keys["MaxRecvDataSegmentLength"],
        "max_commands": config.max_commands,
        "chap": config.chap,
        "access": AccessControl(config.acl_enable, tuple(config.acl)),
        "redirection": portals.redirection_of(config),
    }


def _without_unsolicited_data(own: Mapping[str, Own]) -> Mapping[str, Own]:
    """What a node of a multi-phase class wants: its buffers come piece by piece, so no data may come unasked."""
    return {**own, "ImmediateData": False, "InitialR2T": True}
