"""Choosing cases: by suite, identifier, requirement and level, and what may run on whose target."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from conformance.harness.cards import CaseCard
from conformance.harness.needs import DRIVER_API
from conformance.harness.settings import Settings
from conformance.requirements import Catalogue

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "FORMAT")


class SelectionError(Exception):
    """The user asked for something that does not exist; the message says what, and what there is."""


class Selection(NamedTuple):
    """Identifiers of the cases to run, and how many were left out because they would write to somebody's disk."""

    chosen: frozenset[str]
    spared: int


def select(cards: Sequence[CaseCard], settings: Settings, catalogue: Catalogue) -> Selection:
    """Choose among all cases.

    Raises:
        SelectionError: a suite, case, requirement or level that nobody knows, or a destructive case asked for
            by name on a foreign target without leave.
    """
    _check_suites(cards, settings.suite)
    _check_cases(cards, settings.case)
    _check_requirements(settings.requirement, catalogue)
    levels = {read_level(text) for text in settings.level}
    wanted = [
        card
        for card in cards
        if (not settings.suite or card.suite in settings.suite)
        and (not settings.case or card.identifier in settings.case or card.family in settings.case)
        and (not settings.requirement or _touches(card, settings.requirement))
        and (not levels or card.level in levels)
        and (concerns(card, settings) or card.suite in settings.suite or _is_named(card, settings))
    ]
    return _spare_data(wanted, settings)


def concerns(card: CaseCard, settings: Settings) -> bool:
    """Whether a case is about what is tested, so that it belongs to a run of all cases.

    Those of the storage-driver API bring drivers of their own into this process: they say nothing about a foreign
    target, nor about a driver that the user has named.
    """
    return DRIVER_API not in card.needs or not (settings.foreign or settings.driver)


def _is_named(card: CaseCard, settings: Settings) -> bool:
    return card.identifier in settings.case or card.family in settings.case


def covers(requirement: str, wanted: str) -> bool:
    """Whether a requirement is the one wanted, or lies in the section wanted ("7143-4.2.2") or below it."""
    section = requirement.rpartition("-")[0]
    return wanted in (requirement, section) or section.startswith(f"{wanted}.")


def _touches(card: CaseCard, wanted: Iterable[str]) -> bool:
    return any(covers(requirement, one) for requirement in card.requirements for one in wanted)


def _check_suites(cards: Sequence[CaseCard], asked: Sequence[str]) -> None:
    known = sorted({card.suite for card in cards})
    for suite in asked:
        if suite not in known:
            raise SelectionError(f"no suite is called {suite!r}; there are: {', '.join(known) or 'none'}")


def _check_cases(cards: Sequence[CaseCard], asked: Sequence[str]) -> None:
    known = {card.identifier for card in cards} | {card.family for card in cards}
    for identifier in asked:
        if identifier not in known:
            near = difflib.get_close_matches(identifier, sorted(known), 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; `chiscsi conform --list` shows them all"
            raise SelectionError(f"no case is called {identifier!r}{hint}")


def _check_requirements(asked: Sequence[str], catalogue: Catalogue) -> None:
    for wanted in asked:
        if not any(covers(entry.id, wanted) for entry in catalogue):
            raise SelectionError(
                f"the catalogue has no requirement or section {wanted!r}; `chiscsi requirements` shows them all"
            )


def read_level(text: str) -> str:
    """A level as the catalogue writes it, from `must-not` or the like."""
    level = text.upper().replace("-", " ")
    if level not in LEVELS:
        raise SelectionError(f"{text!r} is no level; there are: {', '.join(LEVELS)}")
    return level


def _spare_data(wanted: Sequence[CaseCard], settings: Settings) -> Selection:
    if not settings.foreign or settings.allow_data_loss:
        return Selection(frozenset(card.identifier for card in wanted), 0)
    for card in wanted:
        if card.destructive and _is_named(card, settings):
            raise SelectionError(f"case {card.identifier} writes to the target's LUN: allow it with --allow-data-loss")
    harmless = frozenset(card.identifier for card in wanted if not card.destructive)
    return Selection(harmless, len(wanted) - len(harmless))
