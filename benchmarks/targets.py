"""The targets that are measured side by side, all running at once, each with a disk of its own on the same medium."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop.chiscsi import running_chiscsi
from tests.interop.istgt import running_istgt
from tests.interop.processes import RunningTarget
from tests.interop.tgt import running_tgt

__all__ = ["MEDIUM", "OTHERS", "OURS", "STARTERS", "all_targets"]

MEDIUM = Path("/dev/shm")
"""Where the backing files lie: memory, so that no disk is measured."""

_Starter = Callable[[int], contextlib.AbstractContextManager[RunningTarget]]

OURS = "chiscsi"
OTHERS = ("tgt", "istgt")

STARTERS: dict[str, _Starter] = {
    OURS: lambda size: running_chiscsi(lun_size=size, directory=MEDIUM),
    "tgt": lambda size: running_tgt(lun_size=size, directory=MEDIUM),
    "istgt": lambda size: running_istgt(lun_size=size, directory=MEDIUM),
    # The same program with its other LUN class: a row of its own, in no ratio.
    "chiscsi-mem": lambda size: running_chiscsi(lun_size=size, in_memory=True),
}


@contextlib.contextmanager
def all_targets(names: list[str], size: int) -> Iterator[dict[str, RunningTarget]]:
    """Run the targets in `names`, each with one disk of `size` bytes; idle ones cost the others nothing."""
    with contextlib.ExitStack() as running:
        yield {name: running.enter_context(STARTERS[name](size)) for name in names}
