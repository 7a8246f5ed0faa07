"""Profiles at work: a deviation is known only as long as the target deviates exactly as listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.verdicts import Exit
from tests.conformance.harness.running import Bench

CASES = '''
@case("good-01", ANY)
def test_good(session):
    """The target answers."""
    session.nop(b"hello")

@case("bad-01", ANY)
@variants("length", [1, 2], ids=["one", "two"])
def test_bad(session, length):
    """The target refuses."""
    session.send(NopOut, data=bytes(length))
    session.expect(expect.rejected({4}))

@case("lacking-01", ANY, needs="header-digest")
def test_lacking(session):
    """Needs what is not there."""

@case("undecided-01", ANY)
def test_undecided(session):
    """Nobody knows."""
    raise Inconclusive("nobody knows")
'''


def _profile(tmp_path: Path, *entries: tuple[str, str], more: str = "") -> str:
    path = tmp_path / "mine.toml"
    deviations = "".join(
        f'[[deviation]]\ncase = "{case}"\nmessage = "{message}"\nclass = "bug"\nreason = "it echoes"\nclause = "here"\n'
        for case, message in entries
    )
    path.write_text(f'target = "fake"\n{deviations}{more}')
    return str(path)


def test_a_listed_deviation_is_known_and_makes_no_run_fail(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["good-01", "bad-01"], profile=_profile(tmp_path, ("bad-01", "NOP-In")))
    assert outcome.verdicts == {"good-01": "pass", "bad-01.one": "known-deviation", "bad-01.two": "known-deviation"}
    assert outcome.case("bad-01.one").deviation == "bug: it echoes (here)"
    assert outcome.code == Exit.GOOD
    assert "known-deviation bad-01.one" in outcome.out


def test_a_listed_deviation_that_passes_is_an_error(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    profile = _profile(tmp_path, ("good-01", "NOP-In"))
    outcome = bench.run(case=["good-01"], profile=profile)
    assert outcome.verdicts == {"good-01": "fail"}
    assert outcome.case("good-01").observed == "pass instead: the case passed"
    assert outcome.case("good-01").expected == f"the deviation listed in target profile {profile}: 'NOP-In'"
    assert outcome.code == Exit.DEVIATIONS


def test_a_listed_deviation_that_fails_otherwise_is_an_error(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["bad-01.two"], profile=_profile(tmp_path, ("bad-01", "connection closed")))
    assert outcome.verdicts == {"bad-01.two": "fail"}
    assert outcome.case("bad-01.two").observed.startswith("fail instead: NOP-In")
    assert outcome.code == Exit.DEVIATIONS


def test_a_listed_deviation_that_is_unsupported_is_an_error(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["lacking-01"], profile=_profile(tmp_path, ("lacking-01", "NOP-In")))
    assert outcome.case("lacking-01").observed.startswith("unsupported instead: the target settles for")
    assert outcome.code == Exit.DEVIATIONS


def test_an_inconclusive_case_says_nothing_about_its_entry(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["undecided-01"], profile=_profile(tmp_path, ("undecided-01", "NOP-In")))
    assert outcome.verdicts == {"undecided-01": "inconclusive"}


@pytest.mark.parametrize("workers", ["", "1"])
def test_an_entry_for_a_case_that_does_not_exist_is_an_error(bench: Bench, tmp_path: Path, workers: str) -> None:
    bench.write(CASES)
    profile = _profile(tmp_path, ("bad-02", "NOP-In"))
    outcome = bench.run(profile=profile, workers=workers)
    assert (outcome.code, outcome.run) == (Exit.USAGE, None)
    assert f"target profile {profile}: no case is called 'bad-02'" in outcome.err


TOLERATED = """
[[tolerated]]
rule = "reserved"
class = "bug"
reason = "NOP-In has a reserved bit set"
clause = "RFC 7143 section 11.19"
"""
SLOPPY = "tests.conformance.fakes:sloppy"


def test_a_tolerated_rule_fails_no_case(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    assert bench.run(case=["good-01"], factory=SLOPPY).verdicts == {"good-01": "fail"}
    outcome = bench.run(case=["good-01"], factory=SLOPPY, profile=_profile(tmp_path, more=TOLERATED))
    assert outcome.verdicts == {"good-01": "pass"}
    assert outcome.code == Exit.GOOD


def test_a_tolerated_rule_that_nothing_breaks_is_an_error_when_all_cases_ran(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES.partition('@case("bad-01"')[0])
    profile = _profile(tmp_path, more=TOLERATED)
    kept = bench.run(profile=profile)
    assert kept.verdicts == {"good-01": "pass"}
    assert kept.code == Exit.DEVIATIONS
    assert "nothing broke the tolerated rule 'reserved'" in kept.out
    assert bench.run(profile=profile, factory=SLOPPY).code == Exit.GOOD
    assert bench.run(profile=profile, case=["good-01"], workers="1").code == Exit.DEVIATIONS
