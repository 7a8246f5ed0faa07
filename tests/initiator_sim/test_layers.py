"""The scapy layers agree with the generated dataclasses, field by field and octet by octet."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.packet import Raw

from initiator_sim import HarnessFault
from initiator_sim.layers import LAYERS, Ahs, Data, from_octets, from_scapy, layer_for, show, to_scapy
from iscsi_wire.pdus import PDU_TYPES, DataOut, NopOut, Pdu, ScsiCommand, UnknownPdu, decode_header
from tests.initiator_sim.fakes import Bench

KINDS = [*sorted(PDU_TYPES.values(), key=lambda kind: kind.OPCODE), UnknownPdu]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_layer_has_the_fields_and_defaults_of_its_dataclass(kind: type[Pdu]) -> None:
    layer = LAYERS[kind.__name__]
    assert [field.name for field in layer.fields_desc] == [info.name for info in kind.FIELDS]
    assert bytes(layer()) == kind().encode()


@given(st.sampled_from(KINDS), st.binary(min_size=48, max_size=48), st.binary(max_size=9), st.integers(0, 2))
def test_octets_survive_a_dissection(kind: type[Pdu], octets: bytes, data: bytes, words: int) -> None:
    opcode = kind.OPCODE if kind is not UnknownPdu else 0x1E
    header = (
        bytes([octets[0] & 0xC0 | opcode]) + octets[1:4] + bytes([words]) + len(data).to_bytes(3, "big") + octets[8:]
    )
    whole = header + b"A" * words * 4 + data + bytes(-len(data) % 4)
    packet = from_octets(whole)
    assert bytes(packet) == whole
    decoded: Any = decode_header(header)
    for info in type(decoded).FIELDS:
        assert getattr(packet, info.name) == getattr(decoded, info.name)
    draft = from_scapy(packet)
    assert (draft.header, draft.ahs, draft.data) == (decoded, b"A" * words * 4, data)


def test_lengths_left_open_are_computed() -> None:
    packet = LAYERS["ScsiCommand"](read=1) / Ahs(segments=bytes(8)) / Data(load=b"abcde")
    octets = bytes(packet)
    assert octets[4:8] == b"\x02\0\0\x05"
    assert octets[48:] == bytes(8) + b"abcde\0\0\0"


def test_lengths_given_stay_on_the_way_to_the_wire() -> None:
    draft = from_scapy(LAYERS["NopOut"](data_segment_length=99) / Data(load=b"abc"))
    assert draft.plain(False, False)[4:8] == b"\0\0\0\x63"
    draft = from_scapy(LAYERS["NopOut"]() / Data(load=b"abc"))
    assert draft.plain(False, False)[4:8] == b"\0\0\0\x03"


def test_padding_given_stays_on_the_way_to_the_wire() -> None:
    draft = from_scapy(LAYERS["NopOut"]() / Data(load=b"abc", padding=b"\xff"))
    assert draft.image(False, False).padding == b"\xff"
    assert not from_scapy(LAYERS["NopOut"]() / Data(load=b"abc", padding=b"\0")).mutations


def test_what_follows_the_padding_is_kept_apart() -> None:
    packet = from_octets(NopOut.make(data_segment_length=1).encode() + b"a\0\0\0" + b"more")
    assert packet.getlayer(Raw).load == b"more"  # type: ignore[union-attr]


def test_to_scapy_keeps_the_header_as_it_is() -> None:
    header = DataOut.make(data_segment_length=3, buffer_offset=512)
    packet = to_scapy(header, b"abc", bytes(4))
    assert packet.buffer_offset == 512
    assert bytes(packet)[:48] == header.encode()


def test_show_tells_codes_by_their_names() -> None:
    text = show(ScsiCommand.make(attr=2, cdb=bytes(16)), b"abc")
    assert "attr      = Ordered" in text
    assert "load      = b'abc'" in text


def test_unknown_opcodes_have_a_layer() -> None:
    assert layer_for(0x1E) is LAYERS["UnknownPdu"]
    assert layer_for(0x40) is LAYERS["NopOut"]


def test_what_is_no_iscsi_packet_is_refused() -> None:
    with pytest.raises(HarnessFault, match="Raw is no iSCSI PDU"):
        from_scapy(Raw(b"x"))
    with pytest.raises(HarnessFault, match="at least 48 octets"):
        from_octets(bytes(47))


def test_a_session_sends_what_a_packet_says() -> None:
    session = Bench().initiator.login()
    packet = LAYERS["NopOut"](immediate=1, initiator_task_tag=0x77, cmd_sn=session.numbering.cmd_sn) / Data(load=b"hi")
    session.send(from_scapy(packet))
    event = session.receive()
    assert event.header.initiator_task_tag == 0x77  # type: ignore[union-attr]
    assert event.data == b"hi"  # type: ignore[union-attr]


def test_scapy_is_imported_only_for_its_layers() -> None:
    modules = "print(*(name in sys.modules for name in ('scapy', 'scapy.all')))"
    code = f"import sys, initiator_sim; {modules}; import initiator_sim.layers; {modules}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False False", "True False"]
