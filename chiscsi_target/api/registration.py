"""The functions that register classes and make targets (guide 5.1, 5.2 and 6.1).

They speak to the newest Target Module (see `chiscsi_target.api.stack`) and return -EINVAL when there is none. What they
return otherwise is told by the methods of `TargetModule` with their names. They block, and can be called anywhere,
inside a hook as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.stack import current

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.api.target_class import chiscsi_target_class

_EINVAL = -int(ReturnCode.EINVAL)


def chiscsi_target_class_register(target_class: chiscsi_target_class) -> int:
    """Add a target class (guide 5.1). It is copied: later edits have no effect. Returns 0 or -EINVAL."""
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_target_class_register(target_class)


def chiscsi_target_class_deregister(class_name: str) -> int:
    """Take a target class and its LUN classes away. Returns 0, -EINVAL, or -EBUSY while a target of it exists.

    Without a stack there is nothing to take away, and the result is 0 (behaviour file, 1.1).
    """
    stack = current()
    return 0 if stack is None else stack.chiscsi_target_class_deregister(class_name)


def chiscsi_target_lun_class_register(lun_class: chiscsi_target_lun_class, target_class_name: str) -> int:
    """Add a LUN class to a target class (guide 5.2); it is copied. The first is its default. Returns 0 or -EINVAL."""
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_target_lun_class_register(lun_class, target_class_name)


def chiscsi_target_lun_class_deregister(lun_class_name: str, target_class_name: str) -> int:
    """Take a LUN class away. Returns 0, -EINVAL, or -EBUSY while commands of it are outstanding."""
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_target_lun_class_deregister(lun_class_name, target_class_name)


def chiscsi_target_add(
    sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
) -> int:
    """Create a target node and start it (guide 6.1.1).

    Args:
        sdev_priv: the driver's, for the node.
        target_name: its name.
        target_class_name: its class.
        config_buffer: its whole description: `key=value` pairs, each ended by a null octet.
        buflen: how many octets of the buffer count.

    Returns:
        0 or a negative `ReturnCode`; see `TargetModule.chiscsi_target_add`.
    """
    stack = current()
    if stack is None:
        return _EINVAL
    return stack.chiscsi_target_add(sdev_priv, target_name, target_class_name, config_buffer, buflen)


def chiscsi_target_remove(sdev_priv: Any, target_name: str | None) -> int:
    """Stop a target node and remove it (guide 6.1.2). Returns 0, -ENONAME or -ENOTFOUND."""
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_target_remove(sdev_priv, target_name)


def chiscsi_target_reconfig(
    sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
) -> int:
    """Give a target node a new description (guide 6.1.3); arguments and result as for `chiscsi_target_add`."""
    stack = current()
    if stack is None:
        return _EINVAL
    return stack.chiscsi_target_reconfig(sdev_priv, target_name, target_class_name, config_buffer, buflen)
