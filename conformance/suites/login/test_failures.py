from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import (
    OPERATIONAL,
    SECURITY,
    Connection,
    Initiator,
    LoginRequest,
    LoginResponse,
    LoginResult,
    LoginStatus,
    Session,
    Target,
    Unsupported,
    case,
    expect,
    variants,
)
from conformance.suites.login.steps import arranged, finish, opening, operational_stage, refused
from iscsi_wire.scsi import TestUnitReady

_FAULTS: dict[str, dict[str, Any]] = {
    "unknown-target": {"keys": {"TargetName": "iqn.2026-11.org.chiscsi:no-such-target"}},
    "missing-name": {"omit": {"InitiatorName"}},
    "unknown-session": {"identity": {"tsih": 0x7A7A}},
    "unsupported-version": {"identity": {"version_min": 1, "version_max": 1}},
    "unknown-session-type": {"keys": {"SessionType": "Sightseeing"}},
}
_GRACE = 5.0
"""Seconds by which the end of a login may be late."""


def _time_out(target: Target) -> float:
    """By when a login has to be over, in seconds."""
    if target.login_time is None:
        raise Unsupported("the target does not declare how long it waits for a login")
    return target.login_time + _GRACE


@case("login-missing-name-01", "7143-6.3-05", "7143-11.13.5-18")
@variants("stage", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_login_without_initiator_name_misses_a_parameter(attempt_login: Callable[..., LoginResult], stage: int) -> None:
    """> The initial Login Request of any connection MUST include the InitiatorName key=value pair."""
    result = attempt_login(stages=(stage,), omit={"InitiatorName"})
    result.expect(expect.login_failed({LoginStatus.MISSING_PARAMETER}))


@case("login-missing-name-02", "7143-6.3-08", "7143-11.13.5-18")
@variants("stage", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_login_without_target_name_misses_a_parameter(attempt_login: Callable[..., LoginResult], stage: int) -> None:
    """> For any connection within a session whose type is not "Discovery", the first Login Request MUST also include
    > the TargetName key=value pair.
    """
    result = attempt_login(stages=(stage,), omit={"TargetName"})
    result.expect(expect.login_failed({LoginStatus.MISSING_PARAMETER}))


@case("login-missing-name-03", "7143-6.3-05", "7143-6.3-08")
@variants("late", ["InitiatorName", "TargetName"], ids=["initiator-name", "target-name"])
def test_name_that_comes_with_the_second_request_comes_too_late(initiator: Initiator, late: str) -> None:
    """> The initial Login Request of any connection MUST include the InitiatorName key=value pair. ... the first Login
    > Request MUST also include the TargetName key=value pair.
    """
    names = opening(initiator)
    name = {late: names.pop(late)}
    login = initiator.session().begin_login()
    result = login.step(csg=SECURITY, transit=0, keys=names)
    if result.status == 0:
        result = finish(login, login.step(csg=SECURITY, transit=0, keys=name))
    result.expect(expect.login_failed({LoginStatus.MISSING_PARAMETER}))


@case("login-unknown-target-01", "7143-11.13.5-14")
def test_unknown_target_is_not_found(attempt_login: Callable[..., LoginResult]) -> None:
    """> Not found, 0203: The requested ITN does not exist at this address.

    A target that tells no stranger what exists may say that access is not allowed instead (0202).
    """
    result = attempt_login(keys={"TargetName": "iqn.2026-11.org.chiscsi:no-such-target"})
    result.expect(expect.login_failed({LoginStatus.NOT_FOUND, LoginStatus.AUTHORIZATION_FAILURE}))


@case("login-session-type-01", "7143-7.12-03", "7143-6.2-25", "7143-13.21-02")
@variants("value", ["Sightseeing", "normal", "DISCOVERY", ""], ids=["unknown", "lower-case", "upper-case", "empty"])
def test_unknown_session_type_is_refused(attempt_login: Callable[..., LoginResult], value: str) -> None:
    """> SessionType=<Discovery|Normal> ... The target can either accept it or reject it."""
    attempt_login(keys={"SessionType": value}).expect(refused())


@case("login-unsupported-version-01", "7143-11.13.5-16", "7143-11.13.2-03")
def test_versions_that_the_target_lacks_are_unsupported(attempt_login: Callable[..., LoginResult]) -> None:
    """> If the target does not support a version within the range specified by the initiator, the target rejects the
    > login and this field [Version-active] indicates the lowest version supported by the target.
    """
    result = attempt_login(identity={"version_min": 0xF0, "version_max": 0xFF})
    result.expect(expect.login_failed({LoginStatus.UNSUPPORTED_VERSION}))
    result.expect(expect.pdu(LoginResponse, version_active=0))


@case("login-version-range-01", "7143-11.13.2-01", "7143-11.12.4.1-02")
def test_version_range_that_includes_the_version_of_the_target_is_accepted(
    attempt_login: Callable[..., LoginResult],
) -> None:
    """> Version-active indicates the highest version supported by the target and initiator."""
    result = attempt_login(identity={"version_min": 0, "version_max": 0xFF})
    result.expect(expect.login_succeeded())
    result.expect(expect.pdu(LoginResponse, version_active=result.header.version_max if result.header else 0))


@case("login-version-first-01", "7143-11.12.4.1-02", "7143-11.12.4.2-02")
def test_versions_of_a_later_request_do_not_count(initiator: Initiator) -> None:
    """> The target MUST use the value presented with the first Login Request.

    It may also call the contradiction an error; it may not find the later version unsupported.
    """
    login = initiator.session().begin_login()
    arranged(login.step(csg=SECURITY, transit=0, keys=opening(initiator)))
    result = login.step(csg=SECURITY, transit=0, version_min=0xF0, version_max=0xFF)
    contradiction = expect.login_failed({LoginStatus.INITIATOR_ERROR}, or_closed=True)
    result.expect(expect.any_of(expect.pdu(LoginResponse, status_class=0, version_active=0), contradiction))


@case("login-failure-closes-01", "7143-11.13.5-26", "7143-7.12-02", "7143-8.1.2-02", "7143-6.3.1-07")
@variants("fault", _FAULTS.values(), ids=_FAULTS.keys())
def test_connection_ends_with_a_failed_login(attempt_login: Callable[..., LoginResult], fault: dict[str, Any]) -> None:
    """> If the Status-Class is not 0, the initiator and target MUST close the TCP connection."""
    result = attempt_login(**fault)
    result.expect(refused())
    result.login.connection.expect(expect.connection_closed(after=()))


@case("login-failure-forgets-01", "7143-8.3.4-01", "7143-6.3.1-07")
def test_session_of_a_failed_login_does_not_exist(initiator: Initiator) -> None:
    """A session whose leading login fails is discarded: the same ISID logs in afresh, and finds nothing of it."""
    failed, login = operational_stage(initiator)
    login.step(csg=OPERATIONAL, nsg=SECURITY, transit=1).expect(refused(or_closed=True))
    session = initiator.session(isid=failed.isid)
    session.attempt_login().expect(expect.login_succeeded())
    session.command(TestUnitReady()).expect(expect.status(0, 2))


@case("login-again-01", "7143-7.13-01")
def test_login_request_in_the_full_feature_phase_logs_nobody_in(session: Session) -> None:
    """> a subsequent Login Phase MUST NOT occur before tearing down the connection."""
    session.send(LoginRequest, transit=1, csg=OPERATIONAL, nsg=3, isid=session.isid, tsih=session.tsih, data=b"")
    refusal = expect.pdu(LoginResponse, status_class={2, 3})
    session.expect(expect.any_of(expect.rejected(), refusal, expect.connection_closed()))


@case("login-time-out-01", "7143-8.1.2-01")
def test_connection_on_which_nobody_logs_in_is_closed(target: Target, connection: Connection) -> None:
    """A target that waits for a login gives up some time: the connection is closed."""
    connection.expect(expect.connection_closed(after=(), timeout=_time_out(target)))


@case("login-time-out-02", "7143-8.1.2-02", "7143-6.2-29")
@variants("continued", [0, 1], ids=["between-exchanges", "within-a-text"])
def test_login_that_is_not_gone_on_with_ends(target: Target, initiator: Initiator, continued: int) -> None:
    """A login that times out ends with the connection closed; a Login Response may say so before."""
    limit = _time_out(target)
    login = initiator.session().begin_login()
    login.request(csg=SECURITY, transit=0, continue_=continued, keys=opening(initiator))
    arranged(login.reply())
    initiator.settings.rules.ignore("tag")
    login.connection.expect(expect.connection_closed(after=(LoginResponse,), timeout=limit))
