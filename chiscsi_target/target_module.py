"""`TargetModule`: the iSCSI Target Module as a whole, with the guide's functions for classes, targets and logins.

Functions with the guide's names return 0 or a negative `ReturnCode` and log why; the others raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import (
    ISCSI_LOGIN_STATUS_CLASS_INITIATOR_ERROR,
    ISCSI_LOGIN_STATUS_CLASS_TARGET_ERROR,
    LUN_CLASS_HAS_CMD_QUEUE_BIT,
    ReturnCode,
)
from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_multi_phase, is_pass_through, missing_hooks
from chiscsi_target.api.stack import enter
from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.config.pairs import parse_buffer
from chiscsi_target.config.target_config import DEFAULT_CLASS, TargetConfig, parse_target
from chiscsi_target.config.target_device import make_logical_unit
from chiscsi_target.core.agenda import ERROR, INFORMATION, WARNING
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.engine.directory import Directory
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.information import Information
from chiscsi_target.quirks import Quirks
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.core.portal import Portal
    from iscsi_wire.records import Listener

_EINVAL = -int(ReturnCode.EINVAL)
_STATUS_CLASSES = (0, ISCSI_LOGIN_STATUS_CLASS_INITIATOR_ERROR, ISCSI_LOGIN_STATUS_CLASS_TARGET_ERROR)


class TargetModule(Information):
    """The stack.

    The shell's duties: set `listen` and `unlisten`, which start and stop a portal, and `wait_until`, which blocks until
    a condition holds while the workers run.

    Args:
        workers: how many full feature phase workers there are.
        listener: who is told of everything observable.
        complain: who prints errors and warnings, a line each.
        quirks: where release 3.14 is followed rather than the guide; nowhere by default.
        random: returns that many random octets, for the challenges of CHAP.

    Attributes:
        configurations: the description that each target has now, by its name.
    """

    def __init__(
        self,
        workers: int = 1,
        listener: Listener | None = None,
        complain: Callable[[str], None] | None = None,
        quirks: Quirks | None = None,
        random: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self.directory = Directory(workers, listener, complain, quirks)
        self.directory.registry.challenges = Challenges(random)
        self.directory.registry.stack = self
        enter(self)
        self.listen: Callable[[Portal], None] = _ignore
        self.unlisten: Callable[[Portal], None] = _ignore
        self.wait_until: Callable[[Callable[[], bool]], None] = _do_not_wait
        self.configurations: dict[str, TargetConfig] = {}
        self._classes: dict[str, chiscsi_target_class] = {}
        self._lun_classes: dict[str, dict[str, chiscsi_target_lun_class]] = {}
        self._register_built_in()

    def _register_built_in(self) -> None:
        built_in = chiscsi_target_class()
        built_in.class_name = DEFAULT_CLASS
        self.chiscsi_target_class_register(built_in)
        for lun_class in (FileLunClass(), MemoryLunClass()):
            self.chiscsi_target_lun_class_register(lun_class, DEFAULT_CLASS)

    # Classes

    def chiscsi_target_class_register(self, target_class: chiscsi_target_class) -> int:
        """Add a target class (guide 5.1)."""
        name = target_class.class_name
        if not name:
            return self._invalid("target class without class_name.")
        if name in self._classes:
            return self._invalid(f"target class {name} already registered.")
        self._classes[name] = target_class
        self._lun_classes[name] = {}
        return 0

    def chiscsi_target_class_deregister(self, class_name: str) -> int:
        """Take a target class and its LUN classes away; -EBUSY while a target of it exists."""
        if class_name not in self._classes or class_name == DEFAULT_CLASS:
            return self._invalid(f"target class {class_name} cannot be deregistered.")
        if any(node.target_class is self._classes[class_name] for node in self.directory.registry.nodes.values()):
            return -ReturnCode.EBUSY
        del self._classes[class_name], self._lun_classes[class_name]
        return 0

    def chiscsi_target_lun_class_register(self, lun_class: chiscsi_target_lun_class, target_class_name: str) -> int:
        """Add a LUN class to a target class (guide 5.2); the first one is its default."""
        known = self._lun_classes.get(target_class_name)
        name = lun_class.class_name
        if not name or known is None or name in known:
            return self._invalid(f"LUN class {name!r} cannot be registered under {target_class_name!r}.")
        missing = missing_hooks(lun_class)
        if missing:
            return self._invalid(f"LUN class {name} lacks {', '.join(missing)}.")
        if is_pass_through(lun_class) or is_multi_phase(lun_class):
            lun_class.property |= 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT
        known[name] = lun_class
        return 0

    def chiscsi_target_lun_class_deregister(self, lun_class_name: str, target_class_name: str) -> int:
        """Take a LUN class away; -EBUSY while commands of it are outstanding."""
        lun_class = self._lun_classes.get(target_class_name, {}).get(lun_class_name)
        if lun_class is None:
            return self._invalid(f"LUN class {lun_class_name} is not registered under {target_class_name}.")
        for session in list(self.directory.registry.sessions.values()):
            node = session.node
            if (
                node is not None
                and session.tasks
                and (node.hooks is lun_class or any(lun.lun_class is lun_class for lun in node.luns))
            ):
                return -ReturnCode.EBUSY
        del self._lun_classes[target_class_name][lun_class_name]
        return 0

    def _invalid(self, text: str) -> int:
        self.directory.login_worker.log(ERROR, text)
        return _EINVAL

    # Targets

    def chiscsi_target_add(
        self, sdev_priv: Any, target_name: str, target_class_name: str, config_buffer: bytes, buflen: int
    ) -> int:
        """Create a target node and start it (guide 6.1.1). Blocking."""
        if not target_name:
            return -ReturnCode.ENONAME
        try:
            pairs = parse_buffer(bytes(config_buffer[:buflen]))
        except ConfigurationError as error:
            self._invalid(str(error))
            return -ReturnCode.EFORMAT
        try:
            config = parse_target(pairs)
            config.class_name = target_class_name
            if config.name != target_name.lower():
                raise ConfigurationError("TargetName", f"{config.name} is not {target_name}")
            self.add_target(config, sdev_priv)
        except ConfigurationError as error:
            return self._invalid(str(error))
        return 0

    def add_target(self, config: TargetConfig, private: Any = None) -> TargetNode:
        """Create a target node and start it.

        Raises:
            ConfigurationError: something in the description cannot be; nothing is left behind.
        """
        registry = self.directory.registry
        target_class = self._classes.get(config.class_name)
        if target_class is None:
            raise ConfigurationError("TargetClass", f"{config.class_name} is not registered")
        if config.name in registry.nodes:
            raise ConfigurationError("TargetName", f"An target with name {config.name} already exists.")
        if config.alias and any(config.alias == node.alias for node in registry.nodes.values()):
            raise ConfigurationError("TargetAlias", f"An target with alias {config.alias} already exists.")
        luns = self._make_luns(config)
        started: list[Portal] = []
        try:
            hooks = self._hooks(config, luns)
            for portal in config.portals:
                self.listen(portal)
                started.append(portal)
        except ConfigurationError:
            self._undo(luns, started)
            raise
        node = TargetNode(
            name=config.name,
            alias=config.alias,
            handle=registry.next_handle(),
            private=private,
            target_class=target_class,
            hooks=hooks,
            luns=luns,
            portals=config.portals,
            own=_without_unsolicited_data(config.own) if is_multi_phase(hooks) else config.own,
            max_receive_data=config.keys["MaxRecvDataSegmentLength"],
            max_commands=config.max_commands,
            chap=config.chap,
        )
        registry.nodes[node.name] = node
        self.configurations[node.name] = config
        self.directory.login_worker.log(INFORMATION, f"target {node.name} added.")
        return node

    def _make_luns(self, config: TargetConfig) -> list[chiscsi_lun]:
        classes = self._lun_classes[config.class_name]
        luns: list[chiscsi_lun] = []
        try:
            for device in config.devices:
                name, options = device.split(classes, next(iter(classes), ""))
                if name not in classes:
                    raise ConfigurationError("TargetDevice", f"class {config.class_name} has no LUN class")
                luns.append(make_logical_unit(device, len(luns), classes[name], options))
        except ConfigurationError:
            self._undo(luns, [])
            raise
        return luns

    def _hooks(self, config: TargetConfig, luns: list[chiscsi_lun]) -> chiscsi_target_lun_class:
        """What gets the commands: the default LUN class if it is pass-through, else a device server over the units."""
        default = next(iter(self._lun_classes[config.class_name].values()), None)
        if default is None:
            raise ConfigurationError("TargetClass", f"{config.class_name} has no LUN class")
        if is_pass_through(default):
            return default
        if not luns:
            raise ConfigurationError("TargetDevice", f"{config.name} has no logical unit")
        return DeviceServer(luns, target_name=config.name, portal_group_tag=config.portals[0].tag)

    def _undo(self, luns: list[chiscsi_lun], portals: list[Portal]) -> None:
        for portal in portals:
            self.unlisten(portal)
        for lun in luns:
            lun.lun_class.fp_detach(lun)

    def chiscsi_target_remove(self, sdev_priv: Any, target_name: str) -> int:
        """Stop a target node and remove it (guide 6.1.2). Blocking: its sessions are told, and gone when it returns."""
        if not target_name:
            return -ReturnCode.ENONAME
        directory = self.directory
        node = directory.registry.nodes.get(target_name)
        if node is None:
            return -ReturnCode.ENOTFOUND
        node.offline = True
        for portal in node.portals:
            self.unlisten(portal)
        broken_off: list[None] = []
        directory.login_worker.post(directory.close_logins, node)
        directory.login_worker.post(broken_off.append, None)
        self.wait_until(lambda: bool(broken_off))
        for session in directory.sessions_of(node):
            directory.close_session(session)
        self.wait_until(lambda: not directory.sessions_of(node))
        for lun in node.luns:
            lun.lun_class.fp_flush(lun)
            lun.lun_class.fp_detach(lun)
        directory.registry.nodes.pop(target_name, None)
        self.configurations.pop(target_name, None)
        directory.login_worker.log(INFORMATION, f"target {target_name} removed.")
        return 0

    # Logins and sessions

    def chiscsi_target_first_login_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int, max_cmd: int
    ) -> None:
        """Answer `fp_first_login_check` (guide 5.1.2)."""
        status = self._status(login_status_class, login_status_detail)
        self.directory.login_answered(hndl, "fp_first_login_check", status, max_cmd)

    def chiscsi_target_login_stage_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int
    ) -> None:
        """Answer `fp_login_stage_check` (guide 5.1.3)."""
        status = self._status(login_status_class, login_status_detail)
        self.directory.login_answered(hndl, "fp_login_stage_check", status)

    def _status(self, status_class: int, detail: int) -> int:
        if status_class not in _STATUS_CLASSES:
            # The guide treats redirection as success here; so it is with any other class.
            self.directory.login_worker.log(WARNING, f"login status class {status_class} taken as 0.")
            return 0
        return (status_class << 8 | detail) if status_class else 0

    def chiscsi_target_session_abort(self, sess_hndl: int) -> int:
        """Close a session soon (guide 7.3.4)."""
        for session in list(self.directory.registry.sessions.values()):
            if session.handle == sess_hndl:
                self.directory.close_session(session, ConnectionEvent.TRANSPORT_LOST)
                return 0
        return _EINVAL


def _without_unsolicited_data(own: Mapping[str, Own]) -> Mapping[str, Own]:
    """What a node of a multi-phase class wants: its buffers come piece by piece, so no data may come unasked."""
    return {**own, "ImmediateData": False, "InitialR2T": True}


def _ignore(portal: Portal) -> None:
    """Start or stop nothing: there is no shell yet."""


def _do_not_wait(condition: Callable[[], bool]) -> None:
    """Do not wait: nothing runs without a shell."""
