"""Tags and the page pods that they name (behaviour file, 5.1 and 5.2)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from conformance.api import variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.ending import abort
from conformance.suites.offload.rig import PLACEABLE, Rig, pages_of

Make = Callable[..., Rig]
VALID = 1 << 24
SELECTOR = 3 << 30


@driver_case("off-tag-01", behaviour="5.2")
@variants("ppods", [1024, 4096, 5000, 16384, 1 << 18])
def test_tag_of_placed_data_names_a_pod(make_rig: Make, ppods: int) -> None:
    """Page selector 0, R2TSN modulo 4, marker 0, index of the first pod, colour: in this order."""
    rig = make_rig(module={"page_pods": ppods}, login={"MaxBurstLength": "4096", "FirstBurstLength": "4096"})
    write = rig.write("page", pages_of(4096, 6))
    bits = ppods.bit_length() - 1
    for r2t_sn in range(6):
        r2t = write.next_r2t()
        tag = r2t.header.target_transfer_tag
        index = (tag >> 6) & (1 << bits) - 1
        pod = struct.unpack(">II", rig.card.pods.entry(index)[:8])
        rig.bench.expect_equal("the pod is valid", pod[0] & VALID, VALID)
        rig.bench.expect_equal("index and colour stand in the pod", tag & (1 << 6 + bits) - 1, pod[1])
        rig.bench.expect_equal("marker", tag >> 6 + bits & 1, 0)
        rig.bench.expect_equal("page selector", tag & SELECTOR, 0)
        rig.bench.expect_equal("R2TSN modulo 4", tag >> 7 + bits, r2t_sn % 4)
        write.task.serve(r2t)
    write.conclude()


@driver_case("off-tag-02", behaviour="5.2")
@variants("ppods", [1000, 1024, 16384])
def test_other_tags_pass_the_card(make_rig: Make, ppods: int) -> None:
    """The tag of data that are copied has the marker set; around it stand the command object and R2TSN modulo 4."""
    rig = make_rig(module={"page_pods": ppods}, login={"MaxBurstLength": "4096", "FirstBurstLength": "4096"})
    write = rig.write("addr", [(0, 24576)])
    marker = 6 + ppods.bit_length() - 1
    objects = set()
    for r2t_sn in range(6):
        r2t = write.next_r2t()
        tag = r2t.header.target_transfer_tag
        rig.bench.expect_equal("marker", tag >> marker & 1, 1)
        software = (tag >> marker + 1) << marker | tag & (1 << marker) - 1
        rig.bench.expect_equal("R2TSN modulo 4", software >> 16, r2t_sn % 4)
        objects.add(software & 0xFFFF)
        write.task.serve(r2t)
    rig.bench.expect_equal("one command object", len(objects) == 1 and max(objects) < 32768, True)
    write.conclude().expect_copied("page pods" if ppods < 1024 else "memory")


@driver_case("off-tag-03", behaviour="5.1")
@variants("count", [1, 4, 5, 9])
@variants("first", [0, 1024])
def test_pods_say_where_the_data_belong(rig: Rig, count: int, first: int) -> None:
    """A pod holds validity and tid, the tag below the marker, the transfer's length, its offset in the first page, and
    five addresses, the last of which is the first of the next pod, or 0.
    """
    write = rig.write("region", pages_of(4096, count, first=first))
    tag = write.next_r2t().header.target_transfer_tag
    addresses = [region.dma_address for region in rig.space.regions] + [0] * 8
    info = rig.card.information()
    for number in range(-(-count // 4)):
        pod = struct.unpack(">IIII8x5Q", rig.card.pods.entry((tag >> 6 & 16383) + number))
        wanted = (VALID | info.tid, tag & 0xFFFFF, len(write.data), first, *addresses[4 * number : 4 * number + 5])
        rig.bench.expect_equal("the pod", pod, wanted)
    rig.bench.expect_equal("page pods in use", info.ppods_in_use, -(-count // 4))


@driver_case("off-tag-04", behaviour="5.2")
def test_colours_tell_uses_of_a_pod_apart(make_rig: Make) -> None:
    """Each reservation of an entry has the next colour; behind 63 comes 0."""
    rig = make_rig(module={"page_pods": 1024})
    pods, colours = rig.card.pods, []
    for _ in range(130):
        held = pods.reserve(400 * 4)
        assert held is not None
        colours.append((held.index, held.colour))
        pods.release(held)
    rig.bench.expect_equal("entry", {index for index, _ in colours}, {0})
    first = colours[0][1]
    rig.bench.expect_equal("colours", [colour for _, colour in colours], [(first + n) % 64 for n in range(130)])


@driver_case("off-tag-05", behaviour="3.4, 5.2")
@variants("outstanding", [2, 4, 8])
@variants("kind", ["page", "addr"])
def test_bursts_may_be_answered_in_any_order(make_rig: Make, outstanding: int, kind: Kind) -> None:
    """Several R2Ts of a command are told apart by their tags; bursts that are answered last first end where they
    belong.
    """
    rig = make_rig(
        keys={"MaxOutstandingR2T": "8"},
        login={"MaxBurstLength": "4096", "FirstBurstLength": "4096", "MaxOutstandingR2T": str(outstanding)},
    )
    write = rig.write(kind, pages_of(4096, 8))
    asked = 0
    while asked < 8:
        r2ts = [write.next_r2t() for _ in range(min(outstanding, 4, 8 - asked))]
        tags = {r2t.header.target_transfer_tag for r2t in r2ts}
        rig.bench.expect_equal("tags that are outstanding together", len(tags), len(r2ts))
        for r2t in reversed(r2ts):
            write.task.serve(r2t)
        asked += len(r2ts)
    write.conclude()


@driver_case("off-tag-06", behaviour="5.1")
@variants("count, immediate", [(1, True), (12, True), (13, False), (80, False)])
def test_pods_are_written_before_they_are_needed(rig: Rig, count: int, immediate: bool) -> None:
    """The pods of a write go to the card ahead of the R2T: up to three within the work request, more of them gathered,
    sixteen at a time.
    """
    write = rig.write("region", pages_of(4096, count))
    write.next_r2t()
    lines = rig.card.messages("ULP_TX_MEM_WRITE", "FW_OFLD_TX_DATA_WR")
    rig.bench.expect_equal("the R2T is sent last", lines[-1].startswith("FW_OFLD_TX_DATA_WR"), True)
    writes = [line for line in lines if line.startswith("ULP_TX_MEM_WRITE")]
    pods = -(-count // 4)
    rig.bench.expect_equal("memory writes", len(writes), 1 if immediate else -(-pods // 16))
    ways = {line.rpartition(" ")[2] for line in writes}
    rig.bench.expect_equal("how they travel", ways, {"immediate" if immediate else "scatter"})


@driver_case("off-tag-07", behaviour="5.1, 5.2")
@variants("kind", PLACEABLE)
def test_pods_are_invalid_when_the_data_are_in(rig: Rig, kind: Kind) -> None:
    """The last octet of a write makes its pods invalid and free, before the driver has executed anything."""
    write = rig.write(kind, pages_of(4096, 6))
    r2t = write.next_r2t()
    index = r2t.header.target_transfer_tag >> 6 & 16383
    rig.bench.expect_equal("the pods are valid", [rig.card.pods.header(index + n).valid for n in (0, 1)], [True, True])
    write.task.serve(r2t)
    rig.expect_nothing_held()
    rig.bench.expect_equal(
        "the pods are valid", [rig.card.pods.header(index + n).valid for n in (0, 1)], [False, False]
    )
    info = rig.card.information()
    rig.bench.expect_equal("page pods in use, and most ever", (info.ppods_in_use, info.ppods_peak), (0, 2))
    write.conclude()


@driver_case("off-tag-08", behaviour="3.4, 5.2")
@variants("kind", ["addr", "page"])
@variants("how", ["tmf", "driver"])
def test_tags_of_late_data_are_not_used_again(rig: Rig, kind: Kind, how: str) -> None:
    """Data of an aborted write may still come. A new write, even one with the same Initiator Task Tag, has other tags,
    so that those data are not taken for its own.
    """
    old = rig.write(kind, pages_of(4096, 2))
    late = old.next_r2t()
    abort(rig, old, how)
    new = rig.write(kind, pages_of(4096, 2), seed=9, initiator_task_tag=old.task.tag)
    r2t = new.next_r2t()
    rig.bench.expect_equal(
        "the tag is another", r2t.header.target_transfer_tag != late.header.target_transfer_tag, True
    )
    new.task.data_out(late, data=old.data, final=1)
    new.task.serve(r2t)
    new.conclude()
