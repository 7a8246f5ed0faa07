"""The region of page pods: what is held, what is free again, and what happens when it is full (behaviour file, 5.2)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import ReadyToTransfer, expect, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.rig import PLACEABLE, Rig, pages_of

Make = Callable[..., Rig]


@driver_case("off-pods-01", behaviour="5.2")
@variants("count, first, pods", [(1, 0, 1), (4, 0, 1), (5, 0, 2), (4, 512, 1), (64, 0, 16)])
def test_pods_are_counted(rig: Rig, count: int, first: int, pods: int) -> None:
    """A write holds a pod for every four pages; chiscsi_get_connection_info tells how many are held, and were."""
    write = rig.write("page", pages_of(4096, count, first=first))
    r2t = write.next_r2t()
    info = rig.card.information()
    rig.bench.expect_equal("ppods_in_use, ppods_peak", (info.ppods_in_use, info.ppods_peak), (pods, pods))
    write.task.serve(r2t)
    info = rig.card.information()
    rig.bench.expect_equal("ppods_in_use, ppods_peak", (info.ppods_in_use, info.ppods_peak), (0, pods))


@driver_case("off-pods-02", behaviour="5.2, 5.3")
@variants("kind", ["page", "region", "dma-mapped", "addr-dmable", "dma-page"])
def test_full_region_is_no_misfortune(make_rig: Make, kind: Kind) -> None:
    """More writes at once than there are pods for: some are copied, silently; every octet is right, nothing leaks, and
    afterwards there is room again.
    """
    rig = make_rig(module={"page_pods": 1024})
    rig.bench.stage.keep_whole()  # 18 MiB, an octet at a time, would take minutes
    writes = [rig.write(kind, pages_of(4096, 96), seed=seed) for seed in range(48)]
    rig.bench.stage.settle()
    rig.bench.expect_equal("page pods in use", 1000 <= rig.card.pods.in_use <= 1024, True)
    for write in reversed(writes):
        write.finish()
    went = [rig.card.placement(write.task) for write in writes]
    placed = sum(one is not None and one.copied == 0 for one in went)
    copied = sum(one is not None and one.placed == 0 and "page pods" in one.reason for one in went)
    rig.bench.expect_equal("some were placed, some copied", (placed + copied, placed > 0, copied > 0), (48, True, True))
    rig.bench.expect_no_log("DDP")
    rig.expect_nothing_held()
    rig.write(kind, pages_of(4096, 96)).finish().expect_placed()


@driver_case("off-pods-03", behaviour="5.1, 5.3")
@variants("ppods, enabled", [(1, False), (512, False), (1023, False), (1024, True)])
def test_small_region_switches_placement_off(make_rig: Make, ppods: int, enabled: bool) -> None:
    """With fewer than 1024 pods a device places nothing; its connections are offloaded all the same."""
    rig = make_rig(module={"page_pods": ppods})
    write = rig.write("page", pages_of(4096, 4)).finish()
    if enabled:
        write.expect_placed()
    else:
        write.expect_copied("too few page pods")
    rig.bench.expect_equal("offloaded", rig.card.information().offloaded, True)
    rig.bench.expect_equal("connections on the card", len(rig.card.terminator.connections), 1)


@driver_case("off-pods-04", guide="Appendix D", behaviour="5.3")
def test_no_tag_to_be_had_fails_a_write_that_needs_one(make_rig: Make) -> None:
    """A write into memory that only the card reaches, when the region is full: it fails before any R2T, and does not
    take the writes along that have their pods.
    """
    rig = make_rig(module={"page_pods": 1024})
    held = [rig.card.pods.reserve(256 * 4) for _ in range(4)]
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    write = rig.write("dma", pages_of(4096, 4))
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    rig.bench.expect_log("Cannot copy data!")
    asked = write.task.connection.pending(ReadyToTransfer, write.task.tag)
    rig.bench.expect_equal("R2Ts", asked, 0)
    for one in held:
        if one is not None:
            rig.card.pods.release(one)
    rig.write("dma", pages_of(4096, 4)).finish().expect_placed()


@driver_case("off-pods-05", behaviour="5.2")
@variants("kind", PLACEABLE)
def test_pods_of_several_sessions_are_apart(rig: Rig, kind: Kind) -> None:
    """Writes of two sessions at once: each into its own memory, by its own pods, with its own tid."""
    sessions = rig.session, rig.other_session
    writes = [rig.write(kind, pages_of(8192, 3), seed=seed, session=session) for seed, session in enumerate(sessions)]
    tids = {rig.card.information(number).tid for number in (0, 1)}
    rig.bench.expect_equal("tids", len(tids), 2)
    for write in reversed(writes):
        write.finish()
        rig.bench.stage.settle()
        rig.bench.forget()
    for info in (rig.card.information(0), rig.card.information(1)):
        rig.bench.expect_equal("placed_bytes, copied_bytes", (info.placed_bytes, info.copied_bytes), (24576, 0))


@driver_case("off-pods-06", behaviour="5.2")
def test_double_release_is_a_warning(make_rig: Make) -> None:
    """Pods that are released twice cost nobody those that he has meanwhile: nothing happens."""
    rig = make_rig(module={"page_pods": 1024})
    pods = rig.card.pods
    held = pods.reserve(1600)
    assert held is not None
    rig.bench.expect_equal("released", pods.release(held), True)
    again = pods.reserve(1600)
    assert again is not None
    rig.bench.expect_equal("the same pods", again.index, held.index)
    rig.bench.expect_equal("released again", pods.release(held), False)
    rig.bench.expect_equal("page pods in use", pods.in_use, 400)


@driver_case("off-pods-07", behaviour="5.2")
@variants("commands", [8, 100])
def test_many_writes_at_once(rig: Rig, commands: int) -> None:
    """Many writes are under way together, and end in another order than they began: each has its own octets."""
    writes = [rig.write("page", pages_of(4096, 1 + seed % 7), seed=seed) for seed in range(commands)]
    order = sorted(range(commands), key=lambda number: number * 37 % 101)
    for number in order:
        writes[number].finish().expect_placed()
    info = rig.card.information()
    octets = sum(len(write.data) for write in writes)
    rig.bench.expect_equal("placed_bytes, copied_bytes", (info.placed_bytes, info.copied_bytes), (octets, 0))
    rig.expect_nothing_held()
