"""What is asked of every target: one program of another project per load, and how its output is a number."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import Sample
from tests.interop.libiscsi import tool
from tests.interop.processes import RunningTarget
from tests.interop.qemu import qemu_img

__all__ = ["LOADS", "Load", "sample"]

_BLOCK = 512
_KIB = 1024
_WRITE_OPERATIONS = {4: 60_000, 64: 12_000, 256: 4_000}
"""By KiB of each: what takes one to three seconds here."""


@dataclass(frozen=True, slots=True)
class Load:
    """One row of the table: `run(target, seconds)` does the work and gives (operations a second, operations).

    `floor` is the smallest ratio to the faster of the other targets that the project asks of itself.
    """

    name: str
    title: str
    kibibytes: int
    floor: float
    command: str
    run: Callable[[RunningTarget, int], tuple[float, float]]


def sample(load: Load, target: RunningTarget, seconds: int) -> Sample:
    """Run `load` once, with the processor time that it took on either side, and what others took meanwhile."""
    before = _children_cpu(), target.cpu_seconds(), *_machine_cpu()
    rate, operations = load.run(target, seconds)
    after = _children_cpu(), target.cpu_seconds(), *_machine_cpu()
    client, served, busy, total = (end - begin for begin, end in zip(before, after, strict=True))
    return Sample(rate, client / operations, served / operations, max(0.0, busy - client - served) / total)


def _children_cpu() -> float:
    """Processor time of the clients so far; targets count only when they have ended, after all measuring."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine_cpu() -> tuple[float, float]:
    """Processor time of the whole machine so far, in seconds: (in use, in use or idle); see proc(5), /proc/stat."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    second = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - idle) / second, sum(ticks) / second


def _reads(depth: int, kibibytes: int, random: bool, target: RunningTarget, seconds: int) -> tuple[float, float]:
    """`iscsi-perf` for a whole number of seconds; its last line has the average."""
    blocks = kibibytes * _KIB // _BLOCK
    options = ["-m", str(depth), "-b", str(blocks), "-t", str(seconds), *(["-r"] if random else [])]
    output = tool("iscsi-perf", *options, target.url, timeout=seconds + 60).stdout
    (average,) = re.findall(r"^iops average (\d+)", output, re.MULTILINE)
    return float(average), float(average) * seconds


def _writes(depth: int, kibibytes: int, target: RunningTarget, _seconds: int) -> tuple[float, float]:
    """`qemu-img bench` of a fixed number of writes, which it times itself.

    It has no random offsets. A stride of a prime number of writes, modulo the size of the disk, leaves no two
    successive ones near each other and comes to every place.
    """
    size, count = kibibytes * _KIB, _WRITE_OPERATIONS[kibibytes]
    options = ["-w", "-c", count, "-d", depth, "-s", size, "-S", size * 1009, "-t", "none", "-f", "raw"]
    output = qemu_img("bench", *map(str, options), target.url, timeout=120)
    (seconds,) = re.findall(r"Run completed in ([\d.]+) seconds", output)
    return count / float(seconds), count


def _read_load(name: str, title: str, kibibytes: int, floor: float, depth: int, random: bool) -> Load:
    options = f"-m {depth} -b {kibibytes * _KIB // _BLOCK}{' -r' if random else ''}"
    run = partial(_reads, depth, kibibytes, random)
    return Load(name, title, kibibytes, floor, f"iscsi-perf {options} -t SECONDS URL", run)


def _write_load(name: str, title: str, kibibytes: int, floor: float) -> Load:
    size = kibibytes * _KIB
    options = f"-w -c {_WRITE_OPERATIONS[kibibytes]} -d 32 -s {size} -S {size * 1009} -t none -f raw"
    return Load(name, title, kibibytes, floor, f"qemu-img bench {options} URL", partial(_writes, 32, kibibytes))


LOADS = (
    _read_load("read-4k-d32", "4 KiB random reads, depth 32", 4, 2.0, depth=32, random=True),
    _write_load("write-4k-d32", "4 KiB random writes, depth 32", 4, 1.5),
    _read_load("read-64k-d32", "64 KiB reads, depth 32", 64, 1.5, depth=32, random=False),
    _read_load("read-256k-d32", "256 KiB reads, depth 32", 256, 1.5, depth=32, random=False),
    _write_load("write-64k-d32", "64 KiB writes, depth 32", 64, 1.5),
    _write_load("write-256k-d32", "256 KiB writes, depth 32", 256, 1.5),
    _read_load("read-4k-d1", "4 KiB random reads, depth 1", 4, 1.0, depth=1, random=True),
)
