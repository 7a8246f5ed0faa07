"""Progress while a run goes on: a bar on a terminal, one plain line a case elsewhere, or nothing of ours."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from conformance.harness.results import CaseResult
from conformance.harness.settings import Show
from reports.model import VERDICTS, Verdict, red

STYLES: dict[Verdict, str] = {
    "pass": "green",
    "non-strict": "yellow",
    "fail": "bold red",
    "unsupported": "cyan",
    "known-deviation": "magenta",
    "inconclusive": "bold yellow",
    "harness-error": "bold white on red",
}


class Live(Protocol):
    """Who hears of progress."""

    def begin(self, total: int) -> None:
        """So many cases are going to run."""

    def finished(self, result: CaseResult) -> None:
        """A case ended."""

    def revised(self, result: CaseResult) -> None:
        """A case that ended before has another verdict now."""

    def end(self) -> None:
        """Nothing more will run."""


class Quiet:
    """Says nothing: pytest reports on its own, or a program looks at the results."""

    def begin(self, total: int) -> None:
        """See :class:`Live`."""

    def finished(self, result: CaseResult) -> None:
        """See :class:`Live`."""

    def revised(self, result: CaseResult) -> None:
        """See :class:`Live`."""

    def end(self) -> None:
        """See :class:`Live`."""


class Plain:
    """One line a case, for logs; without rich, which takes longer to print a line than many a case to run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total = self._done = 0

    def begin(self, total: int) -> None:
        """See :class:`Live`."""
        self._total = total

    def finished(self, result: CaseResult) -> None:
        """See :class:`Live`."""
        self._done += 1
        width = len(str(self._total))
        self._stream.write(f"{self._done:{width}}/{self._total} {plain_line(result)}\n")

    def revised(self, result: CaseResult) -> None:
        """See :class:`Live`."""
        self._stream.write(f"{'':{2 * len(str(self._total)) + 1}} {plain_line(result)}\n")

    def end(self) -> None:
        """See :class:`Live`."""
        self._stream.flush()


class Bar:
    """A bar with the verdicts so far; what needs attention scrolls by above it."""

    def __init__(self, console: Console) -> None:
        self._counts: Counter[Verdict] = Counter()
        self._task: TaskID | None = None
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[verdicts]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def begin(self, total: int) -> None:
        """See :class:`Live`."""
        self._progress.start()
        self._task = self._progress.add_task("cases", total=total, verdicts="")

    def finished(self, result: CaseResult) -> None:
        """See :class:`Live`."""
        self._counts[result.verdict] += 1
        self._show(result, advance=1)

    def revised(self, result: CaseResult) -> None:
        """See :class:`Live`."""
        self._counts["pass"] -= 1
        self._counts[result.verdict] += 1
        self._show(result, advance=0)

    def end(self) -> None:
        """See :class:`Live`."""
        self._progress.stop()

    def _show(self, result: CaseResult, advance: int) -> None:
        if red(result.verdict):
            self._progress.console.print(one_line(result))
        if self._task is not None:
            shown = " ".join(f"[{STYLES[v]}]{self._counts[v]} {v}[/]" for v in VERDICTS if self._counts[v])
            self._progress.update(self._task, advance=advance, verdicts=shown)


def one_line(result: CaseResult) -> str:
    """A result in one line of rich's markup: verdict, identifier, title, and the reason where there is one."""
    style = STYLES[result.verdict]
    reason = f" [dim]- {escape(result.reason)}[/]" if result.reason else ""
    return f"[{style}]{result.verdict:<15}[/] {escape(result.card.identifier)}  {escape(result.card.title)}{reason}"


def plain_line(result: CaseResult) -> str:
    """A result in one line of plain text."""
    card = result.card
    return f"{result.verdict:<15} {card.identifier}  {card.title}" + (f" - {result.reason}" if result.reason else "")


def make_live(kind: Show) -> Live:
    """Whoever is to show progress on standard output."""
    if kind in ("pytest", "quiet"):
        return Quiet()
    return Plain(sys.stdout) if kind == "plain" else Bar(Console(highlight=False))
