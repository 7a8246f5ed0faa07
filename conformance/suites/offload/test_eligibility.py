"""Which memory data are placed into, and which they are copied to (guide, Requirement for DDP)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.quirks import Quirks
from conformance.api import expect, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind, Shape, make_pages
from conformance.suites.offload.rig import COPYABLE, GUIDES_EXAMPLE, PLACEABLE, Rig, cut, pages_of

Make = Callable[..., Rig]
SIZES = [4096, 8192, 16384, 65536]
LISTS: dict[str, Callable[[int], Shape]] = {
    "one": lambda size: pages_of(size, 1),
    "one-late": lambda size: pages_of(size, 1, first=512),
    "one-early": lambda size: pages_of(size, 1, last=512),
    "two-late-early": lambda size: pages_of(size, 2, first=size // 2, last=size // 2),
    "three": lambda size: pages_of(size, 3),
    "three-late": lambda size: pages_of(size, 3, first=size // 2),
    "three-early": lambda size: pages_of(size, 3, last=size - 512),
    "five-late-early": lambda size: pages_of(size, 5, first=1024, last=1024),
}
BROKEN: dict[str, tuple[list[Shape], str]] = {
    "middle-short": (
        [GUIDES_EXAMPLE[0], [(0, 8192), (0, 3072), (0, 8192), (0, 8192), (0, 5120)], GUIDES_EXAMPLE[2]],
        "2/5, len 3072 xferoff 20480 NOT full pages",
    ),
    "middle-late": (
        [GUIDES_EXAMPLE[0], [(0, 8192), (512, 7680), (0, 8192), (0, 8192), (0, 512)], GUIDES_EXAMPLE[2]],
        "2/5, len 7680 xferoff 20480 NOT full pages",
    ),
    "middle-other-size": (
        [GUIDES_EXAMPLE[0], [(0, 8192), (0, 16384), (0, 8192)], GUIDES_EXAMPLE[2]],
        "2/3, len 16384 xferoff 20480 NOT full pages",
    ),
    "middle-no-size": (
        [pages_of(12288, 3), pages_of(12288, 3)],
        "2/3, len 12288 xferoff 0 NOT full pages",
    ),
    "first-long": (
        [[(0, 16384), (0, 8192), (0, 8192)], [(0, 8192)] * 4],
        "2/3, len 8192 xferoff 0 NOT full pages",
    ),
    "last-late": (
        [*GUIDES_EXAMPLE[:2], [(0, 8192), (4096, 4096)]],
        "2/2, len 4096 xferoff 53248 NOT full pages",
    ),
    "last-long": (
        [*GUIDES_EXAMPLE[:2], [(0, 12288)]],
        "1/1, len 12288 xferoff 53248 NOT full pages",
    ),
}


@driver_case("off-eligible-01", guide="Requirement for DDP", behaviour="5.3")
@variants("kind", PLACEABLE)
@variants("size", SIZES)
@variants("shape", list(LISTS))
def test_full_pages_are_placed_into(rig: Rig, kind: Kind, size: int, shape: str) -> None:
    """Full pages of one size, the first perhaps begun late and the last ended early: all data are placed."""
    write = rig.write(kind, LISTS[shape](size)).finish()
    write.expect_placed()
    rig.expect_nothing_held()


@driver_case("off-eligible-02", guide="Requirement for DDP", behaviour="5.3")
@variants("kind", PLACEABLE)
@variants("ahead", [True, False], ids=["ahead", "one-by-one"])
def test_guides_example_is_placed(phased_rig: Rig, kind: Kind, ahead: bool) -> None:
    """The guide's example, 64 KiB in buffers of 8 KiB, in three phases, the first and the last page used in part: all
    of it is placed, whether the phases come at once or each when the one before is full.
    """
    write = phased_rig.begin(kind, *GUIDES_EXAMPLE)
    if ahead:
        write.give_all()
        write.take_data()
    for _ in range(0 if ahead else 3):
        phase = write.give()
        phased_rig.bench.wait_for_data(write.task, write.sc, phase.buffers)
    write.conclude().expect_placed()


@driver_case("off-eligible-03", guide="Requirement for DDP; guide, Appendix D", behaviour="5.3")
@variants("rule", list(BROKEN))
@variants("kind", ["page", "region"])
def test_broken_list_is_copied_with_a_message(phased_rig: Rig, rule: str, kind: Kind) -> None:
    """The same with one rule broken: the message names the buffer, all data end right, and what comes from there on is
    copied.
    """
    shapes, message = BROKEN[rule]
    write = phased_rig.write(kind, *shapes).finish()
    phased_rig.bench.expect_log(message)
    write.expect_copied("full pages")


@driver_case("off-eligible-04", guide="Requirement for DDP", behaviour="5.3")
@variants("shape", list(LISTS))
def test_plain_memory_is_copied_to(rig: Rig, shape: str) -> None:
    """Memory named by sg_addr alone is neither of pages nor able to do DMA: its data are copied, without a word."""
    write = rig.write("addr", LISTS[shape](8192)).finish()
    write.expect_copied("memory")
    rig.bench.expect_no_log("NOT full pages")
    rig.bench.expect_no_log("Cannot copy")


@driver_case("off-eligible-05", guide="7.3.5.1", behaviour="5.3")
@variants("length", [256, 8192])
def test_dma_address_wins_over_the_page(rig: Rig, length: int) -> None:
    """With both, data go to sg_dma_addr: placed there, or copied there if the stack can."""
    write = rig.begin("dma-mapped", [(0, length)])
    phase = make_pages(rig.space, "dma-mapped", write.shapes[0])
    other = rig.space.region(8192, mapped=True)
    phase.buffers.given[0].sg_page = other  # type: ignore[union-attr]
    write.phases.append(phase)
    rig.bench.expect_equal("result", rig.bench.buffer_ready(write.sc, phase.buffers), 0)
    write.finish()
    rig.bench.expect_equal("octets written to the page", sum(map(bool, other.memory)), 0)


@driver_case("off-eligible-06", behaviour="5.3")
@variants("length", [1, 100, 508, 511, 512, 513, 2047])
@variants("kind", ["page", "dma-mapped"])
def test_short_writes_are_copied(rig: Rig, kind: Kind, length: int) -> None:
    """Below 512 octets no page pods are spent."""
    write = rig.write(kind, [(0, length)]).finish()
    if length < 512:
        write.expect_copied("threshold")
        rig.bench.expect_equal("page pods ever held", rig.card.information().ppods_peak, 0)
    else:
        write.expect_placed()


@driver_case("off-eligible-07", behaviour="5.3, 11")
@variants("multi_phase", [False, True], ids=["single", "multi"])
def test_release_places_nothing_of_phases(make_rig: Make, multi_phase: bool) -> None:
    """With the quirk multiphase_no_ddp, data of multi-phase drivers are copied; those of single-phase ones are not."""
    rig = make_rig(multi_phase=multi_phase, quirks=Quirks(multiphase_no_ddp=True))
    write = rig.write("page", pages_of(8192, 2)).finish()
    if multi_phase:
        write.expect_copied("multi-phase")
    else:
        write.expect_placed()


@driver_case("off-eligible-08", guide="Requirement for DDP", behaviour="5.3")
@variants("sizes", [(1,) * 8, (1, 7), (7, 1), (3, 2), (4, 4)], ids=lambda sizes: "-".join(map(str, sizes)))
@variants("first", [0, 512])
def test_phases_may_end_at_any_buffer(phased_rig: Rig, sizes: tuple[int, ...], first: int) -> None:
    """The rule goes over all phases together: it does not matter where a phase ends."""
    write = phased_rig.write("region", *cut(sizes, pages_of(4096, 8, first=first, last=1024))).finish()
    write.expect_placed()


@driver_case("off-eligible-09", guide="7.3.5.1", behaviour="3.6, 5.3")
@variants("kind", ["page", "dma"])
@variants("last", [8192, 4096, 512])
def test_underflow_found_late_ends_the_pages(phased_rig: Rig, kind: Kind, last: int) -> None:
    """A driver that finds in a later phase that it takes less: what its last buffer then is counts, and is placed."""
    bench = phased_rig.bench
    write = phased_rig.begin(kind, [(0, 8192)] * 2, [(0, 8192), (0, last)], length=65536)
    write.give()
    bench.stage.settle()
    write.sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    write.sc.sc_xfer_len = 24576 + last
    write.sc.sc_xfer_residualcount = 65536 - write.sc.sc_xfer_len
    write.give()
    write.data = write.data[: write.sc.sc_xfer_len]
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc, call.offset, call.buflen))
    write.task.expect(expect.good(residual=-write.sc.sc_xfer_residualcount))
    write.expect_data()
    write.expect_placed()
    bench.expect_no_log("NOT full pages")


@driver_case("off-eligible-10", guide="Requirement for DDP", behaviour="3.5, 5.3")
@variants("kind", COPYABLE)
@variants("at", [0, 1, 2, 3], ids=["first", "second", "third", "last"])
def test_empty_vectors_do_no_harm(rig: Rig, kind: Kind, at: int) -> None:
    """A vector of no octets is no page: the data end right all the same."""
    shape = list(pages_of(4096, 3))
    shape.insert(at, (0, 0))
    rig.write(kind, shape).finish()
    rig.expect_nothing_held()


@driver_case("off-eligible-11", guide="7.3.5.1", behaviour="5.3")
@variants("start", [65536, 100352, 131072])
def test_page_may_be_large(rig: Rig, start: int) -> None:
    """A host page of any size may be named, with any offset: the data are placed behind it."""
    write = rig.write("page", [(start, 16384)]).finish()
    write.expect_placed()
