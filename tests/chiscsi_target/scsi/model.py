"""A disk as simple as it can be, that says how every medium command has to end (SBC-3, SPC-4, SPC-2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["CONFLICT", "INVALID_FIELD", "NO_SUCH_COMMAND", "READ", "WRITE", "Expected", "Model"]

GOOD, CHECK, CONDITION_MET, CONFLICT_STATUS = 0, 2, 4, 0x18
READ, WRITE, HARMLESS = "read", "write", "harmless"
WRITE_EXCLUSIVE, REGISTRANTS_ONLY, ALL_REGISTRANTS = (1, 5, 7), (5, 6), (7, 8)


@dataclass(frozen=True, slots=True)
class Expected:
    """How a command ends: `data` is what it returns, None when that is looked at otherwise."""

    status: int = GOOD
    sense: tuple[int, int, int] = (0, 0, 0)
    data: bytes | None = b""


DONE, CONFLICT, FETCHED = Expected(), Expected(CONFLICT_STATUS), Expected(CONDITION_MET)
NO_SUCH_COMMAND, INVALID_FIELD = Expected(CHECK, (5, 0x20, 0)), Expected(CHECK, (5, 0x24, 0))
OUT_OF_RANGE, PROTECTED = Expected(CHECK, (5, 0x21, 0)), Expected(CHECK, (7, 0x27, 0))
DIFFERENT, BAD_RELEASE = Expected(CHECK, (0xE, 0x1D, 0)), Expected(CHECK, (5, 0x26, 4))
RELEASED, PREEMPTED, POWER_ON = (6, 0x2A, 4), (6, 0x2A, 3), (6, 0x29, 0)


@dataclass
class Model:
    """What is on the disk, who may use it, and who has to be told something first."""

    block: int
    count: int
    thin: bool = True
    read_only: bool = False
    sessions: tuple[int, ...] = (1, 2)
    octets: bytearray = field(init=False)
    legacy: int | None = None
    keys: dict[int, int] = field(default_factory=dict)
    holder: int | None = None
    kind: int = 0
    generation: int = 0
    attentions: dict[int, list[tuple[int, int, int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.octets = bytearray(self.block * self.count)
        self.attentions = {session: [POWER_ON] for session in self.sessions}

    # What comes before any command

    def stopped(self, session: int, access: str) -> Expected | None:
        """The end of a command that is not even begun: a unit attention, or somebody else's reservation."""
        if self.attentions[session]:
            return Expected(CHECK, self.attentions[session].pop(0))
        if self.legacy is not None:
            return CONFLICT if self.legacy != session else None
        if not self.kind or self._holds(session) or access == HARMLESS:
            return None
        if session in self.keys and self.kind in REGISTRANTS_ONLY:
            return None
        return None if access == READ and self.kind in WRITE_EXCLUSIVE else CONFLICT

    def _holds(self, session: int) -> bool:
        return session == self.holder or (session in self.keys and self.kind in ALL_REGISTRANTS)

    def _outside(self, lba: int, count: int) -> bool:
        return lba + max(count, 1) > self.count

    # The medium

    def at(self, lba: int, count: int) -> bytes:
        """What blocks hold."""
        return bytes(self.octets[lba * self.block : (lba + count) * self.block])

    def read(self, lba: int, count: int) -> Expected:
        """READ."""
        return OUT_OF_RANGE if self._outside(lba, count) else Expected(data=self.at(lba, count))

    def look(self, lba: int, count: int) -> Expected:
        """What needs the blocks to be there and changes nothing; no data, or data that are looked at otherwise."""
        return OUT_OF_RANGE if self._outside(lba, count) else Expected(data=None)

    def fetch(self, lba: int, count: int) -> Expected:
        """PRE-FETCH: there is no cache that the blocks could be too many for."""
        return OUT_OF_RANGE if self._outside(lba, count) else FETCHED

    def write(self, lba: int, data: bytes) -> Expected:
        """WRITE, WRITE AND VERIFY, WRITE ATOMIC."""
        if self._outside(lba, len(data) // self.block):
            return OUT_OF_RANGE
        if self.read_only:
            return PROTECTED
        self.octets[lba * self.block : lba * self.block + len(data)] = data
        return DONE

    def write_same(self, lba: int, count: int, data: bytes) -> Expected:
        """WRITE SAME, of zeros without data; a count of 0 means the rest of the medium, unless it is thin (WSNZ)."""
        if self.read_only:
            return PROTECTED
        if self._outside(lba, count):
            return OUT_OF_RANGE
        if not count and self.thin:
            return INVALID_FIELD
        return self.write(lba, (data or bytes(self.block)) * (count or self.count - lba))

    def unmap(self, ranges: Iterable[tuple[int, int]]) -> Expected:
        """UNMAP: all ranges or none."""
        if not self.thin:
            return NO_SUCH_COMMAND
        if self.read_only:
            return PROTECTED
        if any(self._outside(lba, count) for lba, count in ranges if count):
            return OUT_OF_RANGE
        for lba, count in ranges:
            self.write(lba, bytes(count * self.block))
        return DONE

    def compare_and_write(self, lba: int, wanted: bytes, data: bytes) -> Expected:
        """COMPARE AND WRITE."""
        count = len(data) // self.block
        if self._outside(lba, count):
            return OUT_OF_RANGE
        if self.read_only:
            return PROTECTED
        return self.write(lba, data) if self.at(lba, count) == wanted else DIFFERENT

    def or_write(self, lba: int, data: bytes) -> Expected:
        """ORWRITE."""
        old = int.from_bytes(self.at(lba, len(data) // self.block).ljust(len(data), b"\0"))
        return self.write(lba, (old | int.from_bytes(data)).to_bytes(len(data)))

    def verify(self, lba: int, count: int, data: bytes) -> Expected:
        """VERIFY: with data, or one block of them for all, the blocks have to hold them."""
        if self._outside(lba, count):
            return OUT_OF_RANGE
        whole = data * count if len(data) == self.block else data
        return DIFFERENT if data and count and self.at(lba, count) != whole else DONE

    # Reservations

    def reserve(self, session: int) -> Expected:
        """RESERVE (6)."""
        if self.keys:
            return CONFLICT
        self.legacy = session
        return DONE

    def release(self, session: int) -> Expected:
        """RELEASE (6)."""
        if self.keys:
            return CONFLICT
        self.legacy = None if self.legacy == session else self.legacy
        return DONE

    def register(self, session: int, key: int, new: int, *, ignore: bool) -> Expected:
        """REGISTER, or REGISTER AND IGNORE EXISTING KEY."""
        if self.legacy is not None or (not ignore and self.keys.get(session, 0) != key):
            return CONFLICT
        if new:
            self.keys[session] = new
        elif session in self.keys:
            self._unregister(session)
        self.generation += 1  # whatever it changed (SPC-4, PRGENERATION: every request)
        return DONE

    def _unregister(self, session: int) -> None:
        del self.keys[session]
        if self.kind in ALL_REGISTRANTS:
            if not self.keys:
                self.kind, self.holder = 0, None
            elif self.holder == session:
                self.holder = next(iter(self.keys))
        elif self.holder == session:
            if self.kind in REGISTRANTS_ONLY:
                self._tell(session, RELEASED)
            self.kind, self.holder = 0, None

    def persist(self, session: int, key: int, kind: int) -> Expected:
        """PERSISTENT RESERVE OUT, RESERVE."""
        if self.legacy is not None or self.keys.get(session) != key:
            return CONFLICT
        if self.kind:
            return DONE if self._holds(session) and kind == self.kind else CONFLICT
        self.kind, self.holder = kind, session
        return DONE

    def unpersist(self, session: int, key: int, kind: int) -> Expected:
        """PERSISTENT RESERVE OUT, RELEASE."""
        if self.legacy is not None or self.keys.get(session) != key:
            return CONFLICT
        if not self.kind or not self._holds(session):
            return DONE
        if kind != self.kind:
            return BAD_RELEASE
        if kind in (*REGISTRANTS_ONLY, *ALL_REGISTRANTS):
            self._tell(session, RELEASED)
        self.kind, self.holder = 0, None
        return DONE

    def clear(self, session: int, key: int) -> Expected:
        """PERSISTENT RESERVE OUT, CLEAR."""
        if self.legacy is not None or self.keys.get(session) != key:
            return CONFLICT
        self._tell(session, PREEMPTED)
        self.keys.clear()
        self.kind, self.holder = 0, None
        self.generation += 1
        return DONE

    def read_keys(self) -> Expected:
        """PERSISTENT RESERVE IN, READ KEYS."""
        keys = b"".join(key.to_bytes(8) for key in self.keys.values())
        return Expected(data=self.generation.to_bytes(4) + len(keys).to_bytes(4) + keys)

    def _tell(self, but: int, sense: tuple[int, int, int]) -> None:
        for session in self.keys:
            if session != but and sense not in self.attentions[session]:
                self.attentions[session].append(sense)
