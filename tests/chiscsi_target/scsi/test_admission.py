"""TASK SET FULL and BUSY (SAM-5, status codes)."""

from __future__ import annotations

from tests.chiscsi_target.scsi.rig import BLOCK, Rig

WRITE, READY = bytes.fromhex("2a 00 00000000 00 0001 00"), "00 00 00 00 00 00"
GOOD, BUSY, TASK_SET_FULL = 0, 0x08, 0x28


def test_a_full_task_set_takes_nothing_more() -> None:
    rig = Rig()
    rig.server.units[0].tasks.limit = 2
    running = [rig.stack.command(WRITE, write=True, length=BLOCK) for _ in range(2)]
    for sc in running:
        rig.stack.reset(bytes(BLOCK))
        rig.server.fp_scsi_cmd_cdb_rcved(sc)
    assert rig.run(READY).status == TASK_SET_FULL
    assert rig.run(READY, session=2).status == BUSY
    assert rig.run(READY, lun=1).status == GOOD
    rig.server.fp_scsi_cmd_cleanup(running[0])
    assert rig.run(READY).status == rig.run(READY, session=2).status == GOOD
