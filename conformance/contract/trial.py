"""`Trial`: one scenario's view of a LUN class: a session, commands with data that can be recognised, and judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

from conformance.contract.bench import Bench
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi import (
    Read10,
    ReadCapacity16,
    ReadCapacity16Data,
    ReportLuns,
    ReportLunsData,
    TestUnitReady,
    Write10,
)

if TYPE_CHECKING:
    from initiator_sim.session import Session
    from initiator_sim.task import CommandResult, Task

_LUN_LIST: Final = 4096
_ATTENTIONS: Final = 5
_BLOCK_LENGTHS: Final = (512, 1024, 2048, 4096)
"""Octets; nothing else is in use, and what is far off asks for transfers that no machine has memory for."""
UNIT_ATTENTION: Final = 6


class CannotGoOn(Exception):
    """The scenario has come to its end early; what there is to say has been entered."""


def pattern(length: int, seed: int = 0) -> bytes:
    """Octets that differ from block to block and from seed to seed."""
    unit = bytes((index * 7 + index // 256 * 13 + seed * 31 + 1) & 0xFF for index in range(min(length, 65536)))
    return (unit * (length // max(len(unit), 1) + 1))[:length]


class Trial:
    """One scenario.

    Attributes:
        bench: the target.
        luns: the LUNs that there are; `block`, the size of a block of the first, in octets; `blocks`, its capacity.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.luns: list[int] = [0]
        self.block = 512
        self.blocks = 0
        self._rule = ""

    def login(self, number: int = 0, keys: Mapping[str, str] | None = None) -> Session:
        """A session whose unit attentions are behind it.

        Raises:
            CannotGoOn: the LUN does not get ready.
        """
        session = self.bench.initiator(number).login(keys=keys)
        for lun in self.luns:
            self.get_ready(session, lun)
        return session

    def get_ready(self, session: Session, lun: int = 0) -> None:
        """Take in unit attentions until the LUN is ready."""
        for _ in range(_ATTENTIONS):
            result = session.command(TestUnitReady(), lun=lun)
            if result.status == ScsiStatus.GOOD:
                return
            if result.sense is None or result.sense.key != UNIT_ATTENTION:
                break
        self._stop("serves", f"TEST UNIT READY of LUN {lun} ended with {result}")

    def look(self) -> None:
        """Find out what LUNs there are, and how large the first is.

        Raises:
            CannotGoOn: they do not say.
        """
        with self.bench.initiator(9) as initiator:
            session = initiator.login()
            self.get_ready(session)
            listed = session.command(ReportLuns(allocation_length=_LUN_LIST), read=_LUN_LIST)
            if listed.status == ScsiStatus.GOOD and listed.received >= 8:
                fields = ReportLunsData.decode(listed.data[: listed.received], truncated=True).luns
                self.luns = [field >> 48 & 0x3FFF for field in fields] or [0]
            result = session.command(ReadCapacity16(allocation_length=32), read=32)
            if result.status != ScsiStatus.GOOD or result.received < 12:
                self._stop("serves", f"READ CAPACITY(16) ended with {result}")
            capacity = ReadCapacity16Data.decode(result.data[: result.received].ljust(32, b"\0"))
            self.block = capacity.logical_block_length
            if self.block not in _BLOCK_LENGTHS:
                self._stop("serves", f"READ CAPACITY(16) tells of blocks of {self.block} octets")
            self.blocks = capacity.returned_logical_block_address + 1
            session.logout()

    # Commands

    def read_cdb(self, lba: int, length: int) -> Read10:
        """READ(10) of `length` octets, rounded up to blocks."""
        return Read10.make(logical_block_address=lba, transfer_length=-(-length // self.block))

    def write_cdb(self, lba: int, length: int) -> Write10:
        """WRITE(10)."""
        return Write10.make(logical_block_address=lba, transfer_length=-(-length // self.block))

    def write(self, session: Session, lba: int, data: bytes, **how: Any) -> None:
        """Write, which has to succeed."""
        result = session.command(self.write_cdb(lba, len(data)), write=data, **how)
        self.good(result, f"WRITE(10) of {len(data)} octets at block {lba}")

    def read(self, session: Session, lba: int, length: int, **how: Any) -> bytes:
        """Read, which has to succeed."""
        result = session.command(self.read_cdb(lba, length), read=length, **how)
        self.good(result, f"READ(10) of {length} octets at block {lba}")
        return result.data

    def start_write(self, session: Session, lba: int, data: bytes, **how: Any) -> Task:
        """Begin a write, no data of which go out unasked."""
        cdb = self.write_cdb(lba, len(data))
        return session.start(cdb, write=data, immediate_data=0, unsolicited=0, **how)

    def compare(self, written: bytes, read: bytes, what: str, rule: str = "data") -> None:
        """Enter a breach where data are not what they should be."""
        if written == read:
            return
        pairs = zip(written, read, strict=False)
        at = next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(written), len(read)))
        self.bench.ledger.note(rule, f"{what}: the data differ from octet {at} on")

    def good(self, result: CommandResult, what: str) -> None:
        """Require good status.

        Raises:
            CannotGoOn: it is not.
        """
        if result.status != ScsiStatus.GOOD:
            self._stop("serves", f"{what} ended with {result}")

    def refused(self, result: CommandResult, what: str, *codes: tuple[int, int]) -> None:
        """Enter a breach unless a command ended with CHECK CONDITION and one of these sense keys and codes."""
        sense = result.sense
        if result.status is None:
            self._stop("sense", f"{what} ended with {result}")
        if result.status != ScsiStatus.CHECK_CONDITION or sense is None or (sense.key, sense.asc) not in codes:
            wanted = " or ".join(f"{key:02x}/{asc:02x}" for key, asc in codes)
            self.bench.ledger.note("sense", f"{what} ended with {result}, expected sense {wanted}")

    def served(self, what: str, number: int = 1, keys: Mapping[str, str] | None = None) -> None:
        """See whether the class goes on serving, in a session of its own."""
        data = pattern(4 * self.block, 99)
        self._rule = "recovers"
        session = self.login(number, keys)
        self.write(session, 8, data)
        self.compare(data, self.read(session, 8, len(data)), f"after {what}", "recovers")
        self._rule = ""

    def _stop(self, rule: str, text: str) -> NoReturn:
        # A wrong answer is only a consequence when the class is known to have gone wrong before.
        if not self.bench.ledger.breaches and not self.bench.ledger.owing:
            self.bench.ledger.note(self._rule or rule, text)
        raise CannotGoOn(text)
