"""The matrix as a page of Markdown, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from tests.interop.matrix.causes import CAUSES, explained, never_passed
from tests.interop.matrix.kinds import Kind
from tests.interop.matrix.tester import PASSED, SKIPPED, Result

__all__ = ["as_json", "as_markdown"]

Results = Mapping[str, Sequence[Result]]

_HEAD = """\
# libiscsi's tests

What `iscsi-test-cu` (Debian's libiscsi-bin) finds, with `--dataloss`, `--allow-sanitize`, a second initiator name and a
second portal for the multipath tests. `scripts/libiscsi-matrix` writes this page; `make test` runs the part about
`chiscsi serve`. A cell is *passed / skipped / failed*. A test that says anywhere that it skips something counts as
skipped, even if it did the rest. The families SCSI, iSCSI and LINUX are parts of ALL, which is what is run.

"""


def as_json(ours: Results, peers: Results, left_out: Mapping[str, str]) -> str:
    """Everything, by kind and test."""
    return json.dumps(
        {
            "kinds": {kind: _plain(results) for kind, results in {**ours, **peers}.items()},
            "left_out": dict(left_out),
            "never_passed": {test: list(reasons) for test, reasons in never_passed(ours).items()},
        },
        indent=1,
    )


def _plain(results: Sequence[Result]) -> dict[str, dict[str, str]]:
    return {each.test: {"verdict": each.verdict, "reason": each.reason} for each in results}


def as_markdown(kinds: Sequence[Kind], ours: Results, peers: Results, left_out: Mapping[str, str]) -> str:
    """The page: kinds, the table, failures, and what no kind has executed."""
    parts = [_HEAD, _kinds(kinds, left_out), _table({**ours, **peers}), _failures(ours), _never(ours)]
    if peers:
        parts.append(_peers(peers))
    return "".join(parts)


def _kinds(kinds: Sequence[Kind], left_out: Mapping[str, str]) -> str:
    lines = [f"- **{kind.name}**: {left_out.get(kind.name) or kind.title}" for kind in kinds]
    return "\n".join(lines) + "\n\n"


def _cell(results: Sequence[Result]) -> str:
    counts = Counter(each.verdict if each.verdict in (PASSED, SKIPPED) else "failed" for each in results)
    return f"{counts[PASSED]} / {counts[SKIPPED]} / {counts['failed']}"


def _table(results: Results) -> str:
    suites = list(dict.fromkeys(each.suite for of_kind in results.values() for each in of_kind))
    rows = [f"| suite | {' | '.join(results)} |", "| --- |" + " --- |" * len(results)]
    for suite in suites:
        cells = [_cell([each for each in of_kind if each.suite == suite]) for of_kind in results.values()]
        rows.append(f"| {suite} | {' | '.join(cells)} |")
    rows.append(f"| **all** | {' | '.join(f'**{_cell(of_kind)}**' for of_kind in results.values())} |")
    return "## Passed / skipped / failed\n\n" + "\n".join(rows) + "\n\n"


def _failures(ours: Results) -> str:
    lines = []
    for kind, results in ours.items():
        for each in results:
            if each.verdict not in (PASSED, SKIPPED):
                cause = explained(kind, each)
                lines.append(f"| {each.test} | {kind} | {cause.text if cause else '**unexplained**: ' + _said(each)} |")
    if not lines:
        return "No test fails on any kind.\n\n"
    return "## Failures\n\n| test | kind | cause |\n| --- | --- | --- |\n" + "\n".join(lines) + "\n\n"


def _never(ours: Results) -> str:
    open_tests = never_passed(ours)
    if not open_tests:
        return "Every test is executed and passed on at least one kind.\n\n"
    lines = []
    for test, reasons in open_tests.items():
        cause = next((each.text for each in CAUSES if fnmatchcase(test, each.test)), "")
        lines.append(f"| {test} | {_safe('; '.join(reasons))} | {cause} |")
    head = f"## Executed and passed on no kind: {len(open_tests)}\n\n| test | it says | cause |\n| --- | --- | --- |\n"
    return head + "\n".join(lines) + "\n\n"


def _peers(peers: Results) -> str:
    parts = ["## What fails elsewhere\n\n| target | test | it says |\n| --- | --- | --- |\n"]
    for name, results in peers.items():
        parts += [
            f"| {name} | {each.test} | {each.verdict}: {_said(each)} |\n"
            for each in results
            if each.verdict not in (PASSED, SKIPPED)
        ]
    return "".join(parts)


def _said(result: Result) -> str:
    return _safe(result.reason)[:160]


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
