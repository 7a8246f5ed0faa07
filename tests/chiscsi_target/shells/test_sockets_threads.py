"""The threads of the target over TCP: start, stop, and what they leave behind."""

from __future__ import annotations

import os

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.shells.sockets import SocketTarget
from chiscsi_target.target_module import TargetModule
from iscsi_wire.constants import AsyncEvent
from iscsi_wire.pdus import AsyncMessage, DataIn
from tests.chiscsi_target.peer import read10
from tests.chiscsi_target.shells.server import NAME, PATIENCE, Server, noticing_leaks, until

# Threads


def test_logins_and_sessions_run_in_threads_of_their_own() -> None:
    """The sessions of a node, which share its logical units, share a worker; those of others get another."""
    server = Server(workers=3)
    try:
        nodes = [server.add(f"{NAME}{number}") for number in range(3)]
        peers = [server.login(node, number=number) for node in nodes for number in (1, 2)]
        for peer in peers:
            peer.execute("00")
            peer.command(read10(0, 8), 4096)
            assert isinstance(peer.receive(PATIENCE)[-1][0], DataIn)
        directory = server.module.directory
        for worker in directory.workers:
            sessions = [connection.session for connection in worker.connections]
            assert len(sessions) == 2
            assert len({session.node for session in sessions if session is not None}) == 1
        assert len({worker.thread for worker in (directory.login_worker, *directory.workers)}) == 4
    finally:
        server.close()


def test_start_and_stop_leave_nothing() -> None:
    with noticing_leaks():
        for _ in range(3):
            server = Server(workers=2)
            node = server.add()
            peers = [server.login(node, number=number) for number in (1, 2, 3)]
            assert peers[0].ping(b"x")[1] == b"x"
            server.close()


def test_stop_without_start_leaves_nothing() -> None:
    with noticing_leaks():
        module = TargetModule()
        shell = SocketTarget(module)
        pairs = [("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:0"), ("TargetDevice", "disk,MEM")]
        module.add_target(parse_target(pairs))
        shell.stop()


def test_targets_added_before_the_start_are_served() -> None:
    server = Server.__new__(Server)
    server.module, server.pipes = TargetModule(), []
    server.shell = SocketTarget(server.module)
    node = server.add()
    server.shell.start()
    try:
        assert server.login(node).ping(b"x")[1] == b"x"
    finally:
        server.close()


def test_a_shutdown_tells_the_sessions(server: Server) -> None:
    """RFC 7143, 11.9.1: event 3 on the last connection of a session, event 2 on its others; then they are closed."""
    node = server.add(NAME, MaxConnections="2", DefaultTime2Wait="3")
    leading = server.login(node, ("MaxConnections", "2"), ("DefaultTime2Wait", "0"))
    further = server.connect(node, isid=leading.isid, cid=7)
    further.tsih, further.cmd_sn = leading.tsih, leading.cmd_sn
    further.login(NAME)
    further.ping()
    lonely = server.login(node, number=9)
    idle = server.connect(node)
    until(lambda: len(server.module.directory.login_worker.connections) == 1)
    server.shell.stop()
    messages = {}
    for name, peer in (("leading", leading), ("further", further), ("lonely", lonely)):
        message, _ = peer.take(AsyncMessage)
        messages[name] = (message.async_event, message.parameter1, message.parameter2, message.parameter3)
        assert peer.receive(PATIENCE) == [] and peer.closed
    assert messages == {
        "leading": (AsyncEvent.CONNECTION_DROP, 0, 3, 0),
        "further": (AsyncEvent.SESSION_DROP, 0, 3, 0),
        "lonely": (AsyncEvent.SESSION_DROP, 0, 2, 0),
    }
    assert idle.receive(PATIENCE) == [] and idle.closed
    assert server.module.directory.registry.nodes == {}


def test_a_completion_after_the_end_harms_nobody(server: Server) -> None:
    """The loop's descriptor is closed by then, and its number may be somebody else's."""
    wake = server.module.directory.workers[0].wake
    server.shell.stop()
    with open(os.devnull, "wb") as file:
        wake()
        file.write(b"mine")
