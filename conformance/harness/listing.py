"""What can be shown without a target: the cases, and the requirement catalogue with its coverage."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

from conformance.harness.cards import CaseCard
from conformance.harness.selection import SelectionError, covers, read_level
from conformance.harness.settings import Settings
from conformance.harness.verdicts import Exit
from conformance.requirements import Catalogue, CatalogueError, Entry, load_catalogue


class Coverage(msgspec.Struct):
    """A requirement with the cases that check it."""

    requirement: Entry
    cases: list[str]


def print_cases(cards: Sequence[CaseCard], as_json: bool) -> None:
    """Print cases: a line each, or a JSON list."""
    if as_json:
        _print_json(cards)
        return
    console = Console(highlight=False)
    width = max((len(card.identifier) for card in cards), default=0)
    for suite in dict.fromkeys(card.suite for card in cards):
        console.print(f"[bold]{escape(suite)}[/]")
        for card in cards:
            if card.suite == suite:
                console.print(f"  {card.identifier:<{width}}  {escape(_about(card))}", soft_wrap=True)
    console.print(f"{len(cards)} cases")


def requirements(wishes: Mapping[str, Any]) -> int:
    """Print the catalogue as `chiscsi requirements` was asked to; returns the exit code."""
    try:
        catalogue = load_catalogue()
        entries = _chosen(catalogue, wishes)
        cases = _cases_by_requirement()
    except (CatalogueError, SelectionError) as error:
        sys.stderr.write(f"chiscsi requirements: {error}\n")
        return Exit.USAGE
    rows = [Coverage(entry, cases[entry.id]) for entry in entries]
    if wishes["uncovered"]:
        rows = [row for row in rows if not row.cases and row.requirement.seen_by_initiator]
    if wishes["as_json"]:
        _print_json(rows)
    else:
        _print_rows(rows, catalogue, cases)
    return Exit.GOOD


def _print_rows(rows: Sequence[Coverage], catalogue: Catalogue, cases: Mapping[str, list[str]]) -> None:
    console = Console(highlight=False)
    for row in rows:
        entry = row.requirement
        console.print(f"[bold]{entry.id}[/] {entry.level} [dim]({entry.topic}, {_seen(entry)})[/]", soft_wrap=True)
        console.print(f"    {escape(entry.text)}", soft_wrap=True)
        if row.cases:
            console.print(f"    [green]{', '.join(row.cases)}[/]", soft_wrap=True)
    visible = [entry for entry in catalogue if entry.seen_by_initiator]
    covered = sum(bool(cases.get(entry.id)) for entry in visible)
    console.print(
        f"{len(rows)} of {len(catalogue)} requirements shown; of the {len(visible)} that an initiator can check of a "
        f"target, {covered} have a case",
        soft_wrap=True,
    )


def _seen(entry: Entry) -> str:
    return {
        "initiator-test": "an initiator can see it",
        "target-test": "a target can see it",
        "both": "either side can see it",
        "no": f"no test can see it: {entry.reason}",
    }[entry.observable]


def _chosen(catalogue: Catalogue, wishes: Mapping[str, Any]) -> list[Entry]:
    sections, topics = wishes["section"] or [], wishes["topic"] or []
    levels = {read_level(text) for text in wishes["level"] or []}
    _check(sections, [entry.section for entry in catalogue], "section")
    _check(topics, [entry.topic for entry in catalogue], "topic")
    return [
        entry
        for entry in catalogue
        if (not sections or any(_lies_in(entry, section) for section in sections))
        and (not topics or entry.topic in topics)
        and (not levels or entry.level in levels)
    ]


def _lies_in(entry: Entry, section: str) -> bool:
    """Whether a section was named, with its document ("7143-4.2.2") or without."""
    return covers(entry.id, section) or entry.section == section or entry.section.startswith(f"{section}.")


def _check(asked: Iterable[str], known: Sequence[str], what: str) -> None:
    for word in asked:
        bare = word.rpartition("-")[2] if what == "section" else word
        if not any(one == bare or (what == "section" and one.startswith(f"{bare}.")) for one in known):
            there = f"; there are: {', '.join(sorted(set(known)))}" if what == "topic" else ""
            raise SelectionError(f"the catalogue has no {what} {word!r}{there}")


def _cases_by_requirement() -> Mapping[str, list[str]]:
    from conformance.harness.conform import UsageError, chosen_cases

    found: defaultdict[str, list[str]] = defaultdict(list)
    try:
        cards = chosen_cases(Settings())
    except UsageError as error:
        raise SelectionError(str(error)) from None
    for card in cards:
        for requirement in card.requirements:
            found[requirement].append(card.identifier)
    return found


def _about(card: CaseCard) -> str:
    flags = [word for word, set_ in (("writes", card.destructive), ("disturbs", card.disturbs)) if set_]
    flags += [f"needs {need}" for need in card.needs]
    return f"{card.level:<10} {card.title}" + (f" ({', '.join(flags)})" if flags else "")


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")
