"""Records on disk: one JSON line a case while a run goes on, one JSON document when it is over.

Every worker process appends its finished cases to a file of its own (:func:`append_case`); when all have
ended, the files are merged (:func:`merge_cases`). Nothing is kept in a format of Python's own, so any tool
reads it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reports.model import Case, Run

__all__ = ["StoreError", "append_case", "merge_cases", "read_cases", "read_run", "to_json", "write_run"]


class StoreError(Exception):
    """A file of records that cannot be read.

    path: the file. line: the line at fault, from 1; 0 when the whole file is meant. message: what is wrong
        with it.
    """

    def __init__(self, path: Path, line: int, message: str) -> None:
        self.path = path
        self.line = line
        self.message = message
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {message}")


def append_case(path: Path, case: Case) -> None:
    """Append one case to a JSON-lines file, which is created when it is not there.

    The line goes out under a lock and before this returns, so that processes may share a file and a process
    that is killed later loses nothing.

    Raises:
        OSError: the file cannot be written.
    """
    line = to_json(case) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def read_cases(path: Path) -> list[Case]:
    """The cases of one JSON-lines file, in its order; empty lines are passed over.

    Raises:
        StoreError: a line is not a case, or the last one was cut short.
        OSError: the file cannot be read.
    """
    return [case for _, case in _numbered_cases(path)]


def merge_cases(paths: Iterable[Path], order: Sequence[str] = ()) -> list[Case]:
    """The cases of several workers' files as one list.

    Args:
        paths: the files, in any order.
        order: case identifiers as they were collected. The result follows it; cases that it does not name
            come after those, by suite and identifier. So the same run gives the same list however the work
            was spread.

    Raises:
        StoreError: a line is not a case, or two lines hold the same case.
        OSError: a file cannot be read.
    """
    found: dict[str, tuple[str, Case]] = {}
    for path in sorted(paths):
        for number, case in _numbered_cases(path):
            if case.id in found:
                raise StoreError(path, number, f"case {case.id!r} is also in {found[case.id][0]}")
            found[case.id] = (f"{path}:{number}", case)
    rank = {identifier: place for place, identifier in enumerate(order)}
    cases = [case for _, case in found.values()]
    return sorted(cases, key=lambda case: (rank.get(case.id, len(rank)), case.suite, case.id))


def write_run(path: Path, run: Run) -> None:
    """Write a whole run as one JSON document; a reader never sees half of it.

    Raises:
        OSError: the file cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(to_json(run) + b"\n")
    unfinished.replace(path)


def read_run(path: Path) -> Run:
    """Read back what :func:`write_run` wrote.

    Raises:
        StoreError: the document is no run.
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Run)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(path, 0, f"not a run: {error}") from error


def to_json(value: Any) -> bytes:
    """JSON in UTF-8 of a record, or of anything made of plain values.

    Lone surrogates, which UTF-8 cannot hold and which stand in a text that was decoded with "surrogateescape", become
    escapes: a device's odd bytes never cost the evidence.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_without_surrogates(msgspec.to_builtins(value)))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value


def _numbered_cases(path: Path) -> Iterator[tuple[int, Case]]:
    """Every case of a JSON-lines file with its line number."""
    decoder = msgspec.json.Decoder(Case)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                cut = "" if line.endswith(b"\n") else " (the line was cut short)"
                raise StoreError(path, number, f"not a case: {error}{cut}") from error
