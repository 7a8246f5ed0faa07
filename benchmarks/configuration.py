"""Load a configuration file with 50 targets at 4 portals, and start what it describes.

    python -m benchmarks.configuration [--targets N] [--rounds N]

Every target has all four portals, a logical unit in memory, an access list and CHAP data. The exit status is 1 if
loading the file, or loading it and starting its targets on real sockets, takes 0.5 seconds or more.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chiscsi_target.config.config_file import load
from chiscsi_target.shells.sockets import SocketTarget
from chiscsi_target.target_module import TargetModule

GOAL: Final = 0.5
PORTALS: Final = 4


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def file_text(targets: int, ports: list[int]) -> str:
    """Return a file with so many targets at these ports."""
    lines = ["global:", "\tiscsi_auth_order=ACL"]
    for number in range(targets):
        lines += [
            "target:",
            f"\tTargetName=iqn.2026-11.org.example:disk{number}",
            f"\tTargetAlias=disk {number}",
            "\tMaxBurstLength=1048576",
            "\tHeaderDigest=CRC32C,None",
            "\tACL_Enable=Yes",
            "\tACL=iname=iqn.2026-11.org.example:host;sip=127.0.0.1;lun=0:RW",
            f'\tAuth_CHAP_Initiator="host":"secret-host-{number:04}"',
            f'\tAuth_CHAP_Target="disk{number}":"secret-disk-{number:04}"',
            *(f"\tPortalGroup={tag}@127.0.0.1:{port}" for tag, port in enumerate(ports, start=1)),
            f"\tTargetDevice=disk{number},MEM,size=16MB",
        ]
    return "\n".join(lines) + "\n"


def best(rounds: int, run: Callable[[], None]) -> float:
    """Return the least time that one call takes, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def start_all(path: Path) -> float:
    """Load a file and start its targets; return how long that takes, in seconds."""
    shell = SocketTarget(TargetModule(complain=lambda line: print(line, file=sys.stderr)))
    shell.start()
    try:
        start = time.perf_counter()
        for target in load(path).targets:
            shell.module.add_target(target)
        return time.perf_counter() - start
    finally:
        shell.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.configuration", description=__doc__)
    parser.add_argument("--targets", type=int, default=50, help="how many targets the file has (default 50)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is done, the best counts (default 5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chiscsi.conf"
        path.write_text(file_text(arguments.targets, free_ports(PORTALS)), encoding="utf-8")
        loading = best(arguments.rounds, lambda: _load(path, arguments.targets))
        starting = min(start_all(path) for _ in range(arguments.rounds))
    print(f"{arguments.targets} targets at {PORTALS} portals")
    print(f"load the file              {loading * 1000:8.1f} ms")
    print(f"load it and start them all {starting * 1000:8.1f} ms")
    print(f"goal                       {GOAL * 1000:8.1f} ms")
    return 0 if max(loading, starting) < GOAL else 1


def _load(path: Path, targets: int) -> None:
    found = load(path).targets
    if len(found) != targets or any(len(target.portals) != PORTALS for target in found):
        raise SystemExit("the file is not read as it was written")


if __name__ == "__main__":
    sys.exit(main())
