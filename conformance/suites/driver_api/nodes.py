"""What cases about targets have in common: changing one, and one whose logical units are built in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from conformance.driver_bench.bench import CLASS
from iscsi_wire.scsi import TestUnitReady

if TYPE_CHECKING:
    from conformance.api import Session
    from conformance.driver_bench import DriverBench

Keys = Sequence[tuple[str, str]]

BUILT_IN = "CHELSIO"
DISKS: Keys = (("TargetDevice", "first,MEM,size=1M"), ("TargetDevice", "second,MEM,size=2M"))
ENONAME, EFORMAT, EDUP = -8, -17, -13


def reconfigure(bench: DriverBench, keys: Mapping[str, str] | Keys = (), *, disks: str | None = None) -> int:
    """Call `chiscsi_target_reconfig` for the bench's node, or for the node of the name `disks` with built-in units."""
    name = disks or bench.name
    buffer = bench.configuration(name, keys)
    return bench.module.chiscsi_target_reconfig(None, name, BUILT_IN if disks else CLASS, buffer, len(buffer))


def only(bench: DriverBench, rights: str = "") -> Keys:
    """An access list that lets in the bench's first initiator and nobody else, with these rights."""
    return ("ACL_Enable", "Yes"), ("ACL", f"iname={bench.initiator.name}{f';lun={rights}' if rights else ''}")


def disks(bench: DriverBench, *keys: tuple[str, str], login: Mapping[str, str] | None = None) -> tuple[str, Session]:
    """A node with two built-in units, and a session whose unit attention conditions are out of the way."""
    name = f"{bench.name}.disks"
    assert bench.add_target(name, [*DISKS, *keys], BUILT_IN) == 0, "chiscsi_target_add refuses"
    session = bench.login(keys={"TargetName": name, **(login or {})})
    for lun in (0, 1):
        session.command(TestUnitReady(), lun=lun)
    return name, session
