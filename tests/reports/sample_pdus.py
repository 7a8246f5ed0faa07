"""Enough PDUs to draw realistic exchanges with: a table of fields by byte and bit, and what packs values into them.

Written by hand from RFC 7143 section 11 on purpose: the reports know nothing of iSCSI, and neither do their tests
lean on the package that does.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.model import Field

_COMMON = "rsvd_0:0.0 immediate:0.1 opcode:0.2-7 {} total_ahs_length:4 data_segment_length:5-7 "
_TO_TARGET = "initiator_task_tag:16-19 {} cmd_sn:24-27 exp_stat_sn:28-31"
_TO_INITIATOR = "initiator_task_tag:16-19 {} stat_sn:24-27 exp_cmd_sn:28-31 max_cmd_sn:32-35"
_LOGIN_FLAGS = "transit:1.0 continue_:1.1 rsvd_1:1.2-3 csg:1.4-5 nsg:1.6-7 version_max:2 "

STAGES = {0: "Security negotiation", 1: "Login operational negotiation", 3: "Full feature phase"}
_RESERVED = 0xFFFFFFFF
_MEANINGS: dict[str, dict[int, str]] = {
    "csg": STAGES,
    "nsg": STAGES,
    "status": {0: "GOOD", 2: "CHECK CONDITION", 8: "BUSY", 0x28: "TASK SET FULL"},
    "response": {0: "Command completed at target"},
    "target_transfer_tag": {_RESERVED: "reserved: no exchange to continue"},
    "initiator_task_tag": {_RESERVED: "reserved: no answer wanted"},
    "reason": {0x04: "Protocol error", 0x09: "Invalid PDU field"},
    "status_class": {0: "Success", 2: "Initiator error", 3: "Target error"},
    "attr": {1: "Simple"},
}
_WIDE = {"initiator_task_tag", "target_transfer_tag", "isid", "lun", "cdb", "tsih", "opcode", "snack_tag"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One PDU type: title, opcode, defining section, and its fields as "name:bytes" or "name:byte.bits"."""

    title: str
    opcode: int
    section: str
    fields: str


def _shape(title: str, opcode: int, section: str, flags: str, rest: str) -> Shape:
    return Shape(title, opcode, section, _COMMON.format(flags) + rest)


LOGIN_REQUEST = _shape(
    "Login Request", 0x03, "11.12", _LOGIN_FLAGS + "version_min:3",
    "isid:8-13 tsih:14-15 " + _TO_TARGET.format("cid:20-21 rsvd_22:22-23"),
)  # fmt: skip
LOGIN_RESPONSE = _shape(
    "Login Response", 0x23, "11.13", _LOGIN_FLAGS + "version_active:3",
    "isid:8-13 tsih:14-15 " + _TO_INITIATOR.format("rsvd_20:20-23") + " status_class:36 status_detail:37",
)  # fmt: skip
SCSI_COMMAND = _shape(
    "SCSI Command", 0x01, "11.3", "final:1.0 read:1.1 write:1.2 attr:1.5-7",
    "lun:8-15 " + _TO_TARGET.format("expected_data_transfer_length:20-23") + " cdb:32-47",
)  # fmt: skip
SCSI_RESPONSE = _shape(
    "SCSI Response", 0x21, "11.4", "final:1.0 overflow:1.5 underflow:1.6 response:2 status:3",
    _TO_INITIATOR.format("snack_tag:20-23") + " exp_data_sn:36-39 residual_count:44-47",
)  # fmt: skip
DATA_IN = _shape(
    "SCSI Data-In", 0x25, "11.7",
    "final:1.0 acknowledge:1.1 overflow:1.5 underflow:1.6 status_present:1.7 status:3",
    "lun:8-15 " + _TO_INITIATOR.format("target_transfer_tag:20-23")
    + " data_sn:36-39 buffer_offset:40-43 residual_count:44-47",
)  # fmt: skip
DATA_OUT = _shape(
    "SCSI Data-Out", 0x05, "11.7", "final:1.0",
    "lun:8-15 initiator_task_tag:16-19 target_transfer_tag:20-23 exp_stat_sn:28-31 data_sn:36-39 "
    "buffer_offset:40-43",
)  # fmt: skip
READY_TO_TRANSFER = _shape(
    "Ready To Transfer", 0x31, "11.8", "final:1.0",
    "lun:8-15 " + _TO_INITIATOR.format("target_transfer_tag:20-23")
    + " r2t_sn:36-39 buffer_offset:40-43 desired_data_transfer_length:44-47",
)  # fmt: skip
TEXT_REQUEST = _shape(
    "Text Request", 0x04, "11.10", "final:1.0 continue_:1.1",
    "lun:8-15 " + _TO_TARGET.format("target_transfer_tag:20-23"),
)  # fmt: skip
TEXT_RESPONSE = _shape(
    "Text Response", 0x24, "11.11", "final:1.0 continue_:1.1",
    "lun:8-15 " + _TO_INITIATOR.format("target_transfer_tag:20-23"),
)  # fmt: skip
NOP_OUT = _shape("NOP-Out", 0x00, "11.18", "final:1.0", "lun:8-15 " + _TO_TARGET.format("target_transfer_tag:20-23"))
NOP_IN = _shape("NOP-In", 0x20, "11.19", "final:1.0", "lun:8-15 " + _TO_INITIATOR.format("target_transfer_tag:20-23"))
LOGOUT_REQUEST = _shape("Logout Request", 0x06, "11.14", "final:1.0 reason_code:1.1-7", _TO_TARGET.format("cid:20-21"))
LOGOUT_RESPONSE = _shape(
    "Logout Response", 0x26, "11.15", "final:1.0 response:2",
    _TO_INITIATOR.format("rsvd_20:20-23") + " time2wait:40-41 time2retain:42-43",
)  # fmt: skip
REJECT = _shape(
    "Reject", 0x3F, "11.17", "final:1.0 reason:2",
    "rsvd_16:16-19 stat_sn:24-27 exp_cmd_sn:28-31 max_cmd_sn:32-35 data_sn:36-39",
)  # fmt: skip


def encode(shape: Shape, values: dict[str, int], data: bytes, wrong: dict[str, str]) -> tuple[str, list[Field]]:
    """Hex digits and decoded fields of a PDU. `wrong` marks fields, with what should have been there."""
    header = 0
    fields = []
    values = {**values, "opcode": shape.opcode, "data_segment_length": len(data)}
    for entry in shape.fields.split():
        name, _, place = entry.partition(":")
        first, last = _bits(place)
        value = values.get(name, 0)
        header |= value << (48 * 8 - 1 - last)
        shown = f"0x{value:0{(last - first + 4) // 4}x}" if name in _WIDE else str(value)
        meaning = shape.title if name == "opcode" else _MEANINGS.get(name, {}).get(value, "")
        start = first // 8
        bits = f"{first - start * 8}-{last - start * 8}" if last > first else str(first - start * 8)
        marked = name in wrong
        fields.append(Field(name, shown, wrong.get(name, meaning), start, bits, shape.section, marked))
    return header.to_bytes(48, "big").hex() + data.hex(), fields + _pairs(data)


def _bits(place: str) -> tuple[int, int]:
    """First and last bit of "3", "8-13", "1.0" or "1.4-5", counted from bit 0 of byte 0."""
    octet, dot, bits = place.partition(".")
    first, _, last = (bits or octet).partition("-")
    if dot:
        return int(octet) * 8 + int(first), int(octet) * 8 + int(last or first)
    return int(first) * 8, int(last or first) * 8 + 7


def _pairs(data: bytes) -> list[Field]:
    """The key=value pairs of a text data segment as fields."""
    fields, start = [], 48
    if b"=" not in data or not data.endswith(b"\0"):
        return []
    for pair in data[:-1].split(b"\0"):
        key, _, value = pair.decode().partition("=")
        fields.append(Field(key, value, "", start, f"0-{len(pair) * 8 - 1}", "13"))
        start += len(pair) + 1
    return fields
