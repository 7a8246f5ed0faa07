"""One connection: what is filled in, held back, kept, answered by itself, and expected."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import Closed, Connection, ExpectationFailed, HarnessFault, Received, Session, Silence, expect
from initiator_sim.mutations import split, truncate, xor
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import (
    AsyncMessage,
    DataOut,
    LoginRequest,
    NopIn,
    NopOut,
    Reject,
    ScsiCommand,
    ScsiResponse,
    TextRequest,
)
from iscsi_wire.records import LogRecord, PduRecord, TransportRecord
from tests.initiator_sim.fakes import Bench


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.login()


@pytest.fixture
def connection(session: Session) -> Connection:
    return session.connection


def notes(bench: Bench) -> list[str]:
    return [record.text for record in bench.initiator.exchange.records if isinstance(record, LogRecord)]


def test_what_is_left_open_is_filled_in(connection: Connection) -> None:
    connection.exp_stat_sn = 0x99
    first = connection.prepare(TextRequest).header
    second = connection.prepare(NopOut).header
    assert (first.final, first.target_transfer_tag, first.exp_stat_sn) == (1, RESERVED_TAG, 0x99)
    assert second.cmd_sn == first.cmd_sn + 1
    assert second.initiator_task_tag == first.initiator_task_tag + 1


def test_what_is_given_stays(connection: Connection) -> None:
    given: dict[str, Any] = {
        "final": 0,
        "target_transfer_tag": 3,
        "initiator_task_tag": 4,
        "exp_stat_sn": 5,
        "cmd_sn": 6,
        "rsvd_2": 7,
    }
    before = connection.numbering.cmd_sn
    header = connection.prepare(NopOut, **given).header
    assert {name: getattr(header, name) for name in given} == given
    assert connection.numbering.cmd_sn == before


def test_immediate_requests_use_no_number_up(connection: Connection) -> None:
    before = connection.numbering.cmd_sn
    assert connection.prepare(NopOut, immediate=1).header.cmd_sn == before
    assert connection.prepare(LoginRequest).header.immediate == 1
    # RFC 7143, 11.18.1: a NOP-Out that wants no answer has the I bit.
    assert connection.prepare(NopOut, initiator_task_tag=RESERVED_TAG).header.immediate == 1
    assert connection.numbering.cmd_sn == before


def test_unknown_fields_and_values_are_the_scripts_fault(connection: Connection) -> None:
    with pytest.raises(HarnessFault, match="NopOut has no field cdb"):
        connection.prepare(NopOut, cdb=b"")
    with pytest.raises(HarnessFault, match="attr"):
        connection.prepare(ScsiCommand, attr=8)
    with pytest.raises(HarnessFault, match="lun"):
        connection.send(NopOut, lun=1 << 64)


def test_headers_and_drafts_are_sent_as_they_are(bench: Bench, connection: Connection) -> None:
    connection.send(DataOut.make(initiator_task_tag=5, data_sn=6), data=b"xyz")
    draft = connection.prepare(NopOut, data=b"abc")
    assert connection.send(draft) is draft
    assert [(type(header), data) for header, _, data in bench.peer.got[-2:]] == [(DataOut, b"xyz"), (NopOut, b"abc")]


def test_alterations_are_noted_and_sends_are_split(bench: Bench, connection: Connection) -> None:
    connection.send(NopOut, xor(20, 1), split(10, 30))
    assert [len(chunk) for chunk in bench.peer.chunks[-3:]] == [10, 20, 18]
    assert notes(bench)[-1] == "next PDU altered: xor header[20] with 01; split at 10, 30"
    record = bench.initiator.exchange.pdus()[-1]
    assert record.header[20] == 0xFE


def test_offsets_count_the_octets_of_the_stream(bench: Bench, connection: Connection) -> None:
    before = sum(map(len, bench.peer.chunks))
    connection.send_raw(b"1234", b"56")
    connection.send(NopOut)
    sent = [record for record in bench.initiator.exchange.pdus() if record.direction == "out"]
    assert sent[-1].offset == before + 6


def test_raw_octets_go_out_as_they_are(bench: Bench, connection: Connection) -> None:
    connection.send_raw(b"1234", b"56")
    assert bench.peer.chunks[-2:] == [b"1234", b"56"]
    assert not connection.numbering.known
    assert notes(bench)[-1] == "raw octets: 31323334 3536"


def test_octets_cut_off_leave_the_numbers_unknown(connection: Connection) -> None:
    connection.send(NopOut, truncate(20))
    assert not connection.numbering.known


def test_pdus_can_be_held_back_and_reordered(bench: Bench, connection: Connection) -> None:
    before = len(bench.peer.got)
    with connection.held() as held:
        tags = [connection.send(NopOut).header.initiator_task_tag for _ in range(3)]
        assert len(bench.peer.got) == before
        with pytest.raises(HarnessFault, match="held back already"), connection.held():
            pass
        held.reverse()
    assert [header.initiator_task_tag for header, _, _ in bench.peer.got[before:]] == tags[::-1]


def test_what_was_not_asked_for_stays_for_others(connection: Connection) -> None:
    first = connection.send(NopOut).header.initiator_task_tag
    second = connection.send(NopOut).header.initiator_task_tag
    for tag in (second, first):
        event = connection.take(lambda pdu, tag=tag: pdu.header.initiator_task_tag == tag)  # type: ignore[misc]
        assert isinstance(event, Received) and event.header.initiator_task_tag == tag


def test_a_ping_of_the_target_is_answered(bench: Bench, connection: Connection) -> None:
    bench.peer.say(NopIn, initiator_task_tag=RESERVED_TAG, target_transfer_tag=9, lun=1 << 48, advance=0)
    assert isinstance(connection.receive(1), Silence)
    answer = bench.peer.got[-1][0]
    assert isinstance(answer, NopOut)
    assert (answer.initiator_task_tag, answer.target_transfer_tag, answer.lun) == (RESERVED_TAG, 9, 1 << 48)
    assert connection.unsolicited[0].header.target_transfer_tag == 9


def test_a_script_can_answer_pings_itself(bench: Bench, connection: Connection) -> None:
    connection.answer_pings = False
    before = len(bench.peer.got)
    bench.peer.say(NopIn, initiator_task_tag=RESERVED_TAG, target_transfer_tag=9, advance=0)
    connection.expect(expect.ping(target_transfer_tag=9))
    assert len(bench.peer.got) == before
    assert not connection.unsolicited


def test_messages_that_came_earlier_can_be_expected(bench: Bench, connection: Connection) -> None:
    bench.peer.say(AsyncMessage, async_event=1, parameter3=5)
    assert isinstance(connection.receive(1), Silence)
    assert connection.expect(expect.async_message({1})).header.parameter3 == 5


def test_receiving_by_class(bench: Bench, connection: Connection) -> None:
    connection.send(NopOut)
    assert connection.receive_pdu(NopIn).header.final == 1
    connection.send(NopOut)
    with pytest.raises(ExpectationFailed, match="expected: Reject"):
        connection.receive_pdu(Reject)


def test_status_is_acknowledged_unless_the_script_says_no(
    bench: Bench, connection: Connection, session: Session
) -> None:
    session.nop()
    assert connection.exp_stat_sn == bench.peer.stat_sn
    connection.acknowledge = False
    session.nop()
    assert connection.exp_stat_sn == bench.peer.stat_sn - 1
    session.nop()


def test_pdus_of_other_commands_do_not_count(bench: Bench, connection: Connection, session: Session) -> None:
    bench.peer.handlers[ScsiCommand] = lambda header, _: None
    task = session.start(bytes(16))
    probe = connection.send(NopOut, immediate=1)
    bench.peer.status(task.tag)
    echo = connection.expect(expect.nop_in())
    assert echo.header.initiator_task_tag == probe.header.initiator_task_tag
    assert isinstance(connection.receive(1), Silence)
    task.expect(expect.good())


def test_waiting_for_a_condition_keeps_what_comes(bench: Bench, connection: Connection) -> None:
    bench.peer.say(ScsiResponse, initiator_task_tag=5)
    connection.rules.ignore("tag")
    assert connection.wait_until(lambda: connection.expected_stat_sn == bench.peer.stat_sn)
    assert not connection.wait_until(lambda: False, 2)
    assert connection.receive_pdu(ScsiResponse).header.initiator_task_tag == 5


def test_what_came_before_the_end_is_received_though_sending_fails(bench: Bench, connection: Connection) -> None:
    bench.peer.say(AsyncMessage, async_event=2)
    bench.peer.hang_up()

    bench.peer.gone = True
    connection.send(NopOut)
    assert connection.receive() == Closed()
    assert connection.expect(expect.async_message({2})).header.async_event == 2
    assert connection.ended


@pytest.mark.parametrize("how", ["close", "reset"])
def test_ending_happens_once_and_then_nothing_can_be_sent(bench: Bench, connection: Connection, how: str) -> None:
    getattr(connection, how)()
    getattr(connection, how)()
    assert bench.peer.ended == [how]
    assert connection.ended
    with pytest.raises(HarnessFault, match="closed this connection itself"):
        connection.send(NopOut)


def test_the_end_is_recorded_once(bench: Bench, connection: Connection) -> None:
    bench.peer.hang_up(reset=True)
    assert connection.receive() == connection.receive() == Closed(reset=True)
    events = [r.event for r in bench.initiator.exchange.records if isinstance(r, TransportRecord)]
    assert events == ["connected initiator:1 -> target:3260", "connection reset by the target"]


def test_records_tell_time_direction_and_connection(bench: Bench, session: Session) -> None:
    heard: list[object] = []
    bench.initiator.exchange.listeners.append(heard.append)
    session.nop(b"abc")
    assert [(r.direction, r.connection, r.source, r.data, r.time) for r in heard if isinstance(r, PduRecord)] == [
        ("out", "c0", "initiator", b"abc", 100.0),
        ("in", "c0", "initiator", b"abc", 100.0),
    ]
