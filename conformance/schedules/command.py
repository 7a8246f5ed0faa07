"""`chiscsi explore`: run schedules, show how it goes, and tell what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.jobs import Result, Wishes, explore
from conformance.schedules.search import Numbers
from conformance.schedules.story import number_of, tell

NOTHING_FOUND, VIOLATED, WRONG_WISH, INTERRUPTED = 0, 1, 2, 130


def main(wishes: Mapping[str, Any]) -> int:
    """Do what the command line asks for; returns the exit code."""
    console, complaints = Console(highlight=False), Console(stderr=True, highlight=False)
    try:
        if wishes["show"]:
            return _list(console)
        if wishes["replay"]:
            return _replay(console, wishes["replay"])
        return _explore(console, _wishes(wishes))
    except ValueError as error:
        complaints.print(f"chiscsi explore: {error}", markup=False, soft_wrap=True)
        return WRONG_WISH
    except KeyboardInterrupt:
        complaints.print("interrupted")
        return INTERRUPTED


def _wishes(wishes: Mapping[str, Any]) -> Wishes:
    names = tuple(dict.fromkeys(wishes["scenario"] or SCENARIOS))
    for name in names:
        _known(name)
    keys = ("depth", "walks", "seed", "seconds", "workers")
    return Wishes(names, **{key: wishes[key] for key in keys})


def _known(name: str) -> None:
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario {name!r}; the scenarios are {', '.join(SCENARIOS)}")


def parse_number(text: str) -> tuple[str, Numbers]:
    """Take a schedule's number apart.

    Raises:
        ValueError: it is none; the text says why.
    """
    name, colon, rest = text.partition(":")
    _known(name)
    pieces = rest.split(".") if rest else []
    if not colon or not all(piece.isascii() and piece.isdigit() for piece in pieces):
        raise ValueError(f"{text!r} is no schedule: it has to look like {name}:1.4.0.2")
    return name, tuple(map(int, pieces))


def _list(console: Console) -> int:
    table = Table("scenario", "what happens in it", box=None)
    for scenario in SCENARIOS.values():
        table.add_row(scenario.name, scenario.about)
    console.print(table)
    return NOTHING_FOUND


def _replay(console: Console, text: str) -> int:
    name, numbers = parse_number(text)
    lines, run = tell(SCENARIOS[name], numbers)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    if run.violation is None:
        console.print("no invariant is violated")
    return NOTHING_FOUND if run.violation is None else VIOLATED


def _explore(console: Console, wishes: Wishes) -> int:
    results: dict[str, Result] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[schedules]} schedules"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("exploring", total=len(wishes.names), schedules=0)
        for done, result in enumerate(explore(wishes)):
            results[result.name] = result
            if done % 50 == 0 or wishes.workers > 1:
                progress.update(bar, completed=len(results) - 1, description=result.name, schedules=_total(results))
    ordered = [results[name] for name in wishes.names]
    console.print(_table(ordered))
    findings = [finding for result in ordered for finding in result.findings]
    for finding in findings:
        name, numbers = parse_number(number_of(finding))
        console.print(f"\n{name}:{'.'.join(map(str, numbers))}", markup=False, soft_wrap=True, style="bold red")
        for line in tell(finding.scenario, numbers)[0]:
            console.print(line, markup=False, soft_wrap=True)
    return VIOLATED if findings else NOTHING_FOUND


def _total(results: Mapping[str, Result]) -> int:
    return sum(result.systematic.schedules + result.walked.schedules for result in results.values())


def _table(results: list[Result]) -> Table:
    """The summary. `all` says that there is no further schedule within the bound."""
    # A name is what `--scenario` takes: it stands there whole.
    longest = max(len(result.name) for result in results)
    table = Table(Column("scenario", min_width=longest, no_wrap=True), box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("schedules", "all", "states", "walks", "deepest", "seconds", "violations"):
        table.add_column(heading, justify="right")
    for result in results:
        one, two = result.systematic, result.walked
        table.add_row(
            result.name,
            str(one.schedules),
            "yes" if one.complete else "",
            str(one.states),
            str(two.schedules),
            str(max(one.deepest, two.deepest)),
            f"{result.seconds:.1f}",
            str(len(result.findings) or ""),
        )
    both = [tally for result in results for tally in (result.systematic, result.walked)]
    table.add_section()
    table.add_row(
        "together",
        str(sum(result.systematic.schedules for result in results)),
        "",
        str(sum(tally.states for tally in both)),
        str(sum(result.walked.schedules for result in results)),
        str(max((tally.deepest for tally in both), default=0)),
        f"{sum(result.seconds for result in results):.1f}",
        str(sum(len(result.findings) for result in results)),
    )
    return table
