"""`chiscsi serve` as a program: what it prints, how it ends, and how it says that it can not do what it was told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.interop.chiscsi import IQN, PROGRAM, serving
from tests.interop.libiscsi import session
from tests.interop.processes import READY_SECONDS, listens

MIB = 1 << 20


@pytest.mark.interop
@pytest.mark.parametrize("request_to_end", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_with_sessions_logged_in(tmp_path: Path, request_to_end: signal.Signals) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB))
    with serving("--file", disk) as running:
        portal = running.portals[0]
        with session(portal, IQN, 0, log_out=False) as one, session(portal, IQN, 0, log_out=False) as other:
            assert one.write(0, b"\x5a" * 512) == 0
            running.process.send_signal(request_to_end)
            assert running.process.wait(READY_SECONDS) == 0
            assert other.read(0, 512) != 0
        assert running.errors.read_text() == ""
        host, _, port = portal.rpartition(":")
        assert not listens(host, int(port))
    assert disk.read_bytes()[:512] == b"\x5a" * 512


def test_it_prints_one_url_for_each_lun_and_then_ready() -> None:
    with serving("--mem", "1M", "--mem", "2M") as running:
        (portal,) = running.portals
        assert running.urls == (f"iscsi://{portal}/{IQN}/0", f"iscsi://{portal}/{IQN}/1")
        assert portal.startswith("127.0.0.1:")
        assert running.stop() == 0


@pytest.mark.interop
@pytest.mark.parametrize("offload, placed", [("ulp", True), ("crc", False), ("nic", None), ("auto", None)])
def test_the_messages_of_an_offloaded_connection_are_printed(offload: str, placed: bool | None) -> None:
    """What a real initiator writes is placed by page pods, or the card only sees to digests, or takes nothing over."""
    with serving("--mem", "4M", "--offload", offload, "--trace", "offload") as running:
        (portal,) = running.portals
        with session(portal, IQN, 0) as initiator:
            assert initiator.write(0, b"\x5a" * 1048576) == 0
        assert running.stop() == 0
        assert running.process.stdout is not None
        printed = running.process.stdout.read().decode()
    names = {line.split()[0] for line in printed.splitlines()}
    taken_over = {"CPL_SET_TCB_FIELD", "CPL_SET_TCB_RPL", "CPL_ISCSI_HDR", "CPL_RX_ISCSI_DDP", "FW_OFLD_TX_DATA_WR"}
    assert names >= taken_over if placed is not None else names == set()
    assert ("ULP_TX_MEM_WRITE" in names) is bool(placed)
    assert ("PLACED" in printed) is bool(placed)


def test_a_way_to_offload_that_there_is_not_is_named() -> None:
    assert "--offload: some is none of: off, auto, nic, ulp, crc" in refusal("--offload", "some", "--mem", "1M")


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        portal = f"127.0.0.1:{taken.getsockname()[1]}"
        # Which portals fail is one thing, and that none is left is another.
        assert portal in refusal("--portal", portal, "--mem", "1M", lines=2)


def test_a_missing_file_is_named_with_its_option(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert f"--file {missing}: " in refusal("--file", str(missing))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_file_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB))
    disk.chmod(0o400)
    assert str(disk) in refusal("--file", str(disk))


@pytest.mark.parametrize("size", ["0", "-1M", "12Q", "many", "1000"])
def test_a_size_that_is_none_is_named(size: str) -> None:
    assert size in refusal("--mem", size)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--portal", "nowhere", "--mem", "1M"], "nowhere"),
        (["--portal", "127.0.0.1:65536", "--mem", "1M"], "65536"),
        (["--iqn", "not a name", "--mem", "1M"], "--iqn"),
        ([], "--mem"),
        (["--driver", "my_disk:MyDisk"], "cannot import my_disk"),
        (["--driver", "my_disk"], "PACKAGE.MODULE:NAME"),
        (["--driver", "chiscsi_target.drivers.samples.pages:PAGE"], "a int was found"),
        (["--driver", "chiscsi_target.drivers.samples.single_phase:ApiDisk", "--mem", "1M"], "--mem"),
    ],
    ids=["address", "port", "name", "no-disk", "no-module", "no-name", "no-class", "driver-and-disk"],
)
def test_an_argument_that_makes_no_sense_is_named(arguments: list[str], word: str) -> None:
    assert word in refusal(*arguments)


def test_a_folder_is_no_disk(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal("--file", str(tmp_path))


def test_a_file_of_no_whole_block_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"\0" * 100)
    assert str(disk) in refusal("--file", str(disk))


def refusal(*arguments: str, lines: int = 1) -> str:
    """What `chiscsi serve` writes to stderr when it refuses: few lines, nothing on stdout, and a status of its own."""
    portal = [] if "--portal" in arguments else ["--portal", "127.0.0.1:0"]
    command = [str(PROGRAM), "serve", *portal, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS, check=False)
    assert done.returncode in {1, 2}, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == lines, done.stderr
    return done.stderr
