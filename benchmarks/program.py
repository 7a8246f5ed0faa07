"""What our program costs beside its speed: how long its help takes, and how much memory it holds when idle."""

from __future__ import annotations

import statistics
import subprocess
import time

from tests.interop.chiscsi import PROGRAM
from tests.interop.processes import RunningTarget

__all__ = ["idle_mebibytes", "start_seconds"]


def start_seconds(times: int = 7) -> float:
    """How long `chiscsi --help` takes, in seconds: the median of some runs after one that warms the file cache."""
    command = [str(PROGRAM), "--help"]
    taken = []
    for _ in range(times + 1):
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])


def idle_mebibytes(target: RunningTarget) -> float:
    """Resident memory of a target that has served nobody yet, in MiB, without the pages of a file that it maps."""
    return target.resident_bytes() / (1 << 20)
