"""One run's figures, as a table on the terminal, as JSON, and as a plot that needs no library."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rich.table import Table

from benchmarks.loads import Load
from benchmarks.measure import Measured
from benchmarks.targets import OTHERS, OURS

__all__ = ["Results", "plot", "table", "write"]

_COLOURS = {"chiscsi": "#0f766e", "chiscsi-mem": "#5eead4", "tgt": "#b45309", "istgt": "#7c3aed"}
_LIMITS = {"start_seconds": 0.3, "idle_mebibytes": 60.0}


@dataclass(slots=True)
class Results:
    """The figures of a run: loads with what was measured, versions by target, and the program's own costs."""

    loads: list[tuple[Load, Measured]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    program: dict[str, float] = field(default_factory=dict)

    def failures(self) -> list[str]:
        """The floors and limits that were missed, in words."""
        slow = [
            f"{load.title}: {measured.ratio(OURS, OTHERS):.2f} times the faster other, {load.floor} wanted"
            for load, measured in self.loads
            if _comparable(measured) and measured.ratio(OURS, OTHERS) < load.floor
        ]
        large = [
            f"{name}: {value:.2f}, below {_LIMITS[name]} wanted"
            for name, value in self.program.items()
            if value >= _LIMITS[name]
        ]
        return slow + large


def _comparable(measured: Measured) -> bool:
    return all(measured.samples.get(name) for name in (OURS, *OTHERS))


def table(results: Results) -> Table:
    """Medians in operations a second, and the ratio with its spread over the rounds."""
    names = list(dict.fromkeys(name for _, measured in results.loads for name in measured.samples))
    shown = Table(
        title="operations a second (median)", caption=f"ratio: {OURS} to the faster of {' and '.join(OTHERS)}"
    )
    shown.add_column("load")
    for name in [*names, "ratio", "per round", "floor"]:
        shown.add_column(name, justify="right")
    for load, measured in results.loads:
        medians = [f"{measured.median(name):,.0f}" if name in measured.samples else "" for name in names]
        shown.add_row(load.title, *medians, *_ratio_cells(load, measured))
    return shown


def _ratio_cells(load: Load, measured: Measured) -> Sequence[str]:
    if not _comparable(measured):
        return "", "", f"{load.floor:.1f}"
    ratio, ratios = measured.ratio(OURS, OTHERS), measured.ratios(OURS, OTHERS)
    colour = "green" if ratio >= load.floor else "red"
    return f"[{colour}]{ratio:.2f}[/]", f"{min(ratios):.2f} to {max(ratios):.2f}", f"{load.floor:.1f}"


def write(results: Results, directory: Path) -> tuple[Path, Path]:
    """Write `results.json` and `results.svg` below `directory`; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    data, picture = directory / "results.json", directory / "results.svg"
    data.write_text(json.dumps(_as_json(results), indent=2) + "\n", encoding="utf-8")
    picture.write_text(plot(results), encoding="utf-8")
    return data, picture


def _as_json(results: Results) -> dict[str, Any]:
    machine = {"system": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()}
    return {
        "machine": machine,
        "versions": results.versions,
        "program": {name: {"value": value, "limit": _LIMITS[name]} for name, value in results.program.items()},
        "loads": [_load_as_json(load, measured) for load, measured in results.loads],
    }


def _load_as_json(load: Load, measured: Measured) -> dict[str, Any]:
    about = {key: value for key, value in asdict(load).items() if key != "run"}
    medians = {name: measured.median(name) for name in measured.samples}
    if not _comparable(measured):
        return about | {"samples": measured.samples, "medians": medians}
    ratios = {"ratio": measured.ratio(OURS, OTHERS), "ratios": measured.ratios(OURS, OTHERS)}
    return about | {"samples": measured.samples, "medians": medians} | ratios


_WIDTH, _LABELS, _BAR, _GAP = 860, 230, 16, 18


def plot(results: Results) -> str:
    """An SVG picture: for each load a group of bars, the fastest target's as wide as the picture allows."""
    parts: list[str] = []
    top = 34
    for load, measured in results.loads:
        parts.append(_text(8, top + 12, load.title, weight="bold"))
        best = max(measured.median(name) for name in measured.samples)
        for name in measured.samples:
            parts += _bar(top, name, measured.median(name), best)
            top += _BAR + 2
        top += _GAP
    legend = "operations a second, median; longer is better, each group has its own scale"
    body = "\n".join([_text(8, 18, legend), *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(legend)}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _bar(top: int, name: str, value: float, best: float) -> list[str]:
    width = (_WIDTH - _LABELS - 190) * value / best
    colour = _COLOURS.get(name, "#64748b")
    return [
        f'<rect x="{_LABELS}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>',
        _text(_LABELS + width + 6, top + 12, f"{name} {value:,.0f}"),
    ]


def _text(x: float, y: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}" fill="#0f172a">{escape(words)}</text>'
