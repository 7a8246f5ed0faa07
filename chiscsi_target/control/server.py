"""`ControlServer`: JSON-RPC over a Unix socket, one document a line, a thread for each client.

Nothing that a client does reaches the target but by a method: a long line, a dead peer or a slow one costs its own
thread at most.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread

from chiscsi_target.control import jsonrpc
from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.errors import ConfigurationError

MAX_MESSAGE = 1 << 20
"""The longest line that is taken, in octets."""
MAX_CLIENTS = 32
"""How many may be connected at once."""
PATIENCE = 60.0
"""For how many seconds a client may say nothing, or not take its answer."""

_MODE = 0o600
_BACKLOG = 128
_PROBE_SECONDS = 1.0
_GRACE = 5.0


class ControlServer:
    """Serves `call` at a path, from `start` to `stop`.

    Args:
        path: of the socket; only its owner may connect. A socket file that nobody serves any more is replaced.
        call: carries out a method, in the client's thread; several may call at once.
        patience: for how many seconds a client may say nothing.
    """

    def __init__(self, path: Path, call: jsonrpc.Call, patience: float = PATIENCE) -> None:
        self.path = path
        self._call = call
        self._patience = patience
        self._lock = Lock()
        self._clients: dict[socket.socket, Thread] = {}
        self._socket: socket.socket | None = None
        self._thread = Thread(target=self._serve, name="chiscsi-control", daemon=True)
        self._inode = 0

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: somebody listens there already, or no socket can be made there.
        """
        try:
            with _locked(self.path.parent):
                self._remove_stale()
                self._socket = self._bind()
                self._inode = self.path.stat().st_ino
        except OSError as error:
            raise ConfigurationError("--control", f"{self.path}: {error.strerror or error}") from error
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer, hang up, wait a while for requests under way, and remove the socket file."""
        server, self._socket = self._socket, None
        if server is None:
            return
        with suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        server.close()
        with self._lock:
            clients = dict(self._clients)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RD)
        for thread in clients.values():
            thread.join(_GRACE)

    def _remove_stale(self) -> None:
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise ConfigurationError("--control", f"{self.path} is there, and is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_SECONDS)
            with suppress(ConnectionRefusedError):
                probe.connect(str(self.path))
                raise ConfigurationError("--control", f"{self.path}: a target listens there already")
        self.path.unlink()

    def _bind(self) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        try:
            # Before there is a file: nobody else may connect in between.
            os.fchmod(server.fileno(), _MODE)
            server.bind(str(self.path))
            server.listen(_BACKLOG)
        except OSError:
            server.close()
            raise
        return server

    def _serve(self) -> None:
        server = self._socket
        while server is not None and self._socket is not None:
            try:
                client, _ = server.accept()
            except OSError:
                return  # `stop` has shut it down
            client.settimeout(self._patience)
            with self._lock:
                crowded = len(self._clients) >= MAX_CLIENTS
                if not crowded:
                    thread = self._clients[client] = Thread(target=self._attend, args=(client,), daemon=True)
                    thread.start()
            if crowded:
                self._turn_away(client)

    def _turn_away(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            _send(client, _refusal(ErrorCode.BUSY, f"{MAX_CLIENTS} clients are connected already"))

    def _attend(self, client: socket.socket) -> None:
        """Answer a client's lines until it leaves; whatever it does ends here."""
        try:
            with client, suppress(OSError), client.makefile("rb") as lines:
                while line := lines.readline(MAX_MESSAGE + 1):
                    if len(line) > MAX_MESSAGE:
                        _send(client, _refusal(ErrorCode.INVALID_REQUEST, f"longer than {MAX_MESSAGE} octets"))
                        return
                    answered = jsonrpc.answer(line, self._call) if line.strip() else None
                    if answered is not None:
                        _send(client, answered)
        finally:
            with self._lock:
                self._clients.pop(client, None)


def _send(client: socket.socket, document: bytes) -> None:
    client.sendall(document + b"\n")


def _refusal(code: ErrorCode, message: str) -> bytes:
    return jsonrpc.failure(RpcError(code, message))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other servers from looking at the same path at the same time."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
