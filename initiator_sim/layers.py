"""scapy layers of all PDUs, derived from the field tables of `iscsi_wire.pdus` (RFC 7143 section 11).

One layer a PDU, named as the dataclass, with fields of the same names. A layer is followed by its additional header
segments (`Ahs`) and its data segment (`Data`), both optional; lengths left at None are computed, padding is added.
Digests belong to a connection and not to a PDU: they are not here. Importing this module imports scapy, which takes a
second; nothing else in the package does.
"""

from __future__ import annotations

from typing import Any, Final, cast

from scapy.fields import BitEnumField, BitField, Field, StrFixedLenField, StrLenField, XBitField
from scapy.packet import Packet, Raw

from initiator_sim.draft import PAD, Draft, Mutation
from initiator_sim.mutations import padding
from initiator_sim.outcomes import HarnessFault
from iscsi_wire.constants import BHS_LENGTH, OPCODE_MASK
from iscsi_wire.pdus import PDU_TYPES, Pdu, UnknownPdu, decode_header
from iscsi_wire.structure import FieldInfo, Kind

_LENGTHS: Final = frozenset({"total_ahs_length", "data_segment_length"})
_IN_HEX: Final = frozenset({Kind.TAG, Kind.LUN, Kind.SEQUENCE_NUMBER})


class Ahs(Packet):
    """The additional header segments, each padded (RFC 7143, 11.2.2)."""

    name = "AHS"
    fields_desc = [StrLenField("segments", b"")]  # noqa: RUF012 - scapy's way


class _Padding(StrLenField):
    """Padding that is computed when the packet is built, unless it was set."""

    def __init__(self, name: str, default: bytes) -> None:
        super().__init__(name, default)
        self.default = None


class Data(Packet):
    """The data segment (RFC 7143, 11.2.4): `load` without padding, then `padding`, computed if None."""

    name = "Data Segment"
    fields_desc = [StrLenField("load", b""), _Padding("padding", b"")]  # noqa: RUF012 - scapy's way

    def self_build(self) -> bytes:
        """Return data and padding."""
        load, padding = self.load, self.padding
        return bytes(load + (PAD[len(load) & 3] if padding is None else padding))


class Basic(Packet):
    """What all layers share: how their lengths are filled in, and how octets after the header are told apart."""

    pdu_type: type[Pdu] = UnknownPdu

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fill in the lengths that are None."""
        ahs, data = self.getlayer(Ahs), self.getlayer(Data)
        if self.getfieldval("total_ahs_length") is None and ahs is not None:
            pkt = pkt[:4] + bytes([len(ahs.segments) // 4]) + pkt[5:]
        if self.getfieldval("data_segment_length") is None and data is not None:
            pkt = pkt[:5] + len(data.load).to_bytes(3, "big") + pkt[8:]
        return pkt + pay

    def do_dissect_payload(self, s: bytes) -> None:
        """Tell additional header segments, data and padding apart by the lengths in the header."""
        if not s:
            return
        ahs_length, data_length = self.total_ahs_length * 4, self.data_segment_length
        segments, rest = s[:ahs_length], s[ahs_length:]
        end = (data_length + 3) & ~3
        layers: list[Packet] = [Ahs(segments=segments)] if segments else []
        if rest[:end]:
            layers.append(Data(load=rest[:data_length], padding=rest[data_length:end]))
        if rest[end:]:
            layers.append(Raw(rest[end:]))
        for layer in layers:
            self.lastlayer().add_payload(layer)


def _field(info: FieldInfo) -> Field[Any, Any]:
    if info.kind is Kind.BYTES or isinstance(info.default, bytes):
        octets = info.default if isinstance(info.default, bytes) else b""
        return StrFixedLenField(info.name, octets.ljust(info.width // 8, b"\0"), info.width // 8)
    default = None if info.name in _LENGTHS else info.default
    if info.codes is not None and not info.above:
        return BitEnumField(info.name, default, info.width, {int(code): code.label for code in info.codes})
    return (XBitField if info.kind in _IN_HEX else BitField)(info.name, default, info.width)


def _layer(kind: type[Pdu]) -> type[Basic]:
    content = {
        "name": kind.TITLE,
        "fields_desc": [_field(info) for info in kind.FIELDS],
        "pdu_type": kind,
        "__doc__": f"{kind.TITLE} (RFC 7143, {kind.SECTION}).",
        "__module__": __name__,
    }
    return cast("type[Basic]", type.__call__(type(Basic), kind.__name__, (Basic,), content))


LAYERS: Final[dict[str, type[Basic]]] = {kind.__name__: _layer(kind) for kind in (*PDU_TYPES.values(), UnknownPdu)}
"""The layers by the name of the PDU's class."""


def layer_for(opcode: int) -> type[Basic]:
    """Return the layer of an opcode."""
    return LAYERS[PDU_TYPES.get(opcode & OPCODE_MASK, UnknownPdu).__name__]


def to_scapy(header: Pdu, data: bytes = b"", ahs: bytes = b"") -> Packet:
    """Return a PDU as scapy layers; its lengths are those of `header`.

    Args:
        header: the header.
        data: the data segment without padding.
        ahs: the additional header segments, each padded.
    """
    octets = header.encode()
    packet: Packet = layer_for(octets[0])(octets)
    if ahs:
        packet /= Ahs(segments=ahs)
    if data:
        packet /= Data(load=data)
    return packet


def from_octets(octets: bytes) -> Packet:
    """Return the layers of one PDU without digests."""
    if len(octets) < BHS_LENGTH:
        raise HarnessFault(f"a PDU has at least {BHS_LENGTH} octets, not {len(octets)}")
    return layer_for(octets[0])(octets)


def from_scapy(packet: Packet) -> Draft[Pdu]:
    """Return a packet as a PDU to send: lengths that the packet gives explicitly stay as they are.

    Raises:
        HarnessFault: it is no iSCSI packet.
    """
    if not isinstance(packet, Basic):
        raise HarnessFault(f"{packet.__class__.__name__} is no iSCSI PDU; take a layer of initiator_sim.layers.LAYERS")
    ahs, data = packet.getlayer(Ahs), packet.getlayer(Data)
    mutations: tuple[Mutation, ...] = ()
    if data is not None and data.padding not in (None, PAD[len(data.load) & 3]):
        mutations = (padding(data.padding),)
    return Draft(
        decode_header(bytes(packet)),
        bytes(data.load) if data is not None else b"",
        bytes(ahs.segments) if ahs is not None else b"",
        mutations,
        fixed_lengths=frozenset(name for name in _LENGTHS if packet.getfieldval(name) is not None),
    )


def show(header: Pdu, data: bytes = b"", ahs: bytes = b"") -> str:
    """Return a PDU as scapy shows it, layer by layer, field by field."""
    return str(to_scapy(header, data, ahs).show(dump=True))
