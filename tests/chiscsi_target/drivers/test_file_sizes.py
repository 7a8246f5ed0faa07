"""Sparse files as large as a file system takes: what lies at their far end (READ CAPACITY (16), 64-bit addresses)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.drivers.file import FileLunClass
from iscsi_wire.scsi import LbaStatusData, ReadCapacity16Data
from tests.chiscsi_target.fakes import disk
from tests.chiscsi_target.scsi.rig import Rig

FILES = FileLunClass()
TIB = 1 << 40
SIZES = [2 * TIB, 2 * TIB + 4096, 16 * TIB - 4096, 16 * TIB + 4096, 100 * TIB, 1 << 62, (1 << 63) - 4096]
MAPPED, DEALLOCATED = 0, 1
SHARED_MEMORY = Path("/dev/shm")  # tmpfs knows longer files than most
UNMAP = "42 00 00000000 00 0018 00"


@pytest.fixture(params=SIZES, ids=lambda size: f"{size:x}h")
def path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A sparse file; skipped where no file can be as long."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as home:
        path = Path(home) / "disk.img"
        path.touch()
        try:
            os.truncate(path, request.param)
        except OSError as error:
            pytest.skip(f"no file of {request.param} octets here: {error.strerror}")
        yield path


@pytest.fixture(params=[512, 4096])
def lu(request: pytest.FixtureRequest, path: Path) -> Iterator[chiscsi_lun]:
    unit = disk(FILES, f"BLOCK={request.param}", path=str(path))
    yield unit
    FILES.fp_detach(unit)


def pattern(count: int, block: int) -> bytes:
    return bytes(range(1, 129)) * (count * block // 128)


def test_the_capacity_is_told(lu: chiscsi_lun) -> None:
    rig = Rig(lu)
    blocks = lu.size >> lu.sect_shift
    data = ReadCapacity16Data.decode(rig.run(f"9e 10 {0:016x} 00000020 00 00", length=32).data)
    assert data.returned_logical_block_address == blocks - 1
    assert data.logical_block_length == 1 << lu.sect_shift
    short = int.from_bytes(rig.run("25 00 00000000 0000 00 00", length=8).data[:4])
    assert short == min(blocks - 1, 0xFFFFFFFF)


def test_the_last_blocks_are_there_and_no_others(lu: chiscsi_lun) -> None:
    rig, block = Rig(lu), 1 << lu.sect_shift
    lba = lu.block_count - 2
    data = pattern(2, block)
    assert rig.write(f"8a 00 {lba:016x} 00000002 00 00", data).status == 0
    assert rig.run(f"88 00 {lba:016x} 00000002 00 00", length=2 * block).data == data
    assert rig.run(f"88 00 {lba - 8:016x} 00000001 00 00", length=block).data == bytes(block)
    for beyond in (f"8a 00 {lba + 1:016x} 00000002 00 00", f"8a 00 {(1 << 64) - 1:016x} 00000002 00 00"):
        assert rig.write(beyond, data).sense == (5, 0x21, 0)
    assert FILES.fp_flush(lu) == 0
    assert os.stat(lu.path).st_blocks * 512 <= 1 << 20


def test_blocks_at_the_end_are_given_back(lu: chiscsi_lun) -> None:
    rig, block = Rig(lu), 1 << lu.sect_shift
    pages = 4096 // block
    lba = lu.block_count - 4 * pages
    status = f"9e 12 {lba:016x} 00000028 00 00"
    assert rig.write(f"8a 00 {lba:016x} {2 * pages:08x} 00 00", pattern(2 * pages, block)).status == 0
    first, second = LbaStatusData.decode(rig.run(status, length=40).data).descriptors[:2]
    assert (first.lba_status_logical_block_address, first.number_of_logical_blocks) == (lba, 2 * pages)
    assert (first.provisioning_status, second.provisioning_status) == (MAPPED, DEALLOCATED)
    assert rig.write(UNMAP, bytes.fromhex(f"0016001000000000 {lba:016x} {2 * pages:08x} 00000000")).status == 0
    (only,) = LbaStatusData.decode(rig.run(status, length=24).data).descriptors
    assert (only.number_of_logical_blocks, only.provisioning_status) == (4 * pages, DEALLOCATED)
    assert rig.run(f"88 00 {lba:016x} 00000001 00 00", length=block).data == bytes(block)


def test_the_same_is_written_up_to_the_end(lu: chiscsi_lun) -> None:
    rig, block = Rig(lu), 1 << lu.sect_shift
    lba = lu.block_count - 16
    assert rig.write(f"93 00 {lba:016x} 00000010 00 00", pattern(1, block)).status == 0
    assert rig.run(f"88 00 {lba:016x} 00000010 00 00", length=16 * block).data == pattern(16, block)
    assert rig.write(f"93 00 {lba:016x} 00000011 00 00", pattern(1, block)).sense == (5, 0x21, 0)


@pytest.mark.parametrize("path", [16 * TIB + 4096, 100 * TIB], indirect=True)
def test_protection_information_at_the_end(path: Path) -> None:
    """The reference tag is the lower half of the address; INFORMATION has no room for all of it, and is left out."""
    unit = disk(FILES, "PI=1", path=str(path))
    rig, lba = Rig(unit), unit.block_count - 1
    assert rig.write(f"8a 00 {lba:016x} 00000001 00 00", pattern(1, 512)).status == 0
    data = rig.run(f"88 20 {lba:016x} 00000001 00 00", length=520).data
    assert data[:512] == pattern(1, 512) and data[-4:] == (lba & 0xFFFFFFFF).to_bytes(4)
    wrong = rig.write(f"8a 20 {lba:016x} 00000001 00 00", data[:-1] + b"\0")
    assert wrong.sense == (0xB, 0x10, 3) and wrong.sense_data[0] == 0x70
    FILES.fp_detach(unit)


def test_a_file_that_grows_is_as_large_as_it_says(path: Path) -> None:
    """What follows a new size, and what is refused behind a smaller one, without the target's being opened again."""
    size = path.stat().st_size
    old = disk(FILES, path=str(path))
    for now in (size // 2, size):
        os.truncate(path, now)
        new, ebuf = chiscsi_lun(FILES, 0, str(path)), bytearray()
        assert FILES.fp_config_parse_options(new, "", 0, ebuf) == FILES.fp_reattach(old, new, ebuf, 256) == 0
        rig, last = Rig(new), (now >> 9) - 1
        assert rig.run(f"88 00 {last:016x} 00000001 00 00", length=512).data == bytes(512)
        assert rig.run(f"88 00 {last + 1:016x} 00000001 00 00", length=512).sense == (5, 0x21, 0)
        old = new
    FILES.fp_detach(old)
