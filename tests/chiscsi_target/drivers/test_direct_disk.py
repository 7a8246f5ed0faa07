"""A file past the page cache: any octets, though the system wants whole pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.drivers.direct_disk import DirectDisk
from chiscsi_target.drivers.gaps import PAGE
from chiscsi_target.errors import DriverError

SECTOR = 512
SIZE = 3 * PAGE + 3 * SECTOR
"""The last page is not whole."""
MIB = 1 << 20


def opened(path: Path, size: int = SIZE, flags: int = 0) -> DirectDisk:
    path.write_bytes(bytes(size))
    return DirectDisk(os.open(path, os.O_RDWR | flags), str(path), size)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[DirectDisk]:
    """Without O_DIRECT where there is none: what is read and written is the same."""
    path = tmp_path / "disk.img"
    try:
        opening = opened(path, flags=os.O_DIRECT)
    except OSError:
        opening = opened(path)
    yield opening
    os.close(opening.fd)


def test_it_is_as_a_plain_file(disk: DirectDisk) -> None:
    model = bytearray(SIZE)

    @given(st.lists(st.tuples(st.integers(0, SIZE // SECTOR - 1), st.integers(1, 24), st.integers(1, 255)), max_size=8))
    def check(writes: list[tuple[int, int, int]]) -> None:
        for sector, count, value in writes:
            offset = sector * SECTOR
            data = bytes([value]) * min(count * SECTOR, SIZE - offset)
            disk.write(data, offset)
            model[offset : offset + len(data)] = data
            assert disk.read(len(data), offset) == data
        assert disk.read(SIZE, 0) == model

    check()
    assert os.lseek(disk.fd, 0, os.SEEK_END) == SIZE


def test_long_transfers_are_done_in_pieces(tmp_path: Path) -> None:
    disk = opened(tmp_path / "disk.img", 3 * MIB)
    data = os.urandom(2 * MIB + SECTOR)
    disk.write(data, PAGE - SECTOR)
    assert disk.read(len(data), PAGE - SECTOR) == data
    assert not any(disk.read(PAGE - SECTOR, 0))
    os.close(disk.fd)


def test_whole_pages_are_not_read_before_they_are_written(disk: DirectDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_arguments: object) -> int:
        raise AssertionError("nothing had to be read")

    monkeypatch.setattr("chiscsi_target.drivers.direct_disk.os.preadv", none)
    disk.write(bytes(2 * PAGE), PAGE)
    with pytest.raises(AssertionError):
        disk.write(bytes(SECTOR), 0)


def test_it_is_never_mapped(disk: DirectDisk) -> None:
    assert disk.mapped is None and disk.view(SECTOR, 0) is None
    disk.map(SIZE)
    assert disk.view(SECTOR, 0) is None


def test_a_file_that_was_cut(disk: DirectDisk) -> None:
    os.ftruncate(disk.fd, PAGE)
    assert not any(disk.read(PAGE, 0))
    with pytest.raises(DriverError, match="now ends at octet 4096"):
        disk.read(PAGE, SECTOR)


def test_errors_of_the_system_are_those_of_a_medium(disk: DirectDisk) -> None:
    fd, disk.fd = disk.fd, -1
    for call in (
        lambda: disk.read(SECTOR, 0),
        lambda: disk._put(0, PAGE),
        lambda: disk._fill(0, PAGE, partly=True),
    ):
        with pytest.raises(DriverError, match="Bad file descriptor"):
            call()
    disk.fd = fd
