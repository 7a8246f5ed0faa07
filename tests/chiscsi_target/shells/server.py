"""A running target, and initiators that connect to it over TCP."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chiscsi_target.api import chiscsi_target_lun_class
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.shells.sockets import SocketTarget
from chiscsi_target.target_module import TargetModule
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import NotingClass

NAME = "iqn.2026-11.org.example:disk"
OTHER = "iqn.2026-11.org.example:other"
PATIENCE = 10.0
RESET = struct.pack("ii", 1, 0)
MIB = 1 << 20


class TcpPipe:
    """An initiator's TCP connection."""

    def __init__(self, ip: str, port: int, *, receive_buffer: int = 0) -> None:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        try:
            self.sock.connect((ip, port))
        except OSError:
            self.sock.close()
            raise

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive(self, timeout: float) -> bytes | None:
        """Wait for octets if any time is given; else take what is there."""
        self.sock.settimeout(timeout)
        try:
            return self.sock.recv(1 << 20)
        except (BlockingIOError, TimeoutError):
            return None
        finally:
            self.sock.settimeout(PATIENCE)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


class Server:
    """A running target, and the initiators that connect to it."""

    def __init__(self, workers: int = 1) -> None:
        self.module = TargetModule(workers)
        self.shell = SocketTarget(self.module)
        self.shell.start()
        self.pipes: list[TcpPipe] = []

    def add(self, name: str = NAME, *portals: str, **keys: str) -> TargetNode:
        pairs = [("TargetName", name), ("PortalGroup", "1@" + ",".join(portals or ("127.0.0.1:0",)))]
        pairs += list(keys.items())
        if "TargetClass" not in keys:
            pairs.append(("TargetDevice", "disk,MEM,size=16M"))
        return self.module.add_target(parse_target(pairs))

    def register(self, driver: chiscsi_target_lun_class) -> None:
        noting = NotingClass()
        noting.class_name = "DRIVER"
        assert self.module.chiscsi_target_class_register(noting) == 0
        assert self.module.chiscsi_target_lun_class_register(driver, "DRIVER") == 0

    def connect(self, node: TargetNode, portal: int = 0, **how: Any) -> Peer:
        address = node.portals[portal].address
        pipe = TcpPipe(address.ip, address.port, receive_buffer=how.pop("receive_buffer", 0))
        self.pipes.append(pipe)
        return TcpPeer(pipe, **how)

    def login(self, node: TargetNode, *keys: tuple[str, str], number: int = 1, **how: Any) -> Peer:
        peer = self.connect(node, isid=bytes((0x40, 0, 0, 0, 0, number)), **how)
        peer.login(node.name, *keys)
        return peer

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.sock.close()
        self.shell.stop()


class TcpPeer(Peer):
    """A peer that waits for what it expects."""

    def take(self, kind: Any, timeout: float = PATIENCE) -> Any:
        return super().take(kind, timeout)


@contextmanager
def noticing_leaks() -> Iterator[None]:
    """No thread and no descriptor may be left over."""
    threads, descriptors = set(threading.enumerate()), set(os.listdir("/proc/self/fd"))
    yield
    assert set(threading.enumerate()) == threads
    assert set(os.listdir("/proc/self/fd")) == descriptors


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the target's threads do; there is nothing else to wait on."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it never came to that")
