from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.tuples_file import TuplesFile, UnusableTuples
from tests.chiscsi_target.fakes import disk
from tests.chiscsi_target.scsi.rig import Rig

FILES = FileLunClass()
BLOCK, WIRE, PAGE = 512, 520, 4096
READ_2 = "28 20 00000000 00 0002 00"


def image(home: Path, octets: int = 1 << 20) -> Path:
    path = home / "disk.img"
    path.touch()
    os.truncate(path, octets)
    return path


def unit(path: Path, options: str = "PI=1") -> chiscsi_lun:
    return disk(FILES, options, path=str(path))


def refusal(path: Path, options: str) -> str:
    lu, ebuf = chiscsi_lun(FILES, 0, str(path)), bytearray()
    assert FILES.fp_config_parse_options(lu, options, len(options), ebuf) == 0
    assert FILES.fp_attach(lu, ebuf, 256) < 0
    return ebuf.decode()


def test_tuples_survive_the_unit(tmp_path: Path) -> None:
    path = image(tmp_path)
    lu = unit(path)
    assert Rig(lu).write("2a 00 00000000 00 0001 00", b"x" * BLOCK).status == 0
    written = Rig(lu).run(READ_2, length=2 * WIRE).data
    assert FILES.fp_flush(lu) == 0
    FILES.fp_detach(lu)
    again = unit(path)
    assert Rig(again).run(READ_2, length=2 * WIRE).data == written
    assert written[BLOCK:WIRE] != written[-8:] == b"\xff" * 8
    FILES.fp_detach(again)
    assert path.stat().st_size == 1 << 20 and (tmp_path / "disk.img.pi").stat().st_size == PAGE + (8 << 11)


def test_data_that_others_changed_are_not_read(tmp_path: Path) -> None:
    path = image(tmp_path)
    lu = unit(path)
    Rig(lu).write("2a 00 00000000 00 0001 00", b"x" * BLOCK)
    with path.open("r+b") as file:
        file.write(b"y")
    assert Rig(lu).run("28 00 00000000 00 0001 00", length=BLOCK).sense == (0xB, 0x10, 1)
    FILES.fp_detach(lu)


@pytest.mark.parametrize("options", ["PI=2", "PI=1,BLOCK=4096"])
def test_a_file_for_something_else_is_refused(tmp_path: Path, options: str) -> None:
    path = image(tmp_path)
    FILES.fp_detach(unit(path))
    assert refusal(path, options).startswith(f"{path}: {path}.pi has something else than chiscsi protection")


def test_what_else_cannot_be(tmp_path: Path) -> None:
    path = image(tmp_path)
    assert refusal(path, "PI=1,RO") == f"{path}: protection information in {path}.pi: No such file or directory"
    Path(f"{path}.pi").mkdir()
    assert refusal(path, "PI=1") == f"{path}: protection information in {path}.pi: Is a directory"


def test_read_only_units_have_what_there_is(tmp_path: Path) -> None:
    path = image(tmp_path)
    FILES.fp_detach(unit(path))
    lu = unit(path, "PI=1,RO")
    assert Rig(lu).run(READ_2, length=2 * WIRE).data == 2 * (bytes(BLOCK) + b"\xff" * 8)
    FILES.fp_detach(lu)


def test_the_file_follows_the_size(tmp_path: Path) -> None:
    """What is cut off comes back without protection information."""
    path = image(tmp_path)
    lu = unit(path)
    assert Rig(lu).write("2a 00 000007ff 00 0001 00", b"x" * BLOCK).status == 0
    for size in (1 << 19, 1 << 20):
        os.truncate(path, size)
        new, ebuf = chiscsi_lun(FILES, 0, str(path)), bytearray()
        assert FILES.fp_config_parse_options(new, "PI=1", 4, ebuf) == 0
        assert FILES.fp_reattach(lu, new, ebuf, 256) == 0, ebuf
        assert Path(f"{path}.pi").stat().st_size == PAGE + (size >> 9) * 8
        lu = new
    assert Rig(lu).run("28 20 000007ff 00 0001 00", length=WIRE).data == bytes(BLOCK) + b"\xff" * 8
    FILES.fp_detach(lu)


@pytest.mark.parametrize("options", ["", "PI=2", "PI=1,BLOCK=4096"])
def test_protection_cannot_change_while_in_use(tmp_path: Path, options: str) -> None:
    path = image(tmp_path)
    lu, new, ebuf = unit(path), chiscsi_lun(FILES, 0, str(path)), bytearray()
    assert FILES.fp_config_parse_options(new, options, len(options), ebuf) == 0
    assert FILES.fp_reattach(lu, new, ebuf, 256) < 0
    assert b"PI, and the block size of a unit with it, cannot change" in ebuf
    FILES.fp_detach(lu)


def test_without_data_there_are_no_tuples_either(tmp_path: Path) -> None:
    lu, ebuf = chiscsi_lun(FILES, 0, str(image(tmp_path))), bytearray()
    assert FILES.fp_config_parse_options(lu, "PI=1,NULLRW", 11, ebuf) == 0
    assert lu.lun_class.fp_attach(lu, ebuf, 256) == 0
    rig = Rig(lu)
    assert rig.write("2a 00 00000000 00 0001 00", b"x" * BLOCK).status == 0
    assert rig.run(READ_2, length=2 * WIRE).data == 2 * (bytes(BLOCK) + b"\xff" * 8)
    lu.lun_class.fp_detach(lu)


def test_it_is_a_medium(tmp_path: Path) -> None:
    lu = unit(image(tmp_path))
    tuples = lu.tuples
    assert isinstance(tuples, TuplesFile) and tuples.extent(0)[0] is False
    tuples.write(PAGE, b"x" * PAGE)
    assert tuples.extent(PAGE)[0] is True and tuples.read(PAGE, 2) == b"xx"
    tuples.discard(PAGE, PAGE)
    assert tuples.read(PAGE, 2) == b"\0\0"
    tuples.flush()
    FILES.fp_detach(lu)


def test_devices_have_no_place_for_it(tmp_path: Path) -> None:
    lu = chiscsi_lun(FILES, 0, "/dev/null")
    lu.protection = 1
    with pytest.raises(UnusableTuples, match="PI needs a regular file"):
        TuplesFile(lu)
