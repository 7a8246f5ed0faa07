"""Which Target Module the guide's functions speak to.

In a kernel there is one. In a process there may be several, in tests above all: a handle knows its own, and functions
that take no handle speak to the newest.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chiscsi_target.api.events import EventCallback
    from chiscsi_target.api.information import (
        chiscsi_connection_info,
        chiscsi_perf_info,
        chiscsi_session_info,
        chiscsi_target_info,
    )
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.api.target_class import chiscsi_target_class


class TargetStack(Protocol):
    """The side of the stack that the guide's functions for classes, targets, logins and sessions end at."""

    def chiscsi_target_class_register(self, target_class: chiscsi_target_class) -> int:
        """See the function of that name."""

    def chiscsi_target_class_deregister(self, class_name: str) -> int:
        """See the function of that name."""

    def chiscsi_target_lun_class_register(self, lun_class: chiscsi_target_lun_class, target_class_name: str) -> int:
        """See the function of that name."""

    def chiscsi_target_lun_class_deregister(self, lun_class_name: str, target_class_name: str) -> int:
        """See the function of that name."""

    def chiscsi_target_add(
        self, sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
    ) -> int:
        """See the function of that name."""

    def chiscsi_target_remove(self, sdev_priv: Any, target_name: str | None) -> int:
        """See the function of that name."""

    def chiscsi_target_reconfig(
        self, sdev_priv: Any, target_name: str | None, target_class_name: str, config_buffer: bytes, buflen: int
    ) -> int:
        """See the function of that name."""

    def chiscsi_target_first_login_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int, max_cmd: int
    ) -> None:
        """See the function of that name."""

    def chiscsi_target_login_stage_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int
    ) -> None:
        """See the function of that name."""

    def chiscsi_target_session_abort(self, sess_hdl: int) -> int:
        """See the function of that name."""

    def chiscsi_get_target_info(self, tname: str | None, target_info: chiscsi_target_info) -> int:
        """See the function of that name."""

    def chiscsi_get_session_info(
        self, tname: str | None, iname: str | None, sess_info_max: int, sess_info: list[chiscsi_session_info]
    ) -> int:
        """See the function of that name."""

    def chiscsi_get_one_session_info(self, sess_hdl: int, sess_info: chiscsi_session_info) -> int:
        """See the function of that name."""

    def chiscsi_get_connection_info(self, sess_hdl: int, conn_idx: int, conninfo: chiscsi_connection_info) -> int:
        """See the function of that name."""

    def chiscsi_get_perf_info(
        self, ipv6: bool, ip_addr: str | bytes | None, port: int, pdata: chiscsi_perf_info
    ) -> int:
        """See the function of that name."""

    def chiscsi_event_notifier_register(self, callback: EventCallback) -> int:
        """See the function of that name."""

    def chiscsi_event_notifier_unregister(self, callback: EventCallback) -> int:
        """See the function of that name."""


class Handle(int):
    """The guide's opaque handle of a session or connection: an integer that knows the stack it belongs to."""

    stack: TargetStack | None

    def __new__(cls, value: int, stack: TargetStack | None = None) -> Handle:
        """Make a handle of this value."""
        handle = super().__new__(cls, value)
        handle.stack = stack
        return handle

    def __deepcopy__(self, memo: dict[int, object]) -> Handle:
        """A copy of a structure with handles, as `dataclasses.asdict` makes it, is no copy of the stack."""
        return self


class _Newest:
    """The newest stack, as long as somebody keeps it."""

    reference: weakref.ReferenceType[TargetStack] | None = None


def enter(stack: TargetStack) -> None:
    """Make this the stack that functions without a handle speak to."""
    _Newest.reference = weakref.ref(stack)


def current() -> TargetStack | None:
    """The stack that functions without a handle speak to; None before there is one."""
    return None if _Newest.reference is None else _Newest.reference()


def stack_of(hndl: int) -> TargetStack | None:
    """The stack that a handle belongs to; a bare number belongs to the newest."""
    return hndl.stack if isinstance(hndl, Handle) else current()
