"""What is printed of the log (behaviour file, section 0, "Log lines"). Everything is recorded, whatever is printed.

Errors and warnings always are. Information needs its bit of the first number of `iscsi_verbose_level`; debug lines need
theirs, and the bit of their area in the second number. A second number that is not 0 turns debug lines on by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

ERROR, WARNING, INFORMATION, DEBUG = range(4)
PREFIXES = {ERROR: "ERR! ", WARNING: "WARN! "}
"""How the module begins its lines."""


class Area(IntEnum):
    """What a debug line is about: the bit of the second number that it needs."""

    MEM = 0
    MEM_PAGE = 1
    LOCK = 2
    WAIT = 3
    THREAD = 4
    CONFIG = 5
    NODE = 6
    SESSION = 7
    CONNECTION = 8
    PDU = 9
    PDU_TX = 10
    PDU_RX = 11
    SCSI = 12
    SCSI_COMMAND = 13
    TRANSPORT = 14
    TRANSPORT_MEM = 15
    ULP = 16
    NETDEV = 17
    ISNS = 18
    TARGET_API = 19
    SCST = 20
    MODULE = 21
    DDP = 22
    PREMAP = 23


@dataclass(slots=True)
class Verbosity:
    """The two numbers of `iscsi_verbose_level`.

    Attributes:
        levels: a bit for each level.
        areas: a bit for each `Area` of debug lines.
    """

    levels: int = 0
    areas: int = 0

    def prints(self, level: int, area: Area | None = None) -> bool:
        """Whether a line is printed.

        Args:
            level: ERROR, WARNING, INFORMATION or DEBUG.
            area: what a debug line is about; one that is about nothing in particular needs the level only.
        """
        if level <= WARNING:
            return True
        if level < DEBUG:
            return bool(self.levels >> level & 1)
        if area is None:
            return bool(self.levels >> DEBUG & 1 or self.areas)
        return bool(self.areas >> area & 1)
