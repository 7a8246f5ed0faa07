from __future__ import annotations

import pytest

from chiscsi_target.api import SC_FLAG_READ, SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW, chiscsi_scsi_command
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.scsi.reply import fail, good, send, settle
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE, Field
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scsi.rig import Rig


def command(expected: int) -> tuple[FakeStack, chiscsi_scsi_command]:
    stack = FakeStack(chiscsi_target_lun_class())
    return stack, stack.command(b"\x12", length=expected)


@pytest.mark.parametrize(
    "length, expected, moved, flag, residual",
    [
        (8, 8, 8, 0, 0),
        (0, 0, 0, 0, 0),
        (12, 8, 8, SC_FLAG_XFER_OVERFLOW, 4),
        (8, 0, 0, SC_FLAG_XFER_OVERFLOW, 8),
        (8, 12, 8, SC_FLAG_XFER_UNDERFLOW, 4),
        (0, 12, 0, SC_FLAG_XFER_UNDERFLOW, 12),
    ],
)
def test_the_residual_is_the_difference(length: int, expected: int, moved: int, flag: int, residual: int) -> None:
    _, sc = command(expected)
    assert settle(sc, length) == moved == sc.sc_xfer_len
    assert (sc.sc_flag, sc.sc_xfer_residualcount) == (SC_FLAG_READ | flag, residual)


def test_data_goes_out_as_far_as_allocation_length_and_expectation_allow() -> None:
    for allocation, expected, sent in (
        (4, 8, b"abcd"),
        (8, 4, b"abcd"),
        (0, 8, b""),
        (8, 0, b""),
        (99, 99, b"abcdefgh"),
    ):
        stack, sc = command(expected)
        send(sc, b"abcdefgh", allocation)
        assert (stack.sent, stack.completions) == (sent, 1)


def test_good_moves_nothing() -> None:
    stack, sc = command(16)
    good(sc)
    assert (sc.sc_status, sc.sc_xfer_residualcount, stack.completions) == (0, 16, 1)


def test_a_failure_has_its_sense_and_its_field() -> None:
    stack, sc = command(16)
    unit = Rig().server.units[0]
    fail(unit, sc, LBA_OUT_OF_RANGE)
    assert (sc.sc_status, sc.sc_sense_key, sc.sc_sense_asc, sc.sc_sense_ascq) == (2, 5, 0x21, 0)
    assert (sc.sc_sense_buf, sc.sc_xfer_residualcount, stack.completions) == (b"", 16, 1)
    _, sc = command(0)
    fail(unit, sc, INVALID_FIELD_IN_CDB, Field(4))
    assert sc.sc_sense_buf == bytes.fromhex("70 00 05 00000000 0a 00000000 24 00 00 c00004")
