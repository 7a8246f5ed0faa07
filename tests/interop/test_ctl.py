"""`chiscsi ctl` as an administrator uses it: every verb on a running `chiscsi serve`, with real initiators at work."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.interop.chiscsi import IQN, PROGRAM, Serving, serving
from tests.interop.libiscsi import LibiscsiError, Session, session
from tests.interop.processes import wait_until
from tests.interop.qemu import image, qemu_img

# Each starts some programs, one after the other; on a busy machine that takes its time.

MIB = 1 << 20
OTHER = IQN + ".other"


class Administrator:
    """Runs `chiscsi ctl` against one target."""

    def __init__(self, running: Serving, path: Path) -> None:
        self.running = running
        self.socket = path

    def run(self, *arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it to its end, which has to have this exit status."""
        command = [PROGRAM, "ctl", "--socket", self.socket, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done

    def says(self, *arguments: str | Path) -> str:
        """What it prints."""
        return self.run(*arguments).stdout

    def json(self, *arguments: str | Path) -> Any:
        """What it prints as JSON."""
        return json.loads(self.says(*arguments, "--json"))

    def handles(self) -> list[int]:
        """The handles of all sessions."""
        return [each["hndl"] for each in self.json("sessions")["sessions"]]


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[Administrator]:
    path = tmp_path / "control"
    with serving("--mem", "32M", "--control", path) as running:
        yield Administrator(running, path)


def work(initiator: Session) -> None:
    """Eight blocks there and back."""
    assert initiator.write(0, b"\x5a" * 4096) == 0
    assert initiator.read(0, 8192) == 0


def test_the_program_and_its_targets(administrator: Administrator) -> None:
    assert administrator.says("version").startswith("chiscsi ")
    assert f"{IQN} " in administrator.says("list")
    (target,) = administrator.json("list")["targets"]
    assert target["name"] == IQN
    assert administrator.says("show", IQN, "-k", "TargetDevice") == "mem0,MEM,size=32M\n"
    assert "ImmediateData" in administrator.says("show", IQN)


@pytest.mark.interop
def test_sessions_and_what_they_move(administrator: Administrator) -> None:
    portal = administrator.running.portals[0]
    before = administrator.json("statistics")["portals"][0]["perf"]
    with session(portal, IQN, 0) as initiator:
        work(initiator)
        (shown,) = administrator.json("sessions", IQN)["sessions"]
        assert shown["peer_name"] == "iqn.2026-11.test.chiscsi:libiscsi"
        assert shown["connections"][0]["tcp_endpoints"]["target"] == portal
        assert shown["expcmdsn"] == shown["cmdsn"] + 1
        perf = shown["perf"]
        assert perf == shown["connections"][0]["perf"]
        assert perf["write_cmd_cnt"] == 1 and perf["write_bytes"] == 4096
        assert perf["read_cmd_cnt"] > 1 and perf["read_bytes"] >= 8192
        assert f"0x{shown['hndl']:x}" in administrator.says("sessions")
        assert administrator.json("sessions", "--initiator", "iqn.nobody")["sessions"] == []
        through = administrator.json("statistics")
        assert through["sessions"][0]["perf"] == perf
    # What a connection has counted is not forgotten with it.
    wait_until(lambda: administrator.handles() == [], "the end of the session")
    after = administrator.json("statistics")["portals"][0]["perf"]
    assert after["write_bytes"] - before["write_bytes"] == 4096
    assert after == through["portals"][0]["perf"]
    assert portal in administrator.says("statistics")


@pytest.mark.interop
def test_a_dropped_session_ends_for_its_initiator_and_nobody_else(administrator: Administrator) -> None:
    portal = administrator.running.portals[0]
    with session(portal, IQN, 0, log_out=False) as dropped:
        work(dropped)
        (handle,) = administrator.handles()
        with session(portal, IQN, 0) as other:
            assert administrator.says("drop", f"0x{handle:x}") == f"session 0x{handle:x} dropped.\n"
            with pytest.raises((LibiscsiError, AssertionError)):
                work(dropped)
            work(other)
            assert handle not in administrator.handles()
            refused = administrator.run("drop", str(handle), status=1)
            assert refused.stderr == f"chiscsi ctl: session 0x{handle:x} is not found.\n"
            administrator.run("drop", "me", status=2)


@pytest.mark.interop
def test_targets_are_added_reloaded_written_and_removed(administrator: Administrator, tmp_path: Path) -> None:
    file, portal = tmp_path / "chiscsi.conf", administrator.running.portals[0]
    assert administrator.says("write", file) == f"{file} written, targets: 1.\n"
    with file.open("a") as text:
        text.write(f"target:\nTargetName={OTHER}\nPortalGroup=1@{portal}\nTargetDevice=other,MEM,size=1MB\n")
    assert administrator.says("reload", file) == f"target {IQN} updated.\n{OTHER} not started, ignore.\n"
    assert administrator.says("add", file, OTHER) == f"target {OTHER} added.\n"
    with session(portal, OTHER, 0, log_out=False) as initiator:
        work(initiator)
        done = administrator.run("remove", OTHER, "iqn.nobody", status=1)
        assert done.stdout == f"{OTHER} removed.\n" and done.stderr == "chiscsi ctl: iqn.nobody is not found.\n"
        with pytest.raises((LibiscsiError, AssertionError)):
            work(initiator)
    assert administrator.says("remove", "ALL") == "All targets removed.\n"
    assert administrator.json("list")["targets"] == []


@pytest.mark.interop
def test_a_reload_while_an_image_is_copied_keeps_it_right(administrator: Administrator, tmp_path: Path) -> None:
    source, file = tmp_path / "image", tmp_path / "chiscsi.conf"
    source.write_bytes(Random(1).randbytes(32 * MIB))
    url = image(administrator.running.urls[0])
    administrator.says("write", file)
    configuration = file.read_text()
    reloads = 0
    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(qemu_img, "convert", "-n", "-f", "raw", "-O", "raw", source, url)
        while not copying.done():
            reloads += 1
            changed = configuration.replace("TargetSessionMaxCmd=128", f"TargetSessionMaxCmd={reloads % 100 + 1}")
            file.write_text(changed.replace("timeout=0", f"timeout={30 + reloads % 30}"))
            assert administrator.says("reload", file) == f"target {IQN} updated.\n"
        copying.result()
    assert reloads > 0
    qemu_img("compare", "-f", "raw", "-F", "raw", source, url)


@pytest.mark.interop
def test_clients_that_talk_nonsense_harm_nobody(administrator: Administrator) -> None:
    noise = Random(2)
    with session(administrator.running.portals[0], IQN, 0) as initiator:
        for length in (0, 1, 100, 5000, 2 * MIB):
            with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
                client.settimeout(0.2)  # nobody takes the answers, so nobody takes all of the questions either
                client.connect(str(administrator.socket))
                client.sendall(noise.randbytes(length))
            work(initiator)
    assert administrator.json("list")["targets"][0]["name"] == IQN
    assert administrator.running.errors.read_text() == ""


def test_variables_and_verbosity(administrator: Administrator) -> None:
    assert administrator.says("verbosity") == "iscsi_verbose_level=0x0,0x0\n"
    assert administrator.says("verbosity", "4") == "iscsi_verbose_level=0x4,0x0\n"
    assert "iscsi_auth_order" in administrator.says("globals")
    values = administrator.json("globals", "iscsi_auth_order=ACL")["values"]
    assert values["iscsi_auth_order"] == "ACL"
    refused = administrator.run("globals", "nonsense=1", status=1)
    assert refused.stderr == "chiscsi ctl: Unknown variable nonsense.\n"
    administrator.run("globals", "nonsense", status=2)


def test_flushing(tmp_path: Path) -> None:
    disk, path = tmp_path / "disk", tmp_path / "control"
    disk.write_bytes(bytes(MIB))
    with serving("--file", disk, "--control", path) as running:
        administrator = Administrator(running, path)
        assert (
            administrator.says("flush") == administrator.says("flush", IQN, "--lun", "0") == f"{IQN} lun 0 flushed.\n"
        )
        refused = administrator.run("flush", IQN, "--lun", "7", status=1)
        assert refused.stderr == f"chiscsi ctl: {IQN} lun 7 is not found.\n"
        assert running.stop() == 0
        assert not path.exists()


def test_nobody_listens(tmp_path: Path) -> None:
    command = [str(PROGRAM), "ctl", "--socket", str(tmp_path / "none"), "list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr == f"chiscsi ctl: no target listens at {tmp_path / 'none'}: No such file or directory\n"


def test_errors_of_a_file_are_named_by_line(administrator: Administrator, tmp_path: Path) -> None:
    file = tmp_path / "bad.conf"
    file.write_text(f"target:\nTargetName={OTHER}\nMaxConnections=0\nNonsense=1\n")
    lines = administrator.run("add", file, status=1).stderr.splitlines()
    places = [line.removeprefix("chiscsi ctl: ").partition(": ")[0] for line in lines]
    assert {f"{file}, line 3", f"{file}, line 4"} < set(places)
    assert "error" in json.loads(administrator.run("add", file, "--json", status=1).stdout)
