"""A logical unit that takes few commands at a time (option TASKS): TASK SET FULL and BUSY on the wire (SAM-5)."""

from __future__ import annotations

from iscsi_wire.constants import ScsiStatus
from iscsi_wire.pdus import ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.peer import Peer, write10
from tests.chiscsi_target.stand import Stand

BLOCK = 512
READY = "00 00 00 00 00 00"
ISIDS = (b"\x80\0\0\0\0\1", b"\x80\0\0\0\0\2")
GOOD, BUSY, FULL = ScsiStatus.GOOD, ScsiStatus.BUSY, ScsiStatus.TASK_SET_FULL


def device(options: str) -> tuple[str, str]:
    return "TargetDevice", f"disk,MEM,size=1M,{options}"


def waiting(peer: Peer) -> ReadyToTransfer:
    """A WRITE in the task set: it waits for its data."""
    peer.command(write10(0, 1), BLOCK, write=True)
    return peer.take(ReadyToTransfer)[0]


def status(peer: Peer, lun: int = 0) -> int:
    return int(peer.execute(READY, lun=lun << 48)[0].status)


def test_what_is_too_much_is_refused_until_a_command_has_ended() -> None:
    stand = Stand(device("TASKS=2"), ("TargetDevice", "other,MEM,size=1M"))
    one, two = (stand.login(isid=isid) for isid in ISIDS)
    for peer in (one, two):
        peer.execute(READY, lun=1 << 48)  # which tells of the power on
    first, _ = waiting(one), waiting(one)
    assert [status(one), status(two), status(one, lun=1)] == [FULL, BUSY, GOOD]
    send_data(one, first, bytes(BLOCK))
    assert one.take(ScsiResponse)[0].status == GOOD
    assert [status(one), status(two)] == [GOOD, GOOD]


def test_the_number_follows_a_reconfiguration() -> None:
    stand = Stand(device("TASKS=2"))
    peer = stand.login()
    first, second = waiting(peer), waiting(peer)
    assert status(peer) == FULL
    stand.reconfigure(device("TASKS=3"))
    assert status(peer) == GOOD
    stand.reconfigure(device("TASKS=1"))
    assert status(peer) == FULL
    for r2t in (first, second):
        assert status(peer) == FULL
        send_data(peer, r2t, bytes(BLOCK))
        assert peer.take(ScsiResponse)[0].status == GOOD
    assert status(peer) == GOOD
