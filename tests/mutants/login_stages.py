"""Faults of session handles, stages and transitions in the login phase (RFC 7143 sections 6.3, 11.12.3 and 11.13.3)."""

from __future__ import annotations

from chiscsi_target.core import login, login_rules
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from iscsi_wire.constants import LoginStage, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginRequest, LoginResponse
from tests.mutants.login import _FULL_FEATURE, _OPERATIONAL, _SECURITY, _check, _refuse
from tests.mutants.planting import Original, Plant, mutant

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
