"""Our decoding agrees with tshark's on every PDU of every capture in fixtures/captures, and of some made up."""

from __future__ import annotations

import functools
import random
from collections import Counter
from pathlib import Path

import pytest

from iscsi_wire.ahs import BidirectionalReadLengthAhs, ExtendedCdbAhs, build_ahs
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import PDUS, LoginRequest, LoginResponse, NopIn, NopOut, Pdu, ScsiCommand
from iscsi_wire.structure import FieldInfo, Kind
from iscsi_wire.text import format_pairs
from tests.interop.wiretap import write_capture
from tests.iscsi_wire.agreement import UNSEEN, Agreement, compare

pytestmark = pytest.mark.interop

CAPTURES = sorted((Path(__file__).parents[2] / "fixtures" / "captures").glob("*.pcap"))
PORT = 3260
OF_EACH = 24
# Apart, because tshark takes every Login request for the beginning of a session and forgets what was agreed.
LOGIN: list[type[Pdu]] = [LoginRequest, LoginResponse]
OTHERS = [pdu for pdu in PDUS if pdu not in LOGIN]
FIRST_OF_TARGET = 0x20  # opcodes below are the initiator's (RFC 7143, 11.2.1.2)

# tshark shows them in a Data-In only where the A bit gives them a meaning, which no target asks for at
# ErrorRecoveryLevel 0; and no target in good health sends an Asynchronous Message.
NOT_CAPTURED = {"DataIn": {"lun", "target_transfer_tag"}}


@functools.cache
def compared(capture: Path) -> Agreement:
    return compare(capture)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: str(path.stem))
def test_every_field_of_every_pdu_agrees_with_tshark(capture: Path) -> None:
    agreement = compared(capture)
    assert agreement.differences == []
    assert agreement.opcodes.total() > 0


def test_captures_have_every_field_of_every_pdu_but_the_asynchronous_message() -> None:
    opcodes: Counter[str] = Counter()
    seen: dict[str, set[str]] = {}
    for agreement in map(compared, CAPTURES):
        opcodes += agreement.opcodes
        for name, fields in agreement.seen.items():
            seen.setdefault(name, set()).update(fields)
    assert {pdu.__name__ for pdu in PDUS} - set(opcodes) == {"AsyncMessage"}
    assert {name: fields - seen[name] for name, fields in expected_fields().items() if name in opcodes} == {
        name: NOT_CAPTURED.get(name, set()) for name in expected_fields() if name in opcodes
    }


def expected_fields() -> dict[str, set[str]]:
    """The fields that a comparison has to have seen, by PDU."""
    return {
        pdu.__name__: {info.name for info in pdu.FIELDS if info.kind != Kind.RESERVED} - UNSEEN[pdu.__name__]
        for pdu in PDUS
    }


@pytest.mark.parametrize("kinds", [LOGIN, OTHERS], ids=["login", "others"])
def test_tshark_reads_in_made_up_pdus_what_was_written(kinds: list[type[Pdu]], tmp_path: Path) -> None:
    """Every PDU with whatever its fields can hold, among them what no capture has."""
    agreement = made_up(tmp_path / "made-up.pcap", kinds, random.Random(7143))
    assert agreement.differences == []
    for kind in kinds:
        assert agreement.opcodes[kind.__name__] >= OF_EACH
        assert expected_fields()[kind.__name__] <= agreement.seen[kind.__name__]
        assert not agreement.seen[kind.__name__] & UNSEEN[kind.__name__]


@pytest.mark.parametrize("capture", CAPTURES[:1], ids=lambda path: str(path.stem))
def test_one_wrong_bit_is_noticed(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_bit_off(cls: type[LoginRequest], buffer: bytes, offset: int = 0) -> LoginRequest:
        wrong = bytearray(buffer[offset : offset + 48])
        wrong[27] ^= 1
        return decode(wrong)

    decode = LoginRequest.decode
    monkeypatch.setattr(LoginRequest, "decode", classmethod(one_bit_off))
    (difference,) = compare(capture).differences
    assert "LoginRequest at octet 0: iscsi.cmdsn" in difference


def made_up(path: Path, kinds: list[type[Pdu]], chance: random.Random) -> Agreement:
    """Write a session of random PDUs, and compare; the login before them tells tshark that nothing is digested."""
    pairs = format_pairs([("HeaderDigest", "None"), ("DataDigest", "None")])
    login = {"transit": 1, "csg": 1, "nsg": 3, "data_segment_length": len(pairs)}
    segments = [
        (False, LoginRequest.make(immediate=1, **login).encode() + padded(pairs)),
        (True, LoginResponse.make(**login).encode() + padded(pairs)),
    ]
    for kind in kinds * OF_EACH:
        from_target = kind.OPCODE >= FIRST_OF_TARGET
        # tshark takes a segment for iSCSI if its first PDU is impeccable, and then shows whatever follows.
        segments.append((from_target, ordinary(NopIn if from_target else NopOut) + octets(kind, chance)))
    write_capture(path, PORT, segments)
    return compare(path)


def ordinary(ping: type[NopOut | NopIn]) -> bytes:
    return ping.make(final=1, initiator_task_tag=1, target_transfer_tag=RESERVED_TAG).encode()


def octets(kind: type[Pdu], chance: random.Random) -> bytes:
    """A PDU of random fields; its lengths are true, and one SCSI Command in two has additional header segments."""
    pdu = kind.make(**{info.name: value(info, chance) for info in kind.FIELDS if info.name != "opcode"})
    pdu.total_ahs_length = pdu.data_segment_length = 0
    if not isinstance(pdu, ScsiCommand) or chance.random() < 0.5:
        return pdu.encode()
    ahs = build_ahs(
        [
            ExtendedCdbAhs.make(extended_cdb=chance.randbytes(chance.randrange(1, 30))),
            BidirectionalReadLengthAhs.make(bidirectional_read_expected_data_transfer_length=chance.getrandbits(32)),
        ]
    )
    pdu.total_ahs_length = len(ahs) // 4
    return pdu.encode() + ahs


def value(info: FieldInfo, chance: random.Random) -> int | bytes:
    """Any value of the field's bits; a version that exists, and a LUN of one level, which tshark shows as such."""
    if info.kind == Kind.RESERVED or info.name.startswith("version"):
        return 0
    if info.name == "lun":
        return chance.randrange(256) << 48
    if isinstance(info.default, bytes):
        return chance.randbytes(info.width // 8)
    return chance.getrandbits(info.width)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
