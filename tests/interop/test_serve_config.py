"""`chiscsi serve --config` with libiscsi: several targets, portals and units; SIGHUP; errors by file and line."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.configured import Program, serving_file
from tests.interop.libiscsi import tool
from tests.interop.processes import READY_SECONDS, wait_until
from tests.tree import ROOT

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


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    path = tmp_path / "chiscsi.conf"
    path.write_text(FILE)
    with serving_file(path, tmp_path / "errors") as running:
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


GOOD = ROOT / "fixtures" / "configurations" / "good"


@contextlib.contextmanager
def example(name: str, tmp_path: Path) -> Iterator[Program]:
    """One of the configurations to learn from, served."""
    with serving_file(GOOD / f"{name}.conf", tmp_path / "errors") as running:
        yield running


def units(portal: str, *arguments: str) -> list[str]:
    """The logical units that `iscsi-ls` finds, for one initiator."""
    lines = tool("iscsi-ls", "-s", *arguments, f"iscsi://{portal}").stdout.splitlines()
    return [line.split()[0] for line in lines if line.startswith("Lun:")]


@pytest.mark.interop
def test_initiators_follow_a_redirection(tmp_path: Path) -> None:
    name = "iqn.2026-11.org.example:moved"
    with example("redirection", tmp_path) as running:
        first = running.portal(name)
        assert listed(first) == {(name, "127.0.0.1,1")}, "the portal that is redirected to is nobody's business"
        assert units(first) == ["Lun:0"]
        assert "Vendor:CHISCSI" in tool("iscsi-inq", f"iscsi://{first}/{name}/0").stdout


@pytest.mark.interop
@pytest.mark.parametrize(
    "initiator, shown",
    [("admin", ["Lun:0", "Lun:1", "Lun:2"]), ("a", ["Lun:0", "Lun:1"]), ("backup", ["Lun:0", "Lun:1"]), ("x", [])],
)
def test_initiators_see_what_the_access_list_grants(tmp_path: Path, initiator: str, shown: list[str]) -> None:
    with example("access-lists", tmp_path) as running:
        portal = running.portal("iqn.2026-11.org.example:shared")
        assert units(portal, "-i", f"iqn.2026-11.org.example:{initiator}") == shown


@pytest.mark.interop
def test_secrets_of_a_file_are_asked_for(tmp_path: Path) -> None:
    with example("chap", tmp_path) as running:
        (url,) = running.urls
        portal = urlsplit(url).netloc
        inside = url.replace("iscsi://", "iscsi://host1%secret-of-host1@")
        mutual = "target_user=vault&target_password=secret-of-vault"
        assert "Vendor:CHISCSI" in tool("iscsi-inq", f"{inside}?{mutual}").stdout
        for refused in (url, inside, f"{inside.replace('of-host1', 'of-host2')}?{mutual}"):
            assert "uthentication failure" in tool("iscsi-inq", refused, check=False).stderr
        found = tool("iscsi-ls", f"iscsi://finder%secret#of-finder@{portal}").stdout
        assert "Target:iqn.2026-11.org.example:vault" in found
        assert "uthentication failure" in tool("iscsi-ls", f"iscsi://{portal}", check=False).stderr
