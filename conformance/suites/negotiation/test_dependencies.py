from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    OPERATIONAL,
    Initiator,
    LoginResponse,
    LoginResult,
    case,
    expect,
    variants,
)
from conformance.suites.login.steps import finish, operational_stage, refused
from conformance.suites.negotiation.offers import answers, is_admissible, sole_answer
from initiator_sim.proposal import OPERATIONAL_KEYS
from iscsi_wire.keys import KEYS
from iscsi_wire.text import IRRELEVANT, REJECT

_UNSOLICITED = {"InitialR2T": "No", "ImmediateData": "Yes"}
_BURSTS = [("MaxBurstLength", "8192"), ("FirstBurstLength", "65536")]
_LONG_BURSTS = [("FirstBurstLength", "1048576"), ("MaxBurstLength", "4194304")]
_MARKERS = ["OFMarker", "IFMarker"]
_INTERVALS = ["OFMarkInt", "IFMarkInt"]
_DISCOVERY = {"SessionType": "Discovery"}
_MEANINGLESS = [name for name, key in KEYS.items() if key.irrelevant(_DISCOVERY) and not key.declarative]


@case("key-burst-lengths-01", "7143-13.14-02", "7143-6.2-27")
@variants("order", [1, -1], ids=["max-burst-first", "first-burst-first"])
def test_first_burst_length_does_not_come_to_exceed_max_burst_length(initiator: Initiator, order: int) -> None:
    """> FirstBurstLength MUST NOT exceed MaxBurstLength. ... An iSCSI target MUST perform integrity checking before the
    > new parameters take effect.
    """
    session = initiator.session()
    result = session.attempt_login(
        keys=_UNSOLICITED, omit={"MaxBurstLength", "FirstBurstLength"}, extra=_BURSTS[::order]
    )
    if not result.succeeded:
        result.expect(refused())
        return
    first, most = session.parameters.first_burst_length, session.parameters.max_burst_length
    irrelevant = answers(result, "FirstBurstLength") == [IRRELEVANT]
    assert irrelevant or first <= most, f"FirstBurstLength={first} and MaxBurstLength={most} are in force"


@case("key-burst-lengths-02", "7143-6.2-27", "7143-6.2.2-01")
@variants("apart", [False, True], ids=["one-request", "two-requests"])
def test_burst_lengths_are_compared_when_both_are_known(initiator: Initiator, apart: bool) -> None:
    """> Checking for compliance with the integrity rule must only be performed after all the parameters are available
    > (the existent and the newly negotiated).

    A FirstBurstLength beyond the default MaxBurstLength is no fault if a larger MaxBurstLength comes after it.
    """
    _, login = operational_stage(initiator)
    first = [*_UNSOLICITED.items(), _LONG_BURSTS[0]]
    if apart:
        login.step(csg=OPERATIONAL, transit=0, keys=first).expect(expect.pdu(LoginResponse, status_class=0))
        result = login.step(csg=OPERATIONAL, transit=0, keys=_LONG_BURSTS[1:])
    else:
        result = login.step(csg=OPERATIONAL, transit=0, keys=[*first, _LONG_BURSTS[1]])
    finish(login, result).expect(expect.login_succeeded())


@case("key-outstanding-r2t-01", "7143-13.19-05", "7143-6.2-27")
@variants("level", ["1", "2"])
def test_recovery_with_ordered_sequences_leaves_one_outstanding_r2t(initiator: Initiator, level: str) -> None:
    """> If ErrorRecoveryLevel is not 0 and DataSequenceInOrder is set to Yes, then MaxOutstandingR2T MUST be set to
    > 1.
    """
    session = initiator.session()
    offer = {"ErrorRecoveryLevel": level, "DataSequenceInOrder": "Yes", "MaxOutstandingR2T": "8"}
    result = session.attempt_login(keys=offer)
    if not result.succeeded:
        result.expect(refused())
        return
    settled = session.parameters
    fine = settled.error_recovery_level == 0 or not settled.data_sequence_in_order or settled.max_outstanding_r2t == 1
    assert fine, f"ErrorRecoveryLevel={settled.error_recovery_level}, MaxOutstandingR2T={settled.max_outstanding_r2t}"


@case("key-irrelevant-01", "7143-6.2-10", "7143-6.2-11", "7143-13.14-01")
def test_first_burst_length_may_be_irrelevant_but_is_understood(attempt_login: Callable[..., LoginResult]) -> None:
    """> If a specific key is not relevant for the current negotiation, the acceptor may answer with the constant
    > "Irrelevant" for all types of negotiations.
    """
    result = attempt_login(keys={"InitialR2T": "Yes", "ImmediateData": "No", "FirstBurstLength": "4192"})
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, "FirstBurstLength")
    number = is_admissible(KEYS["FirstBurstLength"], answer) and int(answer, 0) <= 4192
    assert number or answer in (IRRELEVANT, REJECT), f"FirstBurstLength=4192 is answered with {answer}"


@case("key-irrelevant-02", "7143-6.2-11", "7143-6.2-14", needs="discovery")
@variants("name", _MEANINGLESS, ids=_MEANINGLESS)
def test_key_without_meaning_for_discovery_is_understood(
    attempt_discovery: Callable[..., LoginResult], name: str
) -> None:
    """> If a specific key is not relevant for the current negotiation, the acceptor may answer with the constant
    > "Irrelevant" ... However, the negotiation is not considered to have failed if the answer is "Irrelevant".
    """
    key = KEYS[name]
    offer = "RFC3720,ResponseFence" if name == "TaskReporting" else OPERATIONAL_KEYS.get(name, "1")
    result = attempt_discovery(keys={name: offer})
    result.expect(expect.login_succeeded())
    found = answers(result, name)
    if not found and key.answer_optional(key.parse(offer)):
        return
    answer = sole_answer(result, name)
    assert answer in (IRRELEVANT, REJECT) or is_admissible(key, answer), f"{name}={offer} is answered with {answer}"


@case("key-marker-01", "7143-13.25-01", "7143-13.25-02", "7143-13.25-03", level="MUST")
@variants("value", ["Yes", "No"])
@variants("name", _MARKERS, ids=_MARKERS)
def test_marker_key_is_rejected_or_answered_no(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], name: str, value: str
) -> None:
    """> When an IFMarker or OFMarker key is received, a compliant iSCSI implementation SHOULD respond with the constant
    > "Reject" value. The implementation MAY alternatively respond with a "No" value. However, the implementation MUST
    > NOT respond with a "NotUnderstood" value for either of these keys.
    """
    result = attempt_login(extra=[(name, value)])
    result.expect(expect.login_succeeded())
    found = answers(result, name)
    assert set(found) <= {REJECT, "No"} and len(found) <= 1, f"{name}={value} is answered with {', '.join(found)}"
    if found != [REJECT]:
        non_strict(f"{name}={value} is answered with {', '.join(found) or 'nothing'}; Reject is advised")


@case("key-marker-02", "7143-13.25-04", "7143-13.25-05")
@variants("name", _INTERVALS, ids=_INTERVALS)
def test_marker_interval_is_rejected(attempt_login: Callable[..., LoginResult], name: str) -> None:
    """> When an IFMarkInt or OFMarkInt key is received, a compliant iSCSI implementation MUST respond with the constant
    > "Reject" value.
    """
    result = attempt_login(extra=[(name, "2048~8192")])
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, name)
    assert answer == REJECT, f"{name}=2048~8192 is answered with {answer}"


@case("key-one-by-one-01", "7143-10.3-02", "7143-6.2-08")
def test_every_key_may_have_an_exchange_of_its_own(initiator: Initiator) -> None:
    """Limits on a negotiation leave room for negotiating every key in an exchange of its own."""
    session, login = operational_stage(initiator)
    for name, value in OPERATIONAL_KEYS.items():
        result = login.step(csg=OPERATIONAL, transit=0, keys={name: value})
        result.expect(expect.pdu(LoginResponse, status_class=0))
    result = finish(login, result)
    result.expect(expect.login_succeeded())
    session.conclude(login, result)
