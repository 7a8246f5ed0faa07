from __future__ import annotations

from collections.abc import Callable

from conformance.api import OPERATIONAL, SECURITY, Initiator, LoginResult, Session, Unsupported, case, expect, variants
from conformance.suites.login.steps import allow_compulsory_security, opening, operational_stage, refused
from conformance.suites.negotiation.offers import OPERATIONAL_OFFERS, answers, judge_protocol_error
from iscsi_wire.keys import KEYS, Form
from iscsi_wire.scsi import TestUnitReady
from iscsi_wire.text import IRRELEVANT, NOT_UNDERSTOOD, REJECT

_RESERVED = [REJECT, IRRELEVANT, NOT_UNDERSTOOD]
_VICTIMS = ["HeaderDigest", "MaxBurstLength", "InitialR2T", "TaskReporting"]
_LEADING_ONLY = {
    "MaxConnections": "1",
    "InitialR2T": "No",
    "ImmediateData": "No",
    "MaxBurstLength": "512",
    "FirstBurstLength": "512",
    "DefaultTime2Wait": "3600",
    "DefaultTime2Retain": "1",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "No",
    "DataSequenceInOrder": "No",
    "ErrorRecoveryLevel": "0",
}
"""By key, an offer that differs from what the leading connection settled, as far as one can."""
_REPEATED = {
    "MaxBurstLength": ("65536", "131072"),
    "InitialR2T": ("Yes", "Yes"),
    "HeaderDigest": ("None", "CRC32C,None"),
    "MaxRecvDataSegmentLength": ("8192", "16384"),
    "ErrorRecoveryLevel": ("0", "0"),
}


@case("key-security-stage-01", "7143-6.3-14", "7143-12-02", "7143-13-03")
@variants("name", OPERATIONAL_OFFERS.keys(), ids=OPERATIONAL_OFFERS.keys())
def test_operational_key_in_the_security_stage_is_refused(initiator: Initiator, name: str) -> None:
    """> Sending a key that is not allowed in the current stage is considered a protocol error."""
    login = initiator.session().begin_login()
    keys = opening(initiator) | {name: OPERATIONAL_OFFERS[name]}
    judge_protocol_error(login.step(csg=SECURITY, transit=0, keys=keys), name)


@case("key-operational-stage-01", "7143-6.3-14", "7143-12.1-01")
def test_authentication_method_in_the_operational_stage_is_refused(initiator: Initiator) -> None:
    """> Sending a key that is not allowed in the current stage is considered a protocol error."""
    login = initiator.session().begin_login()
    result = login.step(csg=OPERATIONAL, transit=0, keys=initiator.identity() | {"AuthMethod": "None"})
    allow_compulsory_security(result)
    judge_protocol_error(result, "AuthMethod")


@case("key-full-feature-only-01", "7143-13-02")
def test_send_targets_during_login_is_refused(attempt_login: Callable[..., LoginResult]) -> None:
    """> Keys that can only be used during the Full Feature Phase use FFPO (Full Feature Phase Only)."""
    result = attempt_login(extra=[("SendTargets", "All")])
    assert not answers(result, "TargetName"), "the targets are listed during login"
    judge_protocol_error(result, "SendTargets")


@case("key-reserved-value-01", "7143-6.2-17")
@variants("value", _RESERVED)
@variants("name", _VICTIMS)
def test_reserved_word_as_a_proposal_is_refused(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], name: str, value: str
) -> None:
    """> Violation of this rule is a protocol error (in particular, the use of "Reject", "Irrelevant", and
    > "NotUnderstood" as proposed values).
    """
    result = attempt_login(keys={name: value})
    if not result.succeeded:
        result.expect(refused())
        return
    found = answers(result, name)
    if KEYS[name].form is not Form.LIST and found and found[0] not in _RESERVED:
        non_strict(f"{name}={value} is answered with {found[0]}, as any other value that is not admissible")
        return
    assert found == [REJECT], f"{name}={value} is answered with {', '.join(found) or 'nothing'}"


@case("key-leading-only-01", "7143-13-01", "7143-6.3.3-05", needs="several-connections")
@variants("name", _LEADING_ONLY.keys(), ids=_LEADING_ONLY.keys())
def test_leading_only_key_changes_nothing_on_a_further_connection(login: Callable[..., Session], name: str) -> None:
    """> Some session-specific parameters MUST only be carried on the leading connection and cannot be changed after the
    > leading connection login.
    """
    session = login(keys={"MaxConnections": "2", "DefaultTime2Retain": "20"})
    settled = session.parameters.values.get(name)
    if settled is None:
        raise Unsupported(f"{name} is irrelevant to the session")
    result = session.attempt_login(
        connection=session.connect(cid=1), stages=(OPERATIONAL,), extra=[(name, _LEADING_ONLY[name])]
    )
    if result.succeeded:
        changed = set(answers(result, name)) - {settled, REJECT, IRRELEVANT}
        assert not changed, f"{name}={settled} becomes {', '.join(changed)}"
    else:
        result.expect(refused())
    session.command(TestUnitReady()).expect(expect.good())


@case("key-repeated-01", "7143-6.3-24", "7143-6.3-23")
@variants("apart", [False, True], ids=["one-request", "two-requests"])
@variants("name", _REPEATED.keys(), ids=_REPEATED.keys())
def test_key_sent_twice_is_an_initiator_error(initiator: Initiator, name: str, apart: bool) -> None:
    """> An attempt to renegotiate/redeclare parameters not specifically allowed MUST be detected by the initiator and
    > target. If such an attempt is detected by the target, the target MUST respond with a Login reject (initiator
    > error).
    """
    first, second = ((name, value) for value in _REPEATED[name])
    login = initiator.session().begin_login()
    names = list(initiator.identity().items())
    result = login.step(csg=OPERATIONAL, transit=0, keys=[*names, first] if apart else [*names, first, second])
    allow_compulsory_security(result)
    if apart:
        result = login.step(csg=OPERATIONAL, transit=0, keys=[second])
    result.expect(refused())


@case("key-repeated-02", "7143-6.3-24", "7143-6.3-23")
@variants("name", ["InitiatorName", "TargetName", "SessionType"])
@variants("apart", [False, True], ids=["one-stage", "next-stage"])
def test_name_sent_twice_is_an_initiator_error(initiator: Initiator, name: str, apart: bool) -> None:
    """> The TargetName MUST NOT be redeclared within the Login Phase. ... The InitiatorName MUST NOT be redeclared
    > within the Login Phase.
    """
    names = opening(initiator)
    again = (name, names[name])
    if apart:
        _, login = operational_stage(initiator)
        result = login.step(csg=OPERATIONAL, transit=0, keys=[again])
    else:
        login = initiator.session().begin_login()
        result = login.step(csg=SECURITY, transit=0, keys=[*names.items(), again])
    result.expect(refused())


@case("key-repeated-03", "7143-6.3-24", "7143-6.3-23")
def test_key_sent_again_after_its_rejection_is_an_initiator_error(initiator: Initiator) -> None:
    """> A negotiation is considered complete when the acceptor has sent the key value pair even if the value is
    > "Reject", "Irrelevant", or "NotUnderstood". Sending the key again would be a renegotiation and is forbidden.
    """
    login = initiator.session().begin_login()
    offer = {"OFMarkInt": "2048~8192"}
    result = login.step(csg=OPERATIONAL, transit=0, keys=initiator.identity() | offer)
    allow_compulsory_security(result)
    if result.status == 0:
        result = login.step(csg=OPERATIONAL, transit=0, keys=offer)
    result.expect(refused())
