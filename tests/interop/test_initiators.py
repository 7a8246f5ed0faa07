"""Real initiators use `chiscsi serve` as a disk: libiscsi's tools, its library and QEMU."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.chiscsi import IQN, running_chiscsi, serving
from tests.interop.libiscsi import session, tool
from tests.interop.processes import RunningTarget
from tests.interop.qemu import image, qemu_img

pytestmark = pytest.mark.interop

MIB = 1 << 20
CHECK_CONDITION = 2
# Every suite of the families that `iscsi-test-cu` has for iSCSI itself, and those of plain reading and writing.
TEST_SUITES = [
    "ALL.Read10",
    "ALL.Write10",
    "ALL.Read16",
    "ALL.Write16",
    "iSCSI.iSCSIcmdsn",
    "iSCSI.iSCSIdatasn",
    "iSCSI.iSCSIResiduals",
    "iSCSI.iSCSITMF",
]


@pytest.fixture
def target() -> Iterator[RunningTarget]:
    with running_chiscsi(luns=2) as running:
        yield running


def test_iscsi_ls_finds_the_target_and_its_luns(target: RunningTarget) -> None:
    listing = tool("iscsi-ls", "-s", target.portal_url).stdout
    assert f"Target:{IQN} Portal:{target.portal},1" in listing
    assert re.findall(r"Lun:(\d+) +Type:DIRECT_ACCESS", listing) == ["0", "1"]


def test_iscsi_inq_reads_standard_inquiry_data(target: RunningTarget) -> None:
    inquiry = tool("iscsi-inq", target.url).stdout
    assert "Peripheral Qualifier:CONNECTED" in inquiry
    assert "Peripheral Device Type:DIRECT_ACCESS" in inquiry
    assert "CmdQue:1" in inquiry


@pytest.mark.parametrize(
    "page, shown",
    [
        (0x00, "Page:0x83"),
        (0x80, "Unit Serial Number"),
        (0x83, "T10_VENDORT_ID"),
        (0xB0, "maximum transfer length"),
    ],
)
def test_iscsi_inq_reads_each_vital_product_data_page(target: RunningTarget, page: int, shown: str) -> None:
    assert shown in tool("iscsi-inq", "-e", "1", "-c", str(page), target.url).stdout


def test_iscsi_readcapacity16_reads_the_size(target: RunningTarget) -> None:
    capacity = tool("iscsi-readcapacity16", target.url).stdout
    assert "RETURNED LOGICAL BLOCK ADDRESS:131071" in capacity
    assert f"Total size:{64 * MIB}" in capacity


@pytest.mark.parametrize("options", [{}, {"header_digest": "crc32c"}], ids=["no-digest", "header-digest"])
def test_qemu_writes_an_image_and_reads_the_same_back(tmp_path: Path, options: dict[str, str]) -> None:
    original, copy = tmp_path / "original", tmp_path / "copy"
    original.write_bytes(random.Random(7143).randbytes(64 * MIB))
    with running_chiscsi() as target:
        lun = image(target.url, **options)
        qemu_img("convert", "-n", "-f", "raw", "-O", "raw", original, lun)
        assert "identical" in qemu_img("compare", "-f", "raw", "-F", "raw", original, lun)
        assert target.files[0].read_bytes() == original.read_bytes()
        qemu_img("convert", "-f", "raw", "-O", "raw", lun, copy)
    assert copy.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("digest", [False, True], ids=["no-digest", "header-digest"])
@pytest.mark.parametrize("initial_r2t", [False, True], ids=["unsolicited", "solicited"])
@pytest.mark.parametrize("immediate_data", [False, True], ids=["not-immediate", "immediate"])
def test_libiscsi_writes_in_every_way_of_sending_data(
    target: RunningTarget, digest: bool, initial_r2t: bool, immediate_data: bool
) -> None:
    data = random.Random(7143).randbytes(MIB)
    with session(
        target.portal, target.iqn, 0, header_digest=digest, immediate_data=immediate_data, initial_r2t=initial_r2t
    ) as initiator:
        assert initiator.write(8, data) == 0
        assert initiator.read(8, MIB) == 0
        assert initiator.ping(b"sixteen octets..") == b"sixteen octets.."
    assert target.files[0].read_bytes()[8 * 512 : 8 * 512 + MIB] == data


def test_libiscsi_aborts_and_resets_and_the_disk_goes_on(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, 0, immediate_data=False, initial_r2t=True) as initiator:
        initiator.abort_write(0, bytes(64 * 1024))
        assert initiator.manage("abort_task_set")
        assert initiator.manage("lun_reset")
        statuses = [initiator.read(0, 512) for _ in range(3)]  # unit attentions first
        assert statuses[-1] == 0


@pytest.mark.parametrize("suite", TEST_SUITES)
def test_libiscsi_test_suite_finds_no_failure(target: RunningTarget, suite: str) -> None:
    ran = tool("iscsi-test-cu", "-d", "-n", "-t", suite, target.url, check=False)
    summary = re.search(r"^ +tests +(\d+) +(\d+) +(\d+) +(\d+)", ran.stdout, re.MULTILINE)
    assert summary, ran.stdout + ran.stderr
    total, run, passed, failed = map(int, summary.groups())
    assert (passed, failed) == (total, 0), ran.stdout
    assert run == total > 0, ran.stdout


def test_two_portals_serve_the_same_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB))
    with serving("--portal", "[::1]:0", "--file", disk) as running:
        first, second = running.portals
        with session(first, IQN, 0) as initiator:
            assert initiator.write(0, b"\x5a" * 512) == 0
        assert len(running.urls) == 2
        capacity = tool("iscsi-readcapacity16", f"iscsi://{second}/{IQN}/0").stdout
        assert f"Total size:{MIB}" in capacity
    assert disk.read_bytes()[:512] == b"\x5a" * 512


def test_luns_are_numbered_in_the_order_of_the_command_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(3 * MIB))
    with serving("--mem", "2M", "--file", disk, "--mem", "1M") as running:
        assert [url.rpartition("/")[2] for url in running.urls] == ["0", "1", "2"]
        sizes = [total_size(url) for url in running.urls]
    assert sizes == [2 * MIB, 3 * MIB, MIB]


def total_size(url: str) -> int:
    found = re.search(r"Total size:(\d+)", tool("iscsi-readcapacity16", url).stdout)
    assert found is not None
    return int(found.group(1))


def test_a_read_only_file_is_read_and_not_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB))
    with serving("--file", f"{disk},ro") as running, session(running.portals[0], IQN, 0) as initiator:
        assert initiator.write(0, b"\x5a" * 512) == CHECK_CONDITION
        assert initiator.read(0, 512) == 0
    assert disk.read_bytes() == bytes(MIB)
