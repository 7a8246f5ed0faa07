"""What a disk has to say for itself: the SCSI commands that a pass-through driver answers without touching its medium.

A pass-through LUN class gets every CDB (guide 5.2.2.1), so it answers INQUIRY, READ CAPACITY and their kin itself. The
functions here turn a command into a plan: octets to answer with, a part of the medium to move, or a refusal. They know
nothing of buffers, phases and completions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import SC_FLAG_WRITE, SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command

__all__ = ["BLOCK", "Plan", "Refused", "make_plan", "settle"]

BLOCK: Final = 512
_NO_DEVICE: Final = 0x7F
_ANY: Final = 1 << 32


class Refused(Exception):
    """A command ends with CHECK CONDITION and this sense data: key, additional sense code, qualifier."""

    def __init__(self, key: int, asc: int, ascq: int = 0) -> None:
        super().__init__(f"sense {key:02x}/{asc:02x}/{ascq:02x}")
        self.key, self.asc, self.ascq = key, asc, ascq


UNKNOWN_COMMAND: Final = (0x05, 0x20, 0x00)
OUT_OF_RANGE: Final = (0x05, 0x21, 0x00)
WRONG_FIELD: Final = (0x05, 0x24, 0x00)
NO_LOGICAL_UNIT: Final = (0x05, 0x25, 0x00)
NO_SAVED_PAGES: Final = (0x05, 0x39, 0x00)
WRONG_DIRECTION: Final = (0x0B, 0x0E, 0x03)


@dataclass(slots=True, frozen=True)
class Plan:
    """What is to be done for a command.

    Attributes:
        length: how many octets it moves by its CDB.
        start: where on the medium, in octets; None for a command that does not touch it.
        data: what a command that does not touch the medium answers.
    """

    length: int = 0
    start: int | None = None
    data: bytes = b""


def make_plan(sc: chiscsi_scsi_command, sizes: Sequence[int]) -> Plan:
    """Understand a command to a target with disks of these sizes, in octets, numbered from 0.

    Raises:
        Refused: it ends with CHECK CONDITION.
    """
    cdb = sc.sc_cmd
    if sc.sc_lun >= len(sizes):
        return _answer_for_nobody(cdb, sizes)
    place = _PLACES.get(cdb[0])
    if place is not None:
        return _plan_transfer(sc, place, sizes[sc.sc_lun])
    answer = _ANSWERS.get(cdb[0])
    if answer is None:
        raise Refused(*UNKNOWN_COMMAND)
    if sc.sc_flag & SC_FLAG_WRITE:
        return Plan()  # the initiator offers data, and has no buffer for an answer
    data, allocation = answer(cdb, sc.sc_lun, sizes)
    return Plan(min(len(data), allocation), data=data[:allocation])


def settle(sc: chiscsi_scsi_command, length: int) -> int:
    """Tell the initiator if a command moves `length` octets and not what it expects (guide, "Buffer Overflow ...").

    Returns:
        How many octets are really to be moved: never more than the initiator expects.
    """
    expected = sc.sc_xfer_len
    if length > expected:
        sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
        sc.sc_xfer_residualcount = length - expected
    elif length < expected:
        sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
        sc.sc_xfer_residualcount = expected - length
        sc.sc_xfer_len = length
    return min(length, expected)


# READ and WRITE


@dataclass(slots=True, frozen=True)
class _Place:
    """Where a READ or WRITE has its address and its number of blocks, as octets of the CDB."""

    address: slice
    blocks: slice
    write: bool = False


_PLACES: Final = {
    0x08: _Place(slice(1, 4), slice(4, 5)),
    0x0A: _Place(slice(1, 4), slice(4, 5), write=True),
    0x28: _Place(slice(2, 6), slice(7, 9)),
    0x2A: _Place(slice(2, 6), slice(7, 9), write=True),
    0x2E: _Place(slice(2, 6), slice(7, 9), write=True),
    0xA8: _Place(slice(2, 6), slice(6, 10)),
    0xAA: _Place(slice(2, 6), slice(6, 10), write=True),
    0xAE: _Place(slice(2, 6), slice(6, 10), write=True),
    0x88: _Place(slice(2, 10), slice(10, 14)),
    0x8A: _Place(slice(2, 10), slice(10, 14), write=True),
    0x8E: _Place(slice(2, 10), slice(10, 14), write=True),
}
"""READ, WRITE, and WRITE AND VERIFY: what is written to memory is there."""


def _plan_transfer(sc: chiscsi_scsi_command, place: _Place, size: int) -> Plan:
    cdb = sc.sc_cmd
    address, count = int.from_bytes(cdb[place.address]), int.from_bytes(cdb[place.blocks])
    if cdb[0] in (0x08, 0x0A):
        address, count = address & 0x1FFFFF, count or 256  # SBC-3, READ (6): 21 bits, and no blocks stand for 256
    elif cdb[1] & 0xE0:
        raise Refused(*WRONG_FIELD)  # RDPROTECT, WRPROTECT: there is no protection information here
    if address + max(count, 1) > size // BLOCK:
        raise Refused(*OUT_OF_RANGE)
    outgoing = bool(sc.sc_flag & SC_FLAG_WRITE)
    if outgoing != place.write and sc.sc_xfer_len:
        if place.write:
            raise Refused(*WRONG_DIRECTION)  # a WRITE without data must not look as if it were done
        return Plan()  # a READ that the initiator has no buffer for: nothing is sent, and the residual says so
    return Plan(count * BLOCK, start=address * BLOCK)


# Everything else. Each answer is given as the data with the ALLOCATION LENGTH of the CDB.

_Answer = tuple[bytes, int]


def _answer_for_nobody(cdb: bytes, sizes: Sequence[int]) -> Plan:
    """Answer a command to a LUN that is none: who asks what is there learns that nothing is (SPC-4, 5.6)."""
    if cdb[0] == 0x12:
        data = bytes((_NO_DEVICE,)) + _standard_inquiry()[1:]
        allocation = int.from_bytes(cdb[3:5])
    elif cdb[0] == 0xA0:
        data, allocation = _report_luns(cdb, 0, sizes)
    else:
        raise Refused(*NO_LOGICAL_UNIT)
    return Plan(min(len(data), allocation), data=data[:allocation])


def _nothing(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    return b"", _ANY


def _request_sense(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    """No sense, in fixed format: sense data go out with the status here, so nothing is ever left to ask for."""
    if cdb[1] & 1:
        raise Refused(*WRONG_FIELD)
    return bytes((0x70, 0, 0, 0, 0, 0, 0, 10)) + bytes(10), cdb[4]


def _standard_inquiry() -> bytes:
    """A disk that conforms to SPC-4, has a command queue, and knows the versions of SAM-5, SPC-4, SBC-3 and iSCSI."""
    head = bytes((0, 0, 0x06, 0x12, 69, 0, 0, 0x02))
    names = b"CHISCSI ".ljust(8) + b"API Test Disk".ljust(16) + b"1.0 "
    return head + names + bytes(22) + bytes.fromhex("00a0 0460 04c0 0960") + bytes(8)


def _inquiry(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    allocation = int.from_bytes(cdb[3:5])
    if not cdb[1] & 1:
        if cdb[2]:
            raise Refused(*WRONG_FIELD)
        return _standard_inquiry(), allocation
    serial = f"APITEST{lun:09d}".encode()
    identifier = b"CHISCSI " + serial
    pages = {
        0x00: bytes((0x00, 0x80, 0x83, 0xB0)),
        0x80: serial,
        0x83: bytes((0x02, 0x01, 0, len(identifier))) + identifier,
        0xB0: bytes((0, 0, 0, 8)) + (32768).to_bytes(4) + bytes(52),
    }
    page = pages.get(cdb[2])
    if page is None:
        raise Refused(*WRONG_FIELD)
    return bytes((0, cdb[2])) + len(page).to_bytes(2) + page, allocation


def _read_capacity_10(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    last = min(sizes[lun] // BLOCK - 1, 0xFFFFFFFF)
    return last.to_bytes(4) + BLOCK.to_bytes(4), _ANY


def _service_action_in(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    if cdb[1] & 0x1F != 0x10:
        raise Refused(*WRONG_FIELD)
    data = (sizes[lun] // BLOCK - 1).to_bytes(8) + BLOCK.to_bytes(4) + bytes(20)
    return data, int.from_bytes(cdb[10:14])


def _report_luns(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    allocation = int.from_bytes(cdb[6:10])
    if cdb[2] > 2 or allocation < 16:
        raise Refused(*WRONG_FIELD)
    luns = [] if cdb[2] == 1 else [number << 48 for number in range(len(sizes))]
    return (8 * len(luns)).to_bytes(4) + bytes(4) + b"".join(each.to_bytes(8) for each in luns), allocation


_MODE_PAGES: Final = {
    0x08: bytes((0x08, 18)) + bytes(18),  # caching: none, so a write's status says that it is done
    0x0A: bytes((0x0A, 10)) + bytes(10),  # control
}


def _mode_pages(cdb: bytes) -> bytes:
    control, code = cdb[2] >> 6, cdb[2] & 0x3F
    if control == 3:
        raise Refused(*NO_SAVED_PAGES)
    if code == 0x3F and cdb[3] in (0, 0xFF):
        pages = list(_MODE_PAGES.values())
    elif code in _MODE_PAGES and not cdb[3]:
        pages = [_MODE_PAGES[code]]
    else:
        raise Refused(*WRONG_FIELD)
    # Changeable values: none.
    return b"".join(page[:2] + bytes(len(page) - 2) if control == 1 else page for page in pages)


_DPO_FUA: Final = 0x10


def _mode_sense_6(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    pages = _mode_pages(cdb)
    return bytes((3 + len(pages), 0, _DPO_FUA, 0)) + pages, cdb[4]


def _mode_sense_10(cdb: bytes, lun: int, sizes: Sequence[int]) -> _Answer:
    pages = _mode_pages(cdb)
    return (6 + len(pages)).to_bytes(2) + bytes((0, _DPO_FUA, 0, 0, 0, 0)) + pages, int.from_bytes(cdb[7:9])


_ANSWERS: Final[dict[int, Callable[[bytes, int, Sequence[int]], _Answer]]] = {
    0x00: _nothing,  # TEST UNIT READY
    0x03: _request_sense,
    0x12: _inquiry,
    0x1A: _mode_sense_6,
    0x1B: _nothing,  # START STOP UNIT
    0x25: _read_capacity_10,
    0x35: _nothing,  # SYNCHRONIZE CACHE (10): there is no cache
    0x5A: _mode_sense_10,
    0x91: _nothing,  # SYNCHRONIZE CACHE (16)
    0x9E: _service_action_in,
    0xA0: _report_luns,
}
