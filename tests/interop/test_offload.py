"""Real initiators over the emulated adapter: whatever it does with the data, they see the same disk."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.chiscsi import IQN, PROGRAM, Serving, serving
from tests.interop.libiscsi import session, tool
from tests.interop.plain import log_in
from tests.interop.qemu import image, qemu_img

# The targets are started once, all three of them, and serve one test after the other.
pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("offload")]

MIB = 1 << 20
SAMPLES = "chiscsi_target.drivers.samples"
WAYS = ("off", "crc", "ulp")
WAY = pytest.mark.parametrize("way", WAYS)
TEST_SUITES = ("ALL.Read10", "ALL.Write10", "ALL.Read16", "ALL.Write16", "iSCSI.*")


class Offloaded:
    """A running target, and what it says of its connections.

    Attributes:
        memory, file: the URLs of its two disks; `disk`, the second one's file.
    """

    def __init__(self, running: Serving, home: Path) -> None:
        self.running = running
        self.portal = running.portals[0]
        self.memory, self.file = running.urls[0], running.urls[-1]
        self.disk = home / "disk"
        self._control = home / "control"

    def connections(self) -> list[dict[str, Any]]:
        """What `chiscsi ctl sessions` tells of each connection."""
        command: list[str | Path] = [PROGRAM, "ctl", "--socket", self._control, "sessions", "--json"]
        said = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        return [each for listed in json.loads(said)["sessions"] for each in listed["connections"]]


@contextmanager
def offloaded(home: Path, *arguments: str | Path) -> Iterator[Offloaded]:
    with serving("--control", home / "control", *arguments) as running:
        yield Offloaded(running, home)
        assert running.errors.read_text() == ""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Offloaded]]:
    """One target for each way, with a disk in memory and one in a file."""
    homes = {way: tmp_path_factory.mktemp(way) for way in WAYS}  # here, since threads would make their parent twice
    with ExitStack() as running, ThreadPoolExecutor(len(WAYS)) as pool:

        def start(way: str) -> Offloaded:
            home = homes[way]
            (home / "disk").write_bytes(bytes(2 * MIB))
            disks: list[str | Path] = ["--mem", "64M", "--file", home / "disk"]
            return running.enter_context(offloaded(home, *disks, "--offload", way))

        yield dict(zip(WAYS, pool.map(start, WAYS), strict=True))


def results(url: str) -> list[tuple[str, list[int]]]:
    """What libiscsi's tester says of each suite: its table of tests, run, passed and failed."""
    found = []
    for suite in TEST_SUITES:
        ran = tool("iscsi-test-cu", "-d", "-n", "-t", suite, url, check=False)
        summary = re.search(r"^ +tests +(\d+) +(\d+) +(\d+) +(\d+)", ran.stdout, re.MULTILINE)
        assert summary is not None, ran.stdout + ran.stderr
        found.append((suite, [int(number) for number in summary.groups()]))
    return found


@WAY
def test_libiscsi_tools_see_the_disk(targets: dict[str, Offloaded], way: str) -> None:
    target = targets[way]
    listing = tool("iscsi-ls", "-s", f"iscsi://{target.portal}").stdout
    assert f"Target:{IQN} Portal:{target.portal},1" in listing
    assert re.findall(r"Lun:(\d+) +Type:DIRECT_ACCESS", listing) == ["0", "1"]
    assert "Peripheral Device Type:DIRECT_ACCESS" in tool("iscsi-inq", target.memory).stdout
    assert f"Total size:{64 * MIB}" in tool("iscsi-readcapacity16", target.memory).stdout
    perf = tool("iscsi-perf", "-m", "16", "-b", "128", "-t", "1", target.memory).stdout
    average = re.search(r"^iops average (\d+)", perf, re.MULTILINE)
    assert average is not None and int(average.group(1)) > 0


@WAY
@pytest.mark.parametrize("digest, size", [(False, 64), (True, 16)], ids=["no-digest", "header-digest"])
def test_qemu_writes_an_image_and_reads_the_same_back(
    targets: dict[str, Offloaded], tmp_path: Path, way: str, digest: bool, size: int
) -> None:
    original = tmp_path / "original"
    original.write_bytes(random.Random(size).randbytes(size * MIB))
    lun = image(targets[way].memory, **({"header_digest": "crc32c"} if digest else {}))
    qemu_img("convert", "-n", "-f", "raw", "-O", "raw", original, lun)
    options = ["-f", "raw", "-F", "raw"]
    if size == 64:
        assert "identical" in qemu_img("compare", *options, original, lun)
    else:
        copy = tmp_path / "copy"
        qemu_img("convert", "-f", "raw", "-O", "raw", lun, copy)
        with copy.open("rb") as copied:
            assert copied.read(size * MIB) == original.read_bytes()


def test_libiscsi_finds_the_same_whatever_the_adapter_does(targets: dict[str, Offloaded]) -> None:
    """Some of its tests wait for what is not to come, so they all run at once."""
    with ThreadPoolExecutor(len(WAYS)) as pool:
        off, *others = pool.map(lambda way: results(targets[way].memory), WAYS)
    for suite, (total, run, passed, failed) in off:
        assert run == passed == total > 0 and failed == 0, suite
    assert others == [off, off]


@WAY
@pytest.mark.parametrize("digest", [False, True], ids=["no-digest", "header-digest"])
def test_what_becomes_of_a_write(targets: dict[str, Offloaded], way: str, digest: bool) -> None:
    """The same octets are on the disk; what the counters say differs."""
    target, data = targets[way], random.Random(digest).randbytes(MIB)
    with session(target.portal, IQN, 1, header_digest=digest, immediate_data=False, initial_r2t=True) as initiator:
        assert initiator.write(8, data) == 0
        (connection,) = target.connections()
    assert target.disk.read_bytes()[4096 : 4096 + MIB] == data
    assert connection["offloaded"] == (way != "off")
    placed, copied = (MIB, 0) if way == "ulp" else (0, MIB if way == "crc" else 0)
    assert (connection["placed_bytes"], connection["copied_bytes"]) == (placed, copied)
    assert (connection["ddp_pass"] > 0) == (way == "ulp") and (connection["ddp_fail"] > 0) == (way == "crc")
    assert connection["ppods_in_use"] == 0


@WAY
def test_both_digests(targets: dict[str, Offloaded], way: str) -> None:
    """No packaged initiator has data digests; a plain one of our own does, which shares nothing with the target."""
    target, data = targets[way], random.Random(7143).randbytes(200 * 1024)
    write16 = bytes.fromhex("8a000000000000000000") + (len(data) // 512).to_bytes(4) + bytes(2)
    keys = ["HeaderDigest=CRC32C", "DataDigest=CRC32C", "MaxRecvDataSegmentLength=65536"]
    host, _, port = target.portal.rpartition(":")
    with log_in(host, int(port), IQN, 1, keys) as initiator:
        assert initiator.command(0xA0, write16, len(data), data) in (0, 2)  # a unit attention first
        assert initiator.command(0xA0, write16, len(data), data) == 0
        (connection,) = target.connections()
        assert initiator.ping(b"alive") == b"alive"
        initiator.log_out()
    assert target.disk.read_bytes()[: len(data)] == data
    assert (connection["ddp_pass"] > 0) == (way == "ulp")


@pytest.mark.parametrize("driver", ["single_phase:ApiDisk", "multi_phase:PhasedDisk"])
def test_data_are_placed_into_the_pages_of_a_sample_driver(tmp_path: Path, driver: str) -> None:
    """Third-party targets go over the adapter unless there is none."""
    data = random.Random(7143).randbytes(MIB)
    classes = ["--driver", f"{SAMPLES}.{driver},size_mb=2", "--driver", f"{SAMPLES}.target_class:ApiTarget"]
    with offloaded(tmp_path, *classes) as target:
        with session(target.portal, IQN, 0, immediate_data=False, initial_r2t=True) as initiator:
            assert initiator.write(8, data) == 0
            (connection,) = target.connections()
        copy = tmp_path / "copy"
        qemu_img("convert", "-f", "raw", "-O", "raw", image(target.memory), copy)
    assert copy.read_bytes()[4096 : 4096 + MIB] == data
    assert connection["ddp_pass"] > 0 and connection["placed_bytes"] == MIB
    assert connection["ddp_fail"] == 0 and connection["ppods_in_use"] == 0
