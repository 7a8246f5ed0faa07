"""The target classes and LUN classes that are registered (guide 5.1 and 5.2; behaviour file, 1.1 and 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import LUN_CLASS_CHELSIO_BIT, LUN_CLASS_HAS_CMD_QUEUE_BIT, ReturnCode
from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_multi_phase, is_pass_through, missing_hooks
from chiscsi_target.api.struct import copy_struct
from chiscsi_target.api.target_class import BUILT_IN_CLASS, chiscsi_target_class
from chiscsi_target.core.agenda import ERROR

if TYPE_CHECKING:
    from chiscsi_target.engine.directory import Directory

_EINVAL = -int(ReturnCode.EINVAL)
_EBUSY = -int(ReturnCode.EBUSY)


class ClassRegistry:
    """Classes by their names. What is kept of a class is a copy: later edits by its driver have no effect.

    Args:
        directory: the nodes and sessions, of which some may use a class.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._target_classes: dict[str, chiscsi_target_class] = {}
        self._lun_classes: dict[str, dict[str, chiscsi_target_lun_class]] = {}

    def target_class(self, name: str) -> chiscsi_target_class | None:
        """The target class of that name."""
        return self._target_classes.get(name)

    def lun_classes(self, target_class_name: str) -> Mapping[str, chiscsi_target_lun_class]:
        """The LUN classes of a target class by their names; the first is the default one."""
        return self._lun_classes.get(target_class_name, {})

    def register(self, target_class: chiscsi_target_class) -> int:
        """Add a target class; the result is that of `chiscsi_target_class_register`."""
        name = target_class.class_name
        if not name:
            return self._invalid("target class without class_name.")
        if name in self._target_classes:
            return self._invalid(f"target class {name} already registered.")
        self._target_classes[name] = copy_struct(target_class, chiscsi_target_class)
        self._lun_classes[name] = {}
        return 0

    def deregister(self, name: str) -> int:
        """Take a target class away, and its LUN classes; the result is that of `chiscsi_target_class_deregister`."""
        known = self._target_classes.get(name)
        if known is None or name == BUILT_IN_CLASS:
            return self._invalid(f"target class {name} cannot be deregistered.")
        nodes = self._directory.registry.nodes.values()
        if not self._directory.quirks.no_class_use_check and any(node.target_class is known for node in list(nodes)):
            return self._busy(f"target class {name} is in use.")
        del self._target_classes[name], self._lun_classes[name]
        return 0

    def register_lun_class(self, lun_class: chiscsi_target_lun_class, target_class_name: str) -> int:
        """Add a LUN class to a target class; the result is that of `chiscsi_target_lun_class_register`."""
        name = lun_class.class_name
        if not name:
            return self._invalid("LUN class without class_name.")
        missing = missing_hooks(lun_class)
        if missing:
            return self._invalid(f"LUN class {name} lacks {', '.join(missing)}.")
        known = self._lun_classes.get(target_class_name)
        if known is None:
            return self._invalid(f"target class {target_class_name} is not registered.")
        if name in known:
            return self._invalid(f"LUN class {name} already registered under {target_class_name}.")
        copy = copy_struct(lun_class, chiscsi_target_lun_class)
        if is_pass_through(copy) or is_multi_phase(copy):
            copy.property |= 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT
        if target_class_name == BUILT_IN_CLASS:
            copy.property |= 1 << LUN_CLASS_CHELSIO_BIT
        known[name] = copy
        return 0

    def deregister_lun_class(self, name: str, target_class_name: str) -> int:
        """Take a LUN class away; the result is that of `chiscsi_target_lun_class_deregister`."""
        lun_class = self._lun_classes.get(target_class_name, {}).get(name)
        if lun_class is None:
            return self._invalid(f"LUN class {name} is not registered under {target_class_name}.")
        if not self._directory.quirks.no_class_use_check and self._has_commands(lun_class):
            return self._busy(f"LUN class {name} has commands outstanding.")
        del self._lun_classes[target_class_name][name]
        return 0

    def _has_commands(self, lun_class: chiscsi_target_lun_class) -> bool:
        busy = [session.node for session in self._directory.registry.active() if session.node and session.tasks]
        return any(node.hooks is lun_class or any(lun.lun_class is lun_class for lun in node.luns) for node in busy)

    def _invalid(self, text: str) -> int:
        self._directory.login_worker.log(ERROR, text)
        return _EINVAL

    def _busy(self, text: str) -> int:
        self._directory.login_worker.log(ERROR, text)
        return _EBUSY
