"""`chiscsi serve`: exports disks to real initiators until a signal ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from chiscsi_target.config.portal_group import parse_address
from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.config.target_device import TargetDevice
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.shells.sockets import SocketTarget
from chiscsi_target.target_module import TargetModule
from conformance.drivers import DriverProblem, load_drivers

DEFAULT_PORTAL = "127.0.0.1:3260"
DEFAULT_IQN = "iqn.2026-11.org.chiscsi:disk"
EXIT_USAGE = 2

# Generous, since whoever serves a disk wants speed; the initiator still decides what it takes.
_KEYS = {
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "FirstBurstLength": "262144",
    "MaxBurstLength": "1048576",
    "MaxRecvDataSegmentLength": "262144",
    "MaxOutstandingR2T": "4",
    "MaxConnections": "4",
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
}
_READ_ONLY = ",ro"
# How long the target stays awake for the next command, in seconds: as long as an initiator takes for a round trip.
SPIN = 200e-6


@dataclass(frozen=True, slots=True)
class Disk:
    """A logical unit asked for on the command line: `kind` is "mem" with a size, or "file" with `PATH[,ro]`."""

    kind: str
    value: str


def disks_in_order(arguments: Sequence[str]) -> list[Disk]:
    """The values of `--mem` and `--file` in the order in which they stand, which numbers the logical units."""
    disks = []
    rest = iter(arguments)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if name in ("--mem", "--file"):
            disks.append(Disk(name[2:], value if separator else next(rest, "")))
    return disks


def main(portals: Sequence[str], iqn: str, disks: Sequence[Disk], drivers: Sequence[str] = ()) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        portals: ADDR:PORT each; port 0 means any free one.
        iqn: the target's name.
        disks: its logical units, in order.
        drivers: LUN classes and target classes to use instead (`conformance.drivers`).

    Returns:
        The exit code: 0 after a clean shutdown, 2 when what was asked for cannot be served; the reason is on stderr.
    """
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    shell = SocketTarget(TargetModule(complain=_complain), SPIN if (os.cpu_count() or 1) > 1 else 0.0)
    shell.start()
    try:
        node = shell.module.add_target(_configuration(shell.module, portals or [DEFAULT_PORTAL], iqn, disks, drivers))
    except (ConfigurationError, DriverProblem) as error:
        text = _in_words(error) if isinstance(error, ConfigurationError) else str(error)
        print(f"chiscsi serve: {text}", file=sys.stderr)
        shell.stop()
        return EXIT_USAGE
    _announce(node)
    stop.wait()
    shell.stop()
    return 0


def _configuration(
    module: TargetModule, portals: Sequence[str], iqn: str, disks: Sequence[Disk], drivers: Sequence[str]
) -> TargetConfig:
    addresses = ",".join(str(parse_address(portal)) for portal in portals)
    pairs = [("TargetName", iqn), ("PortalGroup", f"1@{addresses}"), *_KEYS.items()]
    if drivers:
        if disks:
            raise DriverProblem("--driver: the driver has the disks, so leave out --mem and --file")
        return parse_target([*pairs, *load_drivers(drivers).register(module)])
    config = parse_target(pairs)
    if not disks:
        raise ConfigurationError("--mem, --file", "at least one disk has to be given, such as --mem 256M")
    config.devices = [_device(number, disk) for number, disk in enumerate(disks)]
    return config


def _device(number: int, disk: Disk) -> TargetDevice:
    if disk.kind == "mem":
        return TargetDevice(f"mem{number}", f"MEM,size={disk.value}")
    if disk.value.endswith(_READ_ONLY):
        return TargetDevice(disk.value.removesuffix(_READ_ONLY), "FILE,RO")
    return TargetDevice(disk.value, "FILE")


def _in_words(error: ConfigurationError) -> str:
    """The error as somebody sees it who gave options, not keys."""
    option = {"PortalGroup": "--portal", "TargetName": "--iqn"}.get(error.where)
    return f"{option}: {error.message}" if option else str(error)


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _announce(node: TargetNode) -> None:
    for portal in node.portals:
        # A pass-through driver keeps its logical units to itself; LUN 0 can always be asked for the others.
        for lun in [unit.lun for unit in node.luns] or [0]:
            print(f"iscsi://{portal.address}/{node.name}/{lun}")
    print("ready", flush=True)
