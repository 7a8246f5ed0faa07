"""Redirection, access lists and masks as libiscsi and QEMU meet them: `chiscsi serve --config` with real initiators."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.configured import Program, serving_file
from tests.interop.libiscsi import tool

NAME = "iqn.2026-11.org.example:moved"
HOST, GUEST = "iqn.2026-11.org.example:host", "iqn.2026-11.org.example:guest"


@contextlib.contextmanager
def configured(path: Path, *lines: str) -> Iterator[Program]:
    """One target with these lines."""
    path.write_text("target:\n" + "".join(f"    {line}\n" for line in (f"TargetName={NAME}", *lines)))
    with serving_file(path, path.with_suffix(".err")) as running:
        yield running


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def shown(portal: str, *options: str) -> list[str]:
    """What `iscsi-ls -s` prints of a portal."""
    return tool("iscsi-ls", "-s", *options, f"iscsi://{portal}").stdout.splitlines()


@pytest.mark.interop
def test_libiscsi_follows_from_one_portal_to_another(tmp_path: Path) -> None:
    """Discovery shows the portal that redirects; the logins that follow end at the other one."""
    devices = ("TargetDevice=a,MEM,size=16MB", "TargetDevice=b,MEM,size=32MB,PROD=Archive")
    groups = (f"PortalGroup=1@127.0.0.1:{free_port()},[2]", f"PortalGroup=2@127.0.0.1:{free_port()}")
    with configured(tmp_path / "one.conf", *groups, *devices) as running:
        first = running.portal(NAME)
        lines = shown(first)
        assert lines[0] == f"Target:{NAME} Portal:{first},1"
        assert [line.partition(" ")[0] for line in lines[1:]] == ["Lun:0", "Lun:1"]
        assert "Product:Archive" in tool("iscsi-inq", f"iscsi://{first}/{NAME}/1").stdout
        image = tool("qemu-img", "info", "-f", "raw", f"iscsi://{first}/{NAME}/0").stdout
        assert "virtual size: 16 MiB" in image


@pytest.mark.interop
def test_libiscsi_follows_to_another_machine(tmp_path: Path) -> None:
    """ShadowMode: the portal that redirects has no units of its own, and does not listen where the others do."""
    here, there = free_port(), free_port()
    groups = (f"PortalGroup=1@127.0.0.1:{here},[2]", f"PortalGroup=2@127.0.0.1:{there}")
    unit = "TargetDevice=a,MEM,size=16MB,PROD=Elsewhere"
    with (
        configured(tmp_path / "there.conf", groups[1], unit),
        configured(tmp_path / "here.conf", *groups, "ShadowMode=Yes", unit),
    ):
        assert "Product:Elsewhere" in tool("iscsi-inq", f"iscsi://127.0.0.1:{here}/{NAME}/0").stdout
        assert shown(f"127.0.0.1:{here}")[0] == f"Target:{NAME} Portal:127.0.0.1:{here},1"


@pytest.mark.interop
def test_initiators_see_what_their_entry_grants(tmp_path: Path) -> None:
    """One sees both units; another, the second alone, as its LUN 0; a third, no target at all."""
    devices = ("TargetDevice=a,MEM,size=16MB,PROD=First", "TargetDevice=b,MEM,size=32MB,PROD=Second")
    lists = ("ACL_Enable=Yes", f"ACL=iname={HOST}", f"ACL=iname={GUEST};lun=1:R")
    with configured(tmp_path / "list.conf", "PortalGroup=1@127.0.0.1:0", *lists, *devices) as running:
        portal = running.portal(NAME)
        units = {name: [line.partition(" ")[0] for line in shown(portal, "-i", name)[1:]] for name in (HOST, GUEST)}
        assert units == {HOST: ["Lun:0", "Lun:1"], GUEST: ["Lun:0"]}
        assert "Product:Second" in tool("iscsi-inq", "-i", GUEST, f"iscsi://{portal}/{NAME}/0").stdout
        assert shown(portal, "-i", "iqn.2026-11.org.example:stranger") == []
