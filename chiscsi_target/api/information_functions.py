"""The functions that ask for information (guide chapter 8), and those of the event notifier.

They speak to the Target Module that a handle belongs to, or to the newest one (see `chiscsi_target.api.stack`), and
return -EINVAL when there is none. They can be called anywhere, inside a hook as well, and never block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.stack import current, stack_of

if TYPE_CHECKING:
    from chiscsi_target.api.events import EventCallback
    from chiscsi_target.api.information import (
        chiscsi_connection_info,
        chiscsi_perf_info,
        chiscsi_session_info,
        chiscsi_target_info,
    )

_EINVAL = -int(ReturnCode.EINVAL)


def chiscsi_get_target_info(tname: str | None, target_info: chiscsi_target_info) -> int:
    """Describe a target (guide 8.1).

    Args:
        tname: TargetName.
        target_info: is filled.

    Returns:
        0; -ENONAME without a name, -ENOTFOUND when no target has it.
    """
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_get_target_info(tname, target_info)


def chiscsi_get_session_info(
    tname: str | None, iname: str | None, sess_info_max: int, sess_info: list[chiscsi_session_info]
) -> int:
    """Describe a target's sessions, the oldest first; discovery sessions are none (guide 8.2).

    Args:
        tname: TargetName.
        iname: InitiatorName of the sessions that are meant, or None for all.
        sess_info_max: how many to describe at most.
        sess_info: is emptied, and gets a structure for each.

    Returns:
        How many were described, when they are fewer than `sess_info_max`; otherwise how many there are. -EINVAL for a
        number that is not positive, and for a target that is not named or does not exist.
    """
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_get_session_info(tname, iname, sess_info_max, sess_info)


def chiscsi_get_one_session_info(sess_hdl: int, sess_info: chiscsi_session_info) -> int:
    """Describe one session by its handle; -EINVAL when there is no such session (behaviour file, 1.8)."""
    stack = stack_of(sess_hdl)
    return _EINVAL if stack is None else stack.chiscsi_get_one_session_info(sess_hdl, sess_info)


def chiscsi_get_connection_info(sess_hdl: int, conn_idx: int, conninfo: chiscsi_connection_info) -> int:
    """Describe one connection of a session (guide 8.3).

    Args:
        sess_hdl: the session's handle, from `chiscsi_session_info.hndl`.
        conn_idx: which one, from 0; below `chiscsi_session_info.conn_cnt`.
        conninfo: is filled.

    Returns:
        0, or -EINVAL when there is no such session or connection.
    """
    stack = stack_of(sess_hdl)
    return _EINVAL if stack is None else stack.chiscsi_get_connection_info(sess_hdl, conn_idx, conninfo)


def chiscsi_get_perf_info(ipv6: bool, ip_addr: str | bytes | None, port: int, pdata: chiscsi_perf_info) -> int:
    """Say what was moved through a portal, by all sessions of all targets there (guide 8.4).

    Args:
        ipv6: whether the address is IPv6.
        ip_addr: the portal's address, as text or as 4 or 16 octets in network order.
        port: its TCP port; 0 for 3260.
        pdata: is filled.

    Returns:
        0; -EINVAL when the address is missing or is none of its kind; -ENOTFOUND when no target listens there.
    """
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_get_perf_info(ipv6, ip_addr, port, pdata)


def chiscsi_event_notifier_register(callback: EventCallback) -> int:
    """Have a callback told of logins, logouts, refusals and targets that come and go (behaviour file, 1.8).

    Returns:
        0, or -EINVAL when it is registered already.
    """
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_event_notifier_register(callback)


def chiscsi_event_notifier_unregister(callback: EventCallback) -> int:
    """Tell a callback no more; -EINVAL when it is not registered."""
    stack = current()
    return _EINVAL if stack is None else stack.chiscsi_event_notifier_unregister(callback)
