"""Every rule that is checked without being asked for: a target that breaks it is caught, with clause and field."""

from __future__ import annotations

import pytest

from initiator_sim import ExpectationFailed, HarnessFault, Session, expect
from initiator_sim.rules import RECOMMENDED, RULES
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import LoginRequest, NopIn, NopOut, Pdu
from iscsi_wire.records import LogRecord
from tests.initiator_sim.fakes import Bench, FakePeer
from tests.initiator_sim.violations import VIOLATIONS, Say, Violation, echo, log_in, login, octets, ping, prove


def bench_with(kind: type[Pdu], say: Say) -> Bench:
    def prepare(peer: FakePeer) -> None:
        peer.handlers[kind] = lambda header, _data: say(peer, header)

    return Bench(prepare)


def logged_in(bench: Bench, violation: Violation) -> Session:
    session = bench.initiator.session()
    if violation.script not in (log_in, prove):
        session.login(keys=dict(violation.keys))
    return session


@pytest.mark.parametrize("violation", VIOLATIONS, ids=str)
def test_a_broken_rule_is_caught(violation: Violation) -> None:
    bench = bench_with(violation.request, violation.say)
    bench.initiator.settings.rules.enforce(*RECOMMENDED)
    session = logged_in(bench, violation)
    with pytest.raises(ExpectationFailed) as caught:
        violation.script(session)
    rule = RULES[violation.rule]
    assert (caught.value.expected, caught.value.clause, caught.value.field) == (rule.text, rule.clause, violation.field)
    if violation.field not in ("", "data"):
        assert caught.value.pdu is not None
        assert hasattr(caught.value.pdu.header, violation.field)


def test_there_is_a_violation_of_every_rule() -> None:
    elsewhere = {"silence", "login_stage"}
    assert {violation.rule for violation in VIOLATIONS} | elsewhere == RULES.keys()


def test_transit_that_was_not_asked_for_is_caught() -> None:
    bench = bench_with(LoginRequest, login(transit=1, nsg=1))
    by_hand = bench.initiator.session().begin_login()
    with pytest.raises(ExpectationFailed) as caught:
        by_hand.step(csg=0, transit=0)
    assert (caught.value.clause, caught.value.field) == (RULES["login_stage"].clause, "transit")


def test_a_late_answer_to_what_was_ignored_is_caught() -> None:
    bench = Bench()
    session = bench.initiator.login()
    bench.peer.handlers[NopOut] = lambda header, _: echo(b"")(bench.peer, header) if header.immediate else None
    tag = session.send(NopOut).header.initiator_task_tag
    session.expect(expect.silently_ignored())
    bench.peer.say(NopIn, initiator_task_tag=tag, target_transfer_tag=RESERVED_TAG)
    with pytest.raises(ExpectationFailed) as caught:
        session.receive()
    assert caught.value.clause == RULES["silence"].clause


def test_an_ignored_rule_leaves_a_note() -> None:
    bench = bench_with(NopOut, octets(NopIn.make(total_ahs_length=1), bytes(4)))
    rules = bench.initiator.settings.rules
    rules.ignore("ahs", "nop_in_tag", "echo")
    session = bench.initiator.login()
    session.nop(b"abc")
    notes = [record.text for record in bench.initiator.exchange.records if isinstance(record, LogRecord)]
    assert any("TotalAHSLength 1" in note and "7143-11.2-03" in note for note in notes)


def test_recommendations_are_not_enforced_by_themselves() -> None:
    assert {"padding", "data_in_size", "residual_zero"} == RECOMMENDED
    for violation in VIOLATIONS:
        if violation.rule == "padding":
            session = bench_with(violation.request, violation.say).initiator.login()
            ping(session)


def test_a_rule_that_does_not_exist_is_the_scripts_fault() -> None:
    rules = Bench().initiator.settings.rules
    with pytest.raises(HarnessFault, match="no rule is called nonsense"):
        rules.ignore("stat_sn", "nonsense")
    with pytest.raises(HarnessFault):
        rules.enforce("nonsense")


def test_a_window_without_sense_is_not_taken_over() -> None:
    bench = bench_with(NopOut, echo(exp_cmd_sn=0x80, max_cmd_sn=1))
    bench.initiator.settings.rules.ignore("window", "exp_cmd_sn")
    session = bench.initiator.login()
    before = session.numbering.max_cmd_sn
    session.nop(b"abc")
    assert session.numbering.max_cmd_sn == before
