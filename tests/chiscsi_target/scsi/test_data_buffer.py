from __future__ import annotations

import pytest

from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import Rig

IN_CDB, SEQUENCE_ERROR = (5, 0x24, 0), (5, 0x2C, 0)
DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR = 0x02, 0x03, 0x0A, 0x0B
CAPACITY, ECHO_CAPACITY = 64 << 10, 4096


def read(rig: Rig, mode: int, length: int, *, offset: int = 0, number: int = 0, session: int = 1) -> Outcome:
    return rig.run(f"3c {mode:02x} {number:02x} {offset:06x} {length:06x} 00", length=length, session=session)


def write(rig: Rig, mode: int, data: bytes, *, offset: int = 0, number: int = 0, session: int = 1) -> Outcome:
    cdb = f"3b {mode:02x} {number:02x} {offset:06x} {len(data):06x} 00"
    return rig.stack.run(cdb, data=data, session=session)


def test_descriptors() -> None:
    rig = Rig()
    assert read(rig, DESCRIPTOR, 255).data == CAPACITY.to_bytes(4)
    assert read(rig, DESCRIPTOR, 255, number=1).data == bytes(4)
    assert read(rig, ECHO_DESCRIPTOR, 255).data == bytes.fromhex("01 00 1000")


def test_the_data_buffer_holds_what_was_written() -> None:
    rig = Rig()
    assert read(rig, DATA, 8).data == bytes(8)
    assert write(rig, DATA, b"abcdefgh", offset=CAPACITY - 8).status == 0
    assert write(rig, DATA, b"1234", session=2).status == 0
    assert read(rig, DATA, 6).data == b"1234\0\0"
    assert read(rig, DATA, CAPACITY).data == b"1234" + bytes(CAPACITY - 12) + b"abcdefgh"


def test_reading_ends_with_the_data_buffer() -> None:
    rig = Rig()
    for expected in (bytes(8), b"abcdefgh"):
        outcome = read(rig, DATA, 100, offset=CAPACITY - 8)
        assert (outcome.data, outcome.residual) == (expected, 92)
        assert read(rig, DATA, 100, offset=CAPACITY).data == b""
        write(rig, DATA, b"abcdefgh", offset=CAPACITY - 8)


def test_each_session_has_its_own_echo() -> None:
    rig = Rig()
    assert read(rig, ECHO, 8).sense == SEQUENCE_ERROR
    assert write(rig, ECHO, b"one").status == 0
    assert write(rig, ECHO, b"another" * 10, session=2).status == 0
    assert read(rig, ECHO, 255).data == b"one"
    assert read(rig, ECHO, 255, session=2).data == b"another" * 10
    assert read(rig, ECHO, 5, session=2).data == b"anoth"


def test_an_echo_ends_with_its_session() -> None:
    rig = Rig()
    write(rig, ECHO, b"one")
    rig.server.session_removed(1)
    assert read(rig, ECHO, 8).sense == SEQUENCE_ERROR


def test_buffers_are_as_large_as_they_say() -> None:
    rig = Rig()
    assert write(rig, ECHO, bytes(ECHO_CAPACITY)).status == 0
    assert write(rig, ECHO, bytes(ECHO_CAPACITY + 1)).field == (6, None)
    assert write(rig, DATA, bytes(CAPACITY)).status == 0
    for offset, length in ((0, CAPACITY + 1), (1, CAPACITY), (CAPACITY, 1)):
        outcome = write(rig, DATA, bytes(length), offset=offset)
        assert (outcome.sense, outcome.field) == (IN_CDB, (6, None))


@pytest.mark.parametrize("mode", [0x00, 0x01, 0x04, 0x05, 0x07, 0x0D, 0x0E, 0x0F, 0x1C, 0x1F])
def test_other_modes_are_refused(mode: int) -> None:
    rig = Rig()
    for outcome in (read(rig, mode, 8), write(rig, mode, bytes(8))):
        assert (outcome.status, outcome.sense, outcome.field) == (2, IN_CDB, (1, 4))


@pytest.mark.parametrize("mode", [DESCRIPTOR, ECHO_DESCRIPTOR])
def test_descriptors_cannot_be_written(mode: int) -> None:
    assert write(Rig(), mode, bytes(4)).field == (1, 4)


def test_other_fields_are_named() -> None:
    rig = Rig()
    for outcome in (read(rig, 0x20 | DATA, 8), write(rig, 0x20 | ECHO, bytes(8))):
        assert (outcome.sense, outcome.field) == (IN_CDB, (1, 7))
    for outcome in (read(rig, DATA, 8, number=1), write(rig, DATA, bytes(8), number=1)):
        assert (outcome.sense, outcome.field) == (IN_CDB, (2, None))
    for outcome in (read(rig, DATA, 8, offset=CAPACITY + 1), write(rig, DATA, b"", offset=CAPACITY + 1)):
        assert (outcome.sense, outcome.field) == (IN_CDB, (3, None))


def test_data_that_are_cut_short_are_not_taken() -> None:
    rig = Rig()
    assert rig.write(f"3b {ECHO:02x} 00 000000 000008 00", bytes(8), length=4).sense == (5, 0x0E, 3)
    assert read(rig, ECHO, 8).sense == SEQUENCE_ERROR


def test_nothing_can_be_written() -> None:
    rig = Rig()
    assert write(rig, DATA, b"").status == 0
    assert write(rig, ECHO, b"").status == 0
    assert read(rig, ECHO, 8).data == b""
