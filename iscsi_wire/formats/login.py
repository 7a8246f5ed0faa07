"""Login Request and Login Response, and the ISID in both (RFC 7143, 11.12 and 11.13)."""

from __future__ import annotations

from iscsi_wire.constants import IsidType, LoginStage, LoginStatus, LoginStatusClass, Opcode
from iscsi_wire.formats.bhs import (
    initiator_task_tag,
    lengths,
    opcode_octet,
    request_numbers,
    response_numbers,
)
from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    octets,
    pdu,
    reserved,
    reserved_bits,
    structure,
    uint,
    word,
)


def _stages(transit: str, continues: str) -> Described:
    """Octet 1: where the negotiation is, and where it wants to go."""
    return word(
        "octet_1",
        flag("transit", "T", transit),
        flag("continue_", "C", continues),
        reserved_bits("rsvd_1", 2, "11.12"),
        bits("csg", "CSG", "11.12.3", 2, codes=LoginStage),
        bits("nsg", "NSG", "11.12.3", 2, codes=LoginStage),
    )


LOGIN_REQUEST: Format = pdu(
    "LoginRequest",
    Opcode.LOGIN_REQUEST,
    "11.12",
    opcode_octet(Opcode.LOGIN_REQUEST, immediate=1),  # 0
    _stages("11.12.1", "11.12.2"),
    uint("version_max", "Version-max", "11.12.4.1", 8),
    uint("version_min", "Version-min", "11.12.4.2", 8),
    lengths(),  # 4
    octets("isid", "ISID", "11.12.5", 6),  # 8
    uint("tsih", "TSIH", "11.12.6", 16),
    initiator_task_tag(),  # 16
    uint("cid", "CID", "11.12.7", 16),  # 20
    reserved("rsvd_22", 16, "11.12"),
    *request_numbers("11.12.8", "11.12.9"),  # 24, 28
    reserved("rsvd_32", 32, "11.12"),  # 32
    reserved("rsvd_36", 32, "11.12"),  # 36
    reserved("rsvd_40", 64, "11.12"),  # 40
)

LOGIN_RESPONSE: Format = pdu(
    "LoginResponse",
    Opcode.LOGIN_RESPONSE,
    "11.13",
    opcode_octet(Opcode.LOGIN_RESPONSE),  # 0
    _stages("11.13.6", "11.13.7"),
    uint("version_max", "Version-max", "11.13.1", 8),
    uint("version_active", "Version-active", "11.13.2", 8),
    lengths(),  # 4
    octets("isid", "ISID", "11.12.5", 6),  # 8
    uint("tsih", "TSIH", "11.13.3", 16),
    initiator_task_tag(),  # 16
    reserved("rsvd_20", 32, "11.13"),  # 20
    *response_numbers("11.13.4"),  # 24, 28, 32
    uint("status_class", "Status-Class", "11.13.5", 8, codes=LoginStatusClass),  # 36
    uint("status_detail", "Status-Detail", "11.13.5", 8, codes=LoginStatus, above="status_class"),
    reserved("rsvd_38", 16, "11.13"),
    reserved("rsvd_40", 64, "11.13"),  # 40
)

ISID: Format = structure(
    "Isid",
    "ISID",
    "11.12.5",
    word(
        "octet_0",
        bits("t", "T", "11.12.5", 2, codes=IsidType),
        bits("a", "A", "11.12.5", 6),
    ),
    uint("b", "B", "11.12.5", 16),
    uint("c", "C", "11.12.5", 8),
    uint("d", "D", "11.12.5", 16),
    doc="The six bytes that an initiator names its half of a session with.",
)
