"""Large, growing and protected disks with QEMU and libiscsi's tools."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.chiscsi import serving
from tests.interop.configured import serving_file
from tests.interop.libiscsi import tool
from tests.interop.qemu import image, qemu_img, qemu_io

pytestmark = pytest.mark.interop

TIB = 1 << 40
NAME = "iqn.2026-11.org.example:large"


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory whose files may be longer than most file systems have them."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as home:
        yield Path(home)


def sparse(path: Path, size: int) -> Path:
    path.touch()
    try:
        os.truncate(path, size)
    except OSError as error:
        pytest.skip(f"no file of {size} octets here: {error.strerror}")
    return path


@pytest.mark.parametrize("size", [2 * TIB + (1 << 20), 20 * TIB])
@pytest.mark.parametrize("options", ["", ",BLOCK=4096"])
def test_qemu_reads_and_writes_the_far_end(home: Path, size: int, options: str) -> None:
    path = sparse(home / "disk.img", size)
    with serving("--file", f"{path}{options}") as target:
        disk = image(target.urls[0])  # QEMU keeps a map of it in memory: it cannot take the largest of our disks
        assert f'"virtual-size": {size}' in qemu_img("info", "--output=json", disk)
        end = size - (16 << 10)  # QEMU 7.2 cannot read 32 KiB at once of blocks of 4096 that it has not written
        qemu_io(disk, f"write -P 0x5a {end} 16k", "flush", f"read -P 0x5a {end} 16k", f"read -P 0 {end - 16384} 16k")
        qemu_io(disk, f"discard {end} 8k", f"read -P 0 {end} 8k", f"read -P 0x5a {end + 8192} 8k")
        shown = tool("iscsi-readcapacity16", target.urls[0]).stdout
        blocks = size // (4096 if options else 512)
        assert f"RETURNED LOGICAL BLOCK ADDRESS:{blocks - 1}\n" in shown


def test_a_file_that_grows_is_seen_after_sighup(home: Path, tmp_path: Path) -> None:
    path, config = sparse(home / "disk.img", 1 << 20), tmp_path / "chiscsi.conf"
    config.write_text(f"target:\n    TargetName={NAME}\n    PortalGroup=1@127.0.0.1:0\n    TargetDevice={path},FILE\n")
    with serving_file(config, tmp_path / "errors") as program:
        disk = image(program.urls[0])
        for size in (3 << 20, 1 << 19):
            os.truncate(path, size)
            program.process.send_signal(signal.SIGHUP)
            program.until("reloaded")
            assert f'"virtual-size": {size}' in qemu_img("info", "--output=json", disk)
            qemu_io(disk, f"write -P 0x5a {size - 4096} 4k", f"read -P 0x5a {size - 4096} 4k")


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_qemu_uses_a_disk_with_protection_information(home: Path, kind: int) -> None:
    path = sparse(home / "disk.img", 16 << 20)
    with serving("--file", f"{path},PI={kind}") as target:
        disk = image(target.urls[0])
        qemu_io(disk, "write -P 0x5a 1M 1M", "flush", "read -P 0x5a 1M 1M", "read -P 0 0 1M")
        shown = tool("iscsi-readcapacity16", target.urls[0]).stdout
        assert f"P_TYPE:{kind - 1} PROT_EN:1" in shown
    assert (home / "disk.img.pi").stat().st_size == 4096 + (16 << 20) // 512 * 8
    with serving("--file", f"{path},PI={kind}") as target:
        qemu_io(image(target.urls[0]), "read -P 0x5a 1M 1M")
