"""Data that the card does not place although it was asked to: each bit of its status (behaviour file, 5.2 and 5.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from chiscsi_target.quirks import Quirks
from conformance.api import ReadyToTransfer, Received, RejectReason, expect, mutations, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.rig import DIGESTS, Rig, Write, pages_of

Make = Callable[..., Rig]
R2T = Received[ReadyToTransfer]
VALID = 1 << 24


def _change(rig: Rig, r2t: R2T, word: int, change: Callable[[int], int]) -> None:
    """Change a word of the pod that an R2T's tag names."""
    pod = rig.card.pods.entry(r2t.header.target_transfer_tag >> 6 & 16383)
    struct.pack_into(">I", pod, 4 * word, change(struct.unpack_from(">I", pod, 4 * word)[0]))


def _lower_limit(rig: Rig, r2t: R2T) -> None:
    rig.card.pods.llimit = 1 << 13


POKES: dict[str, tuple[Callable[[Rig, R2T], object], str]] = {
    "invalid": (lambda rig, r2t: _change(rig, r2t, 0, lambda word: word & ~VALID), "INVALID_PPOD"),
    "tid": (lambda rig, r2t: _change(rig, r2t, 0, lambda word: word ^ 0x10), "TID_MISMATCH"),
    "colour": (lambda rig, r2t: _change(rig, r2t, 1, lambda word: word ^ 0x21), "COLOR_ERR"),
    "index": (lambda rig, r2t: _change(rig, r2t, 1, lambda word: word ^ 0x40), "PPOD_MISMATCH"),
    "length": (lambda rig, r2t: _change(rig, r2t, 2, lambda word: 4096), "OFFSET_ERR"),
    "address": (lambda rig, r2t: _change(rig, r2t, 6, lambda word: 0x7FFF0000), "OFFSET_ERR"),
    "limit": (_lower_limit, "LLIMIT_ERR"),
}


def _asked(rig: Rig, kind: Kind, **rest: int) -> tuple[Write, R2T]:
    write = rig.write(kind, pages_of(8192, 1), **rest)
    return write, write.next_r2t()


def _expect_status(rig: Rig, *names: str) -> None:
    """Require that the last PDU with data has these bits in its status, and no others."""
    lines = [line for line in rig.card.messages("CPL_RX_ISCSI_DDP") if " len 48 " not in line]
    found = lines[-1].partition("status ")[2].split()[1:] if lines else []
    rig.bench.expect_equal("status", sorted(found), sorted(names))


@driver_case("off-status-01", behaviour="5.2, 5.3, 5.5")
@variants("poke", list(POKES))
@variants("kind", ["page", "dma-mapped"])
def test_data_that_are_not_placed_are_copied(rig: Rig, poke: str, kind: Kind) -> None:
    """A pod that does not fit the tag: the status says why, the data come to the host, which copies them."""
    change, name = POKES[poke]
    write, r2t = _asked(rig, kind)
    change(rig, r2t)
    write.task.serve(r2t)
    _expect_status(rig, name)
    write.conclude().expect_copied("did not take the tag")
    info = rig.card.information()
    rig.bench.expect_equal("ddp_pass, ddp_fail", (info.ddp_pass, info.ddp_fail), (0, 1))


@driver_case("off-status-02", guide="Appendix D", behaviour="5.3")
@variants("poke", list(POKES))
def test_data_that_can_only_be_placed_fail_the_command(rig: Rig, poke: str) -> None:
    """The same where the host cannot copy: the command fails, and nothing is written."""
    change, name = POKES[poke]
    write, r2t = _asked(rig, "dma")
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    change(rig, r2t)
    write.task.serve(r2t)
    _expect_status(rig, name)
    rig.bench.expect_log("No DDP: sgcnt 1")
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    write.expect_untouched()
    rig.expect_nothing_held()


CRAFTED: dict[str, tuple[Callable[[int], int], str]] = {
    "colour": (lambda tag: tag ^ 1, "COLOR_ERR"),
    "index": (lambda tag: tag + (100 << 6), "INVALID_PPOD"),
    "selector": (lambda tag: tag | 1 << 30, "INVALID_TAG"),
    "marker": (lambda tag: tag | 1 << 20, ""),
    "r2t-sn": (lambda tag: tag ^ 1 << 21, "PLACED"),
}


@driver_case("off-status-03", behaviour="3.4, 5.2, 5.5")
@variants("craft", list(CRAFTED))
@variants("kind", ["page", "dma", "addr-dmable"])
def test_tags_that_nobody_gave_are_refused(rig: Rig, craft: str, kind: Kind) -> None:
    """A Data-Out with a tag that is not outstanding is rejected, whatever the card says; its data land nowhere."""
    change, name = CRAFTED[craft]
    write, r2t = _asked(rig, kind)
    write.task.data_out(r2t, target_transfer_tag=change(r2t.header.target_transfer_tag))
    _expect_status(rig, *([name] if name else []))
    rig.session.expect(expect.rejected(RejectReason.INVALID_PDU_FIELD))
    write.expect_untouched()
    write.task.serve(r2t)
    write.conclude()
    rig.expect_nothing_held()


@driver_case("off-status-04", behaviour="3.4, 5.2, 5.5")
@variants("kind", ["page", "dma"])
@variants("whole", [True, False], ids=["whole", "in-pieces"])
def test_tags_of_another_session_place_nothing(rig: Rig, kind: Kind, whole: bool) -> None:
    """A tag is good on its own connection only: on another it is refused, and its command goes on undisturbed."""
    write, r2t = _asked(rig, kind)
    thief = rig.write(kind, pages_of(8192, 1), session=rig.other_session, seed=7)
    own = thief.next_r2t()
    cut = () if whole else (mutations.split(100, 4000),)
    thief.task.data_out(own, *cut, target_transfer_tag=r2t.header.target_transfer_tag)
    rig.bench.stage.settle()
    write.expect_untouched()
    thief.expect_untouched()
    rig.other_session.expect(expect.rejected(RejectReason.INVALID_PDU_FIELD))
    write.task.serve(r2t)
    write.conclude().expect_placed()


@driver_case("off-status-05", behaviour="3.4, 5.2")
@variants("kind", ["page", "dma"])
@variants("size", [4096, 16384])
@variants("cut", [False, True], ids=["whole", "in-pieces"])
def test_tags_of_another_command_place_nothing(rig: Rig, kind: Kind, size: int, cut: bool) -> None:
    """A tag is good for its own command only: a Data-Out that names another is refused, and lands with neither."""
    write = rig.write(kind, pages_of(size, 1))
    other = rig.write(kind, pages_of(size, 1), seed=5)
    r2t, own = write.next_r2t(), other.next_r2t()
    pieces = (mutations.split(60, 48 + 100),) if cut else ()
    other.task.data_out(own, *pieces, target_transfer_tag=r2t.header.target_transfer_tag)
    rig.bench.stage.settle()
    write.expect_untouched()
    other.expect_untouched()
    rig.session.expect(expect.rejected(RejectReason.INVALID_PDU_FIELD))
    for one, asked in ((write, r2t), (other, own)):
        one.task.serve(asked)
        one.conclude().expect_placed()


@driver_case("off-status-06", behaviour="3.4, 5.2")
@variants("offset", [512, 4096, 8192, 1 << 31])
@variants("kind", ["page", "dma"])
def test_wrong_offsets_place_nothing(rig: Rig, kind: Kind, offset: int) -> None:
    """Data that are not the next of their burst end the command with an error; they land nowhere."""
    write, r2t = _asked(rig, kind)
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    write.task.data_out(r2t, data=write.data[:4096], buffer_offset=offset)
    write.task.expect(expect.check_condition(key=0x0B))
    write.expect_untouched()
    rig.expect_nothing_held()


@driver_case("off-status-07", behaviour="3.4, 5.5")
@variants("kind", ["page", "addr", "dma"])
def test_wrong_data_digest_ends_the_command(make_rig: Make, kind: Kind) -> None:
    """A wrong data digest is told by bit 21, answered by Reject reason 2, and the command ends with 0b/47/05."""
    rig = make_rig(keys=DIGESTS, login={"DataDigest": "CRC32C"})
    rig.bench.stage.keep_whole()  # what is coming in may be placed before its digest is known
    write, r2t = _asked(rig, kind)
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    write.task.data_out(r2t, mutations.wrong_data_digest())
    _expect_status(rig, "DATACRC_ERR")
    write.task.expect(expect.check_condition(key=0x0B, asc=0x47, ascq=5))
    rig.session.expect(expect.rejected(RejectReason.DATA_DIGEST_ERROR))
    rig.expect_nothing_held()
    rig.session.nop()


@driver_case("off-status-08", behaviour="5.5")
@variants("kind", ["page", "addr", "dma"])
def test_wrong_header_digest_closes_the_connection(make_rig: Make, kind: Kind) -> None:
    """A wrong header digest is told by bit 20; the connection is closed, and nothing is written."""
    rig = make_rig(keys=DIGESTS, login={"HeaderDigest": "CRC32C"})
    write, r2t = _asked(rig, kind)
    write.task.data_out(r2t, mutations.wrong_header_digest())
    lines = rig.card.messages("CPL_RX_ISCSI_DDP")
    rig.bench.expect_equal("the status says so", "HDRCRC_ERR" in lines[-1], True)
    rig.session.expect(expect.connection_closed(after=()))
    write.expect_untouched()
    rig.expect_nothing_held()


@driver_case("off-status-09", behaviour="5.5, 11")
@variants("resets", [False, True], ids=["rfc", "release-3.14"])
@variants("kind", ["page", "addr"])
def test_padding_is_looked_at(make_rig: Make, resets: bool, kind: Kind) -> None:
    """Padding that is not zero is told by bit 19. It need not be zero; with the quirk padding_resets it resets the
    connection.
    """
    rig = make_rig(quirks=Quirks(padding_resets=resets))
    write = rig.write(kind, [(0, 4095)])
    r2t = write.next_r2t()
    write.task.data_out(r2t, mutations.padding(b"\x01"))
    _expect_status(rig, "PADDING_ERR", *(["PLACED"] if kind == "page" else []))
    if resets:
        rig.session.expect(expect.connection_closed(reset=True))
        rig.expect_nothing_held()
    else:
        write.conclude()


@driver_case("off-status-10", behaviour="5.5")
@variants("kind", ["page", "addr"])
def test_host_is_told_of_every_pdu(rig: Rig, kind: Kind) -> None:
    """Of placed data the host gets header and status, with bit 16; of others the payload, too."""
    write, r2t = _asked(rig, kind)
    before = len(rig.card.messages())
    write.task.serve(r2t)
    lines = [line for line in rig.card.messages()[before:] if not line.startswith(("FW_", "ULP_"))]
    names = [line.partition(" ")[0] for line in lines]
    placed = kind == "page"
    whole = ["CPL_ISCSI_HDR", "CPL_RX_ISCSI_DDP"] if placed else ["CPL_ISCSI_HDR", "CPL_ISCSI_DATA", "CPL_RX_ISCSI_DDP"]
    rig.bench.expect_equal("messages", names, whole)
    rig.bench.expect_equal("the header says DDP", " DDP " in lines[0], placed)
    rig.bench.expect_equal("length in the header", f"pdu {48 + 8192}" in lines[0], True)
    _expect_status(rig, *(["PLACED"] if placed else []))
    info = rig.card.information()
    rig.bench.expect_equal("ddp_pass, ddp_fail", (info.ddp_pass, info.ddp_fail), (1, 0) if placed else (0, 1))
    rig.bench.expect_equal(
        "placed_bytes, copied_bytes", (info.placed_bytes, info.copied_bytes), (8192, 0) if placed else (0, 8192)
    )
