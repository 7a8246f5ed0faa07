"""Turns at a shared target, as processes take them."""

from __future__ import annotations

import threading
from pathlib import Path

from conformance.harness.turns import Turns


def _try(turns: Turns, alone: bool, entered: threading.Event, leave: threading.Event) -> threading.Thread:
    def visit() -> None:
        with turns.turn(alone):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=visit)
    thread.start()
    return thread


def test_ordinary_cases_run_together(tmp_path: Path) -> None:
    with Turns(tmp_path).turn(alone=False), Turns(tmp_path).turn(alone=False):
        pass


def test_a_disturbing_case_waits_for_the_others_and_then_keeps_them_out(tmp_path: Path) -> None:
    entered, leave, later, done = (threading.Event() for _ in range(4))
    done.set()
    with Turns(tmp_path).turn(alone=False):
        disturbing = _try(Turns(tmp_path), True, entered, leave)
        assert not entered.wait(0.05)
    assert entered.wait(10)
    ordinary = _try(Turns(tmp_path), False, later, done)
    assert not later.wait(0.05)
    leave.set()
    assert later.wait(10)
    disturbing.join()
    ordinary.join()


def test_who_comes_later_does_not_overtake_a_waiting_disturbing_case(tmp_path: Path) -> None:
    entered, leave, later, done = (threading.Event() for _ in range(4))
    leave.set()
    done.set()
    with Turns(tmp_path).turn(alone=False):
        disturbing = _try(Turns(tmp_path), True, entered, leave)
        assert not entered.wait(0.05)
        ordinary = _try(Turns(tmp_path), False, later, done)
        assert not later.wait(0.05)
    disturbing.join(10)
    ordinary.join(10)
    assert entered.is_set()
    assert later.is_set()
