"""A device server with small disks in memory, for the tests of its commands."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.scsi.commands import Command
from chiscsi_target.scsi.device_server import DeviceServer
from tests.chiscsi_target.fakes import FakeStack, Outcome, disk

__all__ = ["ABSENT", "BLOCK", "BLOCKS", "READ_ONLY", "Rig"]

TARGET = "iqn.2024-01.com.example:target"
BLOCK, BLOCKS = 512, 2048
READ_ONLY, ABSENT = 1, 9

_MEMORY = MemoryLunClass()


class Rig:
    """Logical unit 0 of 1 MiB, and logical unit 1, likewise, read-only."""

    def __init__(self, *units: chiscsi_lun) -> None:
        luns = units or (self.disk("size=1M"), self.disk("size=1M,RO", READ_ONLY))
        self.server = DeviceServer(luns, target_name=TARGET, portal_group_tag=3)
        self.stack = FakeStack(self.server)

    @staticmethod
    def disk(options: str, number: int = 0) -> chiscsi_lun:
        return disk(_MEMORY, options, number)

    @classmethod
    def having(cls, command: Command) -> Rig:
        """A rig whose logical unit 0 has a command: the plain one, or one of a kind that not every unit is."""
        rigs = (cls(), *(cls(cls.disk(f"size=1M,{option}")) for option in ("PI=2", "REMOVABLE")))
        return next(rig for rig in rigs if command.supported(rig.server.units[0]))

    def run(self, cdb: str | bytes, *, length: int = 0, lun: int = 0, session: int = 1) -> Outcome:
        """Run a command that reads, or moves nothing."""
        return self.stack.run(cdb, length=length, lun=lun, session=session)

    def write(self, cdb: str | bytes, data: bytes, *, lun: int = 0, length: int | None = None) -> Outcome:
        """Run a command that writes; `length` is what the initiator expects to move, all of `data` by default."""
        return self.stack.run(cdb, data=data, lun=lun, length=len(data) if length is None else length)

    def read_blocks(self, lba: int, count: int, lun: int = 0) -> bytes:
        """What is on the medium."""
        return self.run(f"28 00 {lba:08x} 00 {count:04x} 00", length=count * BLOCK, lun=lun).data
