"""Which cases a wish chooses, and what is said about a wish that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.harness.cards import CaseCard
from conformance.harness.selection import SelectionError, covers, select
from conformance.harness.settings import Settings
from conformance.requirements import load_catalogue


def _card(identifier: str, suite: str = "login", level: str = "MUST", **more: Any) -> CaseCard:
    values: dict[str, Any] = {
        "title": "",
        "rule": "",
        "requirements": ("7143-6.3-01",),
        "destructive": False,
        "disturbs": False,
        "needs": (),
        "time_limit": None,
    }
    return CaseCard(identifier=identifier, suite=suite, level=level, **(values | more))


CARDS = [
    _card("login-01"),
    _card("login-02", level="SHOULD", requirements=("7143-6.3.1-01",)),
    _card("data-01.immediate", suite="data", destructive=True, requirements=("7143-4.2.2.1-12",)),
    _card("data-01.solicited", suite="data", destructive=True, requirements=("7143-4.2.2.1-12",)),
    _card("data-02", suite="data", level="MUST NOT", requirements=("7143-4.2.2.1-12", "7143-6.3-02")),
]


def _choose(**wishes: Any) -> list[str]:
    selection = select(CARDS, Settings(**wishes), load_catalogue())
    return [card.identifier for card in CARDS if card.identifier in selection.chosen]


@pytest.mark.parametrize(
    "wishes, chosen",
    [
        ({}, [card.identifier for card in CARDS]),
        ({"suite": ["login"]}, ["login-01", "login-02"]),
        ({"case": ["login-02", "data-02"]}, ["login-02", "data-02"]),
        ({"case": ["data-01"]}, ["data-01.immediate", "data-01.solicited"]),
        ({"case": ["data-01.solicited"]}, ["data-01.solicited"]),
        ({"requirement": ["7143-6.3-02"]}, ["data-02"]),
        ({"requirement": ["7143-6.3"]}, ["login-01", "login-02", "data-02"]),
        ({"requirement": ["7143-6.3.1"]}, ["login-02"]),
        ({"level": ["must-not", "should"]}, ["login-02", "data-02"]),
        ({"suite": ["data"], "level": ["MUST"]}, ["data-01.immediate", "data-01.solicited"]),
        ({"suite": ["login"], "level": ["MAY"]}, []),
    ],
)
def test_wishes_of_one_kind_are_alternatives_and_kinds_narrow_each_other(
    wishes: dict[str, Any], chosen: list[str]
) -> None:
    assert _choose(**wishes) == chosen


@pytest.mark.parametrize(
    "wishes, complaint",
    [
        ({"suite": ["logon"]}, "no suite is called 'logon'; there are: data, login"),
        ({"case": ["login-03"]}, "no case is called 'login-03'; did you mean login-0"),
        ({"case": ["zzz"]}, "no case is called 'zzz'; `chiscsi conform --list` shows them all"),
        ({"requirement": ["7143-99"]}, "the catalogue has no requirement or section '7143-99'"),
        ({"requirement": ["7143-6.3-999"]}, "the catalogue has no requirement or section '7143-6.3-999'"),
        ({"level": ["perhaps"]}, "'perhaps' is no level; there are: MUST, MUST NOT, SHOULD"),
    ],
)
def test_a_wish_for_something_unknown_is_refused(wishes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SelectionError) as raised:
        _choose(**wishes)
    assert complaint in str(raised.value)


def test_a_foreign_target_is_spared_the_cases_that_write() -> None:
    selection = select(CARDS, Settings(url="iscsi://h/iqn.2004-01.com.example:disk"), load_catalogue())
    assert selection.chosen == {"login-01", "login-02", "data-02"}
    assert selection.spared == 2


def test_a_foreign_target_whose_data_may_be_lost_is_not_spared() -> None:
    settings = Settings(url="iscsi://h/iqn.2004-01.com.example:disk", allow_data_loss=True)
    selection = select(CARDS, settings, load_catalogue())
    assert selection.chosen == {card.identifier for card in CARDS}
    assert selection.spared == 0


@pytest.mark.parametrize("case", ["data-01", "data-01.solicited"])
def test_a_writing_case_asked_for_by_name_needs_leave_on_a_foreign_target(case: str) -> None:
    settings = Settings(url="iscsi://h/iqn.2004-01.com.example:disk", case=[case])
    with pytest.raises(SelectionError, match="allow it with --allow-data-loss"):
        select(CARDS, settings, load_catalogue())


@pytest.mark.parametrize(
    "requirement, wanted, covered",
    [
        ("7143-4.2.2.1-12", "7143-4.2.2.1-12", True),
        ("7143-4.2.2.1-12", "7143-4.2.2.1", True),
        ("7143-4.2.2.1-12", "7143-4.2", True),
        ("7143-4.2.2.1-12", "7143-4.2.2.1-1", False),
        ("7143-11.2-01", "7143-1", False),
        ("7143-12.1.3-01", "7143-1", False),
    ],
)
def test_a_section_covers_what_lies_below_it(requirement: str, wanted: str, covered: bool) -> None:
    assert covers(requirement, wanted) is covered


@pytest.mark.parametrize(
    "wishes, chosen",
    [
        ({}, ["login-01", "drv-01"]),
        ({"url": "iscsi://h/iqn.2004-01.com.example:disk"}, ["login-01"]),
        ({"driver": ["package.module:Class"]}, ["login-01"]),
        ({"url": "iscsi://h/iqn.2004-01.com.example:disk", "suite": ["driver_api"]}, ["drv-01"]),
        ({"url": "iscsi://h/iqn.2004-01.com.example:disk", "case": ["drv-01"]}, ["drv-01"]),
    ],
)
def test_cases_of_the_driver_api_are_for_the_embedded_target(wishes: dict[str, Any], chosen: list[str]) -> None:
    """Elsewhere they run only when they are asked for, and say that they are not supported."""
    cards = [_card("login-01"), _card("drv-01", suite="driver_api", needs=("storage-driver-api",))]
    assert select(cards, Settings(**wishes), load_catalogue()).chosen == frozenset(chosen)
