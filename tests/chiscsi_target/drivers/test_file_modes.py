"""How a file is opened, and what it passes for: DSYNC, DIRECT, THICK."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from chiscsi_target.api import LU_FLAG_SYNC, chiscsi_lun
from tests.chiscsi_target.drivers.files import BLOCK, FUA, READ, SYNC, WRITE, Rig, Syscalls, path, syscalls

__all__ = ["path", "syscalls"]


def test_with_dsync_every_write_is_on_the_disk_when_it_returns(path: Path, syscalls: Syscalls) -> None:
    rig = Rig(path, "DSYNC")
    assert fcntl.fcntl(rig.lu.priv_data.fd, fcntl.F_GETFL) & os.O_DSYNC == os.O_DSYNC
    assert rig.lu.flags & LU_FLAG_SYNC
    for cdb in (WRITE, WRITE + FUA):
        rig.run(cdb, data=b"s" * BLOCK)
    assert syscalls.synced == [] and path.read_bytes()[:BLOCK] == b"s" * BLOCK
    rig.run(SYNC)
    assert len(syscalls.synced) == 1
    rig.close()


def test_with_direct_nothing_stays_in_the_page_cache(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        pytest.skip("the file system has no direct access")
    rig = Rig(path, "DIRECT,BLOCK=512")
    assert fcntl.fcntl(rig.lu.priv_data.fd, fcntl.F_GETFL) & os.O_DIRECT
    rig.run(WRITE, lba=3, data=b"d" * BLOCK)
    rig.run(READ, lba=2, length=2 * BLOCK)
    assert rig.stack.sent[BLOCK:] == b"d" * BLOCK and path.read_bytes()[3 * BLOCK : 4 * BLOCK] == b"d" * BLOCK
    rig.close()


def test_a_system_without_direct_access_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(AssertionError, match="cannot be read past the page cache; leave out the option DIRECT"):
        Rig(path, "DIRECT")


def test_a_thick_file_keeps_its_storage(path: Path) -> None:
    rig, thick = Rig(path, "NONEXCL"), Rig(path, "THICK,NONEXCL")
    assert rig.lu.medium is not None and thick.lu.medium is not None
    assert (rig.lu.medium.thin, thick.lu.medium.thin) == (True, False)
    renewed = chiscsi_lun(thick.lu.lun_class, 0, str(path))
    assert thick.lu.lun_class.fp_reattach(thick.lu, renewed, bytearray(), 256) == 0
    assert renewed.medium is not None and renewed.medium.thin
    rig.close()
    thick.close()
