"""Memory that only the card reaches: what fails, and how (guide, Appendix D; behaviour file, 5.3)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import SC_FLAG_CMD_ABORT
from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.quirks import Quirks
from conformance.api import ReadyToTransfer, expect, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind, Shape, make_pages
from conformance.suites.blocks import pattern
from conformance.suites.offload.rig import PLACEABLE, Rig, pages_of

Make = Callable[..., Rig]
BEFORE: dict[str, list[Shape]] = {
    "below-threshold": [[(0, 256)]],
    "not-full-pages": [[(0, 4096), (0, 3072), (0, 4096)]],
}
QUIRK = [False, True]
QUIRK_NAMES = ["guide", "release-3.14"]


@driver_case("off-dma-01", guide="Appendix D; guide, 7.3.5.4", behaviour="5.3")
@variants("why", list(BEFORE))
@variants("how", ["hook", "later", "thread"])
def test_write_fails_before_anything_is_asked_for(rig: Rig, why: str, how: str) -> None:
    """No tag can be had, and the host cannot copy: the message of Appendix D, CMD_ABORT, fp_scsi_cmd_abort; when the
    driver has answered that, CHECK CONDITION 03/0c/00; never an R2T.
    """
    bench = rig.bench
    write = rig.write("dma", *BEFORE[why])
    call = bench.expect_hook("fp_scsi_cmd_abort", write.sc)
    bench.expect_equal("SC_FLAG_CMD_ABORT", call.flag & SC_FLAG_CMD_ABORT, SC_FLAG_CMD_ABORT)
    count = len(BEFORE[why][0])
    bench.expect_log(f"No DDP: sgcnt {count} sgl 0x{id(write.phases[0].buffers.given):x}, sg_flag 0x")
    bench.expect_log("sg_addr NULL, Cannot copy data!")
    rig.session.expect(expect.nothing(10))
    bench.act(how, bench.abort_done, write.sc)  # type: ignore[arg-type]
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    bench.expect_equal("R2Ts", write.task.connection.pending(ReadyToTransfer, write.task.tag), 0)
    write.expect_untouched()
    bench.expect_end(write.sc)


@driver_case("off-dma-02", guide="Appendix D", behaviour="5.3, 11")
@variants("closes", QUIRK, ids=QUIRK_NAMES)
def test_write_fails_when_data_come_that_are_not_placed(make_rig: Make, closes: bool) -> None:
    """The card does not place what was asked for: the command fails then, and later Data-Out of it are dropped. With
    the quirk no_copy_closes, the connection is closed.
    """
    rig = make_rig(
        quirks=Quirks(no_copy_closes=closes),
        keys={"MaxOutstandingR2T": "4"},
        login={"MaxBurstLength": "4096", "FirstBurstLength": "4096", "MaxOutstandingR2T": "2"},
    )
    bench = rig.bench
    bench.when("fp_scsi_cmd_abort", lambda call: bench.abort_done(call.sc))
    write = rig.write("dma", pages_of(4096, 4))
    first, second = write.next_r2t(), write.next_r2t()
    rig.card.pods.entry(first.header.target_transfer_tag >> 6 & 16383)[:4] = bytes(4)
    write.task.serve(first)
    bench.expect_log("Cannot copy data!")
    if closes:
        rig.session.expect(expect.connection_closed())
        write.expect_untouched()
        return
    write.task.serve(second)
    bench.expect_hook("fp_scsi_cmd_abort", write.sc)
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    write.expect_untouched()
    rig.session.nop()
    rig.expect_nothing_held()


@driver_case("off-dma-03", behaviour="5.3, 11")
@variants("closes", QUIRK, ids=QUIRK_NAMES)
def test_no_tag_never_closes_the_connection(make_rig: Make, closes: bool) -> None:
    """Whatever the quirk: a command that fails for want of a tag leaves its connection alone."""
    rig = make_rig(quirks=Quirks(no_copy_closes=closes))
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    write = rig.write("dma", [(0, 256)])
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    rig.session.nop()


@driver_case("off-dma-04", guide="Requirement for DDP", behaviour="5.3")
@variants("kind", ["dma", "page"])
def test_rule_broken_by_a_later_phase(phased_rig: Rig, kind: Kind) -> None:
    """The first phase is placed; the second breaks the rule: it is copied, or fails the command where it cannot be."""
    bench = phased_rig.bench
    bench.when("fp_scsi_cmd_abort", lambda call: bench.abort_done(call.sc))
    write = phased_rig.begin(kind, pages_of(8192, 2), [(0, 8192), (0, 3072), (0, 5120)])
    first = write.give()
    bench.wait_for_data(write.task, write.sc, first.buffers)
    bench.expect_equal("the first phase", first.buffers.contents, write.data[:16384])
    write.give()
    bench.expect_log("2/3, len 3072 xferoff 16384 NOT full pages")
    if kind == "dma":
        write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
        phased_rig.card.expect_went(write.task, 16384, 0)
    else:
        bench.wait_for_data(write.task, write.sc, write.phases[1].buffers)
        write.conclude()
        phased_rig.card.expect_went(write.task, 16384, 16384, "full pages")
    phased_rig.expect_nothing_held()


@driver_case("off-dma-05", guide="7.3.5.1", behaviour="5.3")
@variants("kind", [*PLACEABLE, "addr"])
@variants(
    "shape",
    [[(0, 4096)], [(512, 3584), (0, 4096), (0, 100)], [(7, 1000), (3, 5), (0, 3091)]],
    ids=["page", "pages", "odd"],
)
def test_reads_are_gathered_from_any_memory(rig: Rig, kind: Kind, shape: Shape) -> None:
    """Data-In are gathered from the DMA address if there is one, else from the page or sg_addr, whatever its shape."""
    length = sum(count for _, count in shape)
    data = pattern(length)
    task, sc = rig.bench.begin_read(length, rig.session)
    pages = make_pages(rig.space, kind, shape, data=data)
    rig.bench.expect_equal("result", rig.bench.execution_status(sc, pages.buffers), 0)
    task.expect(expect.good(data=data))
    rig.bench.expect_returned(sc, pages.buffers)


@driver_case("off-dma-06", guide="7.3.5.1", behaviour="5.3")
def test_reads_take_the_dma_address_before_the_page(rig: Rig) -> None:
    """With both, a read's data are those at sg_dma_addr."""
    data = pattern(4096)
    task, sc = rig.bench.begin_read(4096, rig.session)
    pages = make_pages(rig.space, "dma", [(0, 4096)], data=data)
    pages.buffers.given[0].sg_page = rig.space.page()  # type: ignore[union-attr]
    rig.bench.execution_status(sc, pages.buffers)
    task.expect(expect.good(data=data))


@driver_case("off-dma-07", guide="Requirement for DDP", behaviour="5.3")
def test_address_of_another_space_is_not_written_to(rig: Rig) -> None:
    """A page of another address space than the LUN class's may have the same DMA address as one of it: the data go
    to the page that was named.
    """
    ours = rig.space.page()
    mine, rig.space = rig.space, AddressSpace()
    write = rig.write("region", pages_of(4096, 1)).finish()
    rig.bench.expect_equal("same address", rig.space.regions[0].dma_address, mine.regions[0].dma_address)
    rig.bench.expect_equal("the page of the same address", bytes(ours.memory), bytes(4096))
    write.expect_data()
