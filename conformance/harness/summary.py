"""What a run leaves on the terminal: a table of verdicts by suite, and each case that needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.harness.assembly import findings_of, repeat_command
from conformance.harness.decoding import placement_of
from conformance.harness.evidence import PLACEMENT
from conformance.harness.ledger import Ledger
from conformance.harness.live import STYLES, one_line
from conformance.harness.needs import DRIVER_API
from conformance.harness.results import CaseResult
from conformance.harness.verdicts import Exit, clause_of
from conformance.requirements import load_catalogue
from reports.model import VERDICTS, Verdict, red
from reports.placement import add_up, sums_in_words

_MEANINGS = {
    Exit.GOOD: "no deviation",
    Exit.DEVIATIONS: "the target deviates",
    Exit.NOTHING_RAN: "nothing was judged",
    Exit.HARNESS: "the harness failed: this run says nothing certain about the target",
    Exit.INTERRUPTED: "interrupted",
}


def print_summary(console: Console, ledger: Ledger) -> None:
    """Print the table, the cases that need attention, and where the reports lie."""
    results = ledger.in_order()
    if results:
        console.print(_table(results))
    for result in results:
        if red(result.verdict):
            _print_case(console, result, ledger)
    for line in _findings(results):
        console.print(line, soft_wrap=True)
    for line in _placements(results):
        console.print(line, soft_wrap=True)
    for rule in ledger.stale():
        console.print(
            f"target profile {escape(ledger.settings.profile)}: nothing broke the tolerated rule {rule!r}",
            soft_wrap=True,
        )
    if ledger.harvest.spared:
        console.print(
            f"{ledger.harvest.spared} cases that write to the LUN were left out: --allow-data-loss runs them",
            soft_wrap=True,
        )
    for path in ledger.written:
        console.print(f"{path.name:<13} {escape(str(path))}", soft_wrap=True)
    code = ledger.code if ledger.code is not None else Exit.HARNESS
    seconds = f"{len(results)} cases in {ledger.duration:.2f} s"
    console.print(f"[bold]{seconds}: {_MEANINGS.get(code, 'nothing ran')}[/] (exit code {int(code)})", soft_wrap=True)


def _findings(results: Sequence[CaseResult]) -> list[str]:
    """A line for each kind of findings: what the storage driver did wrong, whatever became of the cases."""
    first: dict[str, str] = {}
    cases: Counter[str] = Counter()
    for result in results:
        # A case of the driver API plays the driver itself, mistakes and all.
        for finding in findings_of(result) if DRIVER_API not in result.card.needs else ():
            cases[finding.kind] += 1
            first.setdefault(finding.kind, f"{finding.text} ({result.card.identifier})")
    return [f"finding {kind} in {count} cases, such as: {escape(first[kind])}" for kind, count in cases.items()]


def _placements(results: Sequence[CaseResult]) -> list[str]:
    """What became of the data of all writes: what the adapter placed, what was copied, and why."""
    raw = (event for result in results for event in result.events if event.kind == PLACEMENT)
    sums = add_up(placement_of(event) for event in raw)
    if not sums.writes:
        return []
    reasons = [f"  {octets:>11,} copied of {writes:,}: {escape(reason)}" for reason, octets, writes in sums.reasons]
    return [f"data of {sums_in_words(sums)}", *reasons]


def _table(results: Sequence[CaseResult]) -> Table:
    counts: dict[str, Counter[Verdict]] = {}
    for result in results:
        counts.setdefault(result.card.suite, Counter())[result.verdict] += 1
    total: Counter[Verdict] = Counter(result.verdict for result in results)
    shown = [verdict for verdict in VERDICTS if total[verdict]]
    table = Table("suite", *(f"[{STYLES[verdict]}]{verdict}[/]" for verdict in shown), "all", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for suite, verdicts in counts.items():
        table.add_row(suite, *_row(verdicts, shown))
    table.add_row("[bold]all[/]", *_row(total, shown), style="bold")
    return table


def _row(verdicts: Counter[Verdict], shown: Iterable[Verdict]) -> list[str]:
    return [str(verdicts[verdict] or "-") for verdict in shown] + [str(verdicts.total())]


def _print_case(console: Console, result: CaseResult, ledger: Ledger) -> None:
    clause = result.clause or clause_of(result.card, load_catalogue())
    lines = {
        "expected": result.expected,
        "observed": result.observed,
        "clause": clause,
        "traceback": result.traceback.strip(),
        "repeat": repeat_command(result, ledger.settings),
    }
    console.print()
    console.print(one_line(result).partition(" [dim]-")[0], soft_wrap=True)
    for name, text in lines.items():
        if text:
            console.print(f"  {name:<9} {escape(text)}", soft_wrap=True)
