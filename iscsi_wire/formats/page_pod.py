"""The page pod: how Chelsio's Terminator is told where the payload of a transfer belongs.

A pod is no part of the iSCSI stream; it crosses the bus, from the host into the card's memory. The names are those of
Chelsio's public headers.
"""

from __future__ import annotations

from iscsi_wire.formats.declare import Format, bits, flag, reserved, structure, uint, word
from iscsi_wire.structure import Kind

_POD = "Terminator, page pod"

PAGE_POD: Format = structure(
    "PagePod",
    "Page pod",
    _POD,
    word(  # 0
        "vld_tid",
        flag("pi_extract", "PI_EXTRACT_CTL", _POD),
        bits("pi_type", "PI_TYPE", _POD, 2),
        bits("pi_check", "PI_CHECK_CTL", _POD, 2),
        bits("pi_report", "PI_REPORT_CTL", _POD, 2),
        flag("valid", "VALID", _POD),
        bits("tid", "TID", _POD, 24, kind=Kind.TAG),
    ),
    word(  # 4
        "pgsz_tag_clr",
        bits("page_size", "PGSZ", _POD, 2),
        bits("index", "TAG", _POD, 24),
        bits("colour", "COLOR", _POD, 6),
    ),
    uint("max_offset", "max_offset", _POD, 32, kind=Kind.LENGTH),  # 8
    uint("page_offset", "page_offset", _POD, 32),  # 12
    reserved("rsvd_16", 64, _POD),  # 16
    *(uint(f"addr_{number}", f"addr[{number}]", _POD, 64) for number in range(5)),  # 24, 32, 40, 48, 56
    doc=(
        "Four pages a pod; the fifth address repeats the first of the next pod, and is 0 behind the last one. "
        "`max_offset` is the length of the transfer, `page_offset` that of its first byte in the first page."
    ),
)
