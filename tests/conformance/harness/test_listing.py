"""`chiscsi requirements`: the catalogue and what of it is covered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.harness import listing
from conformance.harness.verdicts import Exit
from conformance.requirements import load_catalogue

COVERED = {"7143-4.2.2.1-17": ["cmdsn-window-01"], "7143-4.2.2.1-09": ["cmdsn-order-01"]}


@pytest.fixture(autouse=True)
def known_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which cases there are changes every week; what is shown of them does not."""
    coverage = {entry.id: COVERED.get(entry.id, []) for entry in load_catalogue()}
    monkeypatch.setattr(listing, "_cases_by_requirement", lambda: coverage)


def _show(**wishes: Any) -> int:
    plain: dict[str, Any] = {"section": None, "level": None, "topic": None, "uncovered": False, "as_json": False}
    return listing.requirements(plain | wishes)


def _ids(text: str) -> list[str]:
    return [row["requirement"]["id"] for row in json.loads(text)]


def test_a_requirement_is_shown_with_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert _show(section=["4.2.2.1"]) == Exit.GOOD
    text = capsys.readouterr().out
    assert "7143-4.2.2.1-17 MUST (cmdsn, an initiator can see it)" in text
    assert "    cmdsn-window-01\n" in text
    assert "28 of 1316 requirements shown" in text
    assert "2 have a case" in text


@pytest.mark.parametrize("section", ["4.2.2", "7143-4.2.2"])
def test_a_section_has_everything_below_it(section: str, capsys: pytest.CaptureFixture[str]) -> None:
    _show(section=[section], as_json=True)
    found = _ids(capsys.readouterr().out)
    assert "7143-4.2.2.1-01" in found
    assert "7143-4.2.2.4-01" in found
    assert all(identifier.startswith("7143-4.2.2.") for identifier in found)


def test_filters_narrow_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    _show(section=["4.2.2.1"], level=["must-not"], topic=["cmdsn"], as_json=True)
    found = _ids(capsys.readouterr().out)
    assert found == [
        "7143-4.2.2.1-03",
        "7143-4.2.2.1-13",
        "7143-4.2.2.1-16",
        "7143-4.2.2.1-27",
        "7143-4.2.2.1-28",
    ]


def test_uncovered_are_those_that_an_initiator_could_check(capsys: pytest.CaptureFixture[str]) -> None:
    _show(section=["4.2.2.1"], uncovered=True, as_json=True)
    found = _ids(capsys.readouterr().out)
    assert "7143-4.2.2.1-18" in found
    assert "7143-4.2.2.1-17" not in found
    assert "7143-4.2.2.1-03" not in found


@pytest.mark.parametrize(
    "wishes, complaint",
    [
        ({"section": ["99"]}, "the catalogue has no section '99'"),
        ({"topic": ["luck"]}, "the catalogue has no topic 'luck'; there are: async"),
        ({"level": ["HIGH"]}, "'HIGH' is no level"),
    ],
)
def test_a_wish_for_something_unknown_is_refused(
    wishes: dict[str, Any], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _show(**wishes) == Exit.USAGE
    assert complaint in capsys.readouterr().err
