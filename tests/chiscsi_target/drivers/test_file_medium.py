from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from chiscsi_target.drivers import file_medium
from chiscsi_target.drivers.disk import Disk
from chiscsi_target.drivers.file_medium import FileMedium
from chiscsi_target.errors import DriverError
from tests.chiscsi_target.drivers.mediums import SECTORS, STEPS, check

SIZE = SECTORS * 512


def opened(path: Path) -> Disk:
    path.write_bytes(b"")
    os.truncate(path, SIZE)
    return Disk(os.open(path, os.O_RDWR), str(path), SIZE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_it_is_what_was_written_and_knows_where(tmp_path: Path, steps: list[tuple[str, int, int, int]]) -> None:
    disk = opened(tmp_path / "disk")
    medium = FileMedium(disk, writable=True)
    try:
        if medium.thin:
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


def test_without_holes_zeros_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, offset: int, length: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(file_medium, "punch_hole", refuse)
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
