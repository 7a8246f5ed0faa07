from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiscsi_target.drivers.kept_files import KeptFiles, keeps_files
from chiscsi_target.errors import DriverError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(512))
    return image


def test_what_is_saved_can_be_loaded_again(path: Path) -> None:
    kept = KeptFiles(str(path))
    assert kept.load("mode_pages") is None
    kept.save("mode_pages", b"first")
    kept.save("mode_pages", b"2nd")
    kept.save("reservations", b"")
    again = KeptFiles(str(path))
    assert (again.load("mode_pages"), again.load("reservations")) == (b"2nd", b"")
    assert path.read_bytes() == bytes(512)


def test_nothing_is_left_of_what_is_given_up(path: Path) -> None:
    kept = KeptFiles(str(path))
    kept.save("mode_pages", b"first")
    kept.save("mode_pages", None)
    kept.save("mode_pages", None)
    assert kept.load("mode_pages") is None
    assert [each.name for each in path.parent.iterdir()] == ["disk.img"]


def test_the_file_stands_beside_the_disks_even_behind_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(path)
    kept = KeptFiles(str(link))
    kept.save("mode_pages", b"x")
    assert kept.where("mode_pages") == f"{path}.mode_pages"
    assert Path(f"{path}.mode_pages").read_bytes() == b"x"
    assert Path(f"{path}.mode_pages").stat().st_mode & 0o077 == 0


def test_the_old_state_is_there_until_the_new_one_is_safe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data reach the disk before they get the name, and the name before the command is answered."""
    kept = KeptFiles(str(path))
    kept.save("mode_pages", b"old")
    done: list[str] = []

    def fsync(fd: int) -> None:
        what = os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))
        state = kept.load("mode_pages")
        assert state is not None
        done.append(f"{what} while {state.decode()}")

    monkeypatch.setattr(os, "fsync", fsync)
    kept.save("mode_pages", b"new")
    assert done == ["disk.img.mode_pages.new while old", f"{path.parent.name} while new"]


def test_a_directory_that_takes_no_files_fails_the_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptFiles(str(path))
    kept.save("mode_pages", b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for data in (b"new", None):
            with pytest.raises(DriverError, match=r"disk\.img\.mode_pages: No space left") as caught:
                kept.save("mode_pages", data)
            assert (caught.value.key, caught.value.asc) == (4, 0x44)


def test_what_cannot_be_read_is_an_error_of_the_system(path: Path) -> None:
    (path.parent / "disk.img.mode_pages").mkdir()
    with pytest.raises(IsADirectoryError):
        KeptFiles(str(path)).load("mode_pages")


def test_only_files_have_files_beside_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeps_files(str(path))
    assert not keeps_files("/dev/null")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert not keeps_files(str(path))
