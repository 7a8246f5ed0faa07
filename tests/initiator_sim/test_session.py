"""A session's calls: pings, task management, logout, further connections."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import Closed, ExpectationFailed, HarnessFault, Session, Unsupported, expect
from initiator_sim.mutations import xor
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import (
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    NopIn,
    NopOut,
    Reject,
    ScsiCommand,
    TaskManagementRequest,
)
from tests.initiator_sim.fakes import Bench, FakePeer


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.login(keys={"MaxConnections": "2"})


def last(bench: Bench, peer: int = -1) -> Any:
    return bench.peers[peer].got[-1][0]


def test_without_a_connection_there_is_nothing_to_send_on(bench: Bench) -> None:
    with pytest.raises(HarnessFault, match="log in first"):
        bench.initiator.session().nop()


def test_a_ping_echoes_what_the_initiator_takes(bench: Bench) -> None:
    session = bench.initiator.login(keys={"MaxRecvDataSegmentLength": "512"})
    cut = [data[:512] for data in (bytes(511), bytes(600))]
    bench.peer.handlers[NopOut] = lambda header, data: bench.peer.say(
        NopIn, data[:512], initiator_task_tag=header.initiator_task_tag, target_transfer_tag=RESERVED_TAG
    )
    assert [session.nop(bytes(511)).data, session.nop(bytes(600)).data] == cut


def test_a_ping_that_is_rejected(bench: Bench, session: Session) -> None:
    bench.peer.handlers[NopOut] = lambda header, _: bench.peer.say(Reject, header.encode(), reason=9)
    with pytest.raises(ExpectationFailed, match="observed: Reject"):
        session.nop()


def test_task_management_refers_to_its_task(bench: Bench, session: Session) -> None:
    bench.peer.handlers.pop(ScsiCommand)
    task = session.start(bytes(16), lun=3)
    assert session.task_management(1, task=task).header.response == 0
    request = last(bench)
    assert isinstance(request, TaskManagementRequest)
    assert (request.function, request.immediate, request.final) == (1, 1, 1)
    assert (request.referenced_task_tag, request.ref_cmd_sn, request.lun) == (task.tag, task.cmd_sn, 3 << 48)


def test_task_management_can_be_bent(bench: Bench, session: Session) -> None:
    session.task_management(5, xor(1, 0x02), lun=4, immediate=0, referenced_task_tag=9)
    request = last(bench)
    assert (request.function, request.lun, request.immediate, request.referenced_task_tag) == (7, 4 << 48, 0, 9)


def test_logging_out(bench: Bench, session: Session) -> None:
    assert session.logout().header.response == 0
    assert last(bench).reason_code == 0
    assert session.expect(expect.connection_closed()) == Closed()


def test_logging_a_connection_out_names_it(bench: Bench, session: Session) -> None:
    second = session.add_connection(cid=7)
    session.logout(1, connection=second)
    request = last(bench)
    assert isinstance(request, LogoutRequest)
    assert (request.reason_code, request.cid) == (1, 7)
    session.logout(1, cid=9)
    assert last(bench, 0).cid == 9


def test_a_further_connection_shares_the_numbers(bench: Bench, session: Session) -> None:
    second = session.add_connection()
    request = next(header for header, _, _ in bench.peer.got if isinstance(header, LoginRequest))
    assert (request.isid, request.tsih, request.cid, second.cid) == (session.isid, 7, 1, 1)
    bench.peer.exp_cmd_sn = session.numbering.cmd_sn
    first_sn = session.nop().header.exp_cmd_sn
    assert session.nop(connection=second).header.exp_cmd_sn == first_sn + 1
    session.send(NopOut, connection=second, initiator_task_tag=RESERVED_TAG)
    assert isinstance(last(bench), NopOut)
    assert second.name == "c1"


def test_parameters_of_a_session_outlive_a_further_login(session: Session) -> None:
    session.add_connection()
    assert session.parameters.max_connections == 2


def test_a_target_with_one_connection_does_not_support_two(bench: Bench) -> None:
    session = bench.initiator.login()
    with pytest.raises(Unsupported) as caught:
        session.add_connection()
    assert caught.value.reason == "MaxConnections=1 was negotiated"


@pytest.mark.parametrize("status, outcome", [(0x0206, Unsupported), (0x0300, ExpectationFailed)])
def test_a_further_connection_that_is_refused(status: int, outcome: type[Exception]) -> None:
    def prepare(peer: FakePeer) -> None:
        def refuse(request: LoginRequest, data: bytes) -> None:
            if not request.tsih:
                peer.on_login(request, data)
                return
            tag, detail = request.initiator_task_tag, status & 255
            peer.say(
                LoginResponse, isid=request.isid, status_class=status >> 8, status_detail=detail, initiator_task_tag=tag
            )

        peer.handlers[LoginRequest] = refuse

    session = Bench(prepare).initiator.login(keys={"MaxConnections": "2"})
    with pytest.raises(outcome):
        session.add_connection()


def test_a_closed_connection_makes_room(session: Session) -> None:
    session.add_connection()
    with pytest.raises(Unsupported):
        session.add_connection()
    session.connections[1].close()
    session.add_connection(cid=1)


def test_prepared_pdus_are_sent_later(bench: Bench, session: Session) -> None:
    draft = session.prepare(NopOut, data=b"later")
    session.nop(cmd_sn=draft.header.cmd_sn + 1)
    session.send(draft)
    assert session.receive().data == b"later"  # type: ignore[union-attr]


def test_closing_ends_every_connection(bench: Bench, session: Session) -> None:
    session.add_connection()
    session.close()
    assert [peer.ended for peer in bench.peers] == [["close"], ["close"]]
