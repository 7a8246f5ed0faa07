"""PERSISTENT RESERVE IN and OUT by several sessions, for the tests of reservations."""

from __future__ import annotations

import struct

import pytest

from chiscsi_target.scsi.nexus import InitiatorPort
from iscsi_wire.scsi import ReadFullStatusData, ReadKeysData, ReadReservationData
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import Rig

GOOD, CONFLICT = 0, 0x18
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, IGNORE, MOVE = range(8)
WE, EA, WE_RO, EA_RO, WE_AR, EA_AR = 1, 3, 5, 6, 7, 8
RELEASED, PREEMPTED, REGISTRATION_GONE = (6, 0x2A, 4), (6, 0x2A, 3), (6, 0x2A, 5)
LIST_FIELD, LIST_LENGTH, INVALID_RELEASE = (5, 0x26, 0), (5, 0x1A, 0), (5, 0x26, 4)
READY, READ, WRITE = "00 00 00 00 00 00", "28 00 00000000 00 0001 00", "2a 00 00000000 00 0001 00"
ONE, TWO, THREE, OTHER, NOBODY = 1, 2, 3, 4, 9
SPEC_I_PT, ALL_TG_PT, APTPL = 0x08, 0x04, 0x01


class Kept:
    """Keeps state in a dictionary."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self.pieces.get(name)

    def save(self, name: str, data: bytes | None) -> None:
        if data is None:
            self.pieces.pop(name, None)
        else:
            self.pieces[name] = data

    def where(self, name: str) -> str:
        return f"the test's {name}"


def port(session: int) -> InitiatorPort:
    return InitiatorPort(f"iqn.2026-11.org.example:{session}", bytes((0x80, 0, 0, 0, 0, session)))


@pytest.fixture
def rig() -> Rig:
    """Three sessions that have no unit attention condition any more."""
    made = Rig()
    for session in (ONE, TWO, THREE):
        made.server.session_added(session, port(session).name, port(session).isid or b"", "iqn.t")
        made.run(READY, session=session)
    return made


def out(
    rig: Rig, session: int, action: int, *, key: int = 0, new: int = 0, kind: int = 0, flags: int = 0, more: bytes = b""
) -> Outcome:
    data = struct.pack(">QQ4xBxxx", key, new, flags) + more
    return rig.stack.run(f"5f {action:02x} {kind:02x} 0000 {len(data):08x} 00", data=data, session=session)


def status(rig: Rig, session: int, action: int, **how: int | bytes) -> int:
    return out(rig, session, action, **how).status  # type: ignore[arg-type]


def registered(rig: Rig, *sessions: int) -> None:
    for session in sessions:
        assert status(rig, session, REGISTER, new=session * 0x11) == GOOD


def told(rig: Rig, action: int) -> bytes:
    """What PERSISTENT RESERVE IN tells somebody who has no unit attention condition pending."""
    return rig.run(f"5e {action:02x} 00000000 00 0fff 00", length=4095, session=NOBODY).data


def keys(rig: Rig) -> list[int]:
    return list(
        ReadKeysData.decode(rig.run("5e 00 00000000 00 00ff 00", length=255, session=NOBODY).data).reservation_keys
    )


def reservation(rig: Rig) -> tuple[int, int] | None:
    descriptors = ReadReservationData.decode(
        rig.run("5e 01 00000000 00 00ff 00", length=255, session=NOBODY).data
    ).descriptors
    return (descriptors[0].reservation_key, descriptors[0].type) if descriptors else None


def attention(rig: Rig, session: int) -> tuple[int, int, int] | None:
    outcome = rig.run(READY, session=session)
    return outcome.sense if outcome.status else None


def generation(rig: Rig) -> int:
    return ReadKeysData.decode(told(rig, 0)).prgeneration


def move(rig: Rig, session: int, key: int, new: int, to: bytes, *, unreg: int = 0, target: int = 1) -> Outcome:
    data = struct.pack(">QQxBHI", key, new, unreg << 1, target, len(to)) + to
    return rig.stack.run(f"5f 07 00 0000 {len(data):08x} 00", data=data, session=session)


def full_status(rig: Rig) -> list[tuple[int, int, bool, bytes]]:
    """The registrations: key, relative target port identifier, whether it holds the reservation, TransportID."""
    octets, found = bytes(ReadFullStatusData.decode(told(rig, 3)).descriptors), []
    while octets:
        size = 24 + int.from_bytes(octets[20:24])
        assert not octets[12] & 0x02  # ALL_TG_PT: each nexus is told by itself
        found.append((int.from_bytes(octets[:8]), int.from_bytes(octets[18:20]), bool(octets[12] & 1), octets[24:size]))
        octets = octets[size:]
    return found
