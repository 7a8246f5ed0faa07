"""The way to the target: a byte stream that a script can send to, wait on, close and reset.

`Transport` is a structural type: the in-memory pipe into our own target satisfies it without knowing this package.
Nothing here knows what a PDU is.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Protocol

from initiator_sim.outcomes import HarnessFault

RECEIVE_SIZE = 256 * 1024
"""How many octets one receive asks for."""


class Transport(Protocol):
    """A connected byte stream, such as one TCP connection."""

    @property
    def local(self) -> str:
        """This side's address, as `host:port`."""
        ...

    @property
    def peer(self) -> str:
        """The target's address, as `host:port`."""
        ...

    @property
    def was_reset(self) -> bool:
        """Whether the peer ended the stream by RST; of interest once `receive` returned b""."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of `data`, as a segment of its own where the transport has segments.

        Raises:
            ConnectionError: the peer does not take any more.
        """
        ...

    def receive(self, timeout: float) -> bytes | None:
        """Return what came, b"" once the peer has closed or reset, or None if nothing came in `timeout` seconds."""
        ...

    def close(self) -> None:
        """Close the stream in order (FIN)."""
        ...

    def reset(self) -> None:
        """Drop the stream at once (RST)."""
        ...


class TcpTransport:
    """A TCP connection, IPv4 or IPv6, with TCP_NODELAY: each `send` leaves as its own segment if it fits into one."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self.was_reset = False
        self.local = _address(connected.getsockname())
        self.peer = _address(connected.getpeername())

    @classmethod
    def connect(cls, host: str, port: int, timeout: float = 5.0) -> TcpTransport:
        """Connect to `host` (a name or an address, IPv6 without brackets) and `port` within `timeout` seconds.

        Raises:
            HarnessFault: nobody answers there.
        """
        try:
            return cls(socket.create_connection((host, port), timeout))
        except OSError as error:
            raise HarnessFault(f"cannot connect to {host} port {port}: {error}") from error

    def send(self, data: bytes) -> None:
        """See `Transport.send`. A peer that takes nothing for the connect time-out counts as gone."""
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise ConnectionAbortedError("the peer takes no more data") from error

    def receive(self, timeout: float) -> bytes | None:
        """See `Transport.receive`."""
        before = self._socket.gettimeout()
        # 0 would make the socket non-blocking, which fails in another way.
        self._socket.settimeout(max(timeout, 1e-6))
        try:
            return self._socket.recv(RECEIVE_SIZE)
        except TimeoutError:
            return None
        except ConnectionError:
            self.was_reset = True
            return b""
        finally:
            self._socket.settimeout(before)

    def close(self) -> None:
        """See `Transport.close`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()

    def reset(self) -> None:
        """See `Transport.reset`: a linger time of zero turns close into RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def _address(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
