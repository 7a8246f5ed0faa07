"""Faults of the login phase: stages, transitions, responses, failures, session handles (sections 6.3, 11.12, 11.13)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import dispatch, login, login_identity, login_rules
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent, ConnectionState
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.login_rules import RequestText
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.portal import Portal
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStage, LoginStatus, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginRequest, LoginResponse
from tests.mutants.planting import Original, Plant, mutant

_SECURITY = LoginStage.SECURITY_NEGOTIATION
_OPERATIONAL = LoginStage.LOGIN_OPERATIONAL_NEGOTIATION
_FULL_FEATURE = LoginStage.FULL_FEATURE_PHASE
_STRANGER = "iqn.2026-11.org.chiscsi:somebody"


def _check(plant: Plant, check: Any) -> None:
    """Have `check(request, first)` see each Login Request before it is judged; it may change it, or raise."""

    def judge(original: Original, request: LoginRequest, first: LoginRequest | None) -> None:
        check(request, first)
        original(request, first)

    plant.wrap(login, "check_request", judge)


def _refuse(reason: str) -> LoginFailure:
    return LoginFailure(LoginStatus.INITIATOR_ERROR, reason, "none")


# Who logs in to what


@mutant("6.3", "login-missing-name-01 login-missing-name-03.initiator-name login-connections-03")
def nameless_initiators_are_let_in(plant: Plant) -> None:
    """A login without InitiatorName gets a name from the target."""

    def identify(original: Original, pairs: Pairs, *rest: Any) -> LoginIdentity:
        named = any(name == "InitiatorName" for name, _ in pairs)
        result: LoginIdentity = original(pairs if named else [*pairs, ("InitiatorName", _STRANGER)], *rest)
        return result

    plant.wrap(login, "identify", identify)


@mutant("6.3", "login-missing-name-02 login-missing-name-03.target-name")
def login_without_target_name_gets_the_first_target(plant: Plant) -> None:
    """A login to a normal session without TargetName is led to the first target that there is."""

    def identify(original: Original, pairs: Pairs, isid: bytes, portal: Portal, registry: Registry) -> LoginIdentity:
        if "TargetName" not in dict(pairs) and dict(pairs).get("SessionType") != "Discovery":
            pairs = [*pairs, ("TargetName", next(iter(registry.nodes)))]
        result: LoginIdentity = original(pairs, isid, portal, registry)
        return result

    plant.wrap(login, "identify", identify)


@mutant("11.13.5", "login-unknown-target-01")
def any_target_name_leads_to_the_only_target(plant: Plant) -> None:
    """A login to a target that does not exist is led to the one that does."""

    def find(name: str, portal: Portal, registry: Registry) -> TargetNode:
        return next(iter(registry.nodes.values()))

    plant.replace(login_identity, "_find_node", find)


@mutant("13.21", "login-session-type-01")
def unknown_session_types_are_normal(plant: Plant) -> None:
    """A SessionType that does not exist is taken for Normal."""

    def pairs(original: Original, text: RequestText) -> Pairs:
        known = ("Normal", "Discovery")
        return [
            (name, "Normal" if name == "SessionType" and value not in known else value)
            for name, value in original(text)
        ]

    plant.wrap(RequestText, "pairs", pairs)


@mutant("11.12.4", "login-unsupported-version-01")
def version_of_a_request_is_not_looked_at(plant: Plant) -> None:
    """A login that needs another version of the protocol is accepted."""
    _check(plant, lambda request, first: setattr(request, "version_min", 0))


@mutant("11.12.4.1", "login-version-range-01")
def version_range_is_not_understood(plant: Plant) -> None:
    """A login that offers later versions beside ours is refused."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.version_max:
            raise LoginFailure(LoginStatus.UNSUPPORTED_VERSION, "Version-max", "11.12.4")

    _check(plant, check)


@mutant("11.12.4.2", "login-version-first-01")
def version_of_the_last_request_counts(plant: Plant) -> None:
    """Each Login Request is asked for its version, not the first alone."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.version_min:
            raise LoginFailure(LoginStatus.UNSUPPORTED_VERSION, "Version-min", "11.12.4")

    _check(plant, check)


# Failures


@mutant("11.13.5", "login-failure-closes-01 login-other-pdu-01 login-other-pdu-02")
def connection_stays_open_after_a_failed_login(plant: Plant) -> None:
    """A refused login does not end its connection."""

    def close(original: Original, connection: Connection, event: ConnectionEvent, **how: Any) -> None:
        if event is not ConnectionEvent.LOGIN_FAILED:
            original(connection, event, **how)

    plant.wrap(Connection, "close", close)


@mutant("8.3.4", "login-failure-forgets-01")
def failed_login_keeps_its_isid(plant: Plant) -> None:
    """An ISID whose login failed cannot be used again."""
    failed: set[bytes] = set()

    def refuse(original: Original, attempt: Login, failure: LoginFailure) -> None:
        failed.add(attempt._request.isid)
        original(attempt, failure)

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.isid in failed:
            raise _refuse("the ISID is in use")

    plant.wrap(Login, "_refuse", refuse)
    _check(plant, check)


@mutant("7.13", "login-again-01 reject-login-01")
def login_is_possible_in_full_feature_phase(plant: Plant) -> None:
    """A Login Request in the full feature phase is answered with success."""

    def handle(connection: Connection, frame: Frame) -> None:
        request = LoginRequest.decode(frame.header)
        response = LoginResponse.make(
            transit=1, csg=1, nsg=3, isid=request.isid, tsih=request.tsih, stat_sn=connection.next_stat_sn()
        )
        response.initiator_task_tag = request.initiator_task_tag
        response.exp_cmd_sn, response.max_cmd_sn = request.cmd_sn, request.cmd_sn
        connection.send_pdu(response)

    plant.row(dispatch.handlers_for(False), Opcode.LOGIN_REQUEST.value, handle)


@mutant("8.1.2", "login-time-out-01 login-time-out-02")
def logins_may_take_for_ever(plant: Plant) -> None:
    """A connection on which nobody logs in is never closed."""

    def handle_timer(original: Original, connection: Connection, now: float) -> float | None:
        due: float | None = original(connection, now) if connection.in_full_feature_phase else None
        return due

    plant.wrap(Connection, "handle_timer", handle_timer)


def _in_login(plant: Plant, state: ConnectionState) -> None:
    def handle(original: Original, connection: Connection, frames: list[Frame]) -> None:
        there = connection.state is state
        original(connection, [frame for frame in frames if frame.opcode == Opcode.LOGIN_REQUEST or not there])

    plant.wrap(Connection, "_handle_in_login", handle)


@mutant("4.2.4", "login-first-pdu-01 login-first-pdu-02 login-first-pdu-03")
def what_comes_before_the_login_is_ignored(plant: Plant) -> None:
    """A connection that does not begin with a Login Request is kept, and waits for one."""
    _in_login(plant, ConnectionState.XPT_UP)


@mutant("4.2.4", "login-other-pdu-01 login-other-pdu-02")
def what_comes_during_the_login_is_ignored(plant: Plant) -> None:
    """A PDU of the full feature phase that comes during a login is dropped, and the login goes on."""
    _in_login(plant, ConnectionState.IN_LOGIN)


# Responses


@mutant("11.13", "login-response-fields-01")
def login_response_repeats_half_of_the_tag(plant: Plant) -> None:
    """A Login Response has the lower 16 bits of the Initiator Task Tag alone."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.initiator_task_tag &= 0xFFFF

    plant.sent(LoginResponse, edit)


@mutant("11.13.1", "login-version-01")
def version_changes_within_a_login(plant: Plant) -> None:
    """Version-max of the responses that transit is another than before."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.version_max = pdu.transit

    plant.sent(LoginResponse, edit)


@mutant("11.13.3", "login-tsih-01")
def tsih_is_told_from_the_beginning(plant: Plant) -> None:
    """Every response to the login of a new session has a TSIH, not the last alone."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.tsih = pdu.tsih or 0x1234

    plant.sent(LoginResponse, edit)


@mutant("11.13.4", "login-stat-sn-01")
def login_responses_share_a_stat_sn(plant: Plant) -> None:
    """StatSN stays the same until the login is over."""

    def edit(pdu: LoginResponse, connection: Connection) -> None:
        if not pdu.transit:
            connection.stat_sn -= 1

    plant.sent(LoginResponse, edit)


@mutant("13.9", "login-portal-group-01")
def portal_group_is_not_told(plant: Plant) -> None:
    """No Login Response has TargetPortalGroupTag."""

    def declarations(original: Original, attempt: Login) -> Pairs:
        return [pair for pair in original(attempt) if pair[0] != "TargetPortalGroupTag"]

    plant.wrap(Login, "_declarations", declarations)


@mutant("11", "login-reserved-bits-01")
def reserved_bits_of_a_login_request_are_refused(plant: Plant) -> None:
    """A Login Request with a reserved bit that is not 0 is an initiator error."""

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        header = bytes(frame.header)
        if header[0] & 0x80 or header[1] & 0x30 or any(header[22:24]) or any(header[32:48]):
            attempt._request = LoginRequest.decode(header)
            attempt._refuse(_refuse("reserved bits"))
            return
        original(attempt, frame)

    plant.wrap(Login, "received", received)


# Which session


@mutant("6.3.1", "login-tsih-02 login-tsih-03")
def unknown_tsih_begins_a_new_session(plant: Plant) -> None:
    """A TSIH that does not exist is taken for 0."""

    def begin(original: Original, attempt: Login, pairs: Pairs) -> None:
        request = attempt._request
        if request.tsih not in {session.tsih for session in attempt.registry.sessions.values()}:
            request.tsih = 0
        original(attempt, pairs)

    plant.wrap(Login, "_open", begin)


@mutant("6.3.1", "login-tsih-04 login-tsih-05")
def tsih_alone_finds_the_session(plant: Plant) -> None:
    """A connection joins the session whose TSIH it names, whoever has that."""

    def find(original: Original, identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
        for session in registry.sessions.values():
            if session.tsih == tsih:
                return session
        result: Session = original(identity, tsih, cid, registry)
        return result

    plant.wrap(login, "session_to_join", find)


@mutant("11.12.7", "login-cid-01")
def cid_of_a_later_request_counts(plant: Plant) -> None:
    """A CID that changes during the login is accepted, and the new one holds."""
    first: dict[Login, int] = {}

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        if frame.opcode == Opcode.LOGIN_REQUEST:
            attempt._request.cid = LoginRequest.decode(frame.header).cid
            if attempt._request.cid != first.setdefault(attempt, attempt._request.cid):
                attempt.connection.cid = attempt._request.cid
        original(attempt, frame)

    plant.wrap(Login, "received", received)


@mutant("13.2", "login-connections-01")
def max_connections_is_not_kept(plant: Plant) -> None:
    """A session takes as many connections as come."""

    def find(original: Original, identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
        session = registry.sessions.get(identity.key)
        if session is not None and session.tsih == tsih:
            return session
        result: Session = original(identity, tsih, cid, registry)
        return result

    plant.wrap(login, "session_to_join", find)


@mutant("6.3.1", "login-connections-02")
def response_to_a_further_connection_lacks_the_tsih(plant: Plant) -> None:
    """Login Responses on a connection that joins a session have TSIH 0."""

    def edit(pdu: LoginResponse, connection: Connection) -> None:
        if connection.session is not None and connection.session.connections:
            pdu.tsih = 0

    plant.sent(LoginResponse, edit)


# Stages and transitions


def _transitions(plant: Plant, table: dict[int, set[LoginStage]]) -> None:
    plant.replace(login_rules, "TRANSITIONS", table)


@mutant("6.3", "login-stages-01.operational login-transit-01.operational-full-feature login-defaults-01")
def every_login_has_to_begin_with_security(plant: Plant) -> None:
    """A login that begins in the operational stage is refused as an initiator error."""

    def check(request: LoginRequest, first: LoginRequest | None) -> None:
        if first is None and request.csg:
            raise _refuse("no security stage")

    _check(plant, check)


@mutant("6.3", "login-stages-01.security login-transit-01.security-full-feature")
def security_does_not_lead_to_full_feature_phase(plant: Plant) -> None:
    """A login cannot leave out the operational stage."""
    _transitions(plant, {_SECURITY: {_OPERATIONAL}, _OPERATIONAL: {_FULL_FEATURE}})


@mutant("6.3", "login-transit-01.security-operational")
def response_goes_further_than_asked(plant: Plant) -> None:
    """Asked to go to the operational stage, the target goes to the full feature phase."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        if pdu.transit:
            pdu.nsg = _FULL_FEATURE

    plant.sent(LoginResponse, edit)


@mutant("11.13.6", "login-transit-02 login-transit-03")
def response_transits_unasked(plant: Plant) -> None:
    """Every response of the login has T=1."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        if not pdu.transit and not pdu.status_class:
            pdu.transit, pdu.nsg = 1, _FULL_FEATURE

    plant.sent(LoginResponse, edit)


@mutant("11.12.3", "login-transit-03.reserved")
def nsg_is_judged_without_the_t_bit(plant: Plant) -> None:
    """A reserved NSG is refused although T is 0."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.nsg not in login_rules.STAGES:
            raise _refuse("NSG")

    _check(plant, check)


@mutant("6.3", "login-empty-stages-01 login-six-exchanges-01")
def requests_without_keys_are_refused(plant: Plant) -> None:
    """A Login Request that offers nothing is an initiator error."""

    def answer(original: Original, attempt: Login, pairs: Pairs) -> Pairs:
        if not pairs:
            raise _refuse("no keys")
        result: Pairs = original(attempt, pairs)
        return result

    plant.wrap(Login, "_answer", answer)


@mutant("6.3.1", "login-defaults-01")
def first_response_never_transits(plant: Plant) -> None:
    """The target stays in the first stage for one exchange more, although it has nothing to say."""
    seen: set[Login] = set()

    def following(original: Original, attempt: Login) -> LoginStage | None:
        if attempt not in seen:
            seen.add(attempt)
            return None
        result: LoginStage | None = original(attempt)
        return result

    plant.wrap(Login, "_following", following)


@mutant("6.2", "login-six-exchanges-01")
def stage_may_take_four_exchanges(plant: Plant) -> None:
    """The fifth exchange of a login ends it."""
    exchanges: dict[Login, int] = {}

    def answer(original: Original, attempt: Login, pairs: Pairs) -> Pairs:
        exchanges[attempt] = exchanges.get(attempt, 0) + 1
        if exchanges[attempt] > 4:
            raise _refuse("too many exchanges")
        result: Pairs = original(attempt, pairs)
        return result

    plant.wrap(Login, "_answer", answer)


@mutant("6.3", "login-illegal-transit-01")
def any_transition_is_possible(plant: Plant) -> None:
    """A login may go from either stage to either."""
    everywhere = {_SECURITY, _OPERATIONAL, _FULL_FEATURE}
    _transitions(plant, {_SECURITY: everywhere, _OPERATIONAL: everywhere})


@mutant("6.3", "login-illegal-stage-01 login-reserved-stage-01")
def other_stages_are_taken_for_operational(plant: Plant) -> None:
    """A CSG that is none of the two stages of a login stands for the operational one."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.csg not in (_SECURITY, _OPERATIONAL):
            request.csg = _OPERATIONAL

    _check(plant, check)


@mutant("11.12.3", "login-reserved-stage-02")
def reserved_next_stage_is_full_feature_phase(plant: Plant) -> None:
    """The reserved NSG leads to the full feature phase."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.nsg == 2:
            request.nsg = _FULL_FEATURE

    _check(plant, check)


@mutant("6.3", "login-illegal-stage-02 login-illegal-stage-03")
def target_goes_to_whatever_stage_is_named(plant: Plant) -> None:
    """A Login Request whose CSG is not the stage that the login is in changes the stage."""

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        if frame.opcode == Opcode.LOGIN_REQUEST:
            stage = LoginRequest.decode(frame.header).csg
            attempt._stage = login_rules.STAGES.get(stage, attempt._stage)
        original(attempt, frame)

    plant.wrap(Login, "received", received)


@mutant("6.2", "login-continue-transit-01")
def transition_of_an_unfinished_text_is_put_off(plant: Plant) -> None:
    """C and T together are accepted: T is ignored until the text is complete."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.continue_:
            request.transit = 0

    _check(plant, check)


@mutant("6.3", "login-stages-01.security-operational login-stages-01.operational")
def operational_stage_leads_nowhere(plant: Plant) -> None:
    """A login cannot go from the operational stage to the full feature phase."""
    _transitions(plant, {_SECURITY: {_OPERATIONAL, _FULL_FEATURE}, _OPERATIONAL: set()})
