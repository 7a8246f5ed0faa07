"""Logging in, step by step or all at once (RFC 7143 sections 6.3, 11.12 and 11.13).

A `Login` is one login on one connection. `run` is what an ordinary initiator does; `step` is one request with its
response, `request` and `reply` are halves of that. Keys can be overridden, left out, added and split over PDUs, and
every header field can be set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from initiator_sim.chap import Account, Chap
from initiator_sim.draft import Draft, Mutation
from initiator_sim.evidence import Event, Received
from initiator_sim.negotiation import Negotiation, Pairs
from initiator_sim.outcomes import HarnessFault
from iscsi_wire.constants import LoginStage, LoginStatus
from iscsi_wire.errors import TextError
from iscsi_wire.pdus import LoginRequest, LoginResponse
from iscsi_wire.text import format_pairs, parse_pairs

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from initiator_sim.expectation import Expectation

T = TypeVar("T")

SECURITY: Final = LoginStage.SECURITY_NEGOTIATION
OPERATIONAL: Final = LoginStage.LOGIN_OPERATIONAL_NEGOTIATION
FULL_FEATURE: Final = LoginStage.FULL_FEATURE_PHASE

MAX_STEPS: Final = 16
"""How many requests one stage may take: RFC 7143, 6.2 wants at least six exchanges allowed."""


@dataclass(slots=True)
class LoginResult:
    """How a login ended, or what one of its steps brought.

    Attributes:
        login: the login.
        ending: the last Login Response, or what came instead.
        pairs: the key=value pairs of the target's answer, in order, duplicates included.
        replies: every Login Response of the login so far.
    """

    login: Login
    ending: Event
    pairs: Pairs = field(default_factory=list)
    replies: list[Received[LoginResponse]] = field(default_factory=list)

    @property
    def header(self) -> LoginResponse | None:
        """The header of the last Login Response, or None if something else came."""
        header = self.ending.header if isinstance(self.ending, Received) else None
        return header if isinstance(header, LoginResponse) else None

    @property
    def status(self) -> int | None:
        """Status-Class << 8 | Status-Detail, or None if no Login Response came."""
        return self.header.status_class << 8 | self.header.status_detail if self.header else None

    @property
    def succeeded(self) -> bool:
        """Whether the full feature phase was reached."""
        header = self.header
        return header is not None and self.status == 0 and bool(header.transit) and header.nsg == FULL_FEATURE

    @property
    def keys(self) -> dict[str, str]:
        """The pairs as a mapping; of duplicates the last."""
        return dict(self.pairs)

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Require that `expectation` holds of this result; returns what it was met by.

        Raises:
            ExpectationFailed: it does not hold.
        """
        return expectation.judge_or_fail(self, self.login.connection, clause)

    def __str__(self) -> str:
        if self.status:
            return f"login failed with {self.status:#06x} ({LoginStatus.meaning(self.status)})"
        return str(self.ending)


@dataclass(slots=True)
class Identity:
    """What every Login Request of a login says about session and connection.

    Attributes:
        isid: 6 octets.
        tsih: 0 for a new session.
        cid: the connection's identifier.
        version_max, version_min: the offered range of versions.
    """

    isid: bytes
    tsih: int = 0
    cid: int = 0
    version_max: int = 0
    version_min: int = 0


class Login:
    """One login under way.

    Attributes:
        connection: the connection that is logged in.
        identity: what its requests say of session and connection.
        negotiation: offers and answers so far.
        replies: every Login Response so far.
        tag: the Initiator Task Tag of all its requests.
        account: CHAP names and secrets for `run`; None to do without CHAP.
    """

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self.connection = connection
        self.identity = identity
        self.negotiation = Negotiation(connection.rules)
        self.replies: list[Received[LoginResponse]] = []
        self.tag = connection.numbering.take_tag()
        self.account: Account | None = None
        self._last: Draft[LoginRequest] | None = None

    # ---- halves of a step

    def request(
        self,
        *mutations: Mutation,
        csg: int = OPERATIONAL,
        nsg: int | None = None,
        transit: int | None = None,
        keys: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        data: bytes | None = None,
        **fields: Any,
    ) -> Draft[LoginRequest]:
        """Send one Login Request.

        Args:
            mutations: what shall be wrong with it.
            csg: the current stage.
            nsg: the next stage; by default the one after `csg`, or 0 without transit.
            transit: the T bit; by default 1 unless `continue_` is set.
            keys: what to send, in order; a sequence of pairs may hold a key twice.
            data: the data segment as it is, in place of `keys`.
            fields: header fields to override.
        """
        pairs = list(keys.items() if isinstance(keys, Mapping) else keys)
        if transit is None:
            transit = int(not fields.get("continue_", 0))
        if nsg is None:
            nsg = (OPERATIONAL if csg == SECURITY else FULL_FEATURE) if transit else 0
        identity = self.identity
        filled: dict[str, Any] = {
            "transit": transit,
            "csg": csg,
            "nsg": nsg,
            "isid": identity.isid,
            "tsih": identity.tsih,
            "cid": identity.cid,
            "version_max": identity.version_max,
            "version_min": identity.version_min,
            "initiator_task_tag": self.tag,
        }
        filled |= fields
        self.negotiation.sent(pairs)
        segment = format_pairs(pairs) if data is None else data
        draft: Draft[LoginRequest] = self.connection.send(LoginRequest, *mutations, data=segment, **filled)
        self._last = draft
        return draft

    def reply(self, timeout: float | None = None) -> LoginResult:
        """Wait for what the target says to the last request: one PDU.

        Raises:
            ExpectationFailed: a Login Response breaks a rule.
        """
        result = self._receive(timeout)
        if isinstance(result.ending, Received) and result.status == 0:
            self._take_pairs(result, result.ending.data)
        return result

    def _receive(self, timeout: float | None = None) -> LoginResult:
        event = self.connection.receive(timeout)
        if isinstance(event, Received) and isinstance(event.header, LoginResponse):
            self._check(event)
            self.replies.append(event)
        return LoginResult(self, event, replies=self.replies)

    def _take_pairs(self, result: LoginResult, data: bytes) -> None:
        assert isinstance(result.ending, Received)
        result.pairs = self._pairs(data, result.ending)
        self.negotiation.received(result.pairs, result.ending)

    # ---- a step

    def step(
        self,
        *mutations: Mutation,
        csg: int = OPERATIONAL,
        nsg: int | None = None,
        transit: int | None = None,
        keys: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        data: bytes | None = None,
        piece: int | None = None,
        **fields: Any,
    ) -> LoginResult:
        """Send one request and collect its whole response, over as many PDUs as either takes.

        Args:
            mutations: what shall be wrong with the (last) request.
            csg: the current stage.
            nsg: the next stage.
            transit: the T bit of the last request.
            keys: what to send, in order.
            data: the data segment as it is, in place of `keys`.
            piece: split the text over requests of so many octets each, with C=1 in all but the last.
            fields: header fields to override.
        """
        pairs = list(keys.items() if isinstance(keys, Mapping) else keys)
        segment = format_pairs(pairs) if data is None else data
        if data is None:
            self.negotiation.sent(pairs)
        while piece is not None and len(segment) > piece:
            self.request(csg=csg, transit=0, nsg=0, data=segment[:piece], **(fields | {"continue_": 1}))
            segment = segment[piece:]
            result = self._receive()
            if result.status != 0:
                return result
        sent = self.request(*mutations, csg=csg, nsg=nsg, transit=transit, data=segment, **fields).header
        return self._collect(sent)

    def _collect(self, sent: LoginRequest) -> LoginResult:
        """Collect a response that the target may have split, asking for each next piece (RFC 7143, 6.2).

        The initiator is as ready to go on as it was in the request that it `sent`.
        """
        whole = b""
        while True:
            result = self._receive()
            header = result.header
            if header is None or header.status_class:
                return result
            assert isinstance(result.ending, Received)
            whole += result.ending.data
            if not header.continue_:
                self._take_pairs(result, whole)
                return result
            self.request(csg=sent.csg, transit=sent.transit, nsg=sent.nsg)

    # ---- the whole login

    def run(self, plan: Sequence[tuple[int, Pairs]], piece: int | None = None, **fields: Any) -> LoginResult:
        """Log in as an ordinary initiator does: each stage of `plan` with its keys, until the target goes on.

        Args:
            plan: pairs of a stage and the keys to send in it.
            piece: see `step`.
            fields: header fields to override in every request.

        Returns:
            How it ended; `pairs` holds everything that the target sent.
        """
        if not plan:
            raise HarnessFault("a login has at least one stage")
        everything: Pairs = []
        for index, (stage, keys) in enumerate(plan):
            next_stage = plan[index + 1][0] if index + 1 < len(plan) else FULL_FEATURE
            result = self._stage(stage, next_stage, keys, piece, fields, everything)
            if result.status != 0 or result.header is None or not result.header.transit:
                break
        result.pairs = everything
        return result

    def _stage(
        self, csg: int, nsg: int, keys: Pairs, piece: int | None, fields: dict[str, Any], everything: Pairs
    ) -> LoginResult:
        """Stay in one stage, answering what the target offers, until it goes on or refuses."""
        if csg == SECURITY and self.account is not None:
            result, pairs = Chap(self, self.account).run(keys, nsg, piece, **fields)
            everything += pairs
            return result
        result = self.step(csg=csg, nsg=nsg, transit=1, keys=keys, piece=piece, **fields)
        everything += result.pairs
        for _ in range(MAX_STEPS):
            if result.status != 0 or result.header is None or result.header.transit:
                break
            owed = self.negotiation.take_answers()
            result = self.step(csg=csg, nsg=nsg, transit=1, keys=owed, **fields)
            everything += result.pairs
        return result

    # ---- rules

    def _check(self, pdu: Received[LoginResponse]) -> None:
        if self._last is None:
            return
        header, request, rules = pdu.header, self._last.as_sent, self.connection.rules
        if header.initiator_task_tag != request.initiator_task_tag:
            rules.broken("login_fields", f"tag {header.initiator_task_tag:#x}", pdu, "initiator_task_tag")
        if header.isid != request.isid:
            rules.broken("login_fields", f"ISID {header.isid.hex()}", pdu, "isid")
        if header.status_class:
            return
        if header.transit and header.continue_:
            rules.broken("login_continue", "T=1, C=1", pdu, "continue_")
        if header.transit and not request.transit:
            rules.broken("login_stage", "T=1 where the request had T=0", pdu, "transit")
        self._check_session(pdu, request)

    def _check_session(self, pdu: Received[LoginResponse], request: LoginRequest) -> None:
        header, rules = pdu.header, self.connection.rules
        final = header.transit and header.nsg == FULL_FEATURE
        if request.tsih == 0 and bool(header.tsih) != bool(final):
            rules.broken("login_tsih", f"TSIH {header.tsih:#x}, T={header.transit}, NSG={header.nsg}", pdu, "tsih")
        active = {reply.header.version_active for reply in self.replies if not reply.header.status_class}
        if active - {header.version_active}:
            rules.broken("login_version", f"{header.version_active} after {active}", pdu, "version_active")

    def _pairs(self, data: bytes, pdu: Received[LoginResponse]) -> Pairs:
        try:
            return parse_pairs(data)
        except TextError as fault:
            self.connection.rules.broken("text", str(fault), pdu, "data")
            return []
