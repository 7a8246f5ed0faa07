"""`python -m benchmarks`: our target beside tgt and istgt, in one run, with the same clients."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.loads import LOADS, Load, sample
from benchmarks.measure import Measured, Sample, measure
from benchmarks.program import idle_mebibytes, start_seconds
from benchmarks.results import Results, cpu_table, rates_table, write
from benchmarks.targets import OURS, STARTERS, all_targets
from tests.interop.processes import RunningTarget

_RESULTS = Path(__file__).parent / "results"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each target meets each load (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="length of one iscsi-perf run (default 3)")
    parser.add_argument("--size", type=int, default=256, help="MiB of each disk (default 256)")
    parser.add_argument("--target", action="append", choices=list(STARTERS), help="only this target; repeatable")
    parser.add_argument("--load", action="append", choices=[load.name for load in LOADS], help="only this; repeatable")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="folder for results.json, .md and .svg")
    return parser.parse_args()


def _measure(
    load: Load, targets: dict[str, RunningTarget], arguments: argparse.Namespace, console: Console
) -> Measured:
    def told(number: int, name: str, measured: Sample) -> None:
        console.print(f"round {number + 1}: {load.title}: {name} {measured.rate:,.0f}", style="dim")

    def run(name: str) -> Sample:
        return sample(load, targets[name], arguments.seconds)

    return measure(load.name, list(targets), arguments.rounds, run, told)


def main() -> int:
    """Measure, print, write; the exit status is 1 when a floor or a limit was missed."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 120)
    results = Results()
    with all_targets(arguments.target or list(STARTERS), arguments.size << 20) as targets:
        results.versions = {name: target.version for name, target in targets.items()}
        if OURS in targets:
            results.program = {"start_seconds": start_seconds(), "idle_mebibytes": idle_mebibytes(targets[OURS])}
        for load in LOADS:
            if not arguments.load or load.name in arguments.load:
                results.loads.append((load, _measure(load, targets, arguments, console)))
    _report(results, arguments.output, console)
    return 1 if results.failures() else 0


def _report(results: Results, output: Path, console: Console) -> None:
    console.print(rates_table(results), cpu_table(results))
    for name, value in results.program.items():
        console.print(f"{name}: {value:.3f}")
    for path in write(results, output):
        console.print(f"written: {path}")
    if results.disturbed():
        console.print("[yellow]the machine was busy with other programs: see 'elsewhere', and measure again[/]")
    for failure in results.failures():
        console.print(f"[red]missed[/]: {failure}")


if __name__ == "__main__":
    sys.exit(main())
