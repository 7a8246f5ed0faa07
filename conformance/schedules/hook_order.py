"""Which hook may be called when: the behaviour file's machines (3.3, 3.4, 3.9, 4.1) as a driver sees them.

A missing entry is an illegal call. What the driver itself calls moves a command too, and is in the second table.
"""

from __future__ import annotations

from typing import Final

UNSEEN: Final = "not seen yet"
HELD: Final = "held, asked to execute or for buffers"
LENT: Final = "with the stack"
FULL: Final = "held, with full buffers to execute"
PART: Final = "executed in part, more to come"
SETTLED: Final = "answered for good"
CLOSED: Final = "cleaned up"

WAITING_FOR_DRIVER: Final = frozenset((HELD, FULL))

CDB: Final = "fp_scsi_cmd_cdb_rcved"
DATA: Final = "fp_scsi_cmd_data_xfer_status"
ABORT: Final = "fp_scsi_cmd_abort"
ABORT_STATUS: Final = "fp_scsi_cmd_abort_status"
CLEANUP: Final = "fp_scsi_cmd_cleanup"

READ_HOOKS: Final[dict[tuple[str, str], str]] = {
    (UNSEEN, CDB): HELD,
    (LENT, DATA): LENT,
    (SETTLED, DATA): SETTLED,
    (HELD, DATA): HELD,  # multi-phase: earlier phases come back while the next one is being made
    (HELD, ABORT): HELD,
    (LENT, ABORT): LENT,
    (SETTLED, ABORT): SETTLED,
    (SETTLED, ABORT_STATUS): SETTLED,
    (LENT, CLEANUP): CLOSED,
    (SETTLED, CLEANUP): CLOSED,
}
WRITE_HOOKS: Final[dict[tuple[str, str], str]] = {
    (UNSEEN, CDB): HELD,
    (PART, CDB): HELD,  # multi-phase, the long path (3.4)
    (LENT, DATA): FULL,
    (FULL, DATA): FULL,  # multi-phase: several phases on their way
    (SETTLED, DATA): SETTLED,  # what an ended command had lent comes back (3.4, 4.3)
    (HELD, ABORT): HELD,
    (LENT, ABORT): LENT,
    (FULL, ABORT): FULL,
    (PART, ABORT): PART,
    (SETTLED, ABORT): SETTLED,
    (SETTLED, ABORT_STATUS): SETTLED,
    (LENT, CLEANUP): CLOSED,
    (PART, CLEANUP): CLOSED,
    (SETTLED, CLEANUP): CLOSED,
}
