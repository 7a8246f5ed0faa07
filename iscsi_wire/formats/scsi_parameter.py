"""Parameter data of READ CAPACITY and REPORT LUNS (SBC-3 and SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import Format, bits, flag, reserved, reserved_bits, structure, tail, uint, word
from iscsi_wire.structure import Kind

_CAPACITY_10 = "SBC-3, READ CAPACITY (10) parameter data"
_CAPACITY_16 = "SBC-3, READ CAPACITY (16) parameter data"
_LUNS = "SPC-4, REPORT LUNS parameter data"

READ_CAPACITY_10_DATA: Format = structure(
    "ReadCapacity10Data",
    "READ CAPACITY (10) parameter data",
    _CAPACITY_10,
    uint("returned_logical_block_address", "RETURNED LOGICAL BLOCK ADDRESS", _CAPACITY_10, 32),
    uint("logical_block_length", "LOGICAL BLOCK LENGTH IN BYTES", _CAPACITY_10, 32, kind=Kind.LENGTH),
)

READ_CAPACITY_16_DATA: Format = structure(
    "ReadCapacity16Data",
    "READ CAPACITY (16) parameter data",
    _CAPACITY_16,
    uint("returned_logical_block_address", "RETURNED LOGICAL BLOCK ADDRESS", _CAPACITY_16, 64),
    uint("logical_block_length", "LOGICAL BLOCK LENGTH IN BYTES", _CAPACITY_16, 32, kind=Kind.LENGTH),
    word(
        "octet_12",
        reserved_bits("rsvd_12", 4, _CAPACITY_16),
        bits("p_type", "P_TYPE", _CAPACITY_16, 3),
        flag("prot_en", "PROT_EN", _CAPACITY_16),
    ),
    word(
        "octet_13",
        bits("p_i_exponent", "P_I_EXPONENT", _CAPACITY_16, 4),
        bits(
            "logical_blocks_per_physical_block_exponent",
            "LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT",
            _CAPACITY_16,
            4,
        ),
    ),
    word(
        "octets_14_15",
        flag("lbpme", "LBPME", _CAPACITY_16),
        flag("lbprz", "LBPRZ", _CAPACITY_16),
        bits("lowest_aligned_logical_block_address", "LOWEST ALIGNED LOGICAL BLOCK ADDRESS", _CAPACITY_16, 14),
    ),
    reserved("rsvd_16", 64, _CAPACITY_16),
    reserved("rsvd_24", 64, _CAPACITY_16),
)

REPORT_LUNS_DATA: Format = structure(
    "ReportLunsData",
    "REPORT LUNS parameter data",
    _LUNS,
    uint("lun_list_length", "LUN LIST LENGTH", _LUNS, 32, kind=Kind.LENGTH),
    reserved("rsvd_4", 32, _LUNS),
    tail("luns", "LUN list", _LUNS, length="lun_list_length", counts_from=8, width=64),
)
