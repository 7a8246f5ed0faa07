"""Targets that die or fall ill during a run: what the cases around that are worth, and how the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.verdicts import Exit
from tests.conformance.fakes import serve
from tests.conformance.harness.running import Bench

IQN = "iqn.2026-11.test.chiscsi:fake"
KILL = '''
@case("first-01", ANY)
def test_first(session):
    """The target answers."""
    session.nop(b"hello")

@case("quiet-01", ANY)
def test_quiet(target):
    """Says nothing to the target, so proves nothing."""

@case("killer-01", ANY)
def test_killer(session):
    """The target falls over, and this case does not notice."""
    session.send(NopOut, data=b"die")

@case("next-01", ANY)
def test_next(session):
    """The target answers again."""
    session.nop(b"hello")
'''
AFTERWARDS = '''
@case("later-01", ANY)
def test_later(session):
    """The target answers again."""
    session.nop(b"hello")
'''


def test_a_pass_on_a_target_that_did_not_survive_it_is_inconclusive(bench: Bench) -> None:
    bench.write(KILL)
    outcome = bench.run()
    assert outcome.verdicts == {
        "first-01": "pass",
        "quiet-01": "pass",
        "killer-01": "inconclusive",
        "next-01": "inconclusive",
    }
    doubted = "it passed, but afterwards the target was no longer sound (see next-01)"
    assert outcome.case("killer-01").observed == doubted
    assert outcome.case("next-01").observed == "no connection to the target: dead"
    assert outcome.code == Exit.DEVIATIONS


def test_what_passed_before_the_last_login_is_beyond_doubt(bench: Bench) -> None:
    bench.write(KILL)
    outcome = bench.run(case=["first-01", "killer-01", "quiet-01"])
    assert outcome.verdicts == {"first-01": "pass", "quiet-01": "pass", "killer-01": "inconclusive"}


def test_the_embedded_target_is_replaced_and_the_run_goes_on(bench: Bench) -> None:
    bench.write(KILL)
    bench.write(AFTERWARDS, suite="beta")
    assert bench.run().verdicts["later-01"] == "pass"


def test_a_target_that_refuses_logins_from_then_on_is_found_out(bench: Bench) -> None:
    bench.write(KILL.replace('b"die"', 'b"fall ill"'))
    outcome = bench.run(case=["first-01", "killer-01"])
    assert outcome.verdicts == {"first-01": "pass", "killer-01": "inconclusive"}


def test_a_foreign_target_that_stays_dead_ends_the_run(bench: Bench) -> None:
    bench.write(KILL)
    bench.write(AFTERWARDS, suite="beta")
    with serve(IQN) as (url, _):
        outcome = bench.run(url=url, reconnect=0.1, patience=0.3)
    later = outcome.case("later-01")
    assert later.verdict == "inconclusive"
    assert later.observed == "not run: the target no longer answered after case next-01"
    assert outcome.verdicts["killer-01"] == "inconclusive"


def test_a_foreign_target_that_comes_back_is_judged_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(KILL)
    bench.write(AFTERWARDS, suite="beta")
    with serve(IQN) as (url, target):

        def revive(_seconds: float) -> None:
            target.dead = False

        monkeypatch.setattr("conformance.harness.station.time.sleep", revive)
        outcome = bench.run(url=url, reconnect=30, patience=0.3)
    assert outcome.verdicts["killer-01"] == "inconclusive"
    assert outcome.verdicts["later-01"] == "pass"


def test_a_target_that_is_dead_from_the_start_makes_every_case_inconclusive(bench: Bench) -> None:
    bench.write(KILL)
    outcome = bench.run(factory="tests.conformance.fakes:broken")
    assert set(outcome.verdicts.values()) == {"inconclusive"}
    assert outcome.code == Exit.DEVIATIONS
    assert "before the first case of test_alpha" in outcome.case("first-01").observed


def test_the_sanity_exchange_leaves_no_trace_in_a_cases_evidence(bench: Bench) -> None:
    bench.write(KILL)
    events = bench.run(case=["first-01"]).case("first-01").events
    titles = [event.title for event in events if event.kind == "pdu"]
    assert titles.count("Login Request") == 2
    assert "Logout Request" not in titles


def test_records_of_the_embedded_target_stand_among_the_initiators(bench: Bench) -> None:
    bench.write(KILL)
    events = bench.run(case=["first-01"]).case("first-01").events
    (log,) = (index for index, event in enumerate(events) if event.kind == "log" and event.source == "target")
    assert events[log].detail == "ping b'hello'"
    assert [events[log - 1].title, events[log + 1].title] == ["NOP-Out", "NOP-In"]


def _fatal_profile(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(
        'target = "fake"\n[[deviation]]\ncase = "killer-01"\nmessage = "connection closed"\nclass = "bug"\n'
        'reason = "it falls over"\nclause = "here"\nfatal = true\n'
    )
    return str(path)


NOTICED = KILL.replace('session.send(NopOut, data=b"die")', 'session.nop(b"die")')


def test_a_target_that_can_be_restarted_is(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench.write(NOTICED)
    commands = []
    with serve(IQN) as (url, target):

        def restart(command: str, **options: object) -> None:
            commands.append(command)
            target.dead = False

        monkeypatch.setattr("conformance.harness.station.subprocess.run", restart)
        profile = _fatal_profile(tmp_path)
        outcome = bench.run(url=url, revive="restart it", reconnect=0, patience=0.3, profile=profile)
    assert commands == ["restart it"]
    assert outcome.verdicts == {
        "first-01": "pass",
        "quiet-01": "pass",
        "killer-01": "known-deviation",
        "next-01": "pass",
    }
    assert "--revive 'restart it'" in outcome.case("killer-01").repeat_command


def test_a_case_that_the_target_does_not_survive_is_left_out_where_nobody_restarts_it(
    bench: Bench, tmp_path: Path
) -> None:
    bench.write(NOTICED)
    with serve(IQN) as (url, _):
        outcome = bench.run(url=url, profile=_fatal_profile(tmp_path))
    assert outcome.verdicts["killer-01"] == "known-deviation"
    assert outcome.case("killer-01").observed.startswith("not run: the target does not survive it")
    assert outcome.verdicts["next-01"] == "pass"


def test_the_restart_command_is_run_by_the_shell(tmp_path: Path, bench: Bench) -> None:
    bench.write(NOTICED)
    sign = tmp_path / "restarted"
    with serve(IQN) as (url, _):
        bench.run(url=url, revive=f"echo restarted | cat > {sign}", reconnect=0, patience=0.3, case=["killer-01"])
    assert sign.read_text() == "restarted\n"
