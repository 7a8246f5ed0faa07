"""NULLRW: what is written is dropped, what is read is zeros, and the other class still has the medium."""

from __future__ import annotations

from pathlib import Path

import pytest

from chiscsi_target.api import LU_FLAG_NULLRW, chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.drivers.null import NullMedium, NullReadWrite
from tests.chiscsi_target.fakes import FakeStack, disk

BLOCK = 512


def null_unit(lun_class: chiscsi_target_lun_class, options: str) -> tuple[FakeStack, chiscsi_lun]:
    lu = disk(lun_class, options)
    assert isinstance(lu.lun_class, NullReadWrite) and lu.flags & LU_FLAG_NULLRW
    return FakeStack(lu.lun_class), lu


def read(fake: FakeStack, lu: chiscsi_lun, lba: int, count: int) -> bytes:
    fake.reset(b"")
    scmd = fake.command(b"\x28", length=count * BLOCK)
    scmd.sc_lu, scmd.sc_lba, scmd.sc_blk_cnt = lu, lba, count
    assert lu.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
    assert fake.completions == 1
    lu.lun_class.fp_scsi_cmd_cleanup(scmd)
    return fake.sent


def write(fake: FakeStack, lu: chiscsi_lun, lba: int, data: bytes) -> None:
    fake.reset(data)
    scmd = fake.command(b"\x2a", length=len(data), write=True)
    scmd.sc_lu, scmd.sc_lba, scmd.sc_blk_cnt = lu, lba, len(data) // BLOCK
    assert lu.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
    fake.deliver(scmd)
    assert fake.completions == 1
    lu.lun_class.fp_scsi_cmd_cleanup(scmd)


def test_writes_are_dropped_and_reads_are_zeros() -> None:
    fake, lu = null_unit(MemoryLunClass(), "size=1MB,NULLRW")
    write(fake, lu, 3, b"a" * 2 * BLOCK)
    assert read(fake, lu, 2, 4) == bytes(4 * BLOCK)
    assert lu.size == 1 << 20 and bytes(lu.priv_data[: lu.size]) == bytes(lu.size)


def test_a_command_without_data_is_complete_at_once() -> None:
    fake, lu = null_unit(MemoryLunClass(), "NULLRW")
    assert read(fake, lu, 0, 0) == b""


def test_the_other_class_opens_and_measures_and_closes(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"d" * 8 * BLOCK)
    lun_class = FileLunClass()
    lu = chiscsi_lun(lun_class, 0, str(path))
    reason = bytearray()
    assert lun_class.fp_config_parse_options(lu, "NULLRW", 6, reason) == 0
    assert lu.lun_class.class_name == "FILE" and lu.lun_class.property == lun_class.property
    assert lu.lun_class.fp_attach(lu, reason, 256) == 0
    assert lu.size == 8 * BLOCK
    fake = FakeStack(lu.lun_class)
    write(fake, lu, 0, b"x" * BLOCK)
    assert read(fake, lu, 0, 8) == bytes(8 * BLOCK)
    assert lu.lun_class.fp_flush(lu) == 0
    lu.lun_class.fp_detach(lu)
    assert path.read_bytes() == b"d" * 8 * BLOCK


def test_a_unit_can_be_given_the_option_and_lose_it_again(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"d" * 8 * BLOCK)
    first = chiscsi_lun(FileLunClass(), 0, str(path))
    assert first.lun_class.fp_attach(first, bytearray(), 256) == 0
    second = chiscsi_lun(first.lun_class, 0, str(path))
    assert second.lun_class.fp_config_parse_options(second, "NULLRW", 6, bytearray()) == 0
    assert second.lun_class.fp_reattach(first, second, bytearray(), 256) == 0
    third = chiscsi_lun(first.lun_class, 0, str(path))
    assert third.lun_class.fp_reattach(second, third, bytearray(), 256) == 0
    assert read(FakeStack(second.lun_class), second, 0, 1) == bytes(BLOCK)
    assert read(FakeStack(third.lun_class), third, 0, 1) == b"d" * BLOCK
    third.lun_class.fp_detach(third)


@pytest.mark.parametrize("options", ["size=1MB", "size=1MB,NULLRW"])
def test_the_medium_comes_and_goes_with_the_option(options: str) -> None:
    lun_class = MemoryLunClass()
    first = disk(lun_class, "size=1MB")
    medium = first.medium
    assert medium is not None
    medium.write(0, b"d" * BLOCK)
    second, third = chiscsi_lun(lun_class, 0, "ram"), chiscsi_lun(lun_class, 0, "ram")
    for old, new, text in ((first, second, "size=1MB,NULLRW"), (second, third, options)):
        assert lun_class.fp_config_parse_options(new, text, len(text), bytearray()) == 0
        assert new.lun_class.fp_reattach(old, new, bytearray(), 256) == 0
    assert isinstance(second.medium, NullMedium)
    assert (third.medium is medium) == ("NULLRW" not in options)
    assert medium.read(0, BLOCK) == b"d" * BLOCK


def test_a_medium_without_data() -> None:
    lu = chiscsi_lun(MemoryLunClass(), 0, "ram")
    assert lu.lun_class.fp_config_parse_options(lu, "size=1MB,NULLRW", 15, bytearray()) == 0
    assert lu.lun_class.fp_attach(lu, bytearray(), 256) == 0
    medium = lu.medium
    assert isinstance(medium, NullMedium) and not medium.thin
    assert medium.inner is not None
    medium.write(0, b"x" * BLOCK)
    medium.discard(0, BLOCK)
    medium.flush()
    assert medium.read(0, 2 * BLOCK) == bytes(2 * BLOCK) == medium.inner.read(0, 2 * BLOCK)
    assert medium.extent(0) == medium.inner.extent(0)


def test_a_refusal_of_the_other_class_is_passed_on() -> None:
    lu = chiscsi_lun(FileLunClass(), 0, "/there/is/no/such/file")
    lu.lun_class.fp_config_parse_options(lu, "NULLRW", 6, bytearray())
    reason = bytearray()
    assert lu.lun_class.fp_attach(lu, reason, 256) < 0 and b"No such file" in reason
