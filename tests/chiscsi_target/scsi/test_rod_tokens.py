from __future__ import annotations

import pytest

from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import DEFAULT_TIMEOUT, Rod, RodTokens
from iscsi_wire.scsi import IdentificationCscd, RodToken
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

MIB = 1 << 20
UNKNOWN, CORRUPT, EXPIRED, DELETED = (5, 0x23, 4), (5, 0x23, 5), (5, 0x23, 7), (5, 0x23, 9)
UNSUPPORTED_TYPE, INVALID_LENGTH, NO_ROOM = (5, 0x23, 1), (5, 0x23, 0x0A), (5, 0x55, 0x0D)
UNIT = Rig().server.units[0]


def sense_of(tokens: RodTokens, token: bytes) -> tuple[int, int, int]:
    with pytest.raises(Refused) as refused:
        tokens.find(token)
    return refused.value.sense


def test_a_token_says_what_it_is_and_whose() -> None:
    rod = RodTokens(random=lambda count: b"r" * count).create(UNIT, [b"a" * BLOCK, b"b" * BLOCK], 0)
    token = RodToken.decode(rod.token)
    assert len(rod.token) == 512 and (token.rod_type, token.rod_token_length) == (0x00800000, 0x1F8)
    assert int.from_bytes(token.number_of_bytes_represented) == 2 * BLOCK
    assert token.rod_token_specific_data == b"r" * 32
    creator = IdentificationCscd.decode(bytes(token.creator_logical_unit_descriptor))
    assert (creator.designator_type, creator.disk_block_length) == (3, BLOCK)


def test_data_is_read_across_pieces_and_zeros_take_no_memory() -> None:
    data = b"x" * MIB + bytes(MIB) + b"yz" * 100
    rod = RodTokens().create(UNIT, [data[:5000], data[5000:]], 0)
    assert (rod.size, rod.kept) == (len(data), MIB + 200)
    for offset, length in ((0, len(data)), (MIB - 7, MIB + 14), (2 * MIB + 199, 1), (5, 0)):
        assert rod.read(offset, length) == data[offset : offset + length]


def test_zeros_without_end() -> None:
    zeros = RodToken.make(rod_type=0xFFFF0001).encode()
    tokens = RodTokens()
    rod = tokens.find(zeros)
    assert rod.size is None and rod.read(1 << 40, 700) == bytes(700)
    tokens.delete(rod)
    assert tokens.find(zeros).size is None


def test_a_token_that_is_not_used_expires_and_use_keeps_it() -> None:
    now = 100.0
    tokens = RodTokens(clock=lambda: now)
    short, default = tokens.create(UNIT, [b"a"], 10), tokens.create(UNIT, [b"b"], 0)
    for moment in (110.0, 120.0, 130.0):
        now = moment
        assert tokens.find(short.token) is short
    now = 140.5
    assert sense_of(tokens, short.token) == EXPIRED
    now = 100.0 + DEFAULT_TIMEOUT
    assert tokens.find(default.token) is default
    now += DEFAULT_TIMEOUT + 1
    assert sense_of(tokens, default.token) == EXPIRED


def test_wrong_tokens_are_refused_for_what_is_wrong() -> None:
    tokens = RodTokens()
    rod = tokens.create(UNIT, [b"a"], 0)
    token = RodToken.decode(rod.token)

    def changed(**fields: int | bytes) -> bytes:
        other = RodToken.decode(rod.token)
        for name, value in fields.items():
            setattr(other, name, value)
        return other.encode()

    assert sense_of(tokens, changed(rod_type=0x00010000)) == UNSUPPORTED_TYPE
    assert sense_of(tokens, changed(rod_token_length=0x1F0)) == INVALID_LENGTH
    assert sense_of(tokens, changed(copy_manager_rod_token_identifier=99)) == UNKNOWN
    assert sense_of(tokens, changed(rod_token_specific_data=b"guess".ljust(32))) == CORRUPT
    tokens.delete(rod)
    assert sense_of(tokens, token.encode()) == DELETED


def test_there_is_room_for_so_much_and_it_comes_back() -> None:
    tokens = RodTokens(limit=3 * MIB)
    rods = [tokens.create(UNIT, [b"a" * MIB], 0) for _ in range(3)]
    with pytest.raises(Refused) as refused:
        tokens.create(UNIT, [b"a"], 0)
    assert tuple(refused.value.sense) == NO_ROOM
    assert tokens.create(UNIT, [bytes(MIB)], 0).kept == 0
    tokens.delete(rods[1])
    assert tokens.find(tokens.create(UNIT, [b"a" * MIB], 0).token).size == MIB


def test_a_rod_of_nothing() -> None:
    assert Rod(size=0).read(0, 0) == b""
    assert RodTokens().create(UNIT, [], 0).size == 0
