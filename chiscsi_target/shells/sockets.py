"""The socket shell: TCP over IPv4 and IPv6, logins on one thread, full feature phase on workers (guide 4.2)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread, get_ident
from typing import TYPE_CHECKING

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.shells.loop import Loop
from chiscsi_target.shells.stream import Stream

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.engine.worker import Worker
    from chiscsi_target.target_module import TargetModule

_BACKLOG = 128
_POLL = 0.01


@dataclass(slots=True)
class _Listener:
    """A listening socket, and the portals of all the nodes that it serves: logins find out which node is meant."""

    sock: socket.socket
    portals: list[Portal]


class SocketTarget:
    """Serves a Target Module over TCP.

    `start` runs the threads; targets can be added before and after. `stop` removes all targets, which tells their
    sessions, and ends the threads.

    Args:
        module: what to serve.
        spin: see `Loop`; worth it where the target has a processor for itself.
    """

    def __init__(self, module: TargetModule, spin: float = 0.0) -> None:
        self.module = module
        directory = module.directory
        self._login_loop = Loop(directory.login_worker)
        self._loops = {worker: Loop(worker, spin) for worker in directory.workers}
        self._listeners: dict[str, _Listener] = {}
        self._threads: list[Thread] = []
        directory.moved = self._move
        module.listen = self._listen
        module.unlisten = self._unlisten
        module.wait_until = self._wait_until

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        for number, loop in enumerate((self._login_loop, *self._loops.values())):
            thread = Thread(target=loop.run, name=f"chiscsi-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Tell all sessions, close them, and stop serving."""
        for name in list(self.module.directory.registry.nodes):
            self.module.chiscsi_target_remove(None, name)
        loops = (*self._loops.values(), self._login_loop)
        for loop in loops:
            if self._threads:
                loop.stop()
            else:
                loop.close()
        for thread in self._threads:
            thread.join()

    def _listen(self, portal: Portal) -> None:
        """Serve a portal; one that several nodes name is listened on once (behaviour file, 6.4)."""
        address = portal.address
        known = self._listeners.get(str(address))
        if known is not None:
            known.portals.append(portal)
            return
        sock = _listening_socket(address)
        address.port = sock.getsockname()[1]
        listener = self._listeners[str(address)] = _Listener(sock, [portal])
        self._in_login_thread(partial(self._login_loop.add_listener, sock, partial(self._accept, listener)))

    def _unlisten(self, portal: Portal) -> None:
        listener = self._listeners.get(str(portal.address))
        if listener is None or portal not in listener.portals:
            return
        listener.portals.remove(portal)
        if not listener.portals:
            del self._listeners[str(portal.address)]
            # At once, so that the address is free when this returns; the thread that watches it closes it.
            listener.sock.shutdown(socket.SHUT_RDWR)
            self._in_login_thread(partial(self._login_loop.remove_listener, listener.sock))

    def _in_login_thread(self, call: Callable[[], None]) -> None:
        self._login_loop.worker.post(lambda _: call(), None)

    def _accept(self, listener: _Listener) -> None:
        try:
            sock, peer = listener.sock.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own = sock.getsockname()
        except OSError:
            return  # the initiator was gone before it was accepted
        portals = listener.portals[:1]
        if not portals:
            sock.close()  # the last node has just left
            return
        endpoints = chiscsi_tcp_endpoints(tcp_endpoint(*peer[:2]), tcp_endpoint(*own[:2]))
        worker = self._login_loop.worker
        connection = self.module.directory.accept(endpoints, portals[0], worker.now)
        self._login_loop.attach(Stream(sock, connection))

    def _move(self, connection: Connection, worker: Worker) -> None:
        stream = self._login_loop.detach(connection)
        worker.post(self._loops[worker].attach, stream)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for the workers. One of them may be the caller, from a hook: then it works on while it waits."""
        pause = Event()
        own = [worker for worker in (self._login_loop.worker, *self._loops) if worker.thread == get_ident()]
        if self._threads and get_ident() not in {thread.ident for thread in self._threads}:
            own = []  # before the threads run, nobody else does what was posted
        while not condition():
            for worker in own:
                worker.unsent = 0
                worker.run(worker.now)
            if self._threads and not condition():
                pause.wait(_POLL)


def _listening_socket(address: tcp_endpoint) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        ConfigurationError: it cannot.
    """
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.ip, address.port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigurationError("PortalGroup", f"failed to start {address}: {error.strerror}.") from error
    sock.setblocking(False)
    return sock
