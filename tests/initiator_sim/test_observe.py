"""Expectations applied to a connection: what comes next, probes, and what may be passed over."""

from __future__ import annotations

import pytest

from initiator_sim import Closed, ExpectationFailed, Peace, Session, expect
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import AsyncMessage, NopIn, NopOut, Reject, ScsiCommand
from tests.initiator_sim.fakes import Bench, FakePeer


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.login()


def reject(peer: FakePeer, reason: int = 4) -> None:
    """Reject the PDU that came last."""
    peer.say(Reject, peer.got[-1][0].encode(), reason=reason)


def test_silence_is_proved_by_a_round_trip_and_costs_no_time(bench: Bench, session: Session) -> None:
    bench.peer.handlers[ScsiCommand] = lambda header, _: None
    session.start(bytes(16))
    assert isinstance(session.expect(expect.silently_ignored()), Peace)
    assert isinstance(bench.peer.got[-1][0], NopOut)
    assert bench.clock.now == 100


def test_an_answer_breaks_silence(bench: Bench, session: Session) -> None:
    session.start(bytes(16))
    with pytest.raises(ExpectationFailed, match="observed: SCSI Response"):
        session.expect(expect.silently_ignored(), clause="7143-4.2.2.1-17")


def test_a_close_breaks_silence(bench: Bench, session: Session) -> None:
    bench.peer.handlers[NopOut] = lambda header, _: bench.peer.hang_up()
    with pytest.raises(ExpectationFailed, match="observed: connection closed"):
        session.expect(expect.silently_ignored())


def test_a_dead_target_breaks_silence(bench: Bench, session: Session) -> None:
    del bench.peer.handlers[NopOut]
    with pytest.raises(ExpectationFailed, match="observed: nothing within 5 s"):
        session.expect(expect.silently_ignored())


def test_what_is_not_answered_yet_may_be_answered_later(bench: Bench, session: Session) -> None:
    bench.peer.handlers[ScsiCommand] = lambda header, _: None
    task = session.start(bytes(16))
    session.expect(expect.unanswered())
    bench.peer.status(task.tag)
    task.expect(expect.good())


def test_other_commands_may_end_in_the_meantime(bench: Bench, session: Session) -> None:
    bench.peer.handlers[ScsiCommand] = lambda header, _: None
    other = session.start(bytes(16))
    session.start(bytes(16))
    bench.peer.status(other.tag)
    session.expect(expect.silently_ignored())
    other.expect(expect.good())


def test_one_of_several_outcomes(bench: Bench, session: Session) -> None:
    allowed = expect.any_of(expect.rejected({4, 9}), expect.connection_closed(), expect.silently_ignored())
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    assert isinstance(session.expect(allowed), Peace)

    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    reject(bench.peer, 9)
    assert session.expect(allowed).header.reason == 9
    session.nop()  # the answer to the probe is not taken for something else

    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    bench.peer.hang_up()
    assert session.expect(allowed) == Closed()


def test_none_of_several_outcomes_blames_the_nearest(bench: Bench, session: Session) -> None:
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    reject(bench.peer, 5)
    with pytest.raises(ExpectationFailed) as caught:
        session.expect(expect.any_of(expect.connection_closed(after=()), expect.rejected({4, 9})))
    assert caught.value.field == "reason"
    assert caught.value.expected == (
        "connection closed or Reject, reason 0x4 (Protocol Error) or 0x9 (Invalid PDU field)"
    )


def test_a_reject_may_come_before_the_close(bench: Bench, session: Session) -> None:
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    reject(bench.peer)
    bench.peer.say(AsyncMessage, async_event=2)
    bench.peer.hang_up(reset=True)
    assert session.expect(expect.connection_closed()) == Closed(reset=True)


def test_nothing_else_may_come_before_the_close(bench: Bench, session: Session) -> None:
    session.send(NopOut)
    bench.peer.hang_up()
    with pytest.raises(ExpectationFailed, match="expected: connection closed"):
        session.expect(expect.connection_closed())


def test_nothing_for_a_time(bench: Bench, session: Session) -> None:
    session.expect(expect.nothing(within=30))
    assert bench.clock.now == 130
    bench.peer.say(NopIn, initiator_task_tag=RESERVED_TAG, target_transfer_tag=RESERVED_TAG, advance=0)
    with pytest.raises(ExpectationFailed, match="nothing within 30 s"):
        session.expect(expect.nothing(within=30))


def test_the_time_to_wait_can_be_set(bench: Bench, session: Session) -> None:
    with pytest.raises(ExpectationFailed, match="nothing within 60 s"):
        session.expect(expect.ping(timeout=60))
    assert bench.clock.now == 160


def test_the_clause_comes_from_the_call_the_verb_or_the_case(session: Session) -> None:
    session.initiator.exchange.clause = "case"
    clauses = []
    for verb, clause in (("", ""), ("verb", ""), ("verb", "call")):
        with pytest.raises(ExpectationFailed) as caught:
            session.expect(expect.rejected(clause=verb), clause)
        clauses.append(caught.value.clause)
    assert clauses == ["case", "verb", "call"]
