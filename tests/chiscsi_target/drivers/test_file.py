from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from chiscsi_target.api import LU_FLAG_SYNC, LUN_CLASS_HAS_CMD_QUEUE_BIT, ReturnCode, chiscsi_lun, chiscsi_scsi_command
from chiscsi_target.drivers.fallocate import allocate, can_beside
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.file_medium import FileMedium
from chiscsi_target.errors import DriverError
from tests.chiscsi_target.drivers.files import BLOCK, FUA, READ, SYNC, WRITE, Rig, Syscalls, path, rig, syscalls
from tests.chiscsi_target.fakes import disk

__all__ = ["path", "rig", "syscalls"]


def sense(scmd: chiscsi_scsi_command) -> tuple[int, int, int, int]:
    return scmd.sc_status, scmd.sc_sense_key, scmd.sc_sense_asc, scmd.sc_sense_ascq


# Reading and writing


def test_reads_give_the_files_octets(rig: Rig, path: Path) -> None:
    assert rig.lu.size == 16 * BLOCK
    rig.run(READ, lba=15, length=BLOCK)
    assert rig.stack.sent == path.read_bytes()[15 * BLOCK :]


def test_writes_go_to_the_file(rig: Rig, path: Path) -> None:
    before = path.read_bytes()
    rig.run(WRITE, lba=2, data=b"w" * BLOCK)
    assert path.read_bytes() == before[: 2 * BLOCK] + b"w" * BLOCK + before[3 * BLOCK :]


def test_a_plain_write_is_complete_in_the_page_cache(rig: Rig, syscalls: Syscalls) -> None:
    rig.run(WRITE, data=b"w" * BLOCK)
    assert syscalls.synced == []
    assert rig.stack.callers == [threading.current_thread().name]


def test_a_write_that_the_kernel_takes_in_pieces_is_written_whole(
    rig: Rig, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, memoryview(data)[:100], offset))
    rig.run(WRITE, lba=1, data=bytes(range(256)) * 4)
    assert path.read_bytes()[BLOCK : 3 * BLOCK] == bytes(range(256)) * 4


def test_a_read_that_was_transmitted_needs_nothing_more(rig: Rig) -> None:
    scmd = rig.run(READ, length=BLOCK)
    assert rig.stack.lun_class.fp_scsi_cmd_data_xfer_status(scmd, None, 0, 0, BLOCK) == 0
    assert rig.stack.completions == 1


def large(tmp_path: Path) -> Rig:
    image = tmp_path / "large.img"
    image.write_bytes(bytes(range(256)) * 2 * 256)
    return Rig(image)


def test_long_transfers_use_the_buffers_of_commands_that_are_over(tmp_path: Path) -> None:
    rig = large(tmp_path)
    content, length = bytes(range(256)) * 2 * 256, 128 * BLOCK
    rig.stack.keep_views = True
    first = rig.run(READ, length=length)
    assert rig.stack.sent == content[:length]
    buffer = first.sc_sdev_hdl
    second = rig.run(READ, length=length)
    assert second.sc_sdev_hdl is not buffer
    for scmd in (first, second):
        rig.stack.lun_class.fp_scsi_cmd_cleanup(scmd)
    third = rig.run(WRITE, lba=128, data=b"w" * length)
    assert third.sc_sdev_hdl is second.sc_sdev_hdl
    rig.stack.lun_class.fp_scsi_cmd_cleanup(third)
    rig.run(READ, lba=127, length=length)
    assert rig.stack.sent == content[127 * BLOCK : length] + b"w" * (127 * BLOCK)
    rig.close()


def test_a_long_read_of_a_cut_file_fails(tmp_path: Path) -> None:
    rig = large(tmp_path)
    os.truncate(rig.lu.path, 100 * BLOCK)
    with pytest.raises(DriverError, match="now ends at octet 51200"):
        rig.start(READ, length=128 * BLOCK)
    rig.close()


# Stable storage


@pytest.mark.parametrize("cdb", [SYNC, b"\x91"], ids=["10", "16"])
def test_synchronize_cache_reaches_the_disk_from_another_thread(rig: Rig, syscalls: Syscalls, cdb: bytes) -> None:
    scmd = rig.run(cdb)
    assert sense(scmd) == (0, 0, 0, 0)
    assert syscalls.synced == [rig.lu.priv_data.fd]
    assert rig.stack.callers == ["flush disk.img"]


def test_synchronize_cache_with_immed_has_its_status_before_the_flush(rig: Rig, syscalls: Syscalls) -> None:
    syscalls.gate = threading.Semaphore(0)
    rig.run(SYNC + b"\x02")
    assert rig.stack.completions == 1
    syscalls.gate.release()
    rig.close()
    assert len(syscalls.synced) == 1


@pytest.mark.parametrize("bits", [b"\x08", b"\x02", b"\x1a"], ids=["FUA", "FUA_NV", "all"])
@pytest.mark.parametrize("opcode", [b"\x2a", b"\xaa", b"\x8a"], ids=["10", "12", "16"])
def test_a_forced_write_waits_for_the_disk(rig: Rig, syscalls: Syscalls, opcode: bytes, bits: bytes) -> None:
    syscalls.gate = threading.Semaphore(0)
    rig.start(opcode + bits, data=b"f" * BLOCK)
    assert rig.stack.completions == 0
    syscalls.gate.release()
    rig.stack.wait()
    assert rig.stack.completions == 1 and len(syscalls.synced) == 1


def test_the_address_of_a_short_write_is_not_taken_for_fua(rig: Rig, syscalls: Syscalls) -> None:
    rig.run(b"\x0a\x1f", data=b"s" * BLOCK)
    rig.run(b"\x08\x1f", length=BLOCK)
    assert syscalls.synced == []


def test_a_forced_read_brings_newer_data_to_the_disk_first(rig: Rig, syscalls: Syscalls) -> None:
    rig.run(READ + FUA, length=BLOCK)
    assert syscalls.synced == []
    rig.run(WRITE, data=b"n" * BLOCK)
    rig.run(READ + FUA, length=BLOCK)
    assert len(syscalls.synced) == 1 and rig.stack.sent == b"n" * BLOCK
    rig.run(READ + FUA, length=BLOCK)
    assert len(syscalls.synced) == 1


def test_with_sync_every_write_waits_for_the_disk(path: Path, syscalls: Syscalls) -> None:
    rig = Rig(path, "SYNC")
    rig.run(WRITE, data=b"s" * BLOCK)
    rig.run(b"\x0a", data=b"s" * BLOCK)
    assert len(syscalls.synced) == 2
    rig.close()


def test_the_write_cache_can_be_switched_between_two_commands(rig: Rig, syscalls: Syscalls) -> None:
    for waits in (0, 1, 1, 2):
        if waits:
            rig.lu.flags ^= LU_FLAG_SYNC
        rig.run(WRITE, data=b"c" * BLOCK)
        assert len(syscalls.synced) == waits


def test_flush_and_detach_reach_the_disk(rig: Rig, syscalls: Syscalls) -> None:
    assert rig.lu.lun_class.fp_flush(rig.lu) == 0
    assert len(syscalls.synced) == 1
    rig.run(WRITE, data=b"d" * BLOCK)
    rig.close()
    assert len(syscalls.synced) == 2


def test_a_flush_that_failed_is_never_followed_by_one_that_claims_success(rig: Rig, syscalls: Syscalls) -> None:
    syscalls.error = OSError(errno.EIO, "Input/output error")
    assert sense(rig.run(SYNC)) == (2, 3, 0x0C, 0)
    syscalls.error = None
    assert sense(rig.run(SYNC)) == (2, 3, 0x0C, 0)
    assert sense(rig.run(WRITE + FUA, data=b"x" * BLOCK)) == (2, 3, 0x0C, 0)
    assert rig.lu.lun_class.fp_flush(rig.lu) == -ReturnCode.EIO
    with pytest.raises(DriverError, match=r"disk\.img: Input/output error"):
        rig.close()


# Errors of the medium


def test_an_unreadable_block_is_a_medium_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def pread(fd: int, length: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(DriverError, match=r"disk\.img: Input/output error") as failure:
        rig.start(READ, length=BLOCK)
    assert (failure.value.key, failure.value.asc, failure.value.ascq) == (3, 0x11, 0)


def test_a_full_disk_is_a_write_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def pwrite(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(DriverError, match="No space left") as failure:
        rig.start(WRITE, data=b"x" * BLOCK)
    assert (failure.value.key, failure.value.asc, failure.value.ascq) == (3, 0x0C, 0)


def test_a_file_that_is_cut_under_the_unit_fails_reads_beyond_its_end(rig: Rig, path: Path) -> None:
    os.truncate(path, 3 * BLOCK + 100)
    rig.run(READ, lba=2, length=BLOCK)
    with pytest.raises(DriverError, match="now ends at octet 1636") as failure:
        rig.start(READ, lba=3, length=2 * BLOCK)
    assert (failure.value.key, failure.value.asc) == (3, 0x11)


def test_a_forced_read_of_a_cut_file_fails_after_its_flush(rig: Rig, path: Path, syscalls: Syscalls) -> None:
    rig.run(WRITE, data=b"x" * BLOCK)
    os.truncate(path, BLOCK)
    assert sense(rig.run(READ + FUA, lba=1, length=BLOCK)) == (2, 3, 0x11, 0)


# Aborts


def test_a_command_that_waits_for_a_flush_is_given_up_after_it(rig: Rig, syscalls: Syscalls) -> None:
    syscalls.gate = threading.Semaphore(0)
    scmd = rig.start(SYNC)
    assert rig.stack.lun_class.fp_scsi_cmd_abort(scmd) == 0
    assert rig.stack.aborted == 0
    syscalls.gate.release()
    rig.stack.wait()
    assert (rig.stack.aborted, rig.stack.completions) == (1, 0)


def test_a_command_that_waits_for_data_is_given_up_at_once(rig: Rig) -> None:
    rig.stack.reset(b"")
    scmd = rig.stack.command(WRITE, length=BLOCK, write=True)
    scmd.sc_lu = rig.lu
    rig.stack.lun_class.fp_scsi_cmd_cdb_rcved(scmd)
    assert rig.stack.lun_class.fp_scsi_cmd_abort(scmd) == 0
    assert rig.stack.aborted == 1


# Attaching


def refused(path: Path | str, options: str = "") -> str:
    lun_class, ebuf = FileLunClass(), bytearray()
    lu = chiscsi_lun(lun_class, 0, str(path))
    assert lun_class.fp_config_parse_options(lu, options, len(options), ebuf) == 0
    assert lun_class.fp_attach(lu, ebuf, 256) == -ReturnCode.EINVAL
    assert lu.priv_data is None
    return ebuf.decode().removeprefix(f"{path}: ")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.img") == "No such file or directory"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "is neither a regular file nor a block device"


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == "is neither a regular file nor a block device"


def test_an_empty_file_is_refused(path: Path) -> None:
    path.write_bytes(b"")
    assert refused(path) == "is empty: a logical unit needs at least one block"


def test_a_file_of_broken_blocks_is_refused(path: Path) -> None:
    path.write_bytes(bytes(1000))
    assert refused(path) == "has 1000 octets, which is not a multiple of the block size 512"
    path.write_bytes(bytes(1024))
    assert refused(path, "BLOCK=4096") == "has 1024 octets, which is not a multiple of the block size 4096"


def test_a_path_that_cannot_be_one_is_refused() -> None:
    assert refused("a\0b") == "embedded null byte"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS], ids=["file", "file system"])
def test_a_file_without_write_access_is_refused_with_advice(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def for_reading_only(name: str, flags: int) -> int:
        if flags & os.O_RDWR:
            raise OSError(code, os.strerror(code), name)
        return os_open(name, flags)

    os_open = os.open
    monkeypatch.setattr(os, "open", for_reading_only)
    assert refused(path) == f"{os.strerror(code)}; the option RO exports it without write access"
    Rig(path, "RO").close()


def test_a_file_is_exported_once(path: Path) -> None:
    first = Rig(path)
    assert refused(path) == "is in use by another target; with the option NONEXCL it can be shared"
    assert refused(path, "RO").startswith("is in use")
    Rig(path, "NONEXCL").close()
    first.close()
    Rig(path).close()


def test_readers_share_a_file(path: Path) -> None:
    first, second = Rig(path, "RO"), Rig(path, "RO")
    assert refused(path).startswith("is in use")
    second.run(READ, length=BLOCK)
    first.close()
    second.close()


def test_a_reconfigured_unit_keeps_the_open_file(rig: Rig) -> None:
    again = chiscsi_lun(rig.stack.lun_class, 0, rig.lu.path)
    assert rig.stack.lun_class.fp_reattach(rig.lu, again, bytearray(), 256) == 0
    assert again.priv_data is rig.lu.priv_data
    assert again.kept is rig.lu.kept is not None


@pytest.mark.parametrize("options", ["RO", "NONEXCL", "RO,NONEXCL"])
def test_state_is_kept_for_the_one_who_may_write(path: Path, options: str) -> None:
    shared = Rig(path, options)
    assert shared.lu.kept is None
    shared.close()


def test_the_class_says_that_it_completes_later() -> None:
    assert FileLunClass.property == 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT


def test_what_is_cut_off_is_anchored_no_longer(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 1 << 20)
    lun_class = FileLunClass()
    lu = disk(lun_class, path=str(image))
    medium = lu.medium
    assert isinstance(medium, FileMedium)
    if medium.anchors:
        medium.anchor(0, 1 << 20)
        for size in (1 << 19, 1 << 20):
            os.truncate(image, size)
            new = chiscsi_lun(lun_class, 0, str(image))
            assert lun_class.fp_reattach(lu, new, bytearray(), 0) == 0
            lu = new
        assert medium.anchored(0) == (True, 1 << 19) and not medium.anchored(1 << 19)[0]
    lun_class.fp_detach(lu)


@pytest.mark.parametrize("options, anchors", [("", True), ("NONEXCL", False), ("THICK", False), ("RO", False)])
def test_only_a_thin_file_of_one_s_own_is_anchored(tmp_path: Path, options: str, anchors: bool) -> None:
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 1 << 20)
    lu = disk(FileLunClass(), options, path=str(image))
    assert isinstance(lu.medium, FileMedium)
    assert lu.medium.anchors == (anchors and can_beside(allocate, lu.priv_data.fd, str(image)))
    lu.lun_class.fp_detach(lu)
