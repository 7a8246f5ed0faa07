"""Commands that were ended while they waited for their turn: nothing of them is executed."""

from __future__ import annotations

import pytest

from chiscsi_target.api import SC_FLAG_CMD_ABORT, SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_ORDERED
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

WRITE = bytes.fromhex("2a 00 00000000 00 0001 00")


@pytest.mark.parametrize(
    "flag, status, completions",
    [(SC_FLAG_TMF_ABORT, 0, 1), (SC_FLAG_TMF_ABORT, 0x40, 1), (SC_FLAG_SESS_ABORT, 0, 0), (SC_FLAG_CMD_ABORT, 0, 0)],
)
def test_a_command_that_was_ended_while_it_waited_is_handed_back(flag: int, status: int, completions: int) -> None:
    rig = Rig()
    rig.stack.reset(bytes(BLOCK))
    first, second = (rig.stack.command(WRITE, write=True, length=BLOCK) for _ in range(2))
    second.sc_attribute = ISCSI_TASK_ATTRIBUTES_ORDERED
    rig.server.fp_scsi_cmd_cdb_rcved(first)
    rig.server.fp_scsi_cmd_cdb_rcved(second)
    second.sc_flag |= flag
    second.sc_status = status
    rig.stack.reset(b"")
    rig.server.fp_scsi_cmd_cleanup(first)
    assert rig.stack.completions == completions and rig.stack.sreq is None
    if completions:
        assert second.sc_status == (status or 2)  # never GOOD
