"""Reads that are completed with less than was asked for, and no flag: refused, or as release 3.14 takes them."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_scsi_cmd_execution_status, chiscsi_scsi_command, chiscsi_sgvec
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import DataIn
from tests.chiscsi_target.bench import LENGTH, Laboratory
from tests.chiscsi_target.peer import of_kind
from tests.chiscsi_target.scripted import HoldingDriver

UNCHECKED = Quirks(read_underflow_unchecked=True)
EINVAL = -26
HALF = LENGTH // 2


def give(sc: chiscsi_scsi_command, offset: int = 0) -> int:
    return chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(bytes(HALF), HALF)], 1, offset, HALF)


def test_a_short_read_is_refused() -> None:
    lab = Laboratory()
    _, sc = lab.read()
    assert give(sc) == EINVAL
    assert f"buf underflow, {LENGTH}!=0+{HALF}." in lab.stand.log


def test_the_block_count_ends_it() -> None:
    """The residual is what the block count leaves, which may be wrong."""
    lab = Laboratory(quirks=UNCHECKED)
    _, sc = lab.read()
    sc.sc_blk_cnt = 1
    assert give(sc) == 0
    pdu, data = lab.peer.take(DataIn)
    assert (pdu.underflow, pdu.residual_count, pdu.status_present, len(data)) == (1, LENGTH - 512, 1, HALF)
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def test_a_full_block_count_waits_for_more() -> None:
    lab = Laboratory(quirks=UNCHECKED)
    _, sc = lab.read()
    sc.sc_blk_cnt = LENGTH // 512
    assert give(sc) == 0
    pdu, data = lab.peer.take(DataIn)
    assert (pdu.status_present, pdu.final, len(data)) == (0, 0, HALF)
    assert give(sc, HALF) == 0
    pdu, data = lab.peer.take(DataIn)
    assert (pdu.status_present, pdu.final, pdu.buffer_offset, len(data)) == (1, 1, HALF, HALF)


def test_a_multi_phase_read_ends_with_its_first_phase() -> None:
    lab = Laboratory(driver=HoldingDriver(multi_phase=True), quirks=UNCHECKED)
    _, sc = lab.read()
    assert give(sc) == 0
    (pdu,) = of_kind(lab.peer.receive(), DataIn)
    assert (pdu.underflow, pdu.residual_count, pdu.status_present) == (1, LENGTH, 1)


def test_whole_reads_and_writes_are_as_ever() -> None:
    lab = Laboratory(quirks=UNCHECKED)
    _, sc = lab.read()
    assert lab.driver.complete(sc, bytes(LENGTH)) == 0
    assert lab.peer.take(DataIn)[0].underflow == 0
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(LENGTH))
    lab.driver.complete(sc)
    assert lab.status()[0] == 0
