"""ROD tokens: point in time copies of blocks, each known by a token that any logical unit of the target takes.

A copy is kept in memory, so that later writes do not change it (SPC-4, 5.17.6); `snapshot` makes it piece by piece.
There is no clock here: what time it is, and random octets that make a token hard to guess, are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.identity import designators
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import Sense
from iscsi_wire.scsi import IdentificationCscd, RodToken
from iscsi_wire.scsi_codes import AdditionalSense, SenseKey
from iscsi_wire.scsi_copy_codes import RodType
from iscsi_wire.scsi_page_codes import Association, DesignatorType

if TYPE_CHECKING:
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "DEFAULT_TIMEOUT",
    "LONGEST_TIMEOUT",
    "MOST_OCTETS",
    "MOST_PER_TOKEN",
    "OPTIMAL_PER_TOKEN",
    "ROD_PIECE",
    "Rod",
    "RodTokens",
]

MOST_PER_TOKEN: Final = 1 << 30
"""Octets that one token may stand for, and that one WRITE USING TOKEN may write."""
OPTIMAL_PER_TOKEN: Final = 64 << 20
"""Octets of a token that is made soon, and takes little of the memory for all."""
MOST_OCTETS: Final = 1 << 30
"""Octets that the tokens of one target may keep in memory; blocks of zeros take none."""
ROD_PIECE: Final = 1 << 20
"""Octets of the pieces in which data are kept."""
DEFAULT_TIMEOUT: Final = 300
LONGEST_TIMEOUT: Final = 3600
"""Seconds for which a token is kept that nobody uses."""
_MOST_ENDED: Final = 4096
"""Tokens that are no more of which it is remembered why."""
_ZEROS: Final = bytes(ROD_PIECE)
_LENGTH: Final = RodToken().rod_token_length
_RANDOM: Final = 256
"""Octets of EXTENDED ROD TOKEN DATA; SPC-4 wants 32 random ones at least."""
_MANAGEMENT_TOKEN: Final = RodToken.field("device_type_specific_data").octet
"""Octets of a ROD management token: a token up to the part that makes it hard to guess."""
_POINT_IN_TIME: Final = int(RodType.POINT_IN_TIME_COPY_DEFAULT)


def _sense(code: AdditionalSense) -> Sense:
    return Sense(int(SenseKey.ILLEGAL_REQUEST), code >> 8, code & 0xFF)


_UNSUPPORTED_TYPE: Final = _sense(AdditionalSense.UNSUPPORTED_TOKEN_TYPE)
_UNKNOWN: Final = _sense(AdditionalSense.TOKEN_UNKNOWN)
_CORRUPT: Final = _sense(AdditionalSense.TOKEN_CORRUPT)
_EXPIRED: Final = _sense(AdditionalSense.TOKEN_EXPIRED)
_DELETED: Final = _sense(AdditionalSense.TOKEN_DELETED)
_INVALID_LENGTH: Final = _sense(AdditionalSense.INVALID_TOKEN_LENGTH)
_NO_ROOM: Final = _sense(AdditionalSense.INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN)


@dataclass(slots=True)
class Rod:
    """Data behind a token.

    Attributes:
        token: the token, 512 octets; empty for zeros without end.
        pieces: the data, of `ROD_PIECE` octets each but for the last; None where it is zeros.
        size: octets of data; None for zeros without end.
        timeout: seconds for which it is kept unused.
        used: when it was last used.
    """

    token: bytes = b""
    pieces: list[bytes | None] = field(default_factory=list)
    size: int | None = None
    timeout: float = 0.0
    used: float = 0.0

    @property
    def kept(self) -> int:
        """Octets of memory that it takes."""
        return sum(len(piece) for piece in self.pieces if piece is not None)

    def read(self, offset: int, length: int) -> bytes:
        """Some of the data."""
        found = bytearray()
        while len(found) < length:
            number, start = divmod(offset + len(found), ROD_PIECE)
            count = min(length - len(found), ROD_PIECE - start)
            piece = self.pieces[number] if self.size is not None else None
            found += bytes(count) if piece is None else piece[start : start + count]
        return bytes(found)


def _no_time() -> float:
    """Tell no time: tokens stay until they are deleted."""
    return 0.0


@dataclass(slots=True)
class RodTokens:
    """The tokens of a target.

    Attributes:
        clock: tells the time in seconds; without one, no token expires.
        random: returns that many random octets; without it, tokens can be guessed.
        limit: octets that may be kept in memory.
    """

    clock: Callable[[], float] = _no_time
    random: Callable[[int], bytes] = bytes
    limit: int = MOST_OCTETS
    _rods: dict[int, Rod] = field(default_factory=dict)
    _ended: dict[int, Sense] = field(default_factory=dict)
    _last: int = 0
    _kept: int = 0

    def begin(self, size: int) -> Rod:
        """Make room for data of so many octets, which are zeros at first; end it by `complete` or `give_up`."""
        self._expire()
        return Rod(pieces=[None] * -(-size // ROD_PIECE), size=size)

    def keep(self, rod: Rod, number: int, data: bytes) -> None:
        """Keep a piece of the data.

        Args:
            rod: the data, which have been begun.
            number: the number of the piece, which was not kept before.
            data: what it holds.

        Raises:
            Refused: there is no memory for it.
        """
        if data == _ZEROS[: len(data)]:
            return
        if self._kept + len(data) > self.limit:
            raise Refused(_NO_ROOM)
        self._kept += len(data)
        rod.pieces[number] = data

    def complete(self, rod: Rod, unit: LogicalUnit, timeout: int) -> None:
        """Make a token for data that are complete.

        Args:
            rod: the data.
            unit: the logical unit that they are of.
            timeout: INACTIVITY TIMEOUT in seconds; 0 for the default.
        """
        self._last += 1
        rod.token = self._token(unit, self._last, rod.size or 0)
        rod.timeout, rod.used = timeout or DEFAULT_TIMEOUT, self.clock()
        self._rods[self._last] = rod

    def give_up(self, rod: Rod) -> None:
        """Forget data for which no token is made."""
        self._kept -= rod.kept
        rod.pieces = []

    def management_tokens(self) -> bytes:
        """The ROD management tokens of all tokens that are good, one behind the other (SPC-4, 5.17.6.4)."""
        self._expire()
        return b"".join(rod.token[:_MANAGEMENT_TOKEN] for rod in self._rods.values())

    def _token(self, unit: LogicalUnit, identifier: int, size: int) -> bytes:
        name = next(each for each in designators(unit) if each.designator_type == DesignatorType.NAA)
        creator = IdentificationCscd.make(
            code_set=name.code_set,
            designator_type=name.designator_type,
            designator_length=len(name.designator),
            designator=bytes(name.designator).ljust(20, b"\0"),
            disk_block_length=1 << unit.lu.sect_shift,
        )
        return RodToken.make(
            rod_type=_POINT_IN_TIME,
            copy_manager_rod_token_identifier=identifier,
            creator_logical_unit_descriptor=creator.encode(),
            number_of_bytes_represented=size.to_bytes(16),
            target_device_descriptor=_target(unit),
            extended_rod_token_data=self.random(_RANDOM),
        ).encode()

    def find(self, token: bytes) -> Rod:
        """The data behind a token, which is hereby used.

        Raises:
            Refused: there is no such token, or no longer.
        """
        self._expire()
        asked = RodToken.decode(token)
        if asked.rod_type not in (RodType.BLOCK_DEVICE_ZERO, _POINT_IN_TIME):
            raise Refused(_UNSUPPORTED_TYPE)
        if asked.rod_token_length != _LENGTH:
            raise Refused(_INVALID_LENGTH)
        if asked.rod_type == RodType.BLOCK_DEVICE_ZERO:
            return Rod()
        identifier = asked.copy_manager_rod_token_identifier
        rod = self._rods.get(identifier)
        if rod is None:
            raise Refused(self._ended.get(identifier, _UNKNOWN))
        if rod.token != token:
            raise Refused(_CORRUPT)
        rod.used = self.clock()
        return rod

    def delete(self, rod: Rod) -> None:
        """Have a token be one no longer."""
        if rod.token:
            self._end(RodToken.decode(rod.token).copy_manager_rod_token_identifier, _DELETED)

    def _expire(self) -> None:
        now = self.clock()
        for identifier, rod in list(self._rods.items()):
            if now > rod.used + rod.timeout:
                self._end(identifier, _EXPIRED)

    def _end(self, identifier: int, sense: Sense) -> None:
        rod = self._rods.pop(identifier, None)
        if rod is not None:
            self._kept -= rod.kept
            self._ended[identifier] = sense
            if len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]


def _target(unit: LogicalUnit) -> bytes:
    """The designation descriptor of the target, as far as there is room for it."""
    names = [each.encode() for each in designators(unit) if each.association == Association.TARGET_DEVICE]
    room = RodToken.field("target_device_descriptor").width // 8
    return next((name for name in names if len(name) <= room), b"").ljust(room, b"\0")
