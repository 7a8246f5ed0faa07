"""What cases about reservations have in common: PERSISTENT RESERVE IN and OUT, and the keys that cases use."""

from __future__ import annotations

import struct

from conformance.api import CommandResult, ScsiStatus, Session, expect
from conformance.suites.scsi.commands import data_of, offered, run, settle
from initiator_sim.expectation import Expectation

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, IGNORE, MOVE = range(8)
FIRST, SECOND = 0x11AA22BB33CC44DD, 0x5566778899AABBCC
RESERVES, RELEASES = {6: 0x16, 10: 0x56}, {6: 0x17, 10: 0x57}
CONFLICT: Expectation[CommandResult] = expect.status(ScsiStatus.RESERVATION_CONFLICT)


def plain(codes: dict[int, int], size: int) -> bytes:
    """The CDB of a RESERVE or RELEASE of the whole unit."""
    return bytes((codes[size],)).ljust(size, b"\0")


def out(session: Session, action: int, *, key: int = 0, new: int = 0, kind: int = 0, length: int = 24) -> CommandResult:
    """PERSISTENT RESERVE OUT with the basic parameter list."""
    cdb = struct.pack(">BBB2xLx", 0x5F, action, kind, length)
    return run(session, cdb, write=struct.pack(">QQ8x", key, new)[:length].ljust(length, b"\0"))


def preempt_and_abort(session: Session) -> None:
    """Have a session that is registered with SECOND preempt whoever is with FIRST, which has to succeed.

    Raises:
        Unsupported: the target has no PREEMPT AND ABORT.
    """
    cdb = struct.pack(">BBB2xLx", 0x5F, PREEMPT_AND_ABORT, 1, 24)
    offered(session, cdb, write=struct.pack(">QQ8x", SECOND, FIRST)).expect(expect.good())


def read_in(session: Session, action: int) -> bytes:
    """PERSISTENT RESERVE IN, which has to succeed."""
    return data_of(session, struct.pack(">BB5xHx", 0x5E, action, 512), 512, 8)


def registered(session: Session, key: int) -> None:
    """Register a session, which has to succeed."""
    out(session, IGNORE, new=key).expect(expect.good())


def held(pair: tuple[Session, Session], kind: int, *, registered_both: bool) -> tuple[Session, Session]:
    """Have the first session hold a persistent reservation, and the second be registered or not."""
    one, other = pair
    registered(one, FIRST)
    if registered_both:
        registered(other, SECOND)
    out(one, RESERVE, key=FIRST, kind=kind).expect(expect.good())
    return one, other


def give_up(session: Session, key: int) -> None:
    """Release what a session may have reserved, and end its registration, whatever comes of it.

    CLEAR goes first: there are targets on which a reservation outlives the registration of its holder.
    """
    for size in RELEASES:
        session.command(plain(RELEASES, size))
    settle(session)
    for action in (CLEAR, IGNORE):
        cdb = struct.pack(">BBB2xLx", 0x5F, action, 0, 24)
        session.command(cdb, write=struct.pack(">QQ8x", key, 0))
        settle(session)
