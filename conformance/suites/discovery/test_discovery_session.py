from __future__ import annotations

from typing import Any

from conformance.api import (
    RESERVED_TAG,
    DataOut,
    Initiator,
    LogoutReason,
    LogoutRequest,
    LogoutResponse,
    NopOut,
    Session,
    SnackRequest,
    TaskManagementFunction,
    TaskManagementRequest,
    TaskManagementResponse,
    case,
    expect,
    variants,
)
from conformance.suites.discovery.sessions import go_on, log_in_named
from conformance.suites.login.steps import refused
from iscsi_wire.scsi import TestUnitReady
from iscsi_wire.text import IRRELEVANT, NOT_UNDERSTOOD, REJECT

_REQUESTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "nop-out": (NopOut, {}),
    "task-management": (TaskManagementRequest, {"function": TaskManagementFunction.LOGICAL_UNIT_RESET, "immediate": 1}),
    "snack": (SnackRequest, {"initiator_task_tag": RESERVED_TAG}),
    "data-out": (DataOut, {"target_transfer_tag": 1}),
}


@case("discovery-request-01", "7143-4.3-02", needs="discovery")
def test_scsi_command_in_a_discovery_session_is_rejected(discovery: Session) -> None:
    """> a target MUST ... reject any other requests."""
    discovery.start(TestUnitReady(), read=0)
    discovery.expect(expect.rejected())


@case("discovery-request-02", "7143-4.3-02", needs="discovery")
@variants("kind, fields", _REQUESTS.values(), ids=_REQUESTS.keys())
def test_other_request_in_a_discovery_session_is_rejected(
    discovery: Session, kind: Any, fields: dict[str, Any]
) -> None:
    """> The target MUST ONLY accept Text Requests with the SendTargets key and a Logout Request with reason "close the
    > session". All other requests MUST be rejected.
    """
    discovery.send(kind, **fields)
    in_its_response = expect.pdu(TaskManagementResponse, response=range(1, 256))
    discovery.expect(expect.any_of(expect.rejected(), in_its_response))
    go_on(discovery)


@case("discovery-request-03", "7143-4.3-02", needs="discovery")
@variants(
    "reason", [LogoutReason.CLOSE_CONNECTION, LogoutReason.REMOVE_FOR_RECOVERY], ids=["close-connection", "recovery"]
)
def test_other_logout_in_a_discovery_session_is_rejected(discovery: Session, reason: int) -> None:
    """> The target MUST ONLY accept Text Requests with the SendTargets key and a Logout Request with reason "close the
    > session". All other requests MUST be rejected.
    """
    discovery.send(LogoutRequest, reason_code=reason, cid=discovery.connection.cid)
    in_its_response = expect.pdu(LogoutResponse, response={1, 2, 3})
    discovery.expect(expect.any_of(expect.rejected(), in_its_response))


@case("discovery-request-04", "7143-4.3-02", needs="discovery")
@variants(
    "key, value",
    [("X-org.chiscsi.Unheard", "1"), ("MaxRecvDataSegmentLength", "65536"), ("MaxBurstLength", "65536")],
    ids=["private", "data-segment", "leading-only"],
)
def test_other_text_in_a_discovery_session_is_rejected(discovery: Session, key: str, value: str) -> None:
    """> The target MUST ONLY accept Text Requests with the SendTargets key and a Logout Request with reason "close the
    > session". All other requests MUST be rejected.
    """
    result = discovery.text({key: value})
    result.expect(expect.any_of(expect.rejected(), expect.text_response()))
    answer = result.keys.get(key)
    refusal = not result.succeeded or answer in (REJECT, IRRELEVANT, NOT_UNDERSTOOD)
    assert refusal, f"{key}={value} is answered with {answer or 'nothing'}"
    go_on(discovery)


@case("discovery-login-01", "7143-C-02", "7143-4.3-01")
@variants("stages", [(0, 1), (1,), (0,)], ids=["both-stages", "operational", "security"])
def test_discovery_needs_no_target_name(initiator: Initiator, stages: tuple[int, ...]) -> None:
    """> If the initiator establishes the session using the key "SessionType=Discovery", the session is a Discovery
    > session, and a target name does not need to be specified.
    """
    result = initiator.session(discovery=True).attempt_login(stages=stages)
    result.expect(expect.login_succeeded())
    assert result.header is not None and result.header.tsih, "the session has TSIH 0"


@case("discovery-login-02", "7143-C-02", "7143-6.3.1-11", "7143-13.9-01", needs="discovery")
def test_discovery_may_name_its_target(initiator: Initiator) -> None:
    """> For Named Discovery sessions, the TargetName key is specified by the initiator, and thus the target can
    > unambiguously ascertain the TargetPortalGroupTag as well.
    """
    session = initiator.session(discovery=True)
    result = log_in_named(initiator, session)
    result.expect(expect.login_succeeded())
    assert "TargetPortalGroupTag" in result.keys, f"the target sends {', '.join(result.keys) or 'nothing'}"
    assert session.send_targets(initiator.target_name), "the target does not list itself"


@case("discovery-logout-01", "7143-4.3-01", "7143-8.1.2-04", needs="discovery")
def test_discovery_session_is_closed_by_logout(discovery: Session) -> None:
    """> Logout Request with reason "close the session"."""
    answer = discovery.logout()
    assert answer.header.response == 0, f"the response is {answer.header.response}"
    discovery.expect(expect.connection_closed(after=()))


@case("discovery-recovery-level-01", "7143-7.4.1-01", "7143-7.4.1-02", "7143-13.21-04", needs="discovery")
@variants("level", ["0", "1", "2"])
def test_recovery_level_of_a_discovery_session_is_0(initiator: Initiator, level: str) -> None:
    """> When such a negotiation attempt is made by the remote side, a compliant iSCSI implementation MUST propose a
    > value of 0 (zero) in response.
    """
    result = initiator.session(discovery=True).attempt_login(keys={"ErrorRecoveryLevel": level})
    result.expect(expect.login_succeeded())
    answer = result.keys.get("ErrorRecoveryLevel")
    assert answer == "0", f"ErrorRecoveryLevel={level} is answered with {answer}"


@case("discovery-connections-01", "7143-13.21-03", needs="discovery")
def test_discovery_session_has_one_connection(initiator: Initiator) -> None:
    """> The Discovery session implies MaxConnections = 1 and overrides both the default and an explicit setting."""
    session = initiator.session(discovery=True)
    session.attempt_login(extra=[("MaxConnections", "4")]).expect(expect.login_succeeded())
    session.attempt_login(connection=session.connect(cid=1), stages=(1,)).expect(refused())
    session.send_targets("All")
