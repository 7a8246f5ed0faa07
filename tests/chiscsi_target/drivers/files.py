"""A unit in a file, the stack before it, and the system calls behind it, for the tests of the driver."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chiscsi_target.api import chiscsi_scsi_command
from chiscsi_target.api.sgvec import SgList
from chiscsi_target.drivers.file import FileLunClass
from tests.chiscsi_target.fakes import FakeStack, disk

__all__ = [
    "BLOCK",
    "FUA",
    "PATIENCE",
    "READ",
    "SYNC",
    "WRITE",
    "Rig",
    "Syscalls",
    "WaitingStack",
    "path",
    "rig",
    "syscalls",
]

BLOCK = 512
PATIENCE = 20
READ, WRITE, SYNC = b"\x28", b"\x2a", b"\x35"
FUA = b"\x08"


class WaitingStack(FakeStack):
    """A stack that can wait until a command is completed, or given up, from another thread."""

    def __init__(self) -> None:
        super().__init__(FileLunClass())
        self.called = threading.Semaphore(0)
        self.callers: list[str] = []

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        result = super().execution_status(scmd, buf, sgcnt, offset, buflen)
        self.callers.append(threading.current_thread().name)
        self.called.release()
        return result

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        result = super().command_abort_status(scmd)
        self.called.release()
        return result

    def wait(self) -> None:
        assert self.called.acquire(timeout=PATIENCE)


class Syscalls:
    """Records fdatasync, which may fail or wait."""

    def __init__(self) -> None:
        self.synced: list[int] = []
        self.error: OSError | None = None
        self.gate: threading.Semaphore | None = None

    def fdatasync(self, fd: int) -> None:
        self.synced.append(fd)
        if self.gate is not None:
            assert self.gate.acquire(timeout=PATIENCE)
        if self.error is not None:
            raise self.error


@pytest.fixture
def syscalls(monkeypatch: pytest.MonkeyPatch) -> Syscalls:
    calls = Syscalls()
    monkeypatch.setattr(os, "fdatasync", calls.fdatasync)
    return calls


@pytest.fixture
def path(tmp_path: Path) -> Path:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(range(256)) * 2 * 16)
    return image


class Rig:
    """A file's logical unit and the stack in front of it."""

    def __init__(self, path: Path, options: str = "") -> None:
        self.stack = WaitingStack()
        self.lu = disk(self.stack.lun_class, options, path=str(path))

    def start(self, cdb: bytes, *, lba: int = 0, length: int = 0, data: bytes | None = None) -> chiscsi_scsi_command:
        """Hand a command to the driver, with its data."""
        self.stack.reset(data or b"")
        scmd = self.stack.command(cdb, length=len(data) if data else length, write=data is not None)
        scmd.sc_lu, scmd.sc_lba, scmd.sc_blk_cnt = self.lu, lba, scmd.sc_xfer_len // BLOCK
        assert self.stack.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
        if data is not None:
            self.stack.deliver(scmd)
        return scmd

    def run(self, cdb: bytes, *, lba: int = 0, length: int = 0, data: bytes | None = None) -> chiscsi_scsi_command:
        scmd = self.start(cdb, lba=lba, length=length, data=data)
        self.stack.wait()
        assert self.stack.completions == 1
        return scmd

    def close(self) -> None:
        if self.lu.priv_data is not None:
            self.lu.lun_class.fp_detach(self.lu)


@pytest.fixture
def rig(path: Path) -> Iterator[Rig]:
    made = Rig(path)
    yield made
    made.close()
