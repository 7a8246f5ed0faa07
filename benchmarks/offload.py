"""Writes over the emulated adapter beside the plain path, in one run.

    python -m benchmarks.offload [--rounds N] [--size MiB]

Three targets with a disk in memory run all the time and take turns: the plain path as it is; the same with
MaxRecvDataSegmentLength cut to what the adapter takes in; and the adapter in ULP mode, which declares that by itself.
The client is `qemu-img bench`, as for `python -m benchmarks`. What counts is the target's processor time for one write:
the ratio of the adapter's to the plain path's with PDUs of the same size, in the same round, as the median of all.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.loads import LOADS, Load, sample
from benchmarks.measure import Measured, Sample, measure
from chiscsi_target.offload.limits import ULP_PAYLOADS
from tests.interop.chiscsi import IQN, serving
from tests.interop.processes import RunningTarget

__all__ = ["CUT", "PLAIN", "ULP", "config_text", "cost_ratios", "main"]

PLAIN: Final = "plain"
CUT: Final = "plain, cut"
ULP: Final = "ulp"
_AS_SERVED: Final = 262144
"""MaxRecvDataSegmentLength of `chiscsi serve` without a configuration, in octets; the adapter cuts it."""

_LOADS: Final = ("write-64k-d32", "write-256k-d32")


def config_text(size: int, max_receive_data: int) -> str:
    """A target with a disk of `size` MiB in memory, and a MaxRecvDataSegmentLength in octets."""
    lines = ["target:", f"TargetName={IQN}", "PortalGroup=1@127.0.0.1:0", f"TargetDevice=disk,MEM,size={size}MB"]
    lines.append(f"MaxRecvDataSegmentLength={max_receive_data}")
    return "\n    ".join(lines) + "\n"


@contextlib.contextmanager
def _targets(size: int) -> Iterator[dict[str, RunningTarget]]:
    """The three of them, by name."""
    with contextlib.ExitStack() as running:
        home = Path(running.enter_context(tempfile.TemporaryDirectory()))
        found = {}
        for name, limit, way in ((PLAIN, _AS_SERVED, "off"), (CUT, ULP_PAYLOADS[0], "off"), (ULP, _AS_SERVED, "ulp")):
            path = home / f"{way}-{limit}.conf"
            path.write_text(config_text(size, limit), encoding="utf-8")
            serves = running.enter_context(serving("--config", path, "--offload", way))
            host, _, port = serves.portals[0].rpartition(":")
            found[name] = RunningTarget(name, "", host, int(port), IQN, 0, (), serves.process.pid)
        yield found


def cost_ratios(measured: Measured, ours: str, other: str) -> list[float]:
    """The target's processor time for an operation, of one target to that of another, round by round."""
    samples = zip(measured.samples[ours], measured.samples[other], strict=True)
    return [mine.target_cpu / theirs.target_cpu for mine, theirs in samples]


def _tell(load: Load, measured: Measured) -> None:
    print(f"\n{load.title}\n{'':12} {'writes/s':>10} {'target us':>10} {'client us':>10}")
    for name in measured.samples:
        client, target = measured.cpu(name)
        print(f"{name:12} {measured.median(name):10,.0f} {target * 1e6:10.1f} {client * 1e6:10.1f}")
    for other in (CUT, PLAIN):
        ratios = cost_ratios(measured, ULP, other)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"ulp / {other}: {statistics.median(ratios):.2f} of the target's processor time, per round {spread}")
    print(f"elsewhere: {measured.elsewhere():.0%} of the machine")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offload", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each target meets each load (default 5)")
    parser.add_argument("--size", type=int, default=64, help="MiB of each disk (default 64)")
    arguments = parser.parse_args()
    with _targets(arguments.size) as targets:
        for load in (load for load in LOADS if load.name in _LOADS):

            def told(number: int, name: str, found: Sample, load: Load = load) -> None:
                print(f"round {number + 1}: {load.title}: {name} {found.target_cpu * 1e6:.1f} us", file=sys.stderr)

            def run(name: str, load: Load = load) -> Sample:
                return sample(load, targets[name], 1)

            _tell(load, measure(load.name, list(targets), arguments.rounds, run, told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
