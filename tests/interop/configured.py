"""`chiscsi serve --config` as its users run it: a program that announces targets and obeys signals."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.interop.chiscsi import PROGRAM
from tests.interop.processes import READY_SECONDS

__all__ = ["Program", "serving_file"]


class Program:
    """A running `chiscsi serve --config`."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.urls = self.until("ready")

    def until(self, word: str) -> list[str]:
        """The lines that it prints before this one."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        said = b""
        while not said.endswith(f"{word}\n".encode()):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            assert more, f"it said {said!r}, and {self.errors.read_text()}"
            said += more
        return said.decode().splitlines()[:-1]

    def portal(self, name: str, number: int = 0) -> str:
        """ADDR:PORT of a target."""
        return list(dict.fromkeys(urlsplit(url).netloc for url in self.urls if f"/{name}/" in url))[number]


@contextlib.contextmanager
def serving_file(path: Path, errors: Path) -> Iterator[Program]:
    """Run `chiscsi serve --config` with the file at `path` for the length of the block; `errors` gets its stderr."""
    with errors.open("w") as stderr:
        process = subprocess.Popen([PROGRAM, "serve", "--config", path], stdout=subprocess.PIPE, stderr=stderr)
    try:
        yield Program(process, errors)
    finally:
        process.kill()
        process.communicate()
