"""Changing targets under load, over TCP, from several threads and from hooks: nobody hangs, no octet is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.target_node import TargetNode
from iscsi_wire.pdus import DataIn, LoginResponse, ScsiResponse
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.peer import INITIATOR, Peer, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.shells.server import PATIENCE, Server, noticing_leaks, until
from tests.chiscsi_target.stand import NAME

OTHER = NAME + ".other"
ROUNDS = 12


@pytest.fixture
def server() -> Iterator[Server]:
    with noticing_leaks():
        made = Server(workers=2)
        yield made
        made.close()


def describe(server: Server, node: TargetNode, *keys: tuple[str, str]) -> None:
    """Give a node another description; its portals stay unless `keys` name some."""
    pairs = [("TargetName", node.name), *keys]
    if not any(key == "PortalGroup" for key, _ in keys):
        pairs.append(("PortalGroup", "1@" + ",".join(str(portal.address) for portal in node.portals)))
    if not any(key == "TargetDevice" for key, _ in keys):
        pairs.append(("TargetDevice", "disk,MEM,size=16M"))
    server.module.reconfigure_target(parse_target(pairs))


class Worker:
    """An initiator that writes and reads back its own blocks until it is told to stop."""

    def __init__(self, peer: Peer, start: int) -> None:
        self.peer = peer
        self.start = start
        self.rounds = 0
        self.attentions = 0
        self.faults: list[object] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._once()
        except (AssertionError, OSError) as fault:
            self.faults.append(fault)

    def _once(self) -> None:
        data = bytes((self.start + self.rounds & 0xFF,)) * 4096
        block = self.start + self.rounds % 64 * 8
        if self._done(write10(block, 8), 4096, data=data, write=True) is not None:
            found = self._done(read10(block, 8), 4096)
            if found is not None and found != data:
                self.faults.append((block, found[:4], data[:4]))
        self.rounds += 1

    def _done(self, cdb: bytes, edtl: int, **fields: Any) -> bytes | None:
        """What a command read; None if it ended with a unit attention condition."""
        self.peer.command(cdb, edtl, **fields)
        data = b""
        while True:
            for pdu, piece in self.peer.receive(PATIENCE):
                if isinstance(pdu, DataIn):
                    data += piece
                    if pdu.status_present:
                        return data
                elif isinstance(pdu, ScsiResponse):
                    if pdu.status:
                        assert piece[4] & 0xF == 6, piece.hex()
                        self.attentions += 1
                        return None
                    return data
            assert not self.peer.closed, "the session was closed"


def test_under_load(server: Server) -> None:
    """Sizes, access, time-outs, portals and keys change; the sessions that may stay go on reading and writing."""
    node, other = server.add(), server.add(OTHER)
    workers = [Worker(server.login(node, number=number), number * 1000) for number in (1, 2)]
    bystander = Worker(server.login(other, number=9), 5000)
    until(lambda: all(worker.rounds > 2 for worker in (*workers, bystander)))
    address = str(node.portals[0].address)
    try:
        for count in range(ROUNDS):
            describe(
                server,
                node,
                ("TargetDevice", f"disk,MEM,size={16 + count % 2}M,SN={count // 3}"),
                ("PortalGroup", f"1@{address},timeout={30 + count}"),
                *([("PortalGroup", "2@127.0.0.1:0")] if count % 2 else []),
                ("ACL_Enable", "Yes" if count % 3 else "No"),
                ("ACL", f"iname={INITIATOR}"),
                ("TargetAlias", f"round {count}"),
            )
            before = [worker.rounds for worker in workers]
            until(lambda before=before: all(w.rounds > b or w.faults for w, b in zip(workers, before, strict=True)))  # type: ignore[misc]
    finally:
        for worker in (*workers, bystander):
            worker.stop()
    assert [worker.faults for worker in (*workers, bystander)] == [[], [], []]
    assert all(1 <= worker.attentions <= 2 * ROUNDS for worker in workers)
    assert bystander.attentions == 1, "the unit attention of its login"
    assert node.alias == f"round {ROUNDS - 1}" and len(server.shell._listeners) == 3


def test_losing_access_under_load(server: Server) -> None:
    node = server.add()
    guest = "iqn.2026-11.org.example:guest"
    stays = Worker(server.login(node, number=1), 0)
    goes = server.connect(node, isid=b"\x40\0\0\0\0\x02", initiator=guest)
    goes.login(NAME)
    try:
        describe(server, node, ("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR}"))
        goes.receive(PATIENCE)
        until(lambda: goes.closed or goes.receive(0.01) is None)
        late = server.connect(node, isid=b"\x40\0\0\0\0\x03", initiator=guest)
        assert late.ask(late.names(NAME))[0].status_class == 2
        rounds = stays.rounds
        until(lambda: stays.rounds > rounds + 3)
    finally:
        stays.stop()
    assert stays.faults == []


def test_from_several_threads(server: Server) -> None:
    """Changes keep from each other; what is there at the end is one of them, whole."""
    node = server.add()
    peer = server.login(node)

    def change(number: int) -> None:
        mine = [("TargetName", f"{NAME}.{number}"), ("PortalGroup", "1@127.0.0.1:0"), ("TargetDevice", "d,MEM,size=1M")]
        for count in range(5):
            server.module.add_target(parse_target(mine))
            describe(server, node, ("TargetAlias", f"{number}.{count}"), ("MaxConnections", str(number)))
            server.module.remove_target(f"{NAME}.{number}")

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(change, number) for number in (1, 2, 3)]:
            future.result()
    assert list(server.module.directory.registry.nodes) == [NAME]
    assert node.alias == f"{node.own['MaxConnections']}.4"
    assert peer.ping(b"on")[1] == b"on"


class Calling(NotingClass):
    """Makes a call inside `fp_session_added`, in the thread that handles logins."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__()
        self.call = call

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> object:
        self.call()
        return 0


def in_a_hook(server: Server, call: Callable[[], object], hook: str) -> list[object]:
    """What came of a call that a driver makes inside a hook."""
    results: list[object] = []
    driver = HoldingDriver()

    def once(*_: object) -> int:
        if not results:
            results.append(call())
        return 0

    calling = NotingClass() if hook == "cdb_rcved" else Calling(once)
    calling.class_name = "DRIVER"
    if hook == "cdb_rcved":
        driver.on_cdb = once
    assert server.module.chiscsi_target_class_register(calling) == 0
    assert server.module.chiscsi_target_lun_class_register(driver, "DRIVER") == 0
    peer = server.connect(server.add(NAME, TargetClass="DRIVER"))
    peer.send(peer.login_request(), format_pairs(peer.names(NAME)))
    if hook == "cdb_rcved":
        peer.take(LoginResponse)
        peer.command("00")
    until(lambda: bool(results))
    return results


HOOKS = ["cdb_rcved", "session_added"]
"""In the thread of a session's worker, and in the one that handles logins."""


@pytest.mark.parametrize("hook", HOOKS)
def test_a_driver_changes_its_target_from_a_hook(server: Server, hook: str) -> None:
    def change() -> str:
        node = server.module.directory.registry.nodes[NAME]
        pairs = [("TargetName", NAME), ("PortalGroup", f"1@{node.portals[0].address}"), ("TargetClass", "DRIVER")]
        server.module.reconfigure_target(parse_target([*pairs, ("TargetAlias", "from a hook")]))
        return node.alias

    assert in_a_hook(server, change, hook) == ["from a hook"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_driver_removes_its_target_from_a_hook(server: Server, hook: str) -> None:
    assert in_a_hook(server, lambda: server.module.chiscsi_target_remove(None, NAME), hook) == [0]
    assert server.module.directory.registry.nodes == {} and server.shell._listeners == {}
