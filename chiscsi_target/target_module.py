"""`TargetModule`: the iSCSI Target Module as a whole, with the guide's functions for classes, targets and logins.

Functions with the guide's names return 0 or a negative `ReturnCode` and log why; the others raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import token_bytes
from threading import RLock
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import (
    ISCSI_LOGIN_STATUS_CLASS_INITIATOR_ERROR,
    ISCSI_LOGIN_STATUS_CLASS_TARGET_ERROR,
    ReturnCode,
)
from chiscsi_target.api.stack import enter
from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.config.pairs import parse_buffer
from chiscsi_target.config.target_config import DEFAULT_CLASS, TargetConfig, parse_target
from chiscsi_target.core.agenda import ERROR, WARNING
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.drivers.null_class import NullLunClass
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.held import DriverWatch
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.information import Information
from chiscsi_target.nodes.class_registry import ClassRegistry
from chiscsi_target.nodes.reconfiguration import reconfigure
from chiscsi_target.nodes.target_nodes import TargetNodes
from chiscsi_target.offload.terminator import POD_REGION, Offload, Terminator
from chiscsi_target.quirks import Quirks
from chiscsi_target.upkeep import Upkeep

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.core.negotiation import Pairs
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.target_node import TargetNode
    from iscsi_wire.records import Listener

_EINVAL = -int(ReturnCode.EINVAL)
# What the guide's prototypes make of larger numbers (5.1.2 and 5.1.3).
_UNSIGNED_CHAR, _UNSIGNED_INT = 0xFF, 0xFFFFFFFF
_STATUS_CLASSES = (0, ISCSI_LOGIN_STATUS_CLASS_INITIATOR_ERROR, ISCSI_LOGIN_STATUS_CLASS_TARGET_ERROR)


class TargetModule(Information, Upkeep, DriverWatch):
    """The stack.

    The shell's duties: set `listen` and `unlisten`, which start and stop a portal, and `wait_until`, which blocks until
    a condition holds while the workers run.

    Args:
        workers: how many full feature phase workers there are.
        listener: who is told of everything observable.
        complain: who prints errors and warnings, a line each.
        quirks: where release 3.14 is followed rather than the guide; nowhere by default.
        random: returns that many random octets, for the challenges of CHAP.
        findings: look for drivers' mistakes that take time to find, even when nobody listens.
        contents: look for changes of what is in drivers' buffers, too.
        offload: which connections run over the emulated adapter; those of third-party targets, unless told otherwise.
        page_pods: entries of the adapter's pod region.
        merge_returns: give several phases of a multi-phase command back in one call when that is possible.

    Attributes:
        classes: the target classes and LUN classes that are registered.
        configurations: the description that each target has now, by its name.
        terminator: the emulated adapter, or None.
    """

    def __init__(
        self,
        workers: int = 1,
        listener: Listener | None = None,
        complain: Callable[[str], None] | None = None,
        quirks: Quirks | None = None,
        random: Callable[[int], bytes] = token_bytes,
        *,
        findings: bool = False,
        contents: bool = False,
        merge_returns: bool = False,
        offload: Offload = Offload.AUTO,
        page_pods: int = POD_REGION,
    ) -> None:
        self.directory = Directory(workers, listener, complain, quirks)
        self.directory.watch_drivers(findings=findings, contents=contents, merge_returns=merge_returns)
        self.terminator = self._adapter(offload, page_pods)
        self.directory.registry.challenges = Challenges(random)
        self.directory.registry.random = random
        self.directory.registry.stack = self
        enter(self)
        self.listen: Callable[[Portal], None] = _ignore
        self.unlisten: Callable[[Portal], None] = _ignore
        self.wait_until: Callable[[Callable[[], bool]], None] = self._work_here
        self.configurations: dict[str, TargetConfig] = {}
        self.classes = ClassRegistry(self.directory)
        self._nodes = TargetNodes(self.directory, self.classes, self)
        self._changing = RLock()
        self._register_built_in()

    def _adapter(self, offload: Offload, page_pods: int) -> Terminator | None:
        """Put the adapter in, if there is to be one; its mode is a global variable."""
        if offload is Offload.OFF:
            return None
        settings = self.directory.registry.globals
        settings.offload_mode = offload.name
        workers = self.directory.workers
        terminator = Terminator(lambda: Offload[settings.offload_mode], page_pods, len(workers))
        for worker in (self.directory.login_worker, *workers):
            worker.adapter = terminator
        return terminator

    def _register_built_in(self) -> None:
        built_in = chiscsi_target_class()
        built_in.class_name = DEFAULT_CLASS
        self.chiscsi_target_class_register(built_in)
        for lun_class in (FileLunClass(), MemoryLunClass(), NullLunClass()):
            self.chiscsi_target_lun_class_register(lun_class, DEFAULT_CLASS)

    # Classes

    def chiscsi_target_class_register(self, target_class: chiscsi_target_class) -> int:
        """Add a target class (guide 5.1)."""
        with self._one_at_a_time():
            return self.classes.register(target_class)

    def chiscsi_target_class_deregister(self, class_name: str) -> int:
        """Take a target class and its LUN classes away; -EBUSY while a target of it exists."""
        with self._one_at_a_time():
            return self.classes.deregister(class_name)

    def chiscsi_target_lun_class_register(self, lun_class: chiscsi_target_lun_class, target_class_name: str) -> int:
        """Add a LUN class to a target class (guide 5.2); the first one is its default."""
        with self._one_at_a_time():
            return self.classes.register_lun_class(lun_class, target_class_name)

    def chiscsi_target_lun_class_deregister(self, lun_class_name: str, target_class_name: str) -> int:
        """Take a LUN class away; -EBUSY while commands of it are outstanding."""
        with self._one_at_a_time():
            return self.classes.deregister_lun_class(lun_class_name, target_class_name)

    # Targets

    def chiscsi_target_add(
        self, sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
    ) -> int:
        """Create a target node and start it (guide 6.1.1). Blocking.

        Args:
            sdev_priv: the driver's, for the node.
            target_name: its name.
            target_class_name: its class.
            config_buffer: its whole description: `key=value` pairs, each ended by a null octet.
            buflen: how many octets of the buffer count.

        Returns:
            0, or the first of these (behaviour file, 1.3): -ENONAME; -EFORMAT for a malformed buffer; -EINVAL for an
            unknown class, a name that is taken, and most errors of the description; -EDUP for something named twice;
            the result of `fp_attach`.
        """
        if not target_name:
            return -ReturnCode.ENONAME
        with self._one_at_a_time():
            try:
                pairs = _pairs(config_buffer, buflen)
            except ConfigurationError as error:
                self._invalid(str(error))
                return -ReturnCode.EFORMAT
            if self.classes.target_class(target_class_name) is None:
                return self._invalid(f"target class {target_class_name} is not registered.")
            if target_name.lower() in self.directory.registry.nodes:
                return self._invalid(f"An target with name {target_name} already exists.")
            try:
                self.add_target(self._described(pairs, target_name, target_class_name), sdev_priv)
            except ConfigurationError as error:
                return self._refused(error)
        return 0

    def chiscsi_target_remove(self, sdev_priv: Any, target_name: str | None) -> int:
        """Stop a target node and remove it (guide 6.1.2). Blocking: its sessions are told, and gone when it returns.

        Returns:
            0, -ENONAME, or -ENOTFOUND.
        """
        if not target_name:
            return -ReturnCode.ENONAME
        try:
            self.remove_target(target_name)
        except LookupError:
            return -ReturnCode.ENOTFOUND
        return 0

    def chiscsi_target_reconfig(
        self, sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
    ) -> int:
        """Give a target node a new description (guide 6.1.3). Blocking; arguments as for `chiscsi_target_add`.

        Returns:
            0, -ENONAME, or -EINVAL, or what `chiscsi_target_add` returns for the same fault of a description; nothing
            has changed unless it is 0 (behaviour file, 1.5).
        """
        if not target_name:
            return -ReturnCode.ENONAME
        with self._one_at_a_time():
            known = target_name.lower() in self.directory.registry.nodes or self.directory.quirks.name_from_buffer
            if self.classes.target_class(target_class_name) is None or not known:
                return self._invalid(f"no target {target_name} of class {target_class_name}.")
            try:
                pairs = _pairs(config_buffer, buflen)
                self.reconfigure_target(self._described(pairs, target_name, target_class_name))
            except LookupError as error:
                return self._invalid(str(error))
            except ConfigurationError as error:
                return self._refused(error)
        return 0

    def add_target(self, config: TargetConfig, private: Any = None) -> TargetNode:
        """Create a target node and start it; `chiscsi_target_add` with a description that has been read.

        Raises:
            ConfigurationError: something in the description cannot be; nothing is left behind.
        """
        with self._one_at_a_time():
            node = self._nodes.add(config, private)
            self.configurations[node.name] = config
            return node

    def remove_target(self, name: str) -> None:
        """Stop a target node and remove it, as `chiscsi_target_remove` does.

        Raises:
            LookupError: there is none of that name.
        """
        with self._one_at_a_time():
            self._nodes.remove(self._node(name))
            self.configurations.pop(name, None)

    def reconfigure_target(self, config: TargetConfig) -> None:
        """Give the target node of that name a new description, as `chiscsi_target_reconfig` does.

        Raises:
            LookupError: there is none of that name.
            ConfigurationError: it cannot be changed like that; nothing has changed.
        """
        with self._one_at_a_time():
            reconfigure(self._nodes, self._node(config.name), config)
            self.configurations[config.name] = config

    def _work_here(self, condition: Callable[[], bool]) -> None:
        """Do what is posted: without a shell nobody else does."""
        workers = (self.directory.login_worker, *self.directory.workers)
        while not condition() and any(worker.queue or worker.steps for worker in workers):
            for worker in workers:
                worker.run(worker.now)

    def _node(self, name: str) -> TargetNode:
        node = self.directory.registry.nodes.get(name)
        if node is None:
            raise LookupError(f"{name} is not found.")
        return node

    def _described(self, pairs: Pairs, target_name: str, target_class_name: str) -> TargetConfig:
        """The description in a buffer; its name has to be the one that the caller says."""
        config = parse_target(pairs)
        config.class_name = target_class_name
        if config.name != target_name.lower() and not self.directory.quirks.name_from_buffer:
            raise ConfigurationError("TargetName", f"{config.name} is not {target_name}")
        return config

    def _invalid(self, text: str) -> int:
        self.directory.login_worker.log(ERROR, text)
        return _EINVAL

    def _refused(self, error: ConfigurationError) -> int:
        self._invalid(str(error))
        return -(error.code or ReturnCode.EINVAL)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Keep changes from each other, whichever threads they come from; a hook may make one inside another."""
        if not self._changing.acquire(blocking=False):
            self.wait_until(lambda: self._changing.acquire(blocking=False))
        try:
            yield
        finally:
            self._changing.release()

    # Logins and sessions

    def chiscsi_target_first_login_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int, max_cmd: int
    ) -> None:
        """Answer `fp_first_login_check` (guide 5.1.2)."""
        status = self._status(login_status_class, login_status_detail)
        self.directory.login_answered(hndl, "fp_first_login_check", status, max_cmd & _UNSIGNED_INT)

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
        return (status_class << 8 | detail & _UNSIGNED_CHAR) if status_class else 0

    def chiscsi_target_session_abort(self, sess_hdl: int) -> int:
        """Close a session soon (guide 7.3.4)."""
        return 0 if sess_hdl and self.directory.abort_session(sess_hdl) else _EINVAL


def _pairs(buffer: object, length: object) -> Pairs:
    """The pairs of a configuration buffer, whatever a driver calls one.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(buffer, bytes | bytearray | memoryview) or not isinstance(length, int):
        raise ConfigurationError("buffer", f"{type(buffer).__name__} of length {length!r} is no configuration")
    if not 0 <= length <= len(buffer):
        raise ConfigurationError("buffer", f"buflen is {length}, the buffer has {len(buffer)} octets")
    return parse_buffer(bytes(buffer[:length]))


def _ignore(portal: Portal) -> None:
    """Start or stop nothing: there is no shell yet."""
