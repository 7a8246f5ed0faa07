"""Real initiators use the sample drivers as disks: libiscsi's tools and QEMU."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.interop.chiscsi import IQN, Serving, serving
from tests.interop.libiscsi import tool
from tests.interop.qemu import image, qemu_img

pytestmark = [pytest.mark.interop, pytest.mark.slow]

MIB = 1 << 20
SAMPLES = "chiscsi_target.drivers.samples"
SINGLE_PHASE = f"{SAMPLES}.single_phase:ApiDisk"
MULTI_PHASE = f"{SAMPLES}.multi_phase:PhasedDisk"
BOTH = pytest.mark.parametrize("driver", [SINGLE_PHASE, MULTI_PHASE], ids=["single-phase", "multi-phase"])
THREADS = pytest.mark.parametrize("threads", ["no", "yes"], ids=["in-hooks", "in-threads"])
# Every suite of the families that `iscsi-test-cu` has for iSCSI itself, and those of plain reading and writing.
TEST_SUITES = [
    "ALL.Read10",
    "ALL.Read16",
    "ALL.Write10",
    "ALL.Write16",
    "iSCSI.iSCSIcmdsn",
    "iSCSI.iSCSIdatasn",
    "iSCSI.iSCSIResiduals",
    "iSCSI.iSCSITMF",
]


def driver_options(driver: str, *options: str) -> list[str]:
    """The options of `chiscsi serve` for a sample and the samples' target class."""
    return ["--driver", ",".join([driver, *options]), "--driver", f"{SAMPLES}.target_class:ApiTarget"]


@BOTH
def test_libiscsi_tools_see_the_disks(driver: str) -> None:
    with serving(*driver_options(driver, "luns=2", "size_mb=32")) as running:
        (portal,) = running.portals
        listing = tool("iscsi-ls", "-s", f"iscsi://{portal}").stdout
        assert f"Target:{IQN} Portal:{portal},1" in listing
        assert re.findall(r"Lun:(\d+) +Type:DIRECT_ACCESS", listing) == ["0", "1"]
        inquiry = tool("iscsi-inq", running.urls[0]).stdout
        assert "Peripheral Qualifier:CONNECTED" in inquiry and "CmdQue:1" in inquiry
        assert "maximum transfer length" in tool("iscsi-inq", "-e", "1", "-c", "176", running.urls[0]).stdout
        assert f"Total size:{32 * MIB}" in tool("iscsi-readcapacity16", running.urls[0]).stdout


@BOTH
@THREADS
def test_qemu_writes_an_image_and_reads_the_same_back(tmp_path: Path, driver: str, threads: str) -> None:
    with serving(*driver_options(driver, "size_mb=16", f"threads={threads}")) as running:
        round_trip(tmp_path, running, 16 * MIB)


@pytest.mark.parametrize("length", [512, 4096, 65536], ids=["shorter", "the-same", "longer"])
@THREADS
def test_bursts_and_phases_of_different_lengths(tmp_path: Path, length: int, threads: str) -> None:
    """The phases have 4 KiB; a burst is a part of one, the same, or spans several."""
    file = tmp_path / "target.conf"
    keys = ["PortalGroup=1@127.0.0.1:0", "TargetClass=API_TEST", f"MaxBurstLength={length}", "FirstBurstLength=512"]
    file.write_text("\n    ".join(["target:", f"TargetName={IQN}", *keys]) + "\n")
    driver = driver_options(MULTI_PHASE, "size_mb=2", f"threads={threads}")
    with serving("--config", file, *driver) as running:
        round_trip(tmp_path, running, 2 * MIB)


def round_trip(home: Path, running: Serving, size: int) -> None:
    """Copy an image in, compare it in place, and copy it out again."""
    original, copy = home / "original", home / "copy"
    original.write_bytes(random.Random(7143).randbytes(size))
    lun = image(running.urls[0])
    qemu_img("convert", "-n", "-f", "raw", "-O", "raw", original, lun)
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "raw", original, lun)
    qemu_img("convert", "-f", "raw", "-O", "raw", lun, copy)
    assert copy.read_bytes() == original.read_bytes()
    assert running.errors.read_text() == ""


@BOTH
@THREADS
def test_libiscsi_test_suites_find_no_failure(driver: str, threads: str) -> None:
    with serving(*driver_options(driver, f"threads={threads}")) as running:
        for suite in TEST_SUITES:
            ran = tool("iscsi-test-cu", "-d", "-n", "-t", suite, running.urls[0], check=False)
            summary = re.search(r"^ +tests +(\d+) +(\d+) +(\d+) +(\d+)", ran.stdout, re.MULTILINE)
            assert summary, ran.stdout + ran.stderr
            total, run, passed, failed = map(int, summary.groups())
            assert (run, passed, failed) == (total, total, 0), ran.stdout
        assert running.errors.read_text() == ""
