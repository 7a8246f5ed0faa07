from __future__ import annotations

from collections.abc import Callable

from conformance.api import Scratch, Session, case, expect, variants
from iscsi_wire.scsi import Read10, Write10

_YES_NO = ["Yes", "No"]


@case("transfer-round-trip-01", "7143-4.2.5.2-03", "7143-11.8-15")
@variants("immediate", _YES_NO, ids=["immediate", "not-immediate"])
@variants("initial_r2t", _YES_NO, ids=["r2t-first", "unsolicited"])
def test_what_was_written_is_read_back(
    login: Callable[..., Session], scratch: Scratch, immediate: str, initial_r2t: str
) -> None:
    """Output arrives whole and in place, whichever of its parts go out unasked."""
    session = login(keys={"ImmediateData": immediate, "InitialR2T": initial_r2t, "FirstBurstLength": "4096"})
    blocks = 32768 // scratch.block_size
    data = bytes(i * 7 + i // 512 & 0xFF for i in range(blocks * scratch.block_size))
    place = {"logical_block_address": scratch.start, "transfer_length": blocks}
    session.command(Write10.make(**place), write=data).expect(expect.good())
    session.command(Read10.make(**place), read=len(data)).expect(expect.good(data=data))
