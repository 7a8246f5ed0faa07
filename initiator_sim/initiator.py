"""The script's initiator: how to reach the target, who to be, and every session that it opens."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from initiator_sim.chap import Account
from initiator_sim.connection import Connection, Settings
from initiator_sim.exchange import Exchange
from initiator_sim.numbering import Numbering
from initiator_sim.session import Session
from initiator_sim.transport import TcpTransport, Transport

DEFAULT_NAME: Final = "iqn.2004-10.test.chiscsi:initiator"
"""The InitiatorName of a script that gives none."""


class Initiator:
    """An initiator node and the target that it talks to.

    Used as a context manager, it closes what a script left open.

    Attributes:
        target_name: the iSCSI name of the target, or empty for Discovery sessions only.
        name: the InitiatorName.
        lun: the LUN that commands go to unless they say otherwise.
        settings: exchange, clock, time-out and rules of all its connections.
        account: CHAP names and secrets for its logins; None for logins without CHAP.
    """

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        target_name: str = "",
        *,
        name: str = DEFAULT_NAME,
        lun: int = 0,
        isid_seed: int = 0,
        settings: Settings | None = None,
        account: Account | None = None,
    ) -> None:
        """Take what is needed to connect; nothing is opened yet.

        Args:
            open_transport: opens a connection to the target's portal.
            target_name: the iSCSI name of the target.
            name: the InitiatorName.
            lun: the LUN for commands.
            isid_seed: 24 bits that tell ISIDs of concurrent runs apart.
            settings: what all connections share.
            account: CHAP names and secrets for its logins.
        """
        self._open_transport = open_transport
        self.target_name = target_name
        self.name = name
        self.lun = lun
        self.settings = settings or Settings()
        self.account = account
        self.sessions: list[Session] = []
        self._isid_seed = isid_seed & 0xFFFFFF
        self._connections: list[Connection] = []

    @classmethod
    def tcp(cls, host: str, port: int, target_name: str = "", *, timeout: float = 5.0, **arguments: Any) -> Self:
        """Return an initiator that connects by TCP.

        Args:
            host: name or address (IPv6 without brackets).
            port: TCP port.
            target_name: the iSCSI name of the target.
            timeout: how long to wait for connections and answers, in seconds.
            arguments: as for the class.
        """
        arguments.setdefault("settings", Settings(timeout=timeout))
        return cls(lambda: TcpTransport.connect(host, port, timeout), target_name, **arguments)

    @property
    def exchange(self) -> Exchange:
        """Everything that was sent and received."""
        return self.settings.exchange

    def identity(self, discovery: bool = False) -> dict[str, str]:
        """Return the keys that say who wants to reach what (RFC 7143, 6.3.1)."""
        keys = {"InitiatorName": self.name, "SessionType": "Discovery" if discovery else "Normal"}
        if self.target_name and not discovery:
            keys["TargetName"] = self.target_name
        return keys

    def new_isid(self) -> bytes:
        """Return an ISID of the format Random that this initiator has not used yet (RFC 7143, 11.12.5)."""
        return b"\x80" + self._isid_seed.to_bytes(3, "big") + len(self.sessions).to_bytes(2, "big")

    def session(self, *, discovery: bool = False, isid: bytes | None = None) -> Session:
        """Return a new session that is not logged in."""
        session = Session(self, isid or self.new_isid(), discovery=discovery)
        self.sessions.append(session)
        return session

    def login(self, *, discovery: bool = False, isid: bytes | None = None, **arguments: Any) -> Session:
        """Return a new session, logged in; `arguments` as for `Session.attempt_login`.

        Raises:
            ExpectationFailed: the login fails.
        """
        session = self.session(discovery=discovery, isid=isid)
        session.login(**arguments)
        return session

    def discover(self, **arguments: Any) -> Session:
        """Return a new Discovery session, logged in."""
        return self.login(discovery=True, **arguments)

    def connect(self, numbering: Numbering | None = None, cid: int = 0) -> Connection:
        """Open a connection without logging in; one for itself, unless it is given the numbering of a session.

        Raises:
            HarnessFault: nobody answers.
        """
        name = f"c{len(self._connections)}"
        connection = Connection(self._open_transport(), self.settings, numbering or Numbering(), name, cid)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection that is still open."""
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
