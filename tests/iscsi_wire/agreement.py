"""Our decoding of a capture beside tshark's, field by field.

tshark puts the TCP segments in order; cutting the stream into PDUs, digests and decoding are ours. `NAMES` says which
of our fields one of tshark's is. Each must lie at the same bits and hold the same value; a field of tshark's that is
not in the table is a difference too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from iscsi_wire.ahs import parse_ahs
from iscsi_wire.digest import digest
from iscsi_wire.framing import BHS_LENGTH, DIGEST_LENGTH, Frame, Framer
from iscsi_wire.pdus import (
    ExtendedCdbAhs,
    Isid,
    LoginRequest,
    LoginResponse,
    Pdu,
    Reject,
    SenseSegment,
    TextRequest,
    TextResponse,
    UnknownPdu,
    decode_header,
)
from iscsi_wire.text import parse_pairs
from tests.interop.wiretap import DissectedField, DissectedPdu, read_capture

__all__ = ["NAMES", "UNSEEN", "Agreement", "compare", "frames"]

_FULL_FEATURE_PHASE: Final = 3
_LARGEST_SEGMENT: Final = (1 << 24) - 1
_SIDES: Final = ("initiator", "target")

# tshark's field: ours, or the ones of ours that lie side by side in it.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "iscsi.I": ("immediate",),
    "iscsi.asyncevent": ("async_event",),
    "iscsi.bufferOffset": ("buffer_offset",),
    "iscsi.cid": ("cid",),
    "iscsi.cmdsn": ("cmd_sn",),
    "iscsi.datasegmentlength": ("data_segment_length",),
    "iscsi.datasn": ("data_sn",),
    "iscsi.desireddatalength": ("desired_data_transfer_length",),
    "iscsi.eventvendorcode": ("async_vcode",),
    "iscsi.expcmdsn": ("exp_cmd_sn",),
    "iscsi.expdatasn": ("exp_data_sn",),
    "iscsi.expstatsn": ("exp_stat_sn",),
    "iscsi.initiatortasktag": ("initiator_task_tag",),
    "iscsi.isid": ("isid",),
    "iscsi.login.C": ("continue_",),
    "iscsi.login.T": ("transit",),
    "iscsi.login.csg": ("csg",),
    "iscsi.login.nsg": ("nsg",),
    "iscsi.login.status": ("status_class", "status_detail"),
    "iscsi.logout.reason": ("reason_code",),
    "iscsi.logout.response": ("response",),
    "iscsi.maxcmdsn": ("max_cmd_sn",),
    "iscsi.opcode": ("opcode",),
    "iscsi.parameter1": ("parameter1",),
    "iscsi.parameter2": ("parameter2",),
    "iscsi.parameter3": ("parameter3",),
    "iscsi.r2tsn": ("r2t_sn",),
    "iscsi.refcmdsn": ("ref_cmd_sn",),
    "iscsi.reject.reason": ("reason",),
    "iscsi.scsicommand.F": ("final",),
    "iscsi.scsicommand.R": ("read",),
    "iscsi.scsicommand.W": ("write",),
    "iscsi.scsicommand.attr": ("attr",),
    "iscsi.scsicommand.expecteddatatransferlength": ("expected_data_transfer_length",),
    "iscsi.scsidata.A": ("acknowledge",),
    "iscsi.scsidata.F": ("final",),
    "iscsi.scsidata.O": ("overflow",),
    "iscsi.scsidata.S": ("status_present",),
    "iscsi.scsidata.U": ("underflow",),
    "iscsi.scsidata.readresidualcount": ("residual_count",),
    "iscsi.scsiresponse.O": ("overflow",),
    "iscsi.scsiresponse.U": ("underflow",),
    "iscsi.scsiresponse.bidireadresidualcount": ("bidi_read_residual_count",),
    "iscsi.scsiresponse.o": ("bidi_read_overflow",),
    "iscsi.scsiresponse.residualcount": ("residual_count",),
    "iscsi.scsiresponse.response": ("response",),
    "iscsi.scsiresponse.status": ("status",),
    "iscsi.scsiresponse.u": ("bidi_read_underflow",),
    "iscsi.snack.begrun": ("beg_run",),
    "iscsi.snack.runlength": ("run_length",),
    "iscsi.snack.type": ("type",),
    "iscsi.statsn": ("stat_sn",),
    "iscsi.targettransfertag": ("target_transfer_tag",),
    "iscsi.taskmanfun.function": ("function",),
    "iscsi.taskmanfun.referencedtasktag": ("referenced_task_tag",),
    "iscsi.taskmanfun.response": ("response",),
    "iscsi.text.C": ("continue_",),
    "iscsi.text.F": ("final",),
    "iscsi.time2retain": ("time2retain",),
    "iscsi.time2wait": ("time2wait",),
    "iscsi.totalahslength": ("total_ahs_length",),
    "iscsi.tsih": ("tsih",),
    "iscsi.versionactive": ("version_active",),
    "iscsi.versionmax": ("version_max",),
    "iscsi.versionmin": ("version_min",),
    "scsi": ("cdb",),
}

# What tshark 4.0 knows but shows nowhere, by PDU. It is checked against nothing here; the RFC's drawings are.
UNSEEN: Final[dict[str, frozenset[str]]] = {
    "NopOut": frozenset({"final"}),
    "ScsiCommand": frozenset({"pri"}),
    "TaskManagementRequest": frozenset({"final", "exp_data_sn"}),
    "LoginRequest": frozenset({"immediate"}),
    "TextRequest": frozenset(),
    "DataOut": frozenset({"immediate"}),
    "LogoutRequest": frozenset({"final"}),
    "SnackRequest": frozenset({"immediate", "final"}),
    "NopIn": frozenset({"immediate", "final"}),
    "ScsiResponse": frozenset({"immediate", "final", "status_qualifier", "snack_tag"}),
    "TaskManagementResponse": frozenset({"immediate", "final", "total_ahs_length", "data_segment_length"}),
    "LoginResponse": frozenset({"immediate"}),
    "TextResponse": frozenset({"immediate"}),
    "DataIn": frozenset({"immediate"}),
    "LogoutResponse": frozenset({"immediate", "final"}),
    "ReadyToTransfer": frozenset({"immediate", "final"}),
    "AsyncMessage": frozenset({"immediate", "final"}),
    "Reject": frozenset({"immediate", "final"}),
}

_ISID: Final = {
    "iscsi.isid.t": "t",
    "iscsi.isid.a": "a",
    "iscsi.isid.b": "b",
    "iscsi.isid.c": "c",
    "iscsi.isid.d": "d",
}
_DATA: Final = frozenset({"iscsi.pingdata", "iscsi.immediatedata", "data.data"})
_AHS: Final = {
    "iscsi.ahs.length": "ahs_length",
    "iscsi.ahs.type": "ahs_type",
    "iscsi.ahs.extended_cdb": "extended_cdb",
    "iscsi.ahs.bidir.length": "bidirectional_read_expected_data_transfer_length",
}
_TEXT_PDUS: Final = (LoginRequest, LoginResponse, TextRequest, TextResponse)


class Agreement:
    """What a comparison found: `differences` in words, `seen` fields by PDU type, `opcodes` with their number."""

    def __init__(self) -> None:
        self.differences: list[str] = []
        self.seen: dict[str, set[str]] = {}
        self.opcodes: Counter[str] = Counter()

    def add(self, frame: Frame, theirs: DissectedPdu) -> None:
        """Compare one PDU."""
        pdu = decode_header(frame.header)
        name = type(pdu).__name__
        self.opcodes[name] += 1
        digested = any(field.name == "iscsi.headerdigest32" for field in theirs.fields)
        data_at = len(frame.header) + len(frame.ahs) + DIGEST_LENGTH * digested
        for field in theirs.fields:
            for difference in self._field(pdu, frame, field, data_at):
                where = f"stream {theirs.stream}, {name} at octet {frame.offset}"
                self.differences.append(f"{where}: {field.name} = {field.digits}: {difference}")
        self.differences += _text_differences(pdu, frame, theirs)
        self.differences += _ahs_differences(pdu, frame, theirs)

    def _field(self, pdu: Pdu, frame: Frame, field: DissectedField, data_at: int) -> Iterator[str]:
        if field.name in _ISID:
            part = Isid.decode(pdu.isid)  # type: ignore[attr-defined]
            yield from _part(part, (_ISID[field.name],), field, at=8)
        elif field.name == "scsi" and field.offset < 0:
            yield from _extended_cdb(pdu, frame, field)
        elif field.offset < len(frame.header):
            yield from self._header_field(pdu, field)
        elif isinstance(pdu, Reject) and field.offset >= data_at:
            yield from _rejected(frame, _moved(field, -data_at))
        else:
            yield from _behind_header(pdu, frame, field)

    def _header_field(self, pdu: Pdu, field: DissectedField) -> Iterator[str]:
        """A field of the basic header segment; tshark shows of a LUN its first level, and how that is addressed."""
        seen = self.seen.setdefault(type(pdu).__name__, set())
        if field.name == "iscsi.flags":
            yield from _bits(pdu.encode(), field)
        elif field.name in {"scsi.lun", "scsi.lun.address_mode"}:
            seen.add("lun")
            if not hasattr(pdu, "lun"):
                yield f"{type(pdu).__name__} has no LUN"
                return
            yield from _bits(pdu.lun.to_bytes(8, "big"), _moved(field, -8))
        elif field.name in NAMES:
            seen.update(NAMES[field.name])
            yield from _part(pdu, NAMES[field.name], field)
        elif field.name.startswith("iscsi."):
            yield "not in the table"


def _part(ours: Pdu | Isid, names: tuple[str, ...], field: DissectedField, at: int = 0) -> Iterator[str]:
    """Compare position and value of our `names`, side by side in a structure at octet `at`, with tshark's field."""
    known = {info.name: info for info in ours.FIELDS}
    if not known.keys() >= set(names):
        yield f"{type(ours).__name__} has no such field"
        return
    infos = [known[name] for name in names]
    start = (at + infos[0].octet) * 8 + infos[0].bit
    width = sum(info.width for info in infos)
    if (start, width) != _extent(field):
        yield f"ours are the {width} bits at bit {start}, tshark's the {_extent(field)[1]} at {_extent(field)[0]}"
    number = 0
    for info in infos:
        value = getattr(ours, info.name)
        number = number << info.width | (int.from_bytes(value, "big") if isinstance(value, bytes) else value)
    if number != field.number:
        yield f"ours is {number:#x}"


def _extent(field: DissectedField) -> tuple[int, int]:
    """First bit and number of bits; bit 0 is the most significant one of octet 0, as the RFC counts."""
    bits = field.length * 8
    if not field.mask:
        return field.offset * 8, bits
    return field.offset * 8 + bits - field.mask.bit_length(), field.mask.bit_count()


def _bits(octets: bytes, field: DissectedField) -> Iterator[str]:
    start, width = _extent(field)
    number = int.from_bytes(octets, "big") >> (len(octets) * 8 - start - width) & (1 << width) - 1
    if number != field.number:
        yield f"ours is {number:#x}"


def _behind_header(pdu: Pdu, frame: Frame, field: DissectedField) -> Iterator[str]:
    """Digests, padding, and data that tshark shows as such. What a SCSI payload means is not this file's business."""
    data = bytes(frame.data)
    header = bytes(frame.header) + bytes(frame.ahs)
    expected = {
        "iscsi.headerdigest32": digest(header),
        "iscsi.datadigest32": digest(data + bytes(frame.padding)),
        "iscsi.padding": bytes(frame.padding),
        "iscsi.scsiresponse.senselength": data[:2],
    }
    if field.name in _DATA:
        if not data.endswith(bytes.fromhex(field.digits)):
            yield "not the end of our data"
    elif field.name in expected:
        if bytes.fromhex(field.digits) != expected[field.name]:
            yield f"ours is {expected[field.name].hex()}"
        if field.name.endswith("senselength") and SenseSegment.decode(data).sense_length != field.number:
            yield "SenseSegment has another length"
    elif field.name.startswith("iscsi.") and field.name != "iscsi.keyvalue" and field.name not in _AHS:
        yield "not in the table"


def _text_differences(pdu: Pdu, frame: Frame, theirs: DissectedPdu) -> Iterator[str]:
    pairs = [bytes.fromhex(field.digits) for field in theirs.fields if field.name == "iscsi.keyvalue"]
    if pairs or isinstance(pdu, _TEXT_PDUS):
        # An empty key=value pair is tshark's reading of a NUL too many.
        shown = [pair.rstrip(b"\0").decode() for pair in pairs if pair != b"\0"]
        ours = [f"{key}={value}" for key, value in parse_pairs(frame.data)]
        if shown != ours:
            yield f"stream {theirs.stream}, text at octet {frame.offset}: tshark has {shown}, we have {ours}"


def _rejected(frame: Frame, field: DissectedField) -> Iterator[str]:
    """The header that a Reject carries, which tshark decodes too; istgt adds the digest that came with it."""
    header = bytes(frame.data[:BHS_LENGTH])
    if field.name == "iscsi.headerdigest32":
        if bytes.fromhex(field.digits) != digest(header):
            yield f"ours is {digest(header).hex()}"
    elif field.offset < BHS_LENGTH:
        yield from Agreement()._header_field(decode_header(header), field)


def _extended_cdb(pdu: Pdu, frame: Frame, field: DissectedField) -> Iterator[str]:
    """The CDB as tshark puts it together, in a buffer of its own, when a segment extends it."""
    ours = pdu.cdb + b"".join(s.extended_cdb for s in parse_ahs(frame.ahs) if isinstance(s, ExtendedCdbAhs))  # type: ignore[attr-defined]
    if ours != bytes.fromhex(field.digits):
        yield f"ours is {ours.hex()}"


def _ahs_differences(pdu: Pdu, frame: Frame, theirs: DissectedPdu) -> Iterator[str]:
    shown = [(field.name, field.offset, field.digits) for field in theirs.fields if field.name in _AHS]
    ours: list[tuple[str, int, str]] = []
    at = len(frame.header)
    for segment in parse_ahs(frame.ahs):
        octets = segment.encode()
        for name, attribute in _AHS.items():
            if hasattr(segment, attribute):
                info = segment.field(attribute)
                start, end = info.octet, info.octet + (info.bit + info.width) // 8 if info.width else len(octets)
                ours.append((name, at + start, octets[start:end].hex()))
        at += len(octets) + -len(octets) % 4
    if shown != ours:
        yield f"{type(pdu).__name__} at octet {frame.offset}: tshark has the segments {shown}, we have {ours}"


def _moved(field: DissectedField, by: int) -> DissectedField:
    return DissectedField(field.name, field.offset + by, field.length, field.mask, field.digits)


def compare(capture: Path) -> Agreement:
    """Decode `capture` both ways and compare."""
    agreement = Agreement()
    recording = read_capture(capture)
    for stream, (from_initiator, from_target) in recording.octets.items():
        for side, ours in enumerate(frames(bytes(from_initiator), bytes(from_target))):
            theirs = [pdu for pdu in recording.pdus if (pdu.stream, pdu.from_target) == (stream, bool(side))]
            if len(ours) != len(theirs):
                count = f"we cut {len(ours)} PDUs, tshark {len(theirs)}"
                agreement.differences.append(f"stream {stream}, from the {_SIDES[side]}: {count}")
            for frame, pdu in zip(ours, theirs, strict=False):
                agreement.add(frame, pdu)
    return agreement


def frames(from_initiator: bytes, from_target: bytes) -> tuple[list[Frame], list[Frame]]:
    """Cut both directions of one connection into PDUs, with digests from the full feature phase on if agreed."""
    answers = _cut(from_target, None)
    agreed = [parse_pairs(frame.data) for frame in answers if isinstance(decode_header(frame.header), LoginResponse)]
    keys = {key: value for pairs in agreed for key, value in pairs}
    digests = (keys.get("HeaderDigest") == "CRC32C", keys.get("DataDigest") == "CRC32C")
    return _cut(from_initiator, digests), _cut(from_target, digests)


def _cut(stream: bytes, digests: tuple[bool, bool] | None) -> list[Frame]:
    """All PDUs of one direction; without `digests`, those up to the end of login, which carry none.

    Login is fed octet by octet, because the framer has to learn of digests before it sees what follows.
    """
    framer = Framer(_LARGEST_SEGMENT)
    found: list[Frame] = []
    for position in range(len(stream)):
        found += [frame.take() for frame in framer.feed(stream[position : position + 1])]
        if found and _ends_login(decode_header(found[-1].header)):
            if digests is None:
                return found
            framer.header_digest, framer.data_digest = digests
            found += [frame.take() for frame in framer.feed(stream[position + 1 :])]
            break
    assert framer.buffered == 0 or isinstance(decode_header(found[-1].header), UnknownPdu)
    assert not any(frame.header_digest_error or frame.data_digest_error for frame in found)
    return found


def _ends_login(pdu: Pdu) -> bool:
    return isinstance(pdu, LoginRequest | LoginResponse) and bool(pdu.transit) and pdu.nsg == _FULL_FEATURE_PHASE
