"""The socket shell: TCP over IPv4 and IPv6, logins on one thread, full feature phase on workers (guide 4.2)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
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


class SocketTarget:
    """Serves a Target Module over TCP.

    `start` runs the threads; targets can be added before and after. `stop` removes all targets, which tells their
    sessions, and ends the threads.
    """

    def __init__(self, module: TargetModule) -> None:
        self.module = module
        directory = module.directory
        self._login_loop = Loop(directory.login_worker)
        self._loops = {worker: Loop(worker) for worker in directory.workers}
        self._sockets: dict[Portal, socket.socket] = {}
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
        for loop in (*self._loops.values(), self._login_loop):
            loop.stop()
        for thread in self._threads:
            thread.join()

    def _listen(self, portal: Portal) -> None:
        address = portal.address
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
        address.port = sock.getsockname()[1]
        self._sockets[portal] = sock
        self._in_login_thread(partial(self._login_loop.add_listener, sock, partial(self._accept, sock, portal)))

    def _unlisten(self, portal: Portal) -> None:
        sock = self._sockets.pop(portal, None)
        if sock is not None:
            self._in_login_thread(partial(self._login_loop.remove_listener, sock))

    def _in_login_thread(self, call: Callable[[], None]) -> None:
        self._login_loop.worker.post(lambda _: call(), None)

    def _accept(self, listener: socket.socket, portal: Portal) -> None:
        try:
            sock, peer = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own = sock.getsockname()
        except OSError:
            return  # the initiator was gone before it was accepted
        endpoints = chiscsi_tcp_endpoints(tcp_endpoint(*peer[:2]), tcp_endpoint(*own[:2]))
        worker = self._login_loop.worker
        connection = self.module.directory.accept(endpoints, portal, worker.now)
        self._login_loop.attach(Stream(sock, connection))

    def _move(self, connection: Connection, worker: Worker) -> None:
        stream = self._login_loop.detach(connection)
        worker.post(self._loops[worker].attach, stream)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        pause = Event()
        while not condition():
            pause.wait(_POLL)
