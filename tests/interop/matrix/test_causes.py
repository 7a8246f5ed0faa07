"""The tables of causes explain, and every entry is needed."""

from __future__ import annotations

from tests.interop.matrix.causes import Cause, never_passed, stale, unexplained
from tests.interop.matrix.tester import Result

ONE, TWO, THREE = "ALL.Unmap.Simple", "ALL.Unmap.VPD", "ALL.Read6.Simple"
MATRIX = {
    "thin": [Result(ONE, "passed"), Result(TWO, "skipped", "why"), Result(THREE, "failed", "no WRITE_PROTECTED here")],
    "thick": [Result(ONE, "skipped", "not thin"), Result(TWO, "broken", "crash"), Result(THREE, "passed")],
}


def test_failures_without_a_cause_are_found() -> None:
    assert unexplained(MATRIX, ()) == [
        "thin: ALL.Read6.Simple: failed: no WRITE_PROTECTED here",
        "thick: ALL.Unmap.VPD: broken: crash",
    ]


def test_a_cause_covers_a_test_a_kind_and_what_is_said() -> None:
    causes = [Cause("ALL.Read6.*", "thin", "it is known", says="*WRITE_PROTECTED*"), Cause(TWO, "thin", "elsewhere")]
    assert unexplained(MATRIX, causes) == ["thick: ALL.Unmap.VPD: broken: crash"]


def test_what_passed_nowhere_is_listed_with_what_was_said() -> None:
    assert never_passed(MATRIX) == {TWO: ("why", "crash")}


def test_an_entry_that_explains_nothing_is_stale() -> None:
    needed, idle = Cause(THREE, "thin", "needed"), Cause(ONE, "*", "passes by now")
    assert stale(MATRIX, (needed, idle), ()) == ["ALL.Unmap.Simple (*): passes by now"]
    assert stale(MATRIX, (needed,), (Cause(TWO, "*", "needed"),)) == []
    assert stale(MATRIX, (needed,), (idle,)) == ["ALL.Unmap.Simple (*): passes by now"]


def test_an_entry_about_a_race_need_not_be_needed() -> None:
    assert (
        stale(MATRIX, (Cause("ALL.*", "*", "needed"), Cause("ALL.Unmap.*", "*", "now and then", sometimes=True)), ())
        == []
    )
