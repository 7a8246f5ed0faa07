from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from chiscsi_target.drivers import fallocate, file_medium
from chiscsi_target.drivers.disk import Disk
from chiscsi_target.drivers.fallocate import unwritten
from chiscsi_target.drivers.file_medium import FileMedium
from chiscsi_target.drivers.gaps import PAGE
from chiscsi_target.errors import DriverError
from tests.chiscsi_target.drivers.mediums import SECTORS, STEPS, check, stretches

SIZE = SECTORS * 512


def opened(path: Path) -> Disk:
    path.write_bytes(b"")
    os.truncate(path, SIZE)
    return Disk(os.open(path, os.O_RDWR), str(path), SIZE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_it_is_what_was_written_and_knows_where(tmp_path: Path, steps: list[tuple[str, int, int, int]]) -> None:
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True, anchoring=True)
    try:
        if medium.anchors:
            check(medium, steps)
    finally:
        disk.close()


def test_storage_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    disk = opened(path)
    medium = FileMedium(disk, writable=True)
    medium.write(0, b"x" * SIZE)
    before = path.stat().st_blocks
    medium.discard(0, SIZE)
    assert medium.thin and path.stat().st_blocks < before
    disk.close()


def refuse(fd: int, offset: int, length: int) -> None:
    raise OSError(95, "Operation not supported")


def test_without_holes_zeros_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallocate, "punch_hole", refuse)
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True)
    assert not medium.thin
    medium.write(0, b"x" * 2048)
    medium.discard(512, 1024)
    assert medium.read(0, 2048) == b"x" * 512 + bytes(1024) + b"x" * 512
    disk.close()


def test_a_hole_that_cannot_be_made_fails_the_command(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(SIZE))
    disk = Disk(os.open(path, os.O_RDONLY), str(path), SIZE)
    medium = FileMedium(disk, writable=False)
    medium.thin = True
    with pytest.raises(DriverError):
        medium.discard(0, 512)
    disk.close()


# Anchored blocks


def test_anchored_blocks_keep_their_storage_and_read_as_zeros(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    disk = opened(path)
    medium = FileMedium(disk, writable=True, anchoring=True)
    if not medium.anchors:
        pytest.skip(f"no storage can be reserved in {tmp_path}")
    before = path.stat().st_blocks
    medium.anchor(0, SIZE)
    assert path.stat().st_blocks * 512 >= SIZE and medium.anchored(0) == (True, SIZE)
    medium.discard(0, SIZE)
    assert path.stat().st_blocks == before and not medium.anchored(0)[0]
    disk.close()


def test_what_is_anchored_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    disk = opened(path)
    medium = FileMedium(disk, writable=True, anchoring=True)
    medium.anchor(0, 4 * PAGE)
    medium.write(PAGE, b"x" * PAGE)
    if not list(unwritten(disk.fd, SIZE)):
        pytest.skip(f"no storage can be reserved in {tmp_path}, or nobody tells")
    disk.close()
    again = Disk(os.open(path, os.O_RDWR), str(path), SIZE)
    medium = FileMedium(again, writable=True, anchoring=True)
    assert stretches(medium.anchored) == {*range(8), *range(16, 32)}
    assert not FileMedium(again, writable=True).anchors
    again.close()


def test_storage_that_cannot_be_zeroed_as_it_is_has_zeros_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_medium, "zero_range", refuse)
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True, anchoring=True)
    if medium.anchors:
        medium.write(0, b"x" * 3 * PAGE)
        medium.anchor(512, 2 * PAGE)
        assert medium.read(0, 3 * PAGE) == b"x" * 512 + bytes(2 * PAGE) + b"x" * (PAGE - 512)
        assert medium.anchored(512) == (True, 2 * PAGE) and disk.dirty
    disk.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_it_is_the_same_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int, int, int]]
) -> None:
    monkeypatch.setattr(file_medium, "zero_range", refuse)
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True, anchoring=True)
    try:
        if medium.anchors:
            check(medium, steps)
    finally:
        disk.close()


def test_without_any_way_to_reserve_storage_nothing_is_anchored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_medium, "zero_range", refuse)
    monkeypatch.setattr(file_medium, "allocate", refuse)
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True, anchoring=True)
    assert not medium.anchors
    disk.close()


@pytest.mark.parametrize(
    "number, sense", [(errno.ENOSPC, (7, 0x27, 7)), (errno.EDQUOT, (7, 0x27, 7)), (errno.EIO, (3, 0x0C, 0))]
)
def test_storage_that_cannot_be_reserved_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, sense: tuple[int, int, int]
) -> None:
    def fail(fd: int, offset: int, length: int) -> None:
        raise OSError(number, os.strerror(number))

    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True, anchoring=True)
    for call in ("zero_range", "allocate"):
        monkeypatch.setattr(file_medium, call, fail)
    with pytest.raises(DriverError) as failure:
        medium.anchor(0, PAGE)
    assert (failure.value.key, failure.value.asc, failure.value.ascq) == sense
    assert not medium.anchored(0)[0]
    disk.close()
