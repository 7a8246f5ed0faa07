"""Login step by step and all at once, as sent and as judged."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import ExpectationFailed, HarnessFault, Session, expect
from initiator_sim.login import FULL_FEATURE, OPERATIONAL, SECURITY
from initiator_sim.mutations import set_fields
from iscsi_wire.pdus import LoginRequest, LoginResponse, NopOut
from iscsi_wire.text import format_pairs, parse_pairs
from tests.initiator_sim.fakes import Bench, FakePeer


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.session()


def requests(bench: Bench) -> list[tuple[LoginRequest, bytes]]:
    return [(header, data) for header, _, data in bench.peer.got if isinstance(header, LoginRequest)]


def stages(bench: Bench) -> list[tuple[int, int, int, int]]:
    """T, C, CSG and NSG of each request."""
    return [(header.transit, header.continue_, header.csg, header.nsg) for header, _ in requests(bench)]


def sent_keys(bench: Bench) -> list[tuple[str, str]]:
    return parse_pairs(b"".join(data for _, data in requests(bench)))


def test_the_usual_login(bench: Bench, session: Session) -> None:
    result = session.login()
    assert result.succeeded
    assert stages(bench) == [(1, 0, SECURITY, OPERATIONAL), (1, 0, OPERATIONAL, FULL_FEATURE)]
    headers = [header for header, _ in requests(bench)]
    assert {(header.isid, header.tsih, header.cid, header.cmd_sn, header.immediate) for header in headers} == {
        (session.isid, 0, 0, 1, 1)
    }
    assert len({header.initiator_task_tag for header in headers}) == 1
    assert [header.exp_stat_sn for header in headers] == [0, 0x11]
    assert [key for key, _ in sent_keys(bench)][:4] == ["InitiatorName", "SessionType", "TargetName", "AuthMethod"]
    assert (session.tsih, len(result.replies)) == (7, 2)


def test_a_login_in_one_stage(bench: Bench, session: Session) -> None:
    session.login(stages=(OPERATIONAL,))
    assert stages(bench) == [(1, 0, OPERATIONAL, FULL_FEATURE)]
    assert "AuthMethod" not in dict(sent_keys(bench))
    assert sent_keys(bench)[0][0] == "InitiatorName"


@pytest.mark.parametrize("piece", [1000, 100, 7])
def test_keys_split_over_pdus(bench: Bench, session: Session, piece: int) -> None:
    whole = Bench()
    whole.initiator.login()
    session.login(piece=piece)
    assert sent_keys(bench) == sent_keys(whole)
    for header, data in requests(bench):
        assert len(data) <= piece
        assert not (header.continue_ and header.transit)
    assert session.parameters == whole.initiator.sessions[0].parameters


def test_a_split_answer_is_put_together(bench: Bench, session: Session) -> None:
    answer = format_pairs([("TargetPortalGroupTag", "3"), ("TargetAlias", "a" * 50)])

    def slowly(peer: FakePeer, request: LoginRequest) -> None:
        done = sum(1 for header, _, data in peer.got if isinstance(header, LoginRequest) and not data)
        last = done * 20 + 20 >= len(answer)
        fields: dict[str, Any] = {"csg": request.csg, "initiator_task_tag": request.initiator_task_tag}
        if last:
            fields |= {"transit": 1, "nsg": 3, "tsih": 5}
        peer.say(
            LoginResponse,
            answer[done * 20 : done * 20 + 20],
            isid=request.isid,
            continue_=int(not last),
            **fields,
        )

    login = session.begin_login()
    bench.peer.handlers[LoginRequest] = lambda header, _: slowly(bench.peer, header)
    result = login.step(csg=OPERATIONAL, keys={"InitiatorName": "iqn.2004-10.a:b"})
    assert result.pairs == parse_pairs(answer)
    assert stages(bench) == [(1, 0, OPERATIONAL, FULL_FEATURE)] * 5
    assert result.succeeded


def test_offers_of_the_target_are_answered_before_going_on(bench: Bench, session: Session) -> None:
    def offer(peer: FakePeer, request: LoginRequest) -> None:
        first = len(requests(bench)) == 1
        pairs = [("MaxConnections", "4"), ("X-vendor.key", "1"), ("TargetAlias", "disk")] if first else []
        final = {} if first else {"transit": 1, "nsg": request.nsg, "tsih": 9}
        peer.say(
            LoginResponse,
            format_pairs(pairs),
            csg=request.csg,
            isid=request.isid,
            initiator_task_tag=request.initiator_task_tag,
            exp_cmd_sn=1,
            max_cmd_sn=9,
            **final,
        )

    bench.initiator.settings.rules.ignore("answer_missing")
    login = session.begin_login()
    bench.peer.handlers[LoginRequest] = lambda header, _: offer(bench.peer, header)
    result = login.run([(OPERATIONAL, [("InitiatorName", "iqn.2004-10.a:b")])])
    assert result.succeeded
    assert parse_pairs(requests(bench)[1][1]) == [("MaxConnections", "1"), ("X-vendor.key", "NotUnderstood")]
    session.conclude(login, result)
    assert session.parameters.target_alias == "disk"
    assert session.parameters.max_connections == 1


def test_a_target_that_never_goes_on(bench: Bench, session: Session) -> None:
    def stay(peer: FakePeer, request: LoginRequest) -> None:
        tag = request.initiator_task_tag
        peer.say(LoginResponse, csg=request.csg, isid=request.isid, initiator_task_tag=tag)

    login = session.begin_login()
    bench.peer.handlers[LoginRequest] = lambda header, _: stay(bench.peer, header)
    result = login.run([(SECURITY, []), (OPERATIONAL, [])])
    assert not result.succeeded
    assert {header.csg for header, _ in requests(bench)} == {SECURITY}


def test_a_refused_login_ends_at_once(bench: Bench, session: Session) -> None:
    def refuse(peer: FakePeer, request: LoginRequest) -> None:
        tag = request.initiator_task_tag
        peer.say(LoginResponse, isid=request.isid, status_class=2, status_detail=3, initiator_task_tag=tag)

    login = session.begin_login()
    bench.peer.handlers[LoginRequest] = lambda header, _: refuse(bench.peer, header)
    result = login.run([(SECURITY, []), (OPERATIONAL, [])])
    assert len(requests(bench)) == 1
    assert (result.status, result.succeeded) == (0x0203, False)
    assert login.step(csg=OPERATIONAL, data=b"x" * 100, piece=30).status == 0x0203


def test_login_has_to_succeed_unless_it_is_an_attempt(bench: Bench) -> None:
    def prepare(peer: FakePeer) -> None:
        peer.handlers[LoginRequest] = lambda header, _: peer.hang_up()

    closing = Bench(prepare)
    result = closing.initiator.session().attempt_login()
    assert (result.status, result.header, str(result)) == (None, None, "connection closed")
    with pytest.raises(ExpectationFailed, match="expected: login succeeds"):
        closing.initiator.login()


def test_everything_in_a_request_can_be_set(bench: Bench, session: Session) -> None:
    login = session.begin_login(isid=b"abcdef", tsih=3, cid=4, version_max=5, version_min=1)
    bench.peer.handlers.pop(LoginRequest)
    login.request(set_fields(rsvd_1=1), csg=2, nsg=2, transit=0, continue_=1, data=b"raw", cmd_sn=77, exp_stat_sn=8)
    header, data = requests(bench)[0]
    wanted = {
        "isid": b"abcdef",
        "tsih": 3,
        "cid": 4,
        "version_max": 5,
        "version_min": 1,
        "csg": 2,
        "nsg": 2,
        "transit": 0,
        "continue_": 1,
        "cmd_sn": 77,
        "exp_stat_sn": 8,
        "rsvd_1": 1,
    }
    assert {name: getattr(header, name) for name in wanted} == wanted
    assert data == b"raw"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"csg": SECURITY}, (1, 0, SECURITY, OPERATIONAL)),
        ({"csg": OPERATIONAL}, (1, 0, OPERATIONAL, FULL_FEATURE)),
        ({"csg": SECURITY, "transit": 0}, (0, 0, SECURITY, 0)),
        ({"csg": SECURITY, "continue_": 1}, (0, 1, SECURITY, 0)),
        ({"csg": SECURITY, "nsg": FULL_FEATURE}, (1, 0, SECURITY, FULL_FEATURE)),
    ],
)
def test_the_next_stage_follows_unless_given(
    bench: Bench, session: Session, arguments: dict[str, Any], expected: tuple[int, int, int, int]
) -> None:
    session.begin_login().request(**arguments)
    assert stages(bench) == [expected]


def test_keys_can_be_sent_twice(bench: Bench, session: Session) -> None:
    session.begin_login().request(keys=[("A", "1"), ("A", "2")])
    assert sent_keys(bench) == [("A", "1"), ("A", "2")]


def test_halves_of_a_step(bench: Bench, session: Session) -> None:
    login = session.begin_login()
    login.request(csg=SECURITY, keys={"InitiatorName": "iqn.2004-10.a:b", "AuthMethod": "None"})
    result = login.reply()
    assert result.keys == {"AuthMethod": "None"}
    assert login.negotiation.answered == {"AuthMethod": "None"}
    login.request(csg=OPERATIONAL, keys={"HeaderDigest": "CRC32C"})
    result = login.reply()
    session.conclude(login, result)
    assert session.connection.header_digest
    session.nop(b"with a digest")


def test_another_pdu_during_login(bench: Bench, session: Session) -> None:
    connection = session.connect()
    connection.send(NopOut, immediate=1)
    connection.expect(expect.nop_in())


def test_a_login_needs_a_stage(session: Session) -> None:
    with pytest.raises(HarnessFault, match="at least one stage"):
        session.begin_login().run([])


def test_login_responses_show_their_status_in_words(bench: Bench, session: Session) -> None:
    def refuse(peer: FakePeer, request: LoginRequest) -> None:
        tag = request.initiator_task_tag
        peer.say(LoginResponse, status_class=2, status_detail=11, isid=request.isid, initiator_task_tag=tag)

    login = session.begin_login()
    bench.peer.handlers[LoginRequest] = lambda header, _: refuse(bench.peer, header)
    assert str(login.step()) == "login failed with 0x020b (Invalid during login)"


def test_a_response_is_measured_against_the_request_as_sent(bench: Bench, session: Session) -> None:
    result = session.begin_login().step(set_fields(isid=b"abcdef", transit=0), csg=SECURITY, keys={"A": "1"})
    assert result.header is not None
    assert (result.header.isid, result.header.transit) == (b"abcdef", 0)


def test_a_response_to_nothing_is_measured_against_nothing(bench: Bench, session: Session) -> None:
    session.connect().rules.ignore("tag")
    login = session.begin_login(session.connection)
    bench.peer.say(LoginResponse, initiator_task_tag=login.tag, isid=b"abcdef")
    assert login.reply().status == 0
