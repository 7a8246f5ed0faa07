"""PDU recovery: the same PDUs and the same memory, however the stream was cut (behaviour file, 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from conformance.api import DataOut, NopOut, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.rig import DIGESTS, Rig, Write
from initiator_sim.draft import Draft
from iscsi_wire.records import PduRecord

Make = Callable[..., Rig]
BOTH = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
LENGTH = 17001
"""Of the write: its PDUs have padding, and there are several."""
AHS = bytes.fromhex("0005 02 00 0123456789ab 0000".replace(" ", ""))
"""An additional header segment that names itself reserved; whoever takes PDUs apart has to step over it."""

CUTS: dict[str, Callable[[int], list[int]]] = {
    "octets": lambda length: list(range(1, length)),
    "sevens": lambda length: list(range(7, length, 7)),
    "header": lambda length: [1, 20, 47],
    "behind-header": lambda length: [48, 49, 52, 53],
    "in-ahs": lambda length: [50, 56, 60, 62, 64],
    "data": lambda length: [100, length // 2],
    "large": lambda length: list(range(1460, length, 1460)),
    "end": lambda length: [length - 9, length - 8, length - 5, length - 4, length - 1],
    "whole": lambda length: [],
}


def _drafts(rig: Rig, kind: Kind) -> tuple[Write, list[Draft[DataOut]]]:
    """A write, and the Data-Out that answer its R2T, which are not sent yet."""
    rig.bench.stage.keep_whole()
    write = rig.write(kind, [(0, LENGTH)] if kind == "addr" else [(0, 4096)] * 4 + [(0, LENGTH - 16384)])
    r2t = write.next_r2t()
    with rig.session.connection.held() as held:
        write.task.serve(r2t)
        drafts = list(held)
        held.clear()
    return write, drafts


@driver_case("off-split-01", behaviour="5.5")
@variants("kind", ["page", "dma", "addr"])
@variants("digests", [False, True], ids=["none", "both"])
@variants("cut", list(CUTS))
@variants("ahs", [False, True], ids=["plain", "ahs"])
def test_every_split_gives_the_same(make_rig: Make, kind: Kind, digests: bool, cut: str, ahs: bool) -> None:
    """Segments that end anywhere, in the header, behind it, in additional headers, data, padding or a digest: the PDUs
    are those that were sent, and the data are where they belong.
    """
    rig = make_rig(keys=DIGESTS, login=BOTH if digests else {})
    write, drafts = _drafts(rig, kind)
    before = len(_received(rig))
    for draft in drafts:
        if ahs:
            draft.ahs = AHS
        octets = draft.plain(digests, digests)
        places = [0, *CUTS[cut](len(octets)), len(octets)]
        pieces = [octets[start:end] for start, end in pairwise(places)]
        rig.session.connection.send_raw(*pieces)
    rig.bench.stage.settle()
    found = [(len(record.ahs), record.data) for record in _received(rig)[before:]]
    rig.bench.expect_equal("PDUs", found, [(len(draft.ahs), draft.data) for draft in drafts])
    write.conclude()
    info = rig.card.information()
    placed = LENGTH if kind != "addr" else 0
    rig.bench.expect_equal(
        "placed_bytes, copied_bytes", (info.placed_bytes, info.copied_bytes), (placed, LENGTH - placed)
    )


def _received(rig: Rig) -> list[PduRecord]:
    """The PDUs that the target has taken in."""
    rig.bench.stage.settle()
    records = [record for record in rig.bench.records if isinstance(record, PduRecord)]
    return [record for record in records if record.source == "target" and record.direction == "in"]


@driver_case("off-split-02", behaviour="5.5")
@variants("kind", ["page", "dma", "addr"])
@variants("digests", [False, True], ids=["none", "both"])
def test_many_pdus_in_one_segment(make_rig: Make, kind: Kind, digests: bool) -> None:
    """A whole burst, and a ping behind it, in one segment: all are recovered, and answered in order."""
    rig = make_rig(keys=DIGESTS, login=BOTH if digests else {})
    write, drafts = _drafts(rig, kind)
    ping = rig.session.prepare(NopOut, data=b"ping", immediate=1)
    octets = b"".join(draft.plain(digests, digests) for draft in drafts) + ping.plain(digests, digests)
    before = len(_received(rig))
    rig.session.connection.send_raw(octets)
    found = [record.data for record in _received(rig)[before:]]
    rig.bench.expect_equal("PDUs", found, [*(draft.data for draft in drafts), b"ping"])
    write.conclude()
    info = rig.card.information()
    coalesced = kind != "addr" and len(drafts) > 1
    rig.bench.expect_equal("lro_cnt", info.lro_cnt, int(coalesced))
    rig.bench.expect_equal("ddp_pass + ddp_fail", info.ddp_pass + info.ddp_fail, len(drafts))


@driver_case("off-split-03", behaviour="5.5")
def test_placed_burst_is_completed_once(make_rig: Make) -> None:
    """Placed Data-Out of a burst that came together are told the host by one CPL_RX_ISCSI_CMP with the last header;
    what was copied is told PDU by PDU.
    """
    rig = make_rig()
    for kind, wanted in (("page", 1), ("addr", 0)):
        before = len(rig.card.messages("CPL_RX_ISCSI_CMP"))
        write, drafts = _drafts(rig, kind)  # type: ignore[arg-type]
        rig.session.connection.send_raw(b"".join(draft.plain(False, False) for draft in drafts))
        rig.bench.stage.settle()
        write.conclude()
        found = rig.card.messages("CPL_RX_ISCSI_CMP")[before:]
        rig.bench.expect_equal("CPL_RX_ISCSI_CMP", len(found), wanted)
        rig.bench.expect_equal(
            "they say DDP and PLACED", all(" DDP " in line and "PLACED" in line for line in found), True
        )
