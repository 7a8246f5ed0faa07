"""What the sample disks say for themselves, and which commands they refuse."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    SC_FLAG_READ,
    SC_FLAG_WRITE,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_command,
)
from chiscsi_target.drivers.samples.scsi_answers import Plan, Refused, make_plan, settle
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scripted import HoldingDriver

SIZES = [1 << 20, 2 << 20]
HUGE = [1 << 50]
NO_BLOCKS = "00000000"


def command(cdb: str, *, lun: int = 0, length: int = 4096, flag: int = SC_FLAG_READ) -> chiscsi_scsi_command:
    octets = bytes.fromhex(cdb).ljust(16, b"\0")
    return chiscsi_scsi_command(FakeStack(HoldingDriver()), octets, lun, 1, 1, length, flag)


def answer(cdb: str, **how: int) -> bytes:
    plan = make_plan(command(cdb, **how), SIZES)
    assert plan.start is None and plan.length == len(plan.data)
    return plan.data


@pytest.mark.parametrize(
    "cdb, start, length",
    [
        ("08 000008 01 00", 4096, 512),
        ("08 000000 00 00", 0, 256 * 512),
        ("28 00 00000010 00 0002 00", 8192, 1024),
        ("a8 00 00000010 00000003 00 00", 8192, 1536),
        ("88 00 0000000000000001 00000001 0000", 512, 512),
        ("28 00 000007ff 00 0001 00", (1 << 20) - 512, 512),
        ("28 00 000007ff 00 0000 00", (1 << 20) - 512, 0),
    ],
)
def test_a_read_goes_where_its_cdb_says(cdb: str, start: int, length: int) -> None:
    assert make_plan(command(cdb), SIZES) == Plan(length, start)


@pytest.mark.parametrize("opcode", ["0a", "2a", "2e", "aa", "ae", "8a", "8e"])
def test_a_write_needs_data(opcode: str) -> None:
    cdb = f"{opcode}00" + "00" * 14
    assert make_plan(command(cdb, flag=SC_FLAG_WRITE), SIZES).start == 0
    with pytest.raises(Refused, match="0b/0e/03"):
        make_plan(command(cdb), SIZES)


def test_a_read_that_nobody_has_a_buffer_for_sends_nothing() -> None:
    assert make_plan(command("28 00 00000000 00 0001", flag=SC_FLAG_WRITE), SIZES) == Plan()
    assert make_plan(command("12 00 00 0024", flag=SC_FLAG_WRITE), SIZES) == Plan()


@pytest.mark.parametrize(
    "cdb, lun, sense",
    [
        ("ff", 0, "05/20/00"),
        ("28 00 00000800 00 0001", 0, "05/21/00"),
        ("28 00 000007ff 00 0002", 0, "05/21/00"),
        ("28 20 00000000 00 0001", 0, "05/24/00"),
        ("00", 2, "05/25/00"),
        ("12 00 80 0024", 0, "05/24/00"),
        ("12 01 99 0024", 0, "05/24/00"),
        ("03 01 00 00 12", 0, "05/24/00"),
        ("a0 00 03 000000 00000100", 0, "05/24/00"),
        ("a0 00 00 000000 00000008", 0, "05/24/00"),
        ("1a 00 1c 00 ff", 0, "05/24/00"),
        ("1a 00 ff 00 ff", 0, "05/39/00"),
        ("9e 12", 0, "05/24/00"),
    ],
)
def test_what_cannot_be_executed_is_refused(cdb: str, lun: int, sense: str) -> None:
    with pytest.raises(Refused, match=sense):
        make_plan(command(cdb, lun=lun), SIZES)


def test_inquiry() -> None:
    data = answer("12 00 00 00ff")
    assert data[0] == 0 and data[4] == len(data) - 5 and data[8:16] == b"CHISCSI "
    assert answer("12 00 00 0005") == data[:5]
    assert answer("12 00 00 00ff", lun=7)[0] == 0x7F
    for page in answer("12 01 00 00ff")[4:]:
        contents = answer(f"12 01 {page:02x} 00ff")
        assert contents[1] == page and int.from_bytes(contents[2:4]) == len(contents) - 4
    assert answer("12 01 80 00ff", lun=1) != answer("12 01 80 00ff")


def test_capacity() -> None:
    assert answer("25") == bytes.fromhex("000007ff 00000200")
    assert answer("9e 10 0000000000000000 00000020")[:12] == bytes.fromhex("00000000000007ff 00000200")
    assert make_plan(command("25"), HUGE).data[:4] == b"\xff" * 4


def test_list_of_luns() -> None:
    luns = "0000000000000000 0001000000000000"
    assert answer("a0 00 00 000000 00000100") == bytes.fromhex("00000010 00000000" + luns)
    assert answer("a0 00 01 000000 00000100") == bytes(8)
    assert answer("a0 00 00 000000 00000100", lun=9)[:4] == bytes.fromhex("00000010")


def test_mode_pages() -> None:
    six, ten = answer("1a 00 3f 00 ff"), answer("5a 00 3f 00 000000 00ff")
    assert six[0] == len(six) - 1 and int.from_bytes(ten[:2]) == len(ten) - 2
    assert six[4:] == ten[8:] and six[2] == ten[3] == 0x10
    changeable = answer("1a 00 48 00 ff")
    assert changeable[4:6] == bytes((8, 18)) and not any(changeable[6:])


@pytest.mark.parametrize(
    "length, expected, moved, flag, residual",
    [
        (512, 512, 512, 0, 0),
        (512, 1024, 512, SC_FLAG_XFER_UNDERFLOW, 512),
        (1024, 512, 512, SC_FLAG_XFER_OVERFLOW, 512),
        (0, 512, 0, SC_FLAG_XFER_UNDERFLOW, 512),
    ],
)
def test_residuals(length: int, expected: int, moved: int, flag: int, residual: int) -> None:
    sc = command("00", length=expected)
    assert settle(sc, length) == moved
    assert sc.sc_flag & (SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW) == flag
    assert sc.sc_xfer_residualcount == residual
    assert sc.sc_xfer_len == min(length, expected) or flag == SC_FLAG_XFER_OVERFLOW
