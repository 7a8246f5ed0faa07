"""The kinds of logical units that the tester meets: those of `chiscsi serve`, and the disks of tgt and istgt."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.interop.chiscsi import IQN, serving
from tests.interop.istgt import running_istgt
from tests.interop.processes import RunningTarget, work_directory
from tests.interop.tgt import running_tgt

__all__ = ["OURS", "PEERS", "Kind", "Served"]

_SIZE = 24 << 20  # enough for every limit of the tester with blocks of 512 octets


@dataclass(frozen=True, slots=True)
class Served:
    """A unit that is served: its URLs (one a portal), and the target's process."""

    urls: tuple[str, ...]
    pid: int

    def alive(self) -> str:
        """Empty while the target's process is there; otherwise what became of it."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            state = "Z"
        return "the target has crashed" if state in "ZX" else ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of logical unit: its name in the table, what it is, and how to serve one."""

    name: str
    title: str
    serve: Callable[[], AbstractContextManager[Served]]


@contextlib.contextmanager
def _device(options: str) -> Iterator[Served]:
    """`chiscsi serve` with one unit, `TargetDevice=disk,OPTIONS`, on two portals."""
    with work_directory() as home:
        path = home / "disk"
        path.touch()
        os.truncate(path, _SIZE)
        lines = [f"TargetName={IQN}", "PortalGroup=1@127.0.0.1:0,127.0.0.1:0", f"TargetDevice={path},{options}"]
        file = home / "chiscsi.conf"
        file.write_text("\n    ".join(["target:", *lines]) + "\n", encoding="ascii")
        with serving("--config", file) as running:
            yield Served(running.urls, running.process.pid)


@contextlib.contextmanager
def _peer(run: Callable[..., AbstractContextManager[RunningTarget]]) -> Iterator[Served]:
    with run(lun_size=_SIZE) as running:
        yield Served((running.url, running.url), running.pid)


def _ours(name: str, title: str, options: str) -> Kind:
    return Kind(name, f"{title}: `{options}`", partial(_device, options))


OURS = (
    _ours("thin", "a thin disk in memory", "MEM,size=24M"),
    _ours("file", "a thin disk in a file", "FILE"),
    _ours("thick", "a fully provisioned disk", "MEM,size=24M,THICK"),
    _ours("removable", "a medium that can be ejected", "MEM,size=24M,REMOVABLE"),
    _ours("read-only", "a write-protected disk", "MEM,size=24M,RO"),
    _ours("4096", "logical blocks of 4096 octets", "MEM,size=100M,BLOCK=4096"),
    _ours("512e", "physical blocks of 4096 octets, logical ones of 512", "MEM,size=24M,BLOCK=512e"),
    _ours("protection", "protection information of type 1", "MEM,size=24M,PI=1"),
)
"""What `chiscsi serve` is tested with. A kind whose options it refuses is left out, with its reason."""

PEERS = (
    Kind("tgt", "tgt, a disk in a file", partial(_peer, running_tgt)),
    Kind("istgt", "istgt, a disk in a file", partial(_peer, running_istgt)),
)
