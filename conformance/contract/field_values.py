"""Which values a driver may give the fields of a command that are its own, and the numbers of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api import SCSI_SENSE_BUFFERSIZE

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList

_U8, _U32 = 0xFF, 0xFFFFFFFF
_LARGEST: Final = {
    "sc_status": _U8,
    "sc_response": _U8,
    "sc_sense_key": 0x0F,  # SPC-4, 4.5.3: four bits of the sense data
    "sc_sense_asc": _U8,
    "sc_sense_ascq": _U8,
    "sc_xfer_residualcount": _U32,
    "sc_xfer_len": _U32,
    "sc_flag": _U32,
}
"""Numbers, with the largest that their field holds (guide 7.3.5.1)."""


def wrong_values(sc: chiscsi_scsi_command) -> list[str]:
    """What fields of a command hold and cannot, in words; empty if all is well."""
    wrong = []
    for name, largest in _LARGEST.items():
        value = getattr(sc, name)
        if not isinstance(value, int) or not 0 <= value <= largest:
            wrong.append(f"{name} is {value!r}; it takes 0 to {largest:#x}")
    sense: object = sc.sc_sense_buf
    if not isinstance(sense, bytes | bytearray | memoryview):
        wrong.append(f"sc_sense_buf is {sense!r}, and not octets")
    elif len(sense) > SCSI_SENSE_BUFFERSIZE:
        wrong.append(f"sc_sense_buf has {len(sense)} octets; it takes {SCSI_SENSE_BUFFERSIZE}")
    return wrong


def wrong_numbers(buf: SgList | None, numbers: tuple[int, int, int]) -> list[str]:
    """What is wrong with the numbers of a call, in words; empty if all is well.

    Args:
        buf: the buffers that they are about.
        numbers: how many vectors, at which offset of the transfer, and how many octets.
    """
    given: dict[str, object] = dict(zip(("sgcnt", "offset", "buflen"), numbers, strict=True))
    wrong = [
        f"{name} is {value!r}, and no number of any"
        for name, value in given.items()
        if not isinstance(value, int) or value < 0
    ]
    if not wrong and isinstance(buf, list | tuple) and numbers[0] > len(buf):
        wrong.append(f"sgcnt is {numbers[0]}, and the list has {len(buf)}")
    return wrong
