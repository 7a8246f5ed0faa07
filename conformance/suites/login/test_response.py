from __future__ import annotations

from conformance.api import (
    OPERATIONAL,
    SECURITY,
    Initiator,
    LoginResponse,
    Received,
    Session,
    case,
    expect,
    mutations,
    sn_add,
    variants,
)
from conformance.suites.login.steps import advance, arranged, finish, opening
from initiator_sim.login import LoginResult
from iscsi_wire.scsi import TestUnitReady

_ISIDS = {"oui": "00023d000001", "enterprise-number": "40000f423f10", "random": "80a1b2c3d4e5"}


def _long_login(initiator: Initiator, session: Session) -> LoginResult:
    """Log in with three requests at least."""
    login = session.begin_login()
    arranged(login.step(csg=SECURITY, transit=0, keys=opening(initiator)))
    result = advance(login, SECURITY, OPERATIONAL, {})
    return finish(login, result)


@case("login-response-fields-01", "7143-11.13-01", "7143-11.13-02")
@variants("isid", _ISIDS.values(), ids=_ISIDS.keys())
def test_response_repeats_tag_and_isid_and_reserves_the_rest(initiator: Initiator, isid: str) -> None:
    """A Login Response has the ISID and the Initiator Task Tag of its request; its reserved fields are 0."""
    session = initiator.session(isid=bytes.fromhex(isid))
    session.numbering.next_tag = 0xCAFE0001
    result = _long_login(initiator, session)
    result.expect(expect.login_succeeded())
    for reply in result.replies:
        header = reply.header
        assert header.initiator_task_tag == 0xCAFE0001, f"the tag is {header.initiator_task_tag:#x}"
        assert header.isid.hex() == isid, f"the ISID is {header.isid.hex()}"
        reserved = reply.record.header[20:24] + reply.record.header[38:48]
        assert not any(reserved), f"octets 20 to 23 and 38 to 47 are {reserved.hex()}"


@case("login-version-01", "7143-11.13.1-01", "7143-11.13.2-01", "7143-11.12.4-01")
def test_versions_stay_the_same_throughout_a_login(initiator: Initiator) -> None:
    """> All Login Responses within the Login Phase MUST carry the same Version-max. ... All Login Responses within the
    > Login Phase MUST carry the same Version-active.
    """
    result = _long_login(initiator, initiator.session())
    result.expect(expect.login_succeeded())
    versions = {(reply.header.version_max, reply.header.version_active) for reply in result.replies}
    assert len(versions) == 1, f"Version-max and Version-active take the values {sorted(versions)}"
    assert versions.pop()[1] == 0, "Version-active is not 0, the only version that was offered"


@case("login-tsih-01", "7143-11.13.3-02", "7143-11.13.3-01", "7143-4.2.4-09", "7143-4.4.3-04")
def test_new_session_learns_its_tsih_from_the_final_response_only(initiator: Initiator) -> None:
    """> For a new session, the target MUST generate a non-zero TSIH and ONLY return it in the Login
    > Final-Response.
    """
    result = _long_login(initiator, initiator.session())
    result.expect(expect.login_succeeded())
    *earlier, final = [reply.header.tsih for reply in result.replies]
    assert not any(earlier), f"responses before the final one have TSIH {[hex(tsih) for tsih in earlier]}"
    assert final != 0, "the final response has TSIH 0"


@case("login-stat-sn-01", "7143-11.13.4-01", "7143-4.2.2.2-01")
def test_stat_sn_grows_by_one_through_login_and_beyond(initiator: Initiator) -> None:
    """> The next response of any kind -- including the next Login Response, if any, in the same Login Phase -- will
    > carry this number + 1.
    """
    session = initiator.session()
    result = _long_login(initiator, session)
    result.expect(expect.login_succeeded())
    session.conclude(result.login, result)
    replies: list[Received[LoginResponse]] = result.replies
    numbers = [reply.header.stat_sn for reply in replies] + [session.nop().header.stat_sn]
    expected = [sn_add(numbers[0], step) for step in range(len(numbers))]
    assert numbers == expected, f"StatSN goes {[hex(number) for number in numbers]}"


@case("login-cmd-sn-01", "7143-11.12.8-03")
@variants("cmd_sn", [0, 0x12345678, 0x7FFFFFFF, 0xFFFFFFFF], ids=["zero", "any", "half-way", "last"])
def test_cmd_sn_of_the_leading_login_is_where_commands_begin(initiator: Initiator, cmd_sn: int) -> None:
    """> If the Login Request is a leading Login Request, the target MUST use the value presented in the CmdSN as the
    > target value for the ExpCmdSN.
    """
    session = initiator.session()
    session.numbering.cmd_sn = cmd_sn
    result = session.attempt_login()
    result.expect(expect.login_succeeded())
    header = result.header
    assert header is not None and header.exp_cmd_sn == cmd_sn, f"ExpCmdSN is not {cmd_sn:#x} but {header}"
    session.command(TestUnitReady()).expect(expect.status(0, 2))
    answer = session.nop()
    assert answer.header.exp_cmd_sn == sn_add(cmd_sn, 2), (
        f"after two commands ExpCmdSN is {answer.header.exp_cmd_sn:#x}"
    )


@case("login-portal-group-01", "7143-6.3.1-11", "7143-13.9-01", "7143-11.13.8-01")
@variants("pieces", [1, 2], ids=["whole", "split"])
def test_first_answer_tells_the_portal_group(initiator: Initiator, pieces: int) -> None:
    """> During the Login Phase, the iSCSI target MUST return the TargetPortalGroupTag key with the first Login Response
    > PDU with which it is allowed to do so (i.e., the first Login Response issued after the first Login Request with
    > the C bit set to 0) for all session types.
    """
    login = initiator.session().begin_login()
    piece = 40 if pieces > 1 else None
    result = login.step(csg=SECURITY, transit=0, keys=opening(initiator), piece=piece)
    result.expect(expect.pdu(LoginResponse, status_class=0))
    tags = [value for key, value in result.pairs if key == "TargetPortalGroupTag"]
    assert len(tags) == 1, f"the first answer has the keys {result.pairs}"
    assert 0 <= int(tags[0], 0) <= 0xFFFF, f"TargetPortalGroupTag is {tags[0]}"
    result = finish(login, result)
    result.expect(expect.login_succeeded())


@case("login-reserved-bits-01", "7143-11-03")
@variants(
    "offset, mask",
    [(0, b"\x80"), (1, b"\x30"), (22, b"\xff\xff"), (32, b"\xff" * 16)],
    ids=["octet-0", "octet-1", "octets-22-23", "octets-32-47"],
)
def test_reserved_bits_of_a_request_are_ignored(initiator: Initiator, offset: int, mask: bytes) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    login = initiator.session().begin_login()
    result = login.step(mutations.xor(offset, mask), csg=SECURITY, transit=0, keys=opening(initiator))
    result.expect(expect.pdu(LoginResponse, status_class=0))
    finish(login, result).expect(expect.login_succeeded())
