"""The helpers themselves: private servers that come up, serve, stay out of one another's way and go."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.interop.istgt import running_istgt
from tests.interop.processes import PeerFailed, RunningTarget, listens, reserved_port, server, wait_until
from tests.interop.tgt import running_tgt

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("running", [running_tgt, running_istgt])
def test_two_servers_of_one_kind_run_side_by_side_and_leave_nothing(
    running: Callable[..., AbstractContextManager[RunningTarget]],
) -> None:
    with running(luns=2) as one, running() as other:
        assert one.port != other.port
        assert listens(one.host, one.port)
        assert listens(other.host, other.port)
        assert one.lun_url(1) == f"iscsi://127.0.0.1:{one.port}/{one.iqn}/{one.first_lun + 1}"
        assert one.resident_bytes() > 1 << 20
        assert [file.stat().st_size for file in one.files] == [64 << 20] * 2
    for target in one, other:
        assert not listens(target.host, target.port)
        assert not Path(f"/proc/{target.pid}").exists()
        assert not any(file.exists() for file in target.files)


def test_a_server_that_breaks_off_is_reported_with_its_own_words() -> None:
    with pytest.raises(PeerFailed, match="not supported value No"), running_istgt(settings={"InitialR2T": "No"}):
        pass


def test_a_reserved_port_is_not_given_twice() -> None:
    with reserved_port() as one, reserved_port() as other:
        assert one != other


def test_waiting_in_vain_names_what_was_waited_for() -> None:
    with pytest.raises(PeerFailed, match="the sea to part"):
        wait_until(lambda: False, "the sea to part", seconds=0)


def test_a_server_that_ignores_a_request_to_end_is_killed(tmp_path: Path) -> None:
    stubborn = ["sh", "-c", "trap '' TERM; echo deaf; while :; do read line < /dev/zero; done"]
    with server(stubborn, tmp_path / "log") as process:
        wait_until(lambda: "deaf" in (tmp_path / "log").read_text(), "the trap")
    assert process.returncode == -9
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
