"""Each verdict, and the exit code that it leads to."""

from __future__ import annotations

import pytest

from conformance.harness.verdicts import Exit, exit_code
from reports.model import Verdict
from tests.conformance.harness.running import Bench

CASES = '''
@case("good-01", ANY)
def test_good(session):
    """The target answers."""
    session.nop(b"hello")

@case("advice-01", ANY, level="SHOULD")
def test_advice(session):
    """The target SHOULD refuse."""
    session.send(NopOut, data=b"x")
    session.expect(expect.rejected())

@case("remark-01", ANY)
def test_remark(session, non_strict):
    """The target answers, somehow."""
    non_strict("it answers in a strange way")

@case("bad-01", ANY, "7143-11.19-02")
def test_bad(session):
    """The target refuses."""
    session.send(NopOut, data=b"x")
    session.expect(expect.rejected({4}), "7143-11.19-02")

@case("assertion-01", ANY)
def test_assertion(session):
    """StatSN is 99."""
    echo = session.nop(b"x")
    assert echo.header.stat_sn == 99, f"StatSN is {echo.header.stat_sn}"

@case("lacking-01", ANY, needs="header-digest")
def test_lacking(target):
    """Needs what is not there."""
    raise AssertionError("never reached")

@case("declared-01", ANY)
def test_declared(session):
    """Finds out by itself."""
    raise Unsupported("MaxConnections=1 was negotiated")

@case("undecided-01", ANY)
def test_undecided(session):
    """The race did not happen."""
    raise Inconclusive("the race did not happen")

@pytest.fixture
def arranged(session):
    session.send(NopOut, data=b"x")
    session.expect(expect.rejected())

@case("arrangement-01", ANY)
def test_arrangement(arranged):
    """Cannot be arranged."""

@case("login-01", ANY)
def test_login(session, login):
    """Logging in is only the way there."""
    session.nop(b"fall ill")
    login()

@case("endless-01", ANY, time_limit=0.05)
def test_endless():
    """Never ends."""
    while True:
        pass

@case("bug-01", ANY)
def test_bug(session):
    """The case itself is wrong."""
    {}["x"]

@pytest.fixture
def wrong():
    assert False, "an assertion of the arrangement"

@case("bug-02", ANY)
def test_bug_in_fixture(wrong):
    """The arrangement is wrong."""

@pytest.fixture
def untidy(session):
    yield
    raise RuntimeError("cannot tidy up")

@case("bug-03", ANY)
def test_bug_in_teardown(untidy):
    """Tidying up is wrong."""
'''

EXPECTED = {
    "good-01": "pass",
    "advice-01": "non-strict",
    "remark-01": "non-strict",
    "bad-01": "fail",
    "assertion-01": "fail",
    "lacking-01": "unsupported",
    "declared-01": "unsupported",
    "undecided-01": "inconclusive",
    "arrangement-01": "inconclusive",
    "login-01": "inconclusive",
    "endless-01": "inconclusive",
    "bug-01": "harness-error",
    "bug-02": "harness-error",
    "bug-03": "harness-error",
}


def test_every_ending_has_its_verdict(bench: Bench) -> None:
    bench.write(CASES)
    outcome = bench.run()
    assert outcome.verdicts == EXPECTED
    assert outcome.code == Exit.HARNESS


def test_a_failure_says_what_was_expected_and_what_came_and_where_the_rule_stands(bench: Bench) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["bad-01", "assertion-01", "arrangement-01", "login-01", "endless-01", "remark-01"])
    failed = outcome.case("bad-01")
    assert failed.expected == "Reject, reason 0x4 (Protocol Error)"
    assert failed.observed.startswith("NOP-In")
    assert failed.clause == "RFC 7143 section 11.19"
    asserted = outcome.case("assertion-01")
    assert (asserted.expected, asserted.observed) == ("StatSN is 99.", "StatSN is 3")
    assert asserted.clause == "RFC 7143 section 4.2.4"
    assert outcome.case("arrangement-01").observed.startswith("the case could not be arranged: NOP-In")
    assert outcome.case("login-01").observed.startswith("the case could not be arranged: login failed with 0x0300")
    assert outcome.case("endless-01").observed == "not finished within the case's time limit of 0.05 s"
    assert outcome.case("remark-01").observed == "it answers in a strange way"


def test_the_event_that_broke_the_rule_is_marked_with_its_field(bench: Bench) -> None:
    bench.write("""
@case("wrong-01", ANY)
def test_wrong(session):
    \"\"\"Another StatSN.\"\"\"
    session.send(NopOut, data=b"x")
    session.expect(expect.nop_in(stat_sn=99))
""")
    case = bench.run().case("wrong-01")
    (marked,) = (event for event in case.events if event.marked)
    assert marked.title == "NOP-In"
    assert [field.name for field in marked.fields if field.marked] == ["stat_sn"]


def test_a_harness_error_shows_where_and_hides_how_pytest_got_there(bench: Bench) -> None:
    bench.write(CASES)
    case = bench.run(case=["bug-01"]).case("bug-01")
    assert case.observed == "KeyError: 'x'"
    assert '{}["x"]' in case.traceback
    assert "_pytest" not in case.traceback


@pytest.mark.parametrize(
    "cases, code",
    [
        (["good-01", "advice-01", "remark-01", "lacking-01"], Exit.GOOD),
        (["good-01", "bad-01"], Exit.DEVIATIONS),
        (["good-01", "undecided-01"], Exit.DEVIATIONS),
        (["lacking-01", "declared-01"], Exit.NOTHING_RAN),
        (["bad-01", "bug-01"], Exit.HARNESS),
    ],
)
def test_the_gravest_verdict_decides_the_exit_code(bench: Bench, cases: list[str], code: Exit) -> None:
    bench.write(CASES)
    assert bench.run(case=cases).code == code


@pytest.mark.parametrize(
    "verdicts, code",
    [
        ([], Exit.NOTHING_RAN),
        (["pass"], Exit.GOOD),
        (["known-deviation"], Exit.GOOD),
        (["unsupported"], Exit.NOTHING_RAN),
        (["unsupported", "inconclusive"], Exit.DEVIATIONS),
        (["pass", "fail", "harness-error"], Exit.HARNESS),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: Exit) -> None:
    assert exit_code(verdicts) == code


def test_a_rule_that_is_no_requirement_says_where_it_stands(bench: Bench) -> None:
    bench.write('''
@case("guided-01", source="guide, 7.3.5.1; behaviour file, 3.5", level="MUST")
def test_wrong(session):
    """A rule of the guide."""
    assert not session.tsih, "not as the guide says"

@case("both-01", "7143-6.3-01", source="guide, 7.3.1")
def test_both(session):
    """A rule of both."""
    assert not session.tsih, "not as they say"
''')
    outcome = bench.run()
    assert outcome.verdicts == {"guided-01": "fail", "both-01": "fail"}
    assert outcome.case("guided-01").clause == "guide, 7.3.5.1; behaviour file, 3.5"
    assert outcome.case("both-01").clause == "RFC 7143 section 6.3; guide, 7.3.1"
