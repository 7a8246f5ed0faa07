from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.command import main, parse_number
from tests.conformance.schedules.plants import PLANTS
from tests.mutants.planting import Plant


@pytest.fixture
def faulty() -> Iterator[None]:
    plant = Plant()
    PLANTS["failures_are_reported_as_success"].plant(plant)
    yield
    plant.undo()


def explore(**wishes: Any) -> int:
    known = {"scenario": ["slow-transport"], "depth": 3, "walks": 5, "seed": 1, "seconds": None, "workers": 1}
    return main(known | {"replay": "", "show": False} | wishes)


def test_a_healthy_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore() == 0
    out = capsys.readouterr().out
    assert "slow-transport" in out and "yes" in out and "together" in out


@pytest.mark.usefixtures("faulty")
def test_a_faulty_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(scenario=["completions"], depth=8) == 1
    out = capsys.readouterr().out
    assert "VIOLATION status" in out
    number = next(line for line in out.splitlines() if line.startswith("completions:"))
    assert explore(replay=number) == 1
    assert capsys.readouterr().out.splitlines()[-1] in out


def test_a_schedule_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(replay="completions:0.1") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no invariant is violated"


def test_several_processes(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(scenario=["slow-transport", "completions"], workers=2, seconds=60.0) == 0
    assert "completions" in capsys.readouterr().out


def test_the_list_of_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(show=True) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in SCENARIOS)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"scenario": ["races"]}, "there is no scenario 'races'"),
        ({"replay": "races:1"}, "there is no scenario 'races'"),
        ({"replay": "completions"}, "is no schedule"),
        ({"replay": "completions:1..2"}, "is no schedule"),
        ({"replay": "completions:-1"}, "is no schedule"),
        ({"replay": "completions:99"}, "choice 1 is 99"),
    ],
)
def test_wrong_wishes(wishes: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(**wishes) == 2
    assert words in capsys.readouterr().err


def test_numbers() -> None:
    assert parse_number("completions:1.0.12") == ("completions", (1, 0, 12))
    assert parse_number("completions:") == ("completions", ())
