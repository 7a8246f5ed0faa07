"""One run's figures: as tables on the terminal and in Markdown, as JSON, and as a picture."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.loads import Load
from benchmarks.measure import Measured
from benchmarks.picture import draw
from benchmarks.targets import OTHERS, OURS

__all__ = ["Results", "cpu_table", "rates_table", "write"]

_LIMITS = {"start_seconds": 0.3, "idle_mebibytes": 60.0}
_QUIET = 0.1
_DISTURBED = "**Measured on a busy machine: take the processor times, and not the ratios, for true.**"
_TITLES = {"start_seconds": "`chiscsi --help`, seconds", "idle_mebibytes": "idle target, MiB resident"}


@dataclass(slots=True)
class Results:
    """The figures of a run: loads with what was measured, versions by target, and the program's own costs."""

    loads: list[tuple[Load, Measured]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    program: dict[str, float] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The targets that were measured."""
        return list(dict.fromkeys(name for _, measured in self.loads for name in measured.samples))

    def disturbed(self) -> bool:
        """Whether other programs had so much of the machine that the figures say little."""
        return any(measured.elsewhere() > _QUIET for _, measured in self.loads)

    def failures(self) -> list[str]:
        """The floors and limits that were missed, in words."""
        slow = [
            f"{load.title}: {measured.ratio(OURS, OTHERS):.2f} times the faster other, {load.floor} wanted"
            for load, measured in self.loads
            if _comparable(measured) and measured.ratio(OURS, OTHERS) < load.floor
        ]
        large = [
            f"{_TITLES[name]}: {value:.2f}, less than {_LIMITS[name]} wanted"
            for name, value in self.program.items()
            if value >= _LIMITS[name]
        ]
        return slow + large


def _comparable(measured: Measured) -> bool:
    return all(measured.samples.get(name) for name in (OURS, *OTHERS))


def _rate_rows(results: Results) -> Iterator[Sequence[str]]:
    """Load, median for each target, ratio, its spread, the floor, and the ratio that the client allows."""
    for load, measured in results.loads:
        medians = [f"{measured.median(name):,.0f}" for name in results.names]
        ratios = ["", "", f"{load.floor:.1f}", ""]
        if _comparable(measured):
            each = measured.ratios(OURS, OTHERS)
            spread = f"{min(each):.2f} to {max(each):.2f}"
            ceiling = f"{measured.ceiling(OURS, OTHERS):.1f}"
            ratios = [f"{measured.ratio(OURS, OTHERS):.2f}", spread, f"{load.floor:.1f}", ceiling]
        yield load.title, *medians, *ratios


def _cpu_rows(results: Results) -> Iterator[Sequence[str]]:
    """Load, for each target the microseconds of processor time for one operation, and the share that others had."""
    for load, measured in results.loads:
        both = [measured.cpu(name) for name in results.names]
        costs = [f"{client * 1e6:.0f} + {target * 1e6:.0f}" for client, target in both]
        yield load.title, *costs, f"{measured.elsewhere():.0%}"


def _rate_heads(results: Results) -> list[str]:
    return ["operations a second, median", *results.names, "ratio", "per round", "floor", "client's ceiling"]


def _cpu_heads(results: Results) -> list[str]:
    return ["µs of processor an operation, client + target", *results.names, "elsewhere"]


def rates_table(results: Results) -> Table:
    """Operations a second, and the ratio of ours to the faster of the others."""
    return _table(_rate_heads(results), _rate_rows(results))


def cpu_table(results: Results) -> Table:
    """Where the processor time goes: when the client's part fills a second, no target can be faster."""
    return _table(_cpu_heads(results), _cpu_rows(results))


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Table:
    table = Table(heads[0])
    for head in heads[1:]:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def write(results: Results, directory: Path) -> list[Path]:
    """Write `results.json`, `results.md` and `results.svg` below `directory`; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    bars = [
        (load.title, {name: measured.median(name) for name in measured.samples}) for load, measured in results.loads
    ]
    texts = {
        "results.json": json.dumps(_as_json(results), indent=2) + "\n",
        "results.md": _as_markdown(results),
        "results.svg": draw(bars),
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "python": platform.python_version(), "processors": os.cpu_count()}


def _as_json(results: Results) -> dict[str, Any]:
    program = {name: {"value": value, "limit": _LIMITS[name]} for name, value in results.program.items()}
    loads = [_load_as_json(load, measured) for load, measured in results.loads]
    return {"machine": _machine(), "versions": results.versions, "program": program, "loads": loads}


def _load_as_json(load: Load, measured: Measured) -> dict[str, Any]:
    about: dict[str, Any] = {key: getattr(load, key) for key in ("name", "title", "kibibytes", "floor", "command")}
    about["samples"] = {name: [asdict(sample) for sample in samples] for name, samples in measured.samples.items()}
    about["medians"] = {name: measured.median(name) for name in measured.samples}
    if _comparable(measured):
        about["elsewhere"] = measured.elsewhere()
        about["ratio"] = measured.ratio(OURS, OTHERS)
        about["ratios"] = measured.ratios(OURS, OTHERS)
        about["ceiling"] = measured.ceiling(OURS, OTHERS)
    return about


def _as_markdown(results: Results) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    costs = [(_TITLES[name], f"{value:.2f}", f"< {_LIMITS[name]:g}") for name, value in results.program.items()]
    parts = [
        "# Figures of the last run",
        "Written by `make bench`; what they mean is in [the method](../README.md).",
        f"{versions}. {'; '.join(f'{key} {value}' for key, value in _machine().items())}.",
        *([_DISTURBED] if results.disturbed() else []),
        "![bars](results.svg)",
        _markdown_table(_rate_heads(results), _rate_rows(results)),
        _markdown_table(_cpu_heads(results), _cpu_rows(results)),
        _markdown_table(["program", "measured", "wanted"], iter(costs)),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    rule = ["---"] + ["--:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows))
