"""The card's shell: connections come through the TCP offload engine, and nothing but packets comes in or goes out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.core.agenda import DEBUG
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.offload.tcp.engine import TcpEngine
from chiscsi_target.offload.tcp.messages import (
    CPL_ABORT_REQ,
    CPL_ABORT_REQ_RSS,
    CPL_CLOSE_LISTSRV_REQ,
    CPL_FW4_ACK,
    CPL_PASS_ACCEPT_REQ,
    CPL_PASS_ACCEPT_RPL,
    CPL_PASS_ESTABLISH,
    CPL_PASS_OPEN_REQ,
    CPL_PEER_CLOSE,
    CPL_RX_DATA,
    CPL_RX_DATA_ACK,
    CPL_TX_DATA,
    ToCard,
    ToHost,
)
from chiscsi_target.shells.offloaded import Offloaded

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.offload.tcp.settings import TcpSettings
    from chiscsi_target.target_module import TargetModule

ADDRESSES: Final = ("192.0.2.1", "2001:db8::1")
"""A card's addresses where nobody gives others: of the networks for documentation (RFC 5737, RFC 3849)."""
_FIRST_FREE_PORT: Final = 49152


@dataclass(slots=True)
class _Server:
    """A listening server of the card, and the portals of all the nodes that it serves: logins find out who is meant."""

    stid: int
    portals: list[Portal]


class CardTarget:
    """Runs a Target Module in the caller's thread, on a card that the caller brings packets to.

    After `packet_arrived` and `handle_timer`, and whatever else makes the target work (`pump`), `output` has the
    packets to be sent. Nothing happens by itself: the clock is what the calls say.

    Args:
        module: what to run.
        addresses: the card's own, IPv4 and IPv6.
        seed: what the card's random numbers come from.
        settings: of the engine.

    Attributes:
        engine: the card's TCP.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        module: TargetModule,
        addresses: Collection[str] = ADDRESSES,
        seed: int = 0,
        settings: TcpSettings | None = None,
    ) -> None:
        self.module = module
        self.now = 0.0
        self.engine = TcpEngine([ip_address(address).packed for address in addresses], seed, settings)
        self._servers: dict[int, _Server] = {}
        self._accepted: dict[int, CPL_PASS_ACCEPT_REQ] = {}
        self._by_tid: dict[int, Offloaded] = {}
        self._by_connection: dict[Connection, Offloaded] = {}
        self._next_stid = 0
        if module.directory.listener is not None:
            self.engine.listener = self._note
        module.listen = self._listen
        module.unlisten = self._unlisten
        module.wait_until = self._wait_until

    @property
    def connections(self) -> int:
        """How many connections the host has on the card."""
        return len(self._by_tid)

    # Packets and time

    def packet_arrived(self, octets: bytes, now: float) -> None:
        """Bring an IP packet to the card at `now`, in seconds."""
        self.now = now
        self.engine.packet_arrived(octets, now)
        self.pump()

    def output(self) -> list[bytes]:
        """Take the IP packets that the card sends, in order."""
        return self.engine.output()

    @property
    def next_timer(self) -> float:
        """When `handle_timer` is to be called, in seconds; infinity for never."""
        directory = self.module.directory
        workers = min(worker.deadline for worker in (directory.login_worker, *directory.workers))
        lingering = min((stream.deadline for stream in self._by_tid.values()), default=workers)
        return min(self.engine.next_timer, workers, lingering)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`, in seconds."""
        self.now = now
        self.engine.handle_timer(now)
        directory = self.module.directory
        for worker in (directory.login_worker, *directory.workers):
            if worker.deadline <= now:
                worker.handle_timers(now)
        for stream in list(self._by_tid.values()):
            if stream.deadline <= now:
                stream.break_off()
        self.pump()

    def pump(self) -> None:
        """Let the card's messages and all workers be worked off, until there is nothing left to do."""
        directory = self.module.directory
        workers = (directory.login_worker, *directory.workers)
        busy = True
        while busy:
            busy = self._hear()
            for worker in workers:
                worker.run(self.now)
                for connection in worker.take_dirty():
                    busy = True
                    stream = self._by_connection.get(connection)
                    if stream is not None:
                        stream.flush()
            busy = self._deliver() or busy
            busy = busy or any(worker.queue or worker.steps for worker in workers)

    def _deliver(self) -> bool:
        """Hand on what came, and forget connections that are through; returns whether anything came."""
        busy = False
        for stream in list(self._by_tid.values()):
            busy = stream.deliver() or busy
            if stream.done:
                self._drop(stream)
        return busy

    # Messages of the card

    def _hear(self) -> bool:
        """Take in what the card says; returns whether it said anything."""
        messages = self.engine.take_messages()
        for message in messages:
            handler = _HANDLERS.get(type(message))
            if handler is not None:
                handler(self, message)
        return bool(messages)

    def _post(self, message: ToCard) -> None:
        self.engine.post(message, self.now)

    def _note(self, message: ToCard | ToHost) -> None:
        """Record what card and host say, but for the octets: those are in the records of PDUs."""
        if not isinstance(message, CPL_TX_DATA | CPL_FW4_ACK | CPL_RX_DATA | CPL_RX_DATA_ACK):
            stream = self._by_tid.get(getattr(message, "tid", -1))
            self.module.directory.login_worker.log(DEBUG, str(message), stream.connection.name if stream else "")

    def _asked(self, message: CPL_PASS_ACCEPT_REQ) -> None:
        self._accepted[message.tid] = message
        self._post(CPL_PASS_ACCEPT_RPL(message.tid))

    def _established(self, message: CPL_PASS_ESTABLISH) -> None:
        asked = self._accepted.pop(message.tid)
        server = self._servers.get(message.stid)
        if server is None:
            self._post(CPL_ABORT_REQ(message.tid))  # the last node has just left
            return
        ends = chiscsi_tcp_endpoints(_endpoint(*asked.peer), _endpoint(*asked.local))
        connection = self.module.directory.accept(ends, server.portals[0], self.now)
        stream = Offloaded(message.tid, connection, message.credits, self._post, lambda: self.now)
        self._by_tid[message.tid] = self._by_connection[connection] = stream

    def _gone(self, message: CPL_ABORT_REQ_RSS) -> None:
        self._accepted.pop(message.tid, None)
        stream = self._by_tid.get(message.tid)
        if stream is not None:
            stream.lost()

    def _of_stream(self, message: Any) -> None:
        stream = self._by_tid.get(message.tid)
        if stream is not None:
            _CALLS[type(message)](stream, message)
        elif isinstance(message, CPL_RX_DATA):
            # Nobody reads it any more. To leave it there would close the window, and the peer could not end.
            self._post(CPL_RX_DATA_ACK(message.tid, len(message.data)))

    def _drop(self, stream: Offloaded) -> None:
        """Forget a connection that the host is through with; the card may have something to do for it yet."""
        del self._by_tid[stream.tid], self._by_connection[stream.connection]
        directory = self.module.directory
        for worker in (directory.login_worker, *directory.workers):
            if stream.connection in worker.connections:
                worker.disown(stream.connection)

    # What the Target Module asks for

    def _listen(self, portal: Portal) -> None:
        """Serve a portal; one that several nodes name is listened on once (behaviour file, 6.4)."""
        address = portal.address
        octets = ip_address(address.ip).packed
        if any(octets) and octets not in self.engine.addresses:
            raise ConfigurationError("PortalGroup", f"failed to start {address}: Cannot assign requested address.")
        for server in self._servers.values():
            if str(server.portals[0].address) == str(address):
                server.portals.append(portal)
                return
        address.port = address.port or self._free_port()
        stid, self._next_stid = self._next_stid, self._next_stid + 1
        self._servers[stid] = _Server(stid, [portal])
        self._post(CPL_PASS_OPEN_REQ(stid, octets, address.port))

    def _free_port(self) -> int:
        used = {server.portals[0].address.port for server in self._servers.values()}
        return next(port for port in range(_FIRST_FREE_PORT, 1 << 16) if port not in used)

    def _unlisten(self, portal: Portal) -> None:
        for server in list(self._servers.values()):
            if portal in server.portals:
                server.portals.remove(portal)
                if not server.portals:
                    del self._servers[server.stid]
                    self._post(CPL_CLOSE_LISTSRV_REQ(server.stid))

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        self.pump()
        if not condition():
            raise RuntimeError("nothing is left to do, and the condition does not hold")


def _endpoint(address: bytes, port: int) -> tcp_endpoint:
    return tcp_endpoint(str(ip_address(address)), port)


_CALLS: Final[dict[type, Callable[[Offloaded, Any], None]]] = {
    CPL_RX_DATA: lambda stream, message: stream.arrived(message.data),
    CPL_FW4_ACK: lambda stream, message: stream.credited(message.credits),
    CPL_PEER_CLOSE: lambda stream, _: stream.ended(),
}
_HANDLERS: Final[dict[type, Callable[[CardTarget, Any], None]]] = {
    CPL_PASS_ACCEPT_REQ: CardTarget._asked,
    CPL_PASS_ESTABLISH: CardTarget._established,
    CPL_ABORT_REQ_RSS: CardTarget._gone,
    **dict.fromkeys(_CALLS, CardTarget._of_stream),
}
