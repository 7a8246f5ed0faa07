"""The page that a person reads: one index.html that needs no network.

The list of cases is plain HTML from a template, so it is there at once and without scripts too. Everything that a
case opens to is packed (:mod:`reports.evidence`) and drawn by the page's script when it is asked for. A content
security policy allows exactly this page's style and script, by their hashes, and no request to anywhere: a device
that puts markup into a string gains nothing by it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reports.evidence import chunks, pack
from reports.model import VERDICTS, Case, Run, Verdict, red, verdict_counts
from reports.placement import add_up, placements, sums_in_words
from reports.text import clock, printable

__all__ = ["render_html", "write_html"]

_STYLES = ("base.css", "cases.css", "ladder.css", "inspector.css")
_SCRIPTS = ("dom.js", "data.js", "filter.js", "inspector.js", "ladder.js", "case.js", "main.js")
_BROKEN_SHOWN = 12
SIGNS: dict[Verdict, str] = {
    "pass": "✓",
    "non-strict": "≈",
    "fail": "✕",
    "unsupported": "–",
    "known-deviation": "≠",
    "inconclusive": "?",
    "harness-error": "!",
}
"""A sign for each verdict, so that none is told by colour alone."""


def write_html(path: Path, run: Run) -> None:
    """Write the run as one self-contained page.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(render_html(run), encoding="utf-8")


def render_html(run: Run) -> str:
    """The run as one self-contained page."""
    style, theme, script = _asset(*_STYLES), _asset("theme.js"), _wrapped(_asset(*_SCRIPTS))
    packed = list(chunks(run.cases))
    counts = verdict_counts(run)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            run=run,
            started=run.started.strftime("%Y-%m-%d %H:%M:%S %Z").strip(),
            headline=_headline(counts),
            all_kept=not any(red(verdict) and count for verdict, count in counts.items()) and bool(run.cases),
            counts=counts,
            segments=_segments(counts),
            broken=_broken(run.cases),
            broken_shown=_BROKEN_SHOWN,
            suites=_suites(run.cases),
            placed=add_up(placements(run)),
            names=sorted({identifier for case in run.cases for identifier in case.requirements}),
            policy=_policy(style, theme, script),
            style=Markup(style),
            theme=Markup(theme),
            script=Markup(script),
            index=pack(_index(run, [size for size, _ in packed])),
            chunks=[chunk for _, chunk in packed],
        )
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")  # UTF-8 holds no lone surrogates


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    environment.filters["printable"] = printable
    environment.filters["sums"] = sums_in_words
    environment.globals["signs"] = SIGNS
    return environment


def _asset(*names: str) -> str:
    folder = resources.files("reports") / "templates"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _wrapped(script: str) -> str:
    return f'(() => {{\n"use strict";\n{script}\n}})();\n'


def _policy(style: str, *scripts: str) -> str:
    """A content security policy that lets in this page's own style and scripts, and nothing else."""
    hashes = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; style-src {_hash(style)}; script-src {hashes}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _headline(counts: dict[Verdict, int]) -> str:
    total = sum(counts.values())
    undecided = counts["inconclusive"] + counts["harness-error"]
    if not total:
        return "Nothing ran"
    if counts["fail"]:
        return f"{counts['fail']} of {total} cases failed"
    if undecided:
        return f"{undecided} of {total} cases without a verdict"
    return f"All {total} cases kept the rules" if counts["pass"] == total else "No case failed"


def _broken(cases: list[Case]) -> list[Case]:
    """The cases that make the run fail, broken rules first."""
    return sorted((case for case in cases if red(case.verdict)), key=lambda case: VERDICTS.index(case.verdict))


def _segments(counts: dict[Verdict, int]) -> list[tuple[Verdict, int, int]]:
    """The parts of a bar: verdict, where it begins, how long it is, in cases."""
    parts, start = [], 0
    for verdict in VERDICTS:
        if counts[verdict]:
            parts.append((verdict, start, counts[verdict]))
            start += counts[verdict]
    return parts


def _suites(cases: list[Case]) -> list[dict[str, Any]]:
    """The cases with their numbers, by suite in order of appearance."""
    groups: dict[str, list[tuple[int, Case]]] = {}
    for number, case in enumerate(cases):
        groups.setdefault(case.suite, []).append((number, case))
    suites = []
    for name, members in groups.items():
        counted = Counter(case.verdict for _, case in members)
        suites.append({"name": name, "cases": members, "segments": _segments({v: counted[v] for v in VERDICTS})})
    return suites


def _index(run: Run, chunk_sizes: list[int]) -> dict[str, Any]:
    """What the page's script knows of every case before one is opened."""
    titles: dict[str, int] = {}
    cases = []
    for case in run.cases:
        facts = {name: getattr(case, name) for name in case.__struct_fields__ if name != "events"}
        names = dict.fromkeys(event.title for event in case.events if event.kind == "pdu")
        cases.append({**facts, "pdus": [titles.setdefault(name, len(titles)) for name in names]})
    return {
        "cases": cases,
        "chunks": chunk_sizes,
        "pdus": list(titles),
        "signs": SIGNS,
        "requirements": {entry.id: [entry.section, entry.level, entry.text] for entry in run.requirements},
    }
