"""Private servers for the length of a `with` block: a port of their own, started, awaited, ended by their own pid.

`tgt`, `istgt` and `chiscsi` beside this file each run one target so; `libiscsi` and `qemu` are the initiators, and
`wiretap` records what they say to one another. None of them imports anything of ours but `tests.peers`: benchmarks and
the capture recorder use them too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import peers_are_required

__all__ = [
    "READY_SECONDS",
    "PeerFailed",
    "RunningTarget",
    "backing_file",
    "listens",
    "require_root",
    "reserved_port",
    "server",
    "wait_until",
    "work_directory",
]

READY_SECONDS = 20.0
"""How long a server may take to come up, or to go down when asked. Never reached on a healthy machine."""

_POLL_SECONDS = 0.01
_END_SECONDS = 5.0

# Below Linux's ephemeral ports (net.ipv4.ip_local_port_range begins at 32768), so that no outgoing connection can
# take a port between our choosing it and the server's binding it.
_PORTS = range(20000, 29000)


class PeerFailed(RuntimeError):
    """A peer program did not start, or broke off; the message has the end of what it said."""


@dataclass(frozen=True, slots=True)
class RunningTarget:
    """A target that accepts logins now, on loopback.

    `first_lun` is the number of its first disk (tgt keeps LUN 0 for its controller), `files` the backing files of the
    disks in LUN order, `pid` the server's process.
    """

    name: str
    version: str
    host: str
    port: int
    iqn: str
    first_lun: int
    files: tuple[Path, ...]
    pid: int

    @property
    def portal(self) -> str:
        """`HOST:PORT`, as programs take it."""
        return f"{self.host}:{self.port}"

    @property
    def portal_url(self) -> str:
        """The URL that discovery tools take."""
        return f"iscsi://{self.portal}"

    @property
    def target_url(self) -> str:
        """The URL of the target without a LUN, as `chiscsi conform` takes it."""
        return f"iscsi://{self.portal}/{self.iqn}"

    @property
    def url(self) -> str:
        """The URL of the first disk."""
        return self.lun_url(0)

    def lun_url(self, disk: int) -> str:
        """The URL of the disk with index `disk`, counted from 0 whatever number its LUN has."""
        return f"{self.target_url}/{self.first_lun + disk}"

    def resident_bytes(self) -> int:
        """The server's resident memory now, in bytes (statm's second field, in pages)."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def cpu_seconds(self) -> float:
        """Processor time that the server has used so far, in user and kernel mode (proc(5), stat fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def require_root(why: str) -> None:
    """Give up the running test if this is not root: skip it, or fail where peers are required."""
    if os.geteuid() != 0:
        reason = f"needs root: {why}"
        if peers_are_required():
            pytest.fail(f"{reason} (CHISCSI_REQUIRE_PEERS is set)", pytrace=False)
        pytest.skip(reason)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
    """Poll until `condition` holds; PeerFailed naming `what` if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PeerFailed(f"waited {seconds:g} s in vain for {what}")
        time.sleep(_POLL_SECONDS)


def listens(host: str, port: int) -> bool:
    """Whether somebody accepts TCP connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A loopback port that nobody listens on, kept from every other user of this function until the block ends.

    The reservation is a file lock, so that parallel test processes do not hand the same port to two servers.
    """
    locks = Path(tempfile.gettempdir()) / "chiscsi-test-ports"
    locks.mkdir(exist_ok=True)
    start = os.getpid() * 7 % len(_PORTS)
    for number in (*_PORTS[start:], *_PORTS[:start]):
        with (locks / str(number)).open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not _can_bind(number):
                continue
            yield number
            return
    raise PeerFailed("no free port")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def work_directory(parent: Path | None = None) -> Iterator[Path]:
    """A new directory, removed with all that is in it. Below `parent`, or where temporary files go."""
    path = Path(tempfile.mkdtemp(prefix="chiscsi-peer-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def backing_file(directory: Path, name: str, size: int) -> Path:
    """A file of `size` zero bytes for a target to export.

    Its blocks are allocated at once where the file system can do that, so that no benchmark pays for it later.
    """
    path = directory / name
    with path.open("wb") as file:
        file.truncate(size)
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, size)
    return path


@contextlib.contextmanager
def server(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output in the file `log`; end it with the block, by its own pid.

    `environment` is added to ours. A PeerFailed raised inside the block leaves it with the end of the log.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    except PeerFailed as failure:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise PeerFailed(f"{failure}\n{command[0]} said:\n{said}") from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist: tgtd catches SIGTERM and goes on for as long as it has a target."""
    process.terminate()
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_SECONDS)
