"""`chiscsi serve --config` with libiscsi: several targets, portals and units; SIGHUP; errors by file and line."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.chiscsi import PROGRAM
from tests.interop.libiscsi import tool
from tests.interop.processes import READY_SECONDS, wait_until

ONE, TWO = "iqn.2026-11.org.example:one", "iqn.2026-11.org.example:two"

FILE = f"""\
global:
    iscsi_target_vendor_id=ACME
target:
    TargetName={ONE}
    PortalGroup=1@127.0.0.1:0           # two groups of one portal each
    PortalGroup=2@127.0.0.1:0
    TargetDevice=a,MEM,size=16MB
    TargetDevice=b,MEM,size=32MB,RO,PROD=Archive
target:
    TargetName={TWO}
    TargetAlias=the other
    PortalGroup=1@127.0.0.1:0,[::1]:0
    TargetDevice=c,MEM,size=8MB
"""


class Program:
    """A running `chiscsi serve --config`."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.urls = self.until("ready")

    def until(self, word: str) -> list[str]:
        """The lines that it prints before this one."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        said = b""
        while not said.endswith(f"{word}\n".encode()):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            assert more, f"it said {said!r}, and {self.errors.read_text()}"
            said += more
        return said.decode().splitlines()[:-1]

    def portal(self, name: str, number: int = 0) -> str:
        """ADDR:PORT of a target."""
        return list(dict.fromkeys(urlsplit(url).netloc for url in self.urls if f"/{name}/" in url))[number]


@contextlib.contextmanager
def serving(path: Path) -> Iterator[Program]:
    errors = path.with_suffix(".err")
    with errors.open("w") as stderr:
        process = subprocess.Popen([PROGRAM, "serve", "--config", path], stdout=subprocess.PIPE, stderr=stderr)
    try:
        yield Program(process, errors)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    path = tmp_path / "chiscsi.conf"
    path.write_text(FILE)
    with serving(path) as running:
        yield running


def listed(portal: str) -> set[tuple[str, str]]:
    """Targets with their portals, as `iscsi-ls` finds them, addresses without ports."""
    lines = tool("iscsi-ls", f"iscsi://{portal}").stdout.splitlines()
    words = [line.removeprefix("Target:").split(" Portal:") for line in lines if line.startswith("Target:")]
    return {(name, place.rpartition(":")[0] + "," + place.rpartition(",")[2]) for name, place in words}


@pytest.mark.interop
def test_every_target_portal_and_unit_is_announced_and_found(program: Program) -> None:
    counts = [(name, len({url for url in program.urls if f"/{name}/" in url})) for name in (ONE, TWO)]
    assert counts == [(ONE, 4), (TWO, 2)]
    everything = {(ONE, "127.0.0.1,1"), (ONE, "127.0.0.1,2"), (TWO, "127.0.0.1,1"), (TWO, "[::1],1")}
    for portal in (program.portal(ONE), program.portal(ONE, 1), program.portal(TWO), program.portal(TWO, 1)):
        assert listed(portal) == everything
    shown = tool("iscsi-ls", "-s", f"iscsi://{program.portal(ONE)}").stdout.splitlines()
    sizes = sorted(line.split("Size:")[1] for line in shown if line.startswith("Lun:"))
    assert sizes == ["15M)", "15M)", "31M)", "31M)", "7M)", "7M)"]  # of the last block's address


@pytest.mark.interop
def test_what_the_file_says_of_a_unit_reaches_the_initiator(program: Program) -> None:
    answer = tool("iscsi-inq", f"iscsi://{program.portal(ONE)}/{ONE}/1").stdout
    assert "Vendor:ACME" in answer and "Product:Archive" in answer
    image = tool("qemu-img", "info", "-f", "raw", program.urls[-1]).stdout
    assert "virtual size: 8 MiB" in image


@pytest.mark.interop
def test_sighup_has_the_file_read_again(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "chiscsi.conf"
    third = ONE.replace("one", "three")
    changed = FILE.replace("vendor_id=ACME", "vendor_id=OTHER").replace("the other", "another")
    path.write_text(f"{changed}target:\n  TargetName={third}\n  PortalGroup=1@127.0.0.1:0\n  TargetDevice=d,MEM\n")
    program.process.send_signal(signal.SIGHUP)
    assert program.until("reloaded") == [
        f"target {ONE} updated.",
        f"target {TWO} updated.",
        f"{third} not started, ignore.",
    ]
    path.write_text(f"{FILE}nonsense\nColour=red\n")
    program.process.send_signal(signal.SIGHUP)
    wait_until(lambda: program.errors.read_text().count("\n") >= 2, "its errors")
    assert program.errors.read_text().splitlines() == [
        f'chiscsi serve: {path}, line 14: "nonsense" invalid format!',
        f"chiscsi serve: {path}, line 15: unrecognized key Colour.",
    ]
    assert "Vendor:OTHER" in tool("iscsi-inq", f"iscsi://{program.portal(ONE)}/{ONE}/0").stdout
    program.process.terminate()
    assert program.process.wait(READY_SECONDS) == 0
