"""Races that the explorer found in our own target, and that are mended: each by its events."""

from __future__ import annotations

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.run import Run

MENDED = {
    "refused abort of a write with data on their way": (
        "answered-here",
        "step 0, drive 0 give, data 0, step 3, data 0, answer 0 5",
    ),
    "driver's abort between its answer and the end of the function": (
        "phases-aborted",
        "step 0, work 0, step 1, work 0, answer 0 0, drive 0 abort",
    ),
    "second abort of a task whose first is refused": (
        "abort-task-read",
        "step 0, step 1, step 2, answer 0 5",
    ),
    "buffers of an aborted read that are still to be sent": (
        "phases-read-aborted",
        "step 0, drive 0 execute, step 1, answer 0 0, take 0",
    ),
    "function that waits for data of a lost connection": (
        "one-of-two-lost",
        "step 0, drive 0 give, step 2, step 3",
    ),
    "abort_status for a function that was refused, in the next one": (
        "escalation",
        "step 0, drive 0 give, data 0, step 1, answer 0 5, step 1, answer 1 5, data 0, step 2, drive 0 abort_status",
    ),
    "data that come in while the driver answers the hook of a function": (
        "placing",
        "step 0, drive 0 give, data 0, rest 0, step 1, data 0, drive 0 abort_status, rest 0, answer 0 0",
    ),
    "write that goes on behind a refused function when its last data come": (
        "abort-task-write",
        (
            "step 0, work 0, drive 0 give, work 0, data 0, data 0, step 1, work 0, work 0, answer 0 5, work 0, "
            "drive 0 abort_status, data 0, work 0, work 0, work 0"
        ),
    ),
    "write that goes on behind a refused function when its driver gives buffers": (
        "abort-task-write",
        "step 0, work 0, data 0, step 1, work 0, answer 0 5, work 0, drive 0 give, work 0, work 0",
    ),
    "tag of a task that is used again while data of its last one are due": (
        "tag-again",
        (
            "step 0, drive 0 give, data 0, data 0, data 0, step 1, drive 0 abort_status, answer 0 0, step 0, "
            "drive 1 give, data 1, data 1, data 1, step 2, drive 1 abort_status, answer 1 0, data 0"
        ),
    ),
    "buffer for a write that another session has ended meanwhile": (
        "clear-task-set",
        "step 2, step 3, answer 0 0, drive 0 give",
    ),
    "data of a read that another session has ended meanwhile": (
        "warm-reset",
        "step 1, step 2, answer 0 0, drive 0 execute",
    ),
    "function whose command another one had ended": (
        "escalation",
        "step 0, step 1, answer 0 5, step 1, step 2, answer 2 0, answer 1 0",
    ),
}


@pytest.mark.parametrize("race", MENDED)
def test_a_race_that_is_mended(race: str) -> None:
    name, events = MENDED[race]
    run = Run(SCENARIOS[name])
    for text in events.split(", "):
        kind, number, *detail = text.split()
        event = (kind, int(number), *detail, *([""] if not detail else []))
        assert event in run.enabled(), f"{text} is not possible"
        run.apply(event)
        run.check()
    run.finish()
    assert not run.judge.violations


def test_an_exception_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(SCENARIOS["completions"])
    monkeypatch.setattr(run, "_step", lambda step: next(iter(())))
    run.apply(("step", 0, ""))
    assert run.violation is not None and run.violation.invariant == "no exception"


def test_an_error_in_the_log_is_a_violation() -> None:
    run = Run(SCENARIOS["completions"])
    run.worker.complain("chiscsi: ERR! fp_scsi_cmd_cleanup raised: KeyError")
    assert run.violation is not None and run.violation.invariant == "no exception"
