"""`chiscsi serve` as its users run it: a program, its output, its exit status."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from urllib.parse import urlsplit

from tests.interop.processes import READY_SECONDS, PeerFailed, RunningTarget, backing_file, work_directory

__all__ = ["IQN", "PROGRAM", "Serving", "running_chiscsi", "serving"]

PROGRAM = Path(sys.executable).parent / "chiscsi"
"""The command of the environment that runs the tests."""

IQN = "iqn.2026-11.test.chiscsi:ours"


@dataclass(frozen=True, slots=True)
class Serving:
    """`chiscsi serve` after it has said `ready`: its process, and the URLs that it printed, one a LUN and portal."""

    process: subprocess.Popen[bytes]
    urls: tuple[str, ...]
    errors: Path

    @property
    def portals(self) -> tuple[str, ...]:
        """Each portal once, as `HOST:PORT`."""
        return tuple(dict.fromkeys(urlsplit(url).netloc for url in self.urls))

    def stop(self, seconds: float = READY_SECONDS) -> int:
        """Ask it to end (SIGTERM); returns its exit status."""
        self.process.terminate()
        return self.process.wait(seconds)


@contextlib.contextmanager
def serving(*arguments: str | Path, portal: str = "127.0.0.1:0", iqn: str = IQN) -> Iterator[Serving]:
    """Run `chiscsi serve` with `arguments` for the length of the block, on any free port.

    PeerFailed, with what it wrote to stderr, when it ends or is silent instead of getting ready.
    """
    place = [] if "--config" in arguments else ["--portal", portal, "--iqn", iqn]
    command = [PROGRAM, "serve", *place, *arguments]
    with work_directory() as home:
        errors = home / "stderr"
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
            )
        try:
            yield Serving(process, _urls(process, errors), errors)
        finally:
            process.kill()
            process.communicate()


def _urls(process: subprocess.Popen[bytes], errors: Path) -> tuple[str, ...]:
    """The lines that it prints before the one that says `ready`."""
    assert process.stdout is not None
    deadline = time.monotonic() + READY_SECONDS
    said = b""
    while not said.endswith(b"ready\n"):
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        more = os.read(process.stdout.fileno(), 4096) if readable else b""
        if not more:
            raise PeerFailed(f"chiscsi serve did not get ready; it said {said!r}\n{errors.read_text()}")
        said += more
    return tuple(said.decode().splitlines()[:-1])


@contextlib.contextmanager
def running_chiscsi(
    *, lun_size: int = 64 << 20, luns: int = 1, in_memory: bool = False, directory: Path | None = None
) -> Iterator[RunningTarget]:
    """Serve `luns` disks of `lun_size` bytes, from files below `directory` or from memory, as `running_tgt` does."""
    with work_directory(directory) as home:
        files = () if in_memory else tuple(backing_file(home, f"disk{index}", lun_size) for index in range(luns))
        memory: Sequence[str | Path] = ["--mem", str(lun_size)] * luns if in_memory else []
        arguments = [*memory, *(word for file in files for word in ("--file", file))]
        with serving(*arguments) as running:
            host, _, port = running.portals[0].rpartition(":")
            name = "chiscsi (memory)" if in_memory else "chiscsi"
            version = installed_version("chiscsi")
            yield RunningTarget(name, version, host, int(port), IQN, 0, files, running.process.pid)
