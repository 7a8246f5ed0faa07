"""The login phase of one connection (RFC 7143 sections 6.3 and 11.12).

`_converse` reads as a login goes, from the first request to the last response. It is a generator: it yields where it
has to wait, for a PDU or for an answer from inside, and whoever has what it waits for sends it in. Faults leave it as
exceptions and become the last response.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from chiscsi_target.core.admission import ACL_FIRST, admit, check_access
from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.core.authentication import Authentication, split
from chiscsi_target.core.command_window import CommandWindow
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.demands import demands_of
from chiscsi_target.core.login_identity import LoginIdentity, identify, session_to_join
from chiscsi_target.core.login_refusal import send_refusal, tell_of_refusal
from chiscsi_target.core.login_rules import STAGES, RequestText, check_request, login_deadline
from chiscsi_target.core.negotiation import Negotiation, NegotiationFailure, Pairs
from chiscsi_target.core.session import Session
from chiscsi_target.core.session_keys import SessionKeys
from chiscsi_target.core.session_state import SessionEvent
from chiscsi_target.errors import LoginBrokenOff, LoginFailure, ProtocolViolation
from iscsi_wire.constants import RESERVED_TSIH, LoginStage, LoginStatus
from iscsi_wire.keys import Phase
from iscsi_wire.pdus import LoginRequest, LoginResponse
from iscsi_wire.text import format_pairs

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.registry import Registry
    from iscsi_wire.framing import Frame

SECURITY = LoginStage.SECURITY_NEGOTIATION
OPERATIONAL = LoginStage.LOGIN_OPERATIONAL_NEGOTIATION
FULL_FEATURE = LoginStage.FULL_FEATURE_PHASE
_PHASES = {SECURITY: Phase.SECURITY, OPERATIONAL: Phase.OPERATIONAL}
# Section 11.13.6: the data of a login response do not exceed 8192 octets.
_MAX_RESPONSE_DATA = 8192
_FIRST_STAT_SN = 1
_DISCOVERY_WINDOW = 1

Waiting: TypeAlias = "Generator[None, Frame | None, None]"


class Login:
    """A login in progress.

    Attributes:
        deadline: when it has to be over, in seconds.
        identity: who logs in to what; set by the first request, as is `session`.
        leading: whether it makes a new session.
    """

    def __init__(self, connection: Connection, registry: Registry) -> None:
        self.connection = connection
        self.registry = registry
        self.deadline = login_deadline(connection.agenda, registry)
        self.identity: LoginIdentity
        self.session: Session | None = None
        self.leading = True
        self.max_commands = 0
        self._request = LoginRequest()
        self._text = RequestText()
        self._stage = SECURITY
        self._authentication: Authentication
        self._negotiation = Negotiation({})
        self._declared: set[str] = set()
        self._answers_due = 0
        self._status = 0
        self._answered_later = False
        self._conversation = self._converse()
        next(self._conversation)

    @property
    def waiting(self) -> bool:
        """Whether it waits for an answer from inside; no PDU may be handed in then."""
        return self._answers_due > 0

    def received(self, frame: Frame) -> None:
        """Take a PDU."""
        self._step(frame)

    def await_answer(self) -> None:
        """Wait for one more answer from inside before the next response."""
        self._answers_due += 1

    def answered(self, status: int = 0, max_commands: int = 0, *, later: bool = False) -> None:
        """Take an answer from inside, such as a driver's.

        Args:
            status: login status, class in the high octet; of several, the first that is not 0 decides.
            max_commands: what `chiscsi_target_first_login_check_done` said; 0 for the default.
            later: it was not given inside the hook that asked for it.
        """
        self._answers_due -= 1
        self._answered_later = later
        self._status = status if self.connection.agenda.quirks.last_answer_wins else self._status or status
        self.max_commands = self.max_commands or max_commands
        if not self._answers_due and not self.connection.closing:
            self._step(None)
            if not self.connection.in_full_feature_phase:
                self.connection.resume()

    def timed_out(self) -> None:
        """Give up, since the time is over (section 8.1.2, T6 and T7)."""
        self.connection.agenda.log(INFORMATION, "login timed out", self.connection.name)
        self.connection.close(ConnectionEvent.LOGIN_FAILED, reset=True)

    def connection_closed(self) -> None:
        """Learn that the connection is gone; a session that was to begin with it does not (section 8.3.4, N9)."""
        session, self.session = self.session, None
        if session is None:
            return
        if self.leading:
            session.event(SessionEvent.LEADING_LOGIN_FAILED)
            self.registry.remove(session)
        else:
            self.connection.agenda.leave_place(session, self.connection)

    def _step(self, frame: Frame | None) -> None:
        try:
            self._conversation.send(frame)
        except StopIteration:
            pass
        except LoginFailure as failure:
            self._refuse(failure)
        except LoginBrokenOff as reason:
            self.connection.agenda.log(INFORMATION, f"login broken off: {reason}", self.connection.name)
            self.connection.close(ConnectionEvent.LOGIN_FAILED, reset=True)
        except NegotiationFailure as failure:
            self._refuse(LoginFailure(LoginStatus.INITIATOR_ERROR, str(failure), failure.clause))
        except ProtocolViolation as violation:
            self.connection.drop(str(violation))

    # The conversation

    def _converse(self) -> Waiting:
        yield from self._receive_first()
        pairs = self._text.pairs()
        self._open(pairs)
        self._enter_stage(self._stage)
        while True:
            text = format_pairs(self._answer(pairs))
            yield from self._wait_inside()
            text = yield from self._send_all_but_the_end(text)
            following = self._following()
            if following is OPERATIONAL or (following is FULL_FEATURE and self._checked_late):
                self._enter_stage(OPERATIONAL)
                yield from self._wait_inside()
            if following is FULL_FEATURE:
                yield from self._conclude()
            self._send(text, following)
            if following is FULL_FEATURE:
                self._start_full_feature_phase()
                return
            self._stage = following or self._stage
            yield from self._receive_next()
            pairs = self._text.pairs()

    def _receive_first(self) -> Waiting:
        frame = yield
        assert frame is not None
        if frame.opcode != LoginRequest.OPCODE:
            raise ProtocolViolation("the first PDU is no Login Request", "4.2.4")
        self.connection.event(ConnectionEvent.LOGIN_STARTED)
        self._request = LoginRequest.decode(frame.header)
        self.connection.cid = self._request.cid
        self.connection.stat_sn = _FIRST_STAT_SN
        check_request(self._request, None)
        self._stage = STAGES[self._request.csg]
        yield from self._receive_rest(frame)

    def _receive_next(self) -> Waiting:
        self._text = RequestText()
        frame = yield from self._receive_one()
        yield from self._receive_rest(frame)

    def _receive_one(self) -> Generator[None, Frame | None, Frame]:
        frame = yield
        assert frame is not None
        if frame.opcode != LoginRequest.OPCODE:
            raise LoginFailure(LoginStatus.INVALID_DURING_LOGIN, "a PDU of the full feature phase", "4.2.4")
        request = LoginRequest.decode(frame.header)
        self.connection.exp_stat_sn = request.exp_stat_sn
        check_request(request, self._request)
        if request.csg != self._stage:
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"CSG {request.csg} in stage {self._stage}", "6.3")
        self._request = request
        return frame

    def _receive_rest(self, frame: Frame) -> Waiting:
        """Collect a request that goes on in further PDUs; each is answered by an empty response (section 6.2)."""
        self._text.add(frame)
        while self._request.continue_:
            if self.connection.agenda.quirks.no_login_continuation:
                raise ProtocolViolation("the C bit is set", "6.2")
            self._send(b"")
            self._text.add((yield from self._receive_one()))

    def _wait_inside(self) -> Waiting:
        while self._answers_due:
            yield
        if self._status:
            raise LoginFailure(self._status, "refused by the storage driver", "11.13.5")

    # The first request

    def _open(self, pairs: Pairs) -> None:
        """See who logs in to what, and to which session that leads."""
        request, connection = self._request, self.connection
        self.identity = identify(pairs, request.isid, connection.portal, self.registry)
        admit(connection, self.identity, self.registry)
        connection.portal = self.identity.portal
        self.leading = request.tsih == RESERVED_TSIH
        if self.leading:
            self._begin_session()
        else:
            session = session_to_join(self.identity, request.tsih, request.cid, self.registry)
            self.session = connection.session = session
            self._negotiation = session.negotiation.for_further_connection()
        self._authentication = Authentication(demands_of(self.identity, self.registry, connection.agenda))
        self._negotiation.own = {**self._negotiation.own, "AuthMethod": self._authentication.methods}

    def _begin_session(self) -> None:
        identity, connection = self.identity, self.connection
        if self.registry.full:
            raise LoginFailure(LoginStatus.OUT_OF_RESOURCES, "no TSIH is free", "11.13.5")
        self._negotiation = Negotiation(self.registry.discovery_own if identity.node is None else identity.node.own)
        self._negotiation.settings["SessionType"] = "Discovery" if identity.discovery else "Normal"
        session = Session(self.registry.next_handle(), identity, connection.agenda)
        session.window = CommandWindow(self._request.cmd_sn, self._window_size())
        session.negotiation = self._negotiation
        session.event(SessionEvent.LEADING_LOGIN_STARTED)
        self.session = connection.session = session
        if not identity.discovery:
            connection.agenda.call_first_login_check(self)

    def _window_size(self) -> int:
        """How many commands may be outstanding: the least of the driver's word or the default, and the node's limit."""
        node = self.identity.node
        if self.identity.discovery or node is None:
            return _DISCOVERY_WINDOW
        return min(self.max_commands or node.default_max_commands, node.max_commands)

    # Each request

    def _enter_stage(self, stage: LoginStage) -> None:
        if stage is OPERATIONAL:
            self._authentication.require()
        agenda = self.connection.agenda
        once = stage is SECURITY and agenda.quirks.stage_check_once
        if self.leading and not self.identity.discovery and not once:
            agenda.call_login_stage_check(self, stage)

    @property
    def _checked_late(self) -> bool:
        """Whether a login without an operational stage is looked at past security (behaviour file, 2.1, step 13)."""
        return self._stage is SECURITY and self.connection.agenda.quirks.stage_check_once

    def _answer(self, pairs: Pairs) -> Pairs:
        of_method, others = split(pairs)
        answers = self._negotiation.answer(others, _PHASES[self._stage])
        self._authentication.choose(others, answers)
        shown = self._authentication.answer(of_method, leaving=bool(self._request.transit))
        return self._declarations() + answers + shown

    def _declarations(self) -> Pairs:
        """What the target says of itself, once: its portal group first (section 13.9), the rest in stage two."""
        declarations = [("TargetPortalGroupTag", str(self.connection.portal.tag))]
        node = self.identity.node
        if self._stage is OPERATIONAL:
            if node is not None and node.alias and not self.identity.discovery:
                declarations.append(("TargetAlias", node.alias))
            declarations.append(("MaxRecvDataSegmentLength", str(self._max_receive_data)))
        fresh = [pair for pair in declarations if pair[0] not in self._declared]
        self._declared.update(name for name, _ in fresh)
        return fresh

    @cached_property
    def _max_receive_data(self) -> int:
        """What is declared, and then used, whatever is set in the meantime."""
        node, adapter = self.identity.node, self.connection.agenda.adapter
        if node is None:
            return self.registry.discovery_max_receive_data
        if adapter is None or self.identity.discovery:
            return node.max_receive_data
        return min(node.max_receive_data, adapter.payload_limits(node)[0])

    def _following(self) -> LoginStage | None:
        """The stage that the response leads to, or None to stay: the request has to ask for it (section 11.13.6)."""
        if not self._request.transit or not self._authentication.done:
            return None
        return STAGES[self._request.nsg]

    # The end

    def _conclude(self) -> Waiting:
        """Settle everything before the last response: it takes effect together (section 6.2)."""
        session = self.session
        assert session is not None
        self._check_access(session)
        self._negotiation.conclude()
        if self.leading:
            session.tsih = self.registry.new_tsih()
            session.keys = SessionKeys.of(self._negotiation.settings)
            session.authenticated_by = self._authentication.identity
        else:
            self._authentication.require_same(session)
        old = self.registry.sessions.get(self.identity.key)
        # Until nothing is left: another login may have taken the place while this one waited.
        while self._replace():
            yield from self._wait_inside()
        if self.leading and old is not None and self.connection.agenda.quirks.reuse_tsih:
            self.registry.pass_on_tsih(old, session)

    def _check_access(self, session: Session) -> None:
        """Look at the access list, whatever `iscsi_auth_order` says: it may have changed since the login began."""
        if self.identity.discovery or self.identity.node is None:
            return
        first = self.registry.globals.auth_order == ACL_FIRST
        mask = check_access(self.connection, self.identity, after_chap=not first)
        if self.leading:
            session.set_mask(mask)

    def _replace(self) -> bool:
        """Have the session or connection closed that this login takes the place of; returns whether there is one."""
        connection, registry = self.connection, self.registry
        if self.leading:
            old = registry.sessions.get(self.identity.key)
            if old is not None:
                connection.agenda.close_replaced(self, old, None)
            return old is not None
        session = session_to_join(self.identity, self._request.tsih, self._request.cid, registry)
        active = session.connections.get(self._request.cid)
        if active is None or active is connection:
            return False
        connection.agenda.close_replaced(self, session, active)
        return True

    def _start_full_feature_phase(self) -> None:
        connection, session = self.connection, self.session
        assert session is not None
        settings = self._negotiation.settings
        length = "MaxRecvDataSegmentLength"
        connection.start_full_feature_phase(
            max_receive_data=self._max_receive_data if length in self._declared else settings[length],
            max_send_data=self._negotiation.declared.get(length, settings[length]),
            header_digest=settings["HeaderDigest"] == "CRC32C",
            data_digest=settings["DataDigest"] == "CRC32C",
        )
        connection.event(ConnectionEvent.LOGIN_CONCLUDED)
        if self.leading:
            session.event(SessionEvent.LOGGED_IN)
            self.registry.sessions[self.identity.key] = session
        connection.agenda.login_concluded(self)

    def _send_all_but_the_end(self, text: bytes) -> Generator[None, Frame | None, bytes]:
        """Send what does not fit into one PDU in several, by the C bit; returns what is left for the last."""
        if self.leading and self.session is not None:
            self.session.window.resize(self._window_size())
        while len(text) > _MAX_RESPONSE_DATA:
            self._send(text[:_MAX_RESPONSE_DATA], continues=True)
            text = text[_MAX_RESPONSE_DATA:]
            frame = yield from self._receive_one()
            if frame.data:
                raise LoginFailure(LoginStatus.INITIATOR_ERROR, "text, although ours goes on", "6.2")
        return text

    def _send(self, text: bytes, following: LoginStage | None = None, *, continues: bool = False) -> None:
        """Send a PDU of a response. Section 11.13.3: only the last response of a new session shows its TSIH."""
        session, request = self.session, self._request
        response = LoginResponse(
            isid=request.isid,
            tsih=session.tsih if session is not None and following is FULL_FEATURE else request.tsih,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=self.connection.next_stat_sn(),
            exp_cmd_sn=request.cmd_sn if session is None else session.window.exp_cmd_sn,
            max_cmd_sn=request.cmd_sn if session is None else session.window.max_cmd_sn,
        )
        response.csg = self._stage
        response.continue_ = continues
        if following is not None:
            response.transit = 1
            response.nsg = following
        self.connection.send_pdu(response, text)

    def _refuse(self, failure: LoginFailure) -> None:
        """End the login with a status; the connection is closed (section 11.13.5)."""
        send_refusal(self.connection, self._request, failure)
        tell_of_refusal(self.connection, getattr(self, "identity", None), failure)
        quirks = self.connection.agenda.quirks
        if not (self._status and self._answered_later and quirks.async_reject_stays_open):
            self.connection.close(ConnectionEvent.LOGIN_FAILED)
