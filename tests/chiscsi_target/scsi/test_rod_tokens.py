from __future__ import annotations

import pytest

from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import DEFAULT_TIMEOUT, Rod, RodTokens
from iscsi_wire.scsi import Designator, IdentificationCscd, RodToken
from tests.chiscsi_target.scsi.copies import completed
from tests.chiscsi_target.scsi.rig import BLOCK, TARGET, Rig

MIB = 1 << 20
UNKNOWN, CORRUPT, EXPIRED, DELETED = (5, 0x23, 4), (5, 0x23, 5), (5, 0x23, 7), (5, 0x23, 9)
UNSUPPORTED_TYPE, INVALID_LENGTH, NO_ROOM = (5, 0x23, 1), (5, 0x23, 0x0A), (5, 0x55, 0x0D)
UNIT = Rig().server.units[0]


def sense_of(tokens: RodTokens, token: bytes) -> tuple[int, int, int]:
    with pytest.raises(Refused) as refused:
        tokens.find(token)
    return refused.value.sense


def test_a_token_says_what_it_is_and_whose() -> None:
    rod = completed(RodTokens(random=lambda count: b"r" * count), UNIT, b"a" * BLOCK + b"b" * BLOCK)
    token = RodToken.decode(rod.token)
    assert len(rod.token) == 512 and (token.rod_type, token.rod_token_length) == (0x00800000, 0x1F8)
    assert int.from_bytes(token.number_of_bytes_represented) == 2 * BLOCK
    assert token.extended_rod_token_data == b"r" * 256
    target = Designator.decode(bytes(token.target_device_descriptor), truncated=True)
    assert (target.association, target.designator_type) == (2, 8)
    assert target.designator.rstrip(b"\0") == TARGET.encode()
    creator = IdentificationCscd.decode(bytes(token.creator_logical_unit_descriptor))
    assert (creator.designator_type, creator.disk_block_length) == (3, BLOCK)


def test_data_is_read_across_pieces_and_zeros_take_no_memory() -> None:
    data = b"x" * MIB + bytes(MIB) + b"yz" * 100
    rod = completed(RodTokens(), UNIT, data)
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
    short, default = completed(tokens, UNIT, b"a", 10), completed(tokens, UNIT, b"b")
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
    rod = completed(tokens, UNIT, b"a")
    token = RodToken.decode(rod.token)

    def changed(**fields: int | bytes) -> bytes:
        other = RodToken.decode(rod.token)
        for name, value in fields.items():
            setattr(other, name, value)
        return other.encode()

    assert sense_of(tokens, changed(rod_type=0x00010000)) == UNSUPPORTED_TYPE
    assert sense_of(tokens, changed(rod_token_length=0x1F0)) == INVALID_LENGTH
    assert sense_of(tokens, changed(copy_manager_rod_token_identifier=99)) == UNKNOWN
    assert sense_of(tokens, changed(extended_rod_token_data=b"guess".ljust(256))) == CORRUPT
    tokens.delete(rod)
    assert sense_of(tokens, token.encode()) == DELETED


def test_there_is_room_for_so_much_and_it_comes_back() -> None:
    tokens = RodTokens(limit=3 * MIB)
    rods = [completed(tokens, UNIT, b"a" * MIB) for _ in range(3)]
    with pytest.raises(Refused) as refused:
        completed(tokens, UNIT, b"a")
    assert tuple(refused.value.sense) == NO_ROOM
    assert completed(tokens, UNIT, bytes(MIB)).kept == 0
    tokens.delete(rods[1])
    assert tokens.find(completed(tokens, UNIT, b"a" * MIB).token).size == MIB


def test_what_is_given_up_gives_its_memory_back() -> None:
    tokens = RodTokens(limit=MIB)
    for _ in range(3):
        rod = tokens.begin(2 * MIB)
        tokens.keep(rod, 0, b"a" * MIB)
        with pytest.raises(Refused):
            tokens.keep(rod, 1, b"a")
        tokens.give_up(rod)
    assert completed(tokens, UNIT, b"a" * MIB).size == MIB


def test_expired_tokens_give_their_memory_back() -> None:
    now = 0.0
    tokens = RodTokens(clock=lambda: now, limit=MIB)
    completed(tokens, UNIT, b"a" * MIB)
    now = DEFAULT_TIMEOUT + 1.0
    assert completed(tokens, UNIT, b"b" * MIB).size == MIB


def test_management_tokens_name_what_is_good_and_tell_nothing_secret() -> None:
    now = 0.0
    tokens = RodTokens(clock=lambda: now, random=b"secret".ljust)
    rods = [completed(tokens, UNIT, b"a" * BLOCK, timeout) for timeout in (10, 100, 100)]
    assert tokens.management_tokens() == b"".join(rod.token[:96] for rod in rods)
    assert b"secret" not in tokens.management_tokens()
    now = 50.0
    tokens.delete(rods[1])
    assert tokens.management_tokens() == rods[2].token[:96]


def test_a_rod_of_nothing() -> None:
    assert Rod(size=0).read(0, 0) == b""
    assert completed(RodTokens(), UNIT, b"").size == 0
