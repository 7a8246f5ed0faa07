"""`chiscsi serve` over and over, in tens of milliseconds: a process that has loaded it forks for each."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.interop.processes import READY_SECONDS, PeerFailed

__all__ = ["Forge", "Victim", "forge"]

_ROOT = Path(__file__).resolve().parents[2]
_FORKED = "forked "


@dataclass(frozen=True, slots=True)
class Victim:
    """A server that is ready: its process, and where it listens."""

    pid: int
    ip: str
    port: int

    def kill(self) -> None:
        """End it with SIGKILL, at once."""
        os.kill(self.pid, signal.SIGKILL)


class Forge:
    """Makes servers, one after the other: the one before has to be dead."""

    def __init__(self, process: subprocess.Popen[bytes], iqn: str) -> None:
        self._process = process
        self._iqn = iqn
        self._said = b""

    def serve(self, disk: str) -> Victim:
        """Begin to serve a file, with the options that follow it, as `--file` has them."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._iqn} {disk}\n".encode())
        self._process.stdin.flush()
        pid, place = 0, ""
        while (line := self._line()) != "ready":
            if line.startswith(_FORKED):
                pid = int(line.removeprefix(_FORKED))
            elif line.startswith("iscsi://"):
                place = urlsplit(line).netloc
        ip, _, port = place.rpartition(":")
        return Victim(pid, ip, int(port))

    def await_end(self) -> None:
        """Wait until the server that was killed is gone, with all that it had open."""
        assert self._line() == "gone"

    def _line(self) -> str:
        assert self._process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        while b"\n" not in self._said:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self._process.stdout.fileno(), 4096) if readable else b""
            if not more:
                raise PeerFailed(f"the server did not get ready; it said {self._said!r}")
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()


@contextlib.contextmanager
def forge(iqn: str) -> Iterator[Forge]:
    """A process that forks servers for the length of the block."""
    command = [sys.executable, "-m", "tests.interop.forked"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    ) as process:
        try:
            yield Forge(process, iqn)
        finally:
            # The server, if one lives, too: both are in the session that begins with this process.
            os.killpg(process.pid, signal.SIGKILL)


def _main() -> None:
    """Fork a server for each line of standard input, which is its target's name and its disk."""
    import gc

    from conformance import serve
    from conformance.serve_options import Disk, Options

    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        iqn, _, disk = line.rstrip("\n").partition(" ")
        pid = os.fork()
        if pid == 0:
            os.write(1, f"{_FORKED}{os.getpid()}\n".encode())
            os._exit(serve.main(Options(portals=["127.0.0.1:0"], iqn=iqn, disks=[Disk("file", disk)])))
        os.waitpid(pid, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    _main()
