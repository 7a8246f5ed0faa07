"""Runs the tester over the kinds of logical units: `scripts/libiscsi-matrix`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from tests.interop.matrix.causes import stale, unexplained
from tests.interop.matrix.kinds import OURS, PEERS, Kind
from tests.interop.matrix.report import as_json, as_markdown
from tests.interop.matrix.tester import Result, Runner
from tests.interop.processes import PeerFailed
from tests.tree import ROOT

__all__ = ["Run", "main", "run_kinds"]

PAGE = ROOT / "docs/reference/libiscsi-matrix.md"
JSON = ROOT / "reports/out/libiscsi-matrix.json"
SUITE_SECONDS = 60.0
PEER_SUITE_SECONDS = 20.0
KIND_SECONDS = 600.0
# Tests that wait on purpose leave their processor to others; any more would be in each other's way.
_AT_ONCE = 1 + (os.cpu_count() or 1)


class Run:
    """The results of each kind that was served, and why the others were not."""

    def __init__(self) -> None:
        self.results: dict[str, list[Result]] = {}
        self.left_out: dict[str, str] = {}


def _run_kind(kind: Kind, suite_seconds: float, say: Callable[[str], None]) -> list[Result] | str:
    begun = monotonic()
    try:
        with kind.serve() as served:
            tester = Runner(served.urls[:2], suite_seconds, begun + KIND_SECONDS, served.alive)
            results = list(tester.run())
    except PeerFailed as failure:
        return _refusal(str(failure))
    say(f"{kind.name}: {len(results)} tests in {monotonic() - begun:.0f} s")
    return results


def _refusal(text: str) -> str:
    """What `chiscsi serve` says of options that it does not take; anything else is no reason to leave a kind out."""
    lines = [line for line in text.splitlines() if line.startswith("chiscsi serve: ")]
    if not lines or "Traceback" in text:
        raise PeerFailed(text)
    return "left out, since " + lines[0].rpartition("TargetDevice")[2].partition(": ")[2]


def run_kinds(
    kinds: Iterable[Kind], suite_seconds: float = SUITE_SECONDS, say: Callable[[str], None] = lambda _: None
) -> Run:
    """Run every test on each kind, several kinds at once."""
    run = Run()
    kinds = list(kinds)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for kind, found in zip(kinds, pool.map(lambda each: _run_kind(each, suite_seconds, say), kinds), strict=True):
            if isinstance(found, str):
                run.left_out[kind.name] = found
            else:
                run.results[kind.name] = found
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, print the page, and write it with the JSON; 1 when there is something unexplained."""
    parser = argparse.ArgumentParser(prog="scripts/libiscsi-matrix", description=main.__doc__)
    parser.add_argument("kinds", nargs="*", help=f"kinds to run, instead of all: {', '.join(k.name for k in _ALL)}")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes")
    parser.add_argument("--json", type=Path, default=JSON, help="where the JSON goes")
    options = parser.parse_args(arguments)
    wanted = options.kinds or [kind.name for kind in _ALL]
    unknown = set(wanted).difference(kind.name for kind in _ALL)
    if unknown:
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    ours = run_kinds([kind for kind in OURS if kind.name in wanted], say=_say)
    peers = run_kinds([kind for kind in PEERS if kind.name in wanted], PEER_SUITE_SECONDS, say=_say)
    page = as_markdown([kind for kind in _ALL if kind.name in wanted], ours.results, peers.results, ours.left_out)
    print(page)
    if options.kinds and options.page == PAGE:
        _say("the page is written by a run of all kinds only")
    else:
        options.page.write_text(page, encoding="utf-8")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(as_json(ours.results, peers.results, ours.left_out), encoding="utf-8")
    faults = unexplained(ours.results) + ([] if options.kinds else stale(ours.results))
    for line in faults:
        _say(line)
    return 1 if faults else 0


def _say(line: str) -> None:
    print(line, flush=True)


_ALL = (*OURS, *PEERS)

if __name__ == "__main__":
    raise SystemExit(main())
