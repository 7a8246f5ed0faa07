"""What is read from the tester's output."""

from __future__ import annotations

from time import monotonic

import pytest

from tests.interop.matrix.tester import Result, Runner, known_tests, parse

SAID = """
Suite: Sanitize
  Test: BlockErase ...    [SKIPPED] SANITIZE is not implemented.
    [SKIPPED] SANITIZE is not implemented.
passed
  Test: Readonly ...    SWP is not changeable
FAILED
    1. test_sanitize_readonly.c:60  - CU_ASSERT_EQUAL(ret,0)
    2. test_sanitize_readonly.c:60  - CU_ASSERT_EQUAL(ret,0)
  Test: Control-SWP ...    SWP is not changeable
passed
  Test: Reset ...    [FAILED] wrong sense
FAILED
    1. a.c:1  - CU_ASSERT_EQUAL(_r,0)
  Test: Last ...passed    [FAILED] PRIN command: of the clean-up, not of the test
  Test: Interrupted ...    [SKIPPED] not known how it ended

Run Summary:    Type  Total    Ran Passed Failed Inactive
  Test: None ...passed
"""


def test_each_test_has_its_verdict_and_reasons() -> None:
    assert parse("ALL.Sanitize", SAID) == [
        Result("ALL.Sanitize.BlockErase", "skipped", "SANITIZE is not implemented."),
        Result("ALL.Sanitize.Readonly", "failed", "test_sanitize_readonly.c:60: CU_ASSERT_EQUAL(ret,0)"),
        Result("ALL.Sanitize.Control-SWP", "skipped", "SWP is not changeable"),
        Result("ALL.Sanitize.Reset", "failed", "wrong sense; a.c:1: CU_ASSERT_EQUAL(_r,0)"),
        Result("ALL.Sanitize.Last", "passed"),
    ]


def test_a_result_knows_its_suite() -> None:
    assert Result("ALL.Unmap.VPD", "passed").suite == "Unmap"


@pytest.mark.interop
def test_the_other_families_have_no_tests_of_their_own() -> None:
    assert sum(map(len, known_tests().values())) == 230
    assert known_tests()["ALL.Unmap"] == ("ALL.Unmap.Simple", "ALL.Unmap.VPD", "ALL.Unmap.ZeroBlocks")
    others = known_tests("SCSI", "iSCSI", "LINUX")
    assert all(set(names) <= set(known_tests()[suite]) for suite, names in others.items())


@pytest.mark.interop
def test_a_target_that_has_died_is_said_of_every_test() -> None:
    results = list(Runner(("iscsi://127.0.0.1:1/none/0",), 1, monotonic() + 60, lambda: "it has crashed").run())
    assert len(results) == 230
    assert {(each.verdict, each.reason) for each in results} == {("not run", "it has crashed")}


@pytest.mark.interop
def test_nothing_is_begun_after_the_deadline() -> None:
    results = list(Runner(("iscsi://127.0.0.1:1/none/0",), 1, monotonic()).run())
    assert {(each.verdict, each.reason) for each in results} == {("not run", "no time was left")}
