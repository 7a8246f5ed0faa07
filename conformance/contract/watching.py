"""A LUN class and its stack, seen through: every hook and every call passes, and is entered in a ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from chiscsi_target.api import SC_FLAG_WRITE, chiscsi_target_lun_class
from chiscsi_target.api.struct import copy_struct, take_over
from chiscsi_target.errors import DriverError
from conformance.contract.ledger import ABORT, ABORT_STATUS, BUFFER_READY, EXECUTION_STATUS, Ledger
from conformance.harness.hanging import BrokenOff, coming_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.api import chiscsi_scsi_command
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.scsi_command import CommandStack
    from chiscsi_target.api.sgvec import SgList

T = TypeVar("T")
AT_ONCE: Final = 2.0
"""Seconds that a non-blocking hook may take; generous, since the machine may be busy."""


class WatchedStack:
    """The `CommandStack` of one command, as the driver reaches it."""

    def __init__(self, stack: CommandStack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """Enter, and pass on."""
        self._ledger.calls(scmd, BUFFER_READY, buf, (sgcnt, offset, buflen))
        result = self._stack.buffer_ready(scmd, buf, sgcnt, offset, buflen)
        self._ledger.called(scmd, BUFFER_READY, offset, buflen, result)
        return result

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Enter, and pass on."""
        given = None if scmd.sc_flag & SC_FLAG_WRITE else buf
        self._ledger.calls(scmd, EXECUTION_STATUS, given, (sgcnt, offset, buflen))
        result = self._stack.execution_status(scmd, buf, sgcnt, offset, buflen)
        self._ledger.called(scmd, EXECUTION_STATUS, offset, buflen, result)
        return result

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """Enter, and pass on."""
        self._ledger.calls(scmd, ABORT)
        result = self._stack.command_abort(scmd)
        self._ledger.called(scmd, ABORT, 0, 0, result)
        return result

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """Enter, and pass on."""
        self._ledger.calls(scmd, ABORT_STATUS)
        result = self._stack.command_abort_status(scmd)
        self._ledger.called(scmd, ABORT_STATUS, 0, 0, result)
        return result

    def __getattr__(self, name: str) -> Any:
        """Whatever else a command's stack can do."""
        return getattr(self._stack, name)


class WatchedHandle:
    """The handle of a task management request, as the driver gets it."""

    def __init__(self, handle: TmfHandle, ledger: Ledger) -> None:
        self._handle = handle
        self._ledger = ledger

    def execution_done(self, tmf_response: int, scmd: chiscsi_scsi_command | None) -> int:
        """Enter, and pass on."""
        self._ledger.answered_request(self, tmf_response, scmd)
        return self._handle.execution_done(tmf_response, scmd)


class WatchedLunClass(chiscsi_target_lun_class):
    """A LUN class between the stack and somebody's own: it watches commands, and has the other hooks as they are."""

    def __init__(self, inner: chiscsi_target_lun_class, ledger: Ledger) -> None:
        take_over(self, inner, chiscsi_target_lun_class)
        self._inner = copy_struct(inner, chiscsi_target_lun_class)  # without the hooks that are NULL
        self._ledger = ledger
        self._handles: list[WatchedHandle] = []  # kept, so that their identities stay their own

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Enter, and pass on."""
        if not isinstance(sc._stack, WatchedStack):
            sc._stack = WatchedStack(sc._stack, self._ledger)
        self._ledger.given_command(sc)
        return self._pass_on(sc, "fp_scsi_cmd_cdb_rcved", lambda: self._inner.fp_scsi_cmd_cdb_rcved(sc))

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Enter, and pass on."""
        self._ledger.given_data(sc, offset + buflen)
        hook = self._inner.fp_scsi_cmd_data_xfer_status
        return self._pass_on(sc, "fp_scsi_cmd_data_xfer_status", lambda: hook(sc, buf, sgcnt, offset, buflen))

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Enter, and pass on."""
        self._ledger.given_abort(sc)
        return self._judged(
            "fp_scsi_cmd_abort", self._watch("fp_scsi_cmd_abort", lambda: self._inner.fp_scsi_cmd_abort(sc))
        )

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Pass on."""
        hook = self._inner.fp_scsi_cmd_abort_status
        self._watch("fp_scsi_cmd_abort_status", lambda: hook(sc_lun, sc_cmdsn, sc_itt, sc_xfer_sgcnt, buf, sc_sdev_hdl))

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Enter, and pass on."""
        try:
            self._watch("fp_scsi_cmd_cleanup", lambda: self._inner.fp_scsi_cmd_cleanup(sc))
        finally:
            self._ledger.cleaned(sc)

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Enter, and pass on."""
        handle = WatchedHandle(hndl, self._ledger)
        self._handles.append(handle)
        self._ledger.given_request(handle, f"fp_tmf_execute with function {tmf_func}")
        hook = self._inner.fp_tmf_execute
        result = self._watch("fp_tmf_execute", lambda: hook(sess_tclass, handle, immediate_cmd, tmf_func, lun, sc))
        if self._judged("fp_tmf_execute", result) < 0:
            self._ledger.note("tmf", f"fp_tmf_execute with function {tmf_func} returned {result}, and is no answer")
            self._ledger.answered_request(handle, 0xFF)
        return result

    def _pass_on(self, sc: chiscsi_scsi_command, name: str, call: Callable[[], int]) -> int:
        """Make a call that may fail its command by what it returns or raises."""
        try:
            result = self._watch(name, call)
        except Exception:
            self._ledger.excused(sc)
            raise
        if self._judged(name, result) < 0:
            self._ledger.excused(sc)
        return result

    def _judged(self, name: str, result: object) -> int:
        """What a hook returned; -1 if it is no number, which the stack takes for a failure."""
        if isinstance(result, int):
            return result
        self._ledger.note("returns", f"{name} returned {result!r}, which is no number")
        return -1

    def _watch(self, name: str, call: Callable[[], T]) -> T:
        """Make a call; it has to return soon, and to raise nothing but what drivers may raise."""
        begin = time.monotonic()
        try:
            with coming_back(name):
                result = call()
        except DriverError:
            raise
        except BrokenOff as error:
            self._ledger.note("returns", str(error))
            raise
        except Exception as error:
            self._ledger.note("returns", f"{name} raised {type(error).__name__}: {error}")
            raise
        taken = time.monotonic() - begin
        if taken > AT_ONCE:
            self._ledger.note("returns", f"{name} kept the stack waiting for {taken:.1f} s")
        return result
