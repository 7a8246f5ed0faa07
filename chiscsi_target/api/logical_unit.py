"""`chiscsi_lun`: a logical unit of a target whose class makes its units from `TargetDevice` lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chiscsi_target.api.kept_state import KeptState
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.api.medium import Medium

LU_FLAG_RO = 0x1
LU_FLAG_OFFLINE = 0x2
LU_FLAG_SYNC = 0x4
"""A write's status is sent when its data is on stable storage: there is no write cache to speak of."""
LU_FLAG_NONEXCL = 0x8
"""Others may export the same medium."""
LU_FLAG_NULLRW = 0x10
"""Writes are dropped, and reads return arbitrary octets."""
LU_FLAG_NOWCACHE = 0x20
"""There is to be no write cache."""
LU_FLAG_REMOVABLE = 0x40
"""The medium can be ejected and loaded (START STOP UNIT)."""
LU_FLAG_THICK = 0x80
"""Storage is never given back: there is no UNMAP."""
LU_FLAG_DIRECT = 0x100
"""Reads and writes go past the page cache (O_DIRECT)."""
LU_FLAG_DSYNC = 0x200
"""Each write is on stable storage when it returns (O_DSYNC)."""

LARGEST_TASK_SET = 8192
"""Commands that a logical unit takes at a time, if it is not to take fewer: four sessions with the largest window that
a target may be given (2,048 commands)."""


class chiscsi_lun:
    """A logical unit. The LUN class's hooks fill it when it is configured and attached.

    Attributes:
        lun: its number in the target, from 0.
        path: the first word of its `TargetDevice` line.
        flags: LU_FLAG_* bits.
        size: size of the medium in octets, a multiple of the block size.
        sect_shift: binary logarithm of the block size in octets.
        physical_block_exponent: binary logarithm of how many logical blocks a physical one has: 3 for 512e.
        prod_id, scsi_id, scsi_sn, scsi_wwn: identification for INQUIRY and its VPD pages.
        medium: the storage itself, for the commands that the device server executes; None when there are none.
        protection: the type of protection information, from 1 to 3; 0 without.
        tuples: with protection information, storage of eight octets for every block, in the order of these, which reads
            as zeros where nobody has written.
        task_set_limit: commands of all sessions that there may be at a time; others end with TASK SET FULL or BUSY.
        descriptor_sense: whether sense data are in descriptor format (D_SENSE); the device server sets it.
        kept: where state of the device server survives a restart; None when there is no such place.
        priv_data: the driver's own.
    """

    __slots__ = (
        "descriptor_sense",
        "flags",
        "kept",
        "lun",
        "lun_class",
        "medium",
        "path",
        "physical_block_exponent",
        "priv_data",
        "prod_id",
        "protection",
        "scsi_id",
        "scsi_sn",
        "scsi_wwn",
        "sect_shift",
        "size",
        "task_set_limit",
        "tuples",
    )

    def __init__(self, lun_class: chiscsi_target_lun_class, lun: int, path: str) -> None:
        self.lun_class = lun_class
        self.lun = lun
        self.path = path
        self.flags = 0
        self.size = 0
        self.sect_shift = 9
        self.physical_block_exponent = 0
        self.prod_id = ""
        self.scsi_id = ""
        self.scsi_sn = ""
        self.scsi_wwn = ""
        self.medium: Medium | None = None
        self.protection = 0
        self.tuples: Medium | None = None
        self.task_set_limit = LARGEST_TASK_SET
        self.descriptor_sense = False
        self.kept: KeptState | None = None
        self.priv_data: Any = None

    @property
    def block_count(self) -> int:
        """Number of logical blocks."""
        return self.size >> self.sect_shift

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return bool(self.flags & LU_FLAG_RO)
