"""A rig whose long operations take their steps when the test says so."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api.logical_unit import chiscsi_lun
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from iscsi_wire.scsi import FixedSense
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

__all__ = ["PATTERN", "READY", "SIZE", "Operating"]

SIZE = 4 << 20
PATTERN = bytes(range(256)) * (BLOCK // 256)
READY = "00 00 00 00 00 00"


class Operating(Rig):
    """Unit 0 of 4 MiB with data in it, and what `others` there are."""

    def __init__(self, *others: chiscsi_lun, options: str = "") -> None:
        super().__init__(self.disk(f"size={SIZE}{options}"), *others)
        self.steps: list[Callable[[], bool]] = []
        self.server.work_by(self.steps.append)
        self.medium = self.server.units[0].lu.medium
        assert self.medium is not None
        self.medium.write(0, PATTERN * (SIZE // BLOCK))

    def begin(self, cdb: str, data: bytes = b"") -> chiscsi_scsi_command:
        """Begin a command that is not completed at once."""
        self.stack.reset(data)
        scmd = self.stack.command(bytes.fromhex(cdb), length=len(data), write=bool(data))
        assert self.server.fp_scsi_cmd_cdb_rcved(scmd) == 0
        if data:
            self.stack.deliver(scmd)
        return scmd

    def step(self) -> bool:
        """Take a step of the operation; whether there are more."""
        (step,) = self.steps
        more = step()
        if not more:
            self.steps.clear()
        return more

    def finish(self) -> None:
        """Take all steps."""
        while self.step():
            pass

    def content(self) -> bytes:
        assert self.medium is not None
        return self.medium.read(0, SIZE)

    def progress(self) -> int:
        """The progress indication of REQUEST SENSE; -1 without one."""
        sense = FixedSense.decode(self.run("03 00 00 00 12 00", length=18).data)
        return sense.sense_key_specific & 0xFFFF if sense.sksv else -1
