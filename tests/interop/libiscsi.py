"""libiscsi's tools, and its library as a scripted initiator (Debian packages `libiscsi-bin`, `libiscsi7`)."""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_size_t, c_ubyte, c_uint32, c_uint64, c_void_p
from functools import cache
from select import POLLERR, poll
from typing import Any

from tests.interop.processes import PeerFailed
from tests.peers import missing, require_peer

__all__ = ["LibiscsiError", "Session", "session", "tool"]

BLOCK = 512
_SECONDS = 10
_NORMAL_SESSION = 2
_CALLBACK = CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_void_p)


class LibiscsiError(RuntimeError):
    """A call of libiscsi failed; the message is libiscsi's."""


class _Task(Structure):
    """The part of `struct scsi_task` (scsi-lowlevel.h) that is looked at here; its sense and data follow."""

    _fields_ = [("status", c_int), ("cdb_size", c_int), ("xfer_dir", c_int), ("expxferlen", c_int)]


def tool(name: str, *arguments: str, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one of libiscsi's tools (`iscsi-ls`, `iscsi-inq`, ...) to its end, at most `timeout` seconds.

    With `check`, PeerFailed tells what it said when it failed.
    """
    program = str(require_peer(name, package="libiscsi-bin"))
    # iscsi-inq prints binary designators as they are.
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, errors="replace", timeout=timeout, check=False
    )
    if check and done.returncode != 0:
        raise PeerFailed(f"{name} {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@cache
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("iscsi")
    if name is None:
        missing("libiscsi.so", package="libiscsi-bin")
    library = ctypes.CDLL(name)
    library.iscsi_create_context.restype = c_void_p
    library.iscsi_get_error.restype = c_char_p
    for task in "read16", "write16":
        getattr(library, f"iscsi_{task}_sync").restype = POINTER(_Task)
        getattr(library, f"iscsi_{task}_task").restype = POINTER(_Task)
    library.iscsi_scsi_command_sync.restype = POINTER(_Task)
    library.scsi_create_task.restype = POINTER(_Task)
    return library


class Session:
    """A logged-in normal session of libiscsi with one LUN. Made by `session`."""

    def __init__(self, context: c_void_p, lun: int) -> None:
        self._library = _library()
        self._context = context
        self._lun = lun
        self._kept: list[Any] = []  # what libiscsi still points to

    def read(self, lba: int, length: int) -> int:
        """READ(16) of `length` octets from block `lba`; returns the SCSI status."""
        flags = (0, 0, 0, 0, 0)
        task = self._library.iscsi_read16_sync(self._context, self._lun, c_uint64(lba), c_uint32(length), BLOCK, *flags)
        return self._status(task)

    def write(self, lba: int, data: bytes) -> int:
        """WRITE(16) of `data` at block `lba`; returns the SCSI status."""
        return self._status(self._library.iscsi_write16_sync(*self._write_arguments(lba, data)))

    def command(self, cdb: bytes, read_length: int = 0) -> int:
        """Any command that reads `read_length` octets (Expected Data Transfer Length) or none; its SCSI status."""
        direction = 1 if read_length else 0
        task = self._library.scsi_create_task(len(cdb), cdb, direction, read_length)
        return self._status(self._library.iscsi_scsi_command_sync(self._context, self._lun, task, None))

    def ping(self, data: bytes) -> bytes:
        """NOP-Out with `data`; returns what the NOP-In brought back."""
        answers: list[bytes] = []

        class Data(Structure):
            _fields_ = [("size", c_size_t), ("data", POINTER(c_ubyte))]

        def answered(_context: int, _status: int, command_data: int, _private: int) -> None:
            echo = ctypes.cast(command_data, POINTER(Data)).contents
            answers.append(ctypes.string_at(echo.data, echo.size))

        callback = _CALLBACK(answered)
        self._check(self._library.iscsi_nop_out_async(self._context, callback, data, len(data), None))
        self.serve(lambda: bool(answers))
        return answers[0]

    def abort_write(self, lba: int, data: bytes) -> bool:
        """Send WRITE(16), then ABORT TASK before any of its data; returns whether the target found the task."""
        callback = _CALLBACK(lambda *_: None)
        task = self._library.iscsi_write16_task(*self._write_arguments(lba, data), callback, None)
        self._kept.append(callback)
        self.serve(lambda: self._library.iscsi_out_queue_length(self._context) == 0)
        found = bool(self._library.iscsi_task_mgmt_abort_task_sync(self._context, task) == 0)
        self._library.iscsi_scsi_cancel_task(self._context, task)
        return found

    def manage(self, function: str) -> bool:
        """A task management function by libiscsi's name, such as `lun_reset`; whether it was complete."""
        call = getattr(self._library, f"iscsi_task_mgmt_{function}_sync")
        of_target = function.startswith("target")
        return bool(call(self._context) == 0 if of_target else call(self._context, self._lun) == 0)

    def await_traffic(self, times: int) -> None:
        """Let the target speak first, and answer, `times` times."""
        rounds = iter(range(times + 1))
        self.serve(lambda: next(rounds) == times)

    def serve(self, done: Callable[[], bool]) -> None:
        """Move octets until `done()`; PeerFailed after ten seconds without any."""
        waiting = poll()
        while not done():
            events = self._library.iscsi_which_events(self._context)
            waiting.register(self._library.iscsi_get_fd(self._context), events | POLLERR)
            ready = waiting.poll(_SECONDS * 1000)
            if not ready:
                raise PeerFailed("the target says nothing")
            self._check(self._library.iscsi_service(self._context, ready[0][1]))

    def log_out(self) -> None:
        """Logout that closes the session."""
        self._check(self._library.iscsi_logout_sync(self._context))

    def _write_arguments(self, lba: int, data: bytes) -> tuple[Any, ...]:
        self._kept.append(data)
        length = c_uint32(len(data))
        return self._context, self._lun, c_uint64(lba), data, length, BLOCK, 0, 0, 0, 0, 0

    def _status(self, task: Any) -> int:
        if not task:
            raise self._error()
        status = int(task.contents.status)
        self._library.scsi_free_scsi_task(task)
        return status

    def _check(self, result: int) -> None:
        if result != 0:
            raise self._error()

    def _error(self) -> LibiscsiError:
        return LibiscsiError(self._library.iscsi_get_error(self._context).decode())


@contextmanager
def session(
    portal: str,
    iqn: str,
    lun: int,
    *,
    header_digest: bool = False,
    immediate_data: bool = True,
    initial_r2t: bool = False,
    log_out: bool = True,
) -> Iterator[Session]:
    """Log in from libiscsi, offering what the arguments say; log out at the end of the block if it is to `log_out`.

    `header_digest` demands CRC32C (with it off, None is offered alone). Raises LibiscsiError when the login fails.
    """
    library = _library()
    context = c_void_p(library.iscsi_create_context(b"iqn.2026-11.test.chiscsi:libiscsi"))
    try:
        library.iscsi_set_targetname(context, iqn.encode())
        library.iscsi_set_session_type(context, _NORMAL_SESSION)
        library.iscsi_set_header_digest(context, 3 if header_digest else 0)
        library.iscsi_set_immediate_data(context, int(immediate_data))
        library.iscsi_set_initial_r2t(context, int(initial_r2t))
        library.iscsi_set_noautoreconnect(context, 1)
        library.iscsi_set_timeout(context, _SECONDS)
        if library.iscsi_full_connect_sync(context, portal.encode(), lun) != 0:
            raise LibiscsiError(library.iscsi_get_error(context).decode())
        logged_in = Session(context, lun)
        yield logged_in
        if log_out:
            logged_in.log_out()
    finally:
        library.iscsi_destroy_context(context)
