from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chiscsi_target.drivers import fallocate
from chiscsi_target.drivers.fallocate import allocate, can_beside, can_punch, unwritten, zero_range
from chiscsi_target.drivers.gaps import PAGE

SIZE = 64 * PAGE


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "file")


@pytest.fixture
def fd(path: str) -> Iterator[int]:
    number = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(number, SIZE)
    yield number
    os.close(number)


Fail = Callable[[int, int, int], None]


def failing(number: int) -> Fail:
    def call(fd: int, offset: int, length: int) -> None:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    "number, answer", [(errno.EOPNOTSUPP, False), (errno.EINVAL, False), (errno.ENOSPC, True), (errno.EDQUOT, True)]
)
def test_what_a_file_s_system_says_to_a_call(
    fd: int, path: str, monkeypatch: pytest.MonkeyPatch, number: int, answer: bool
) -> None:
    assert can_beside(failing(number), fd, path) == answer
    monkeypatch.setattr(fallocate, "punch_hole", failing(number))
    assert can_punch(fd) == answer


def test_an_answer_that_says_nothing_is_an_error(fd: int, path: str) -> None:
    with pytest.raises(OSError, match="Input/output"):
        can_beside(failing(errno.EIO), fd, path)


def test_without_a_place_beside_it_nothing_can_be_reserved(fd: int) -> None:
    assert not can_beside(allocate, fd, "/dev/null/none")
    assert not can_beside(allocate, fd, "/proc/self/none")  # another file system


def test_a_file_that_cannot_be_longer_is_tried_within(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def call(fd: int, offset: int, length: int) -> None:
        tried.append(offset)
        if offset >= SIZE:
            raise OSError(errno.EFBIG, "File too large")

    os.pwrite(fd, b"x", 0)
    monkeypatch.setattr(fallocate, "punch_hole", call)
    assert can_punch(fd) and tried == [SIZE, os.lseek(fd, 0, os.SEEK_HOLE)]


def test_trying_leaves_the_file_and_its_directory_as_they_were(fd: int, path: str) -> None:
    os.pwrite(fd, b"x" * PAGE, 0)
    before = os.fstat(fd)
    can_punch(fd)
    for call in (zero_range, allocate):
        can_beside(call, fd, path)
    after = os.fstat(fd)
    assert (before.st_size, before.st_blocks) == (after.st_size, after.st_blocks)
    assert os.pread(fd, PAGE + 1, 0) == b"x" * PAGE + b"\0"
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


def test_reserved_storage_is_found_as_long_as_nobody_writes_it(
    fd: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallocate, "_EXTENTS_AT_ONCE", 2)  # so that it is asked for several times
    if not can_beside(allocate, fd, path):
        pytest.skip("the file's system reserves nothing")
    for page in range(0, 64, 8):
        allocate(fd, page * PAGE, 4 * PAGE)
    if not list(unwritten(fd, SIZE)):
        pytest.skip("the file's system does not tell")
    os.pwrite(fd, b"x" * PAGE, 9 * PAGE)
    found = {page for start, end in unwritten(fd, SIZE - PAGE) for page in range(start // PAGE, end // PAGE)}
    assert found == {page for page in range(63) if page % 8 < 4} - {9}


def test_a_system_that_does_not_tell_says_nothing() -> None:
    reading, writing = os.pipe()
    assert not list(unwritten(reading, SIZE))
    os.close(reading)
    os.close(writing)
