from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.api import (
    FULL_FEATURE,
    OPERATIONAL,
    SECURITY,
    Initiator,
    LoginResponse,
    LoginResult,
    case,
    expect,
    variants,
)
from conformance.suites.login.steps import (
    advance,
    allow_compulsory_security,
    arranged,
    finish,
    opening,
    operational_stage,
    refused,
)

_RESERVED_STAGE = 2
_WAYS = [(SECURITY, OPERATIONAL), (SECURITY,), (OPERATIONAL,)]
_TRANSITIONS = [(SECURITY, OPERATIONAL), (SECURITY, FULL_FEATURE), (OPERATIONAL, FULL_FEATURE)]


@case("login-stages-01", "7143-6-01", "7143-6.3-09", "7143-6.3-20", "7143-6.3-21", "7143-6.3.2-05")
@variants("stages", _WAYS, ids=["security-operational", "security", "operational"])
def test_every_way_through_the_stages_leads_to_the_full_feature_phase(
    attempt_login: Callable[..., LoginResult], stages: Sequence[int]
) -> None:
    """> The Login Phase MAY include a SecurityNegotiation stage and a LoginOperationalNegotiation stage and MUST
    > include at least one of them.
    """
    result = attempt_login(stages=stages)
    if stages[0] == OPERATIONAL:
        allow_compulsory_security(result)
    finish(result.login, result).expect(expect.login_succeeded())


@case("login-transit-01", "7143-6.3-15", "7143-6.3-16", "7143-6.3-18")
@variants("csg, nsg", _TRANSITIONS, ids=["security-operational", "security-full-feature", "operational-full-feature"])
def test_response_that_transits_goes_no_further_than_asked(initiator: Initiator, csg: int, nsg: int) -> None:
    """> Stage transition is performed through a command exchange (request/response) that carries the T bit and the
    > same CSG code. ... The selected NSG MUST NOT exceed the value stated by the initiator.
    """
    result = advance(initiator.session().begin_login(), csg, nsg, opening(initiator, csg))
    if csg == OPERATIONAL:
        allow_compulsory_security(result)
    legal = {stage for stage in (OPERATIONAL, FULL_FEATURE) if csg < stage <= nsg}
    result.expect(expect.pdu(LoginResponse, status_class=0, transit=1, csg=csg, nsg=legal))


@case("login-transit-02", "7143-11.13.6-02", "7143-6.3-16")
@variants("csg", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_target_stays_in_a_stage_that_the_initiator_stays_in(initiator: Initiator, csg: int) -> None:
    """> If the Status-Class is 0, the T bit MUST NOT be set to 1 if the T bit in the request was set to 0."""
    login = initiator.session().begin_login()
    result = login.step(csg=csg, transit=0, keys=opening(initiator, csg))
    if csg == OPERATIONAL:
        allow_compulsory_security(result)
    result.expect(expect.pdu(LoginResponse, status_class=0, transit=0, csg=csg))
    finish(login, result).expect(expect.login_succeeded())


@case("login-transit-03", "7143-11.12.3-02")
@variants("nsg", [SECURITY, _RESERVED_STAGE, FULL_FEATURE], ids=["backwards", "reserved", "full-feature"])
def test_nsg_means_nothing_without_the_t_bit(initiator: Initiator, nsg: int) -> None:
    """> The Next Stage value is only valid when the T bit is 1; otherwise, it is reserved."""
    login = initiator.session().begin_login()
    result = login.step(csg=SECURITY, nsg=nsg, transit=0, keys=opening(initiator))
    result.expect(expect.pdu(LoginResponse, status_class=0, transit=0, csg=SECURITY))
    finish(login, result).expect(expect.login_succeeded())


@case("login-empty-stages-01", "7143-6.3-12", "7143-6.3.1-09")
def test_both_stages_may_be_empty_but_for_the_names(initiator: Initiator) -> None:
    """> The included stage MAY be empty except for the mandatory names."""
    login = initiator.session().begin_login()
    result = advance(login, SECURITY, OPERATIONAL, initiator.identity())
    result.expect(expect.pdu(LoginResponse, status_class=0, transit=1, csg=SECURITY, nsg=OPERATIONAL))
    finish(login, result).expect(expect.login_succeeded())


@case("login-defaults-01", "7143-6.3.1-10", "7143-6.3-12")
def test_login_without_operational_keys_takes_one_request(
    initiator: Initiator, non_strict: Callable[[str], None]
) -> None:
    """> An initiator that chooses to operate without iSCSI security and with all the operational parameters taking
    > the default values issues the Login with the T bit set to 1, the CSG set to LoginOperationalNegotiation, and the
    > NSG set to FullFeaturePhase.
    """
    login = initiator.session().begin_login()
    result = login.step(csg=OPERATIONAL, nsg=FULL_FEATURE, keys=initiator.identity())
    allow_compulsory_security(result)
    result = finish(login, result)
    result.expect(expect.login_succeeded())
    if len(result.replies) > 1:
        non_strict("the target wanted more than one request although nothing was offered")


@case("login-six-exchanges-01", "7143-6.2-30")
def test_a_stage_may_take_six_exchanges(initiator: Initiator) -> None:
    """> An iSCSI initiator or target MAY terminate a negotiation that does not terminate within an
    > implementation-specific reasonable time or number of exchanges but SHOULD allow at least six (6) exchanges.
    """
    login = initiator.session().begin_login()
    result = login.step(csg=SECURITY, transit=0, keys=opening(initiator))
    for _ in range(4):
        result.expect(expect.pdu(LoginResponse, status_class=0))
        result = login.step(csg=SECURITY, transit=0, keys=login.negotiation.take_answers())
    finish(login, result).expect(expect.login_succeeded())


@case("login-illegal-transit-01", "7143-6.3-20", "7143-6.3-10")
@variants(
    "csg, nsg",
    [(SECURITY, SECURITY), (OPERATIONAL, SECURITY), (OPERATIONAL, OPERATIONAL)],
    ids=["security-security", "operational-security", "operational-operational"],
)
def test_transition_outside_the_table_is_refused(initiator: Initiator, csg: int, nsg: int) -> None:
    """> Stage transitions during login (including entering and exit) are only possible as outlined in the following
    > table.
    """
    result = initiator.session().begin_login().step(csg=csg, nsg=nsg, transit=1, keys=opening(initiator, csg))
    result.expect(refused(or_closed=True))


@case("login-illegal-stage-01", "7143-6.3-20")
@variants("transit", [0, 1], ids=["staying", "transiting"])
def test_login_that_begins_in_the_full_feature_phase_is_refused(initiator: Initiator, transit: int) -> None:
    """> Stage transitions during login (including entering and exit) are only possible as outlined in the following
    > table: ... (start) ... FullFeature: no.
    """
    login = initiator.session().begin_login()
    result = login.step(csg=FULL_FEATURE, nsg=FULL_FEATURE, transit=transit, keys=initiator.identity())
    result.expect(refused(or_closed=True))


@case("login-illegal-stage-02", "7143-6.3-10", "7143-6.3-18", "7143-6.3-20")
def test_return_to_the_security_stage_is_refused(initiator: Initiator) -> None:
    """> If both stages are used, the SecurityNegotiation MUST precede the LoginOperationalNegotiation."""
    _, login = operational_stage(initiator)
    login.step(csg=SECURITY, nsg=OPERATIONAL, transit=1).expect(refused(or_closed=True))


@case("login-illegal-stage-03", "7143-6.3-16", "7143-6.3-18")
def test_stage_that_the_target_did_not_go_to_is_refused(initiator: Initiator) -> None:
    """> When a transition is requested by the initiator and acknowledged by the target, both the initiator and target
    > switch to the selected stage.
    """
    login = initiator.session().begin_login()
    arranged(login.step(csg=SECURITY, transit=0, keys=opening(initiator)))
    login.step(csg=OPERATIONAL, nsg=FULL_FEATURE, transit=1).expect(refused(or_closed=True))


@case("login-reserved-stage-01", "7143-11.12.3-01", "7143-11-04")
@variants("csg, transit", [(_RESERVED_STAGE, 0), (_RESERVED_STAGE, 1)], ids=["staying", "transiting"])
def test_reserved_current_stage_is_refused(initiator: Initiator, csg: int, transit: int) -> None:
    """> Receipt of reserved code values in defined fields MUST be reported as a protocol error."""
    login = initiator.session().begin_login()
    result = login.step(csg=csg, nsg=FULL_FEATURE if transit else 0, transit=transit, keys=initiator.identity())
    result.expect(refused(or_closed=True))


@case("login-reserved-stage-02", "7143-11.12.3-01", "7143-11-04")
@variants("csg", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_reserved_next_stage_is_refused(initiator: Initiator, csg: int) -> None:
    """> Receipt of reserved code values in defined fields MUST be reported as a protocol error."""
    login = initiator.session().begin_login()
    result = login.step(csg=csg, nsg=_RESERVED_STAGE, transit=1, keys=opening(initiator, csg))
    result.expect(refused(or_closed=True))


@case("login-continue-transit-01", "7143-6.2-02")
@variants("csg", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_c_bit_together_with_the_t_bit_is_refused(initiator: Initiator, csg: int) -> None:
    """> A Login Request with the C bit set to 1 MUST have the T bit set to 0."""
    login = initiator.session().begin_login()
    login.request(csg=csg, transit=1, continue_=1, keys=opening(initiator, csg))
    login.reply().expect(refused(or_closed=True))
