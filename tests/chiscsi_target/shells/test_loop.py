"""A loop that meets a fault of ours: it costs one connection, and is told of."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from iscsi_wire.constants import Opcode
from tests.chiscsi_target.shells.server import Server, until


def _broken(*arguments: Any) -> NoReturn:
    raise RuntimeError("planted")


def test_a_fault_of_ours_ends_one_connection_and_is_printed(server: Server) -> None:
    node = server.add()
    victim, neighbour = server.login(node, number=1), server.login(node, number=2)
    lines: list[str] = []
    sessions = list(server.module.directory.registry.sessions.values())
    sessions[0].agenda.complain = lines.append
    sessions[0].handlers = {**sessions[0].handlers, Opcode.NOP_OUT: _broken}
    with pytest.raises((AssertionError, OSError, IndexError)):  # however a closed connection shows
        victim.ping(b"x")
    until(lambda: len(server.module.directory.registry.sessions) == 1)
    assert neighbour.ping(b"y")[1] == b"y"
    assert lines and lines[0].startswith("chiscsi: ERR! ") and "planted" in lines[0]


def test_a_fault_in_a_queued_call_stops_no_other_call(server: Server) -> None:
    node = server.add()
    peer = server.login(node)
    (worker,) = server.module.directory.workers
    lines: list[str] = []
    worker.complain = lines.append
    worker.post(_broken, None)
    assert peer.ping(b"z")[1] == b"z"
    until(lambda: bool(lines))
    assert "planted" in lines[0]
