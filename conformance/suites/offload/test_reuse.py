"""Memory that is the driver's again is never written, whatever still comes (behaviour file, 3.4, 4.3 and 5.2)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import expect, mutations, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.hooks import HookCall
from conformance.driver_bench.pages import Kind
from conformance.suites.blocks import pattern
from conformance.suites.offload.ending import ABORTS, SESSION_ENDS, abort, end_session
from conformance.suites.offload.rig import GUIDES_EXAMPLE, Rig, in_one_segment, pages_of

Make = Callable[..., Rig]
KINDS: list[Kind] = ["page", "dma"]


@driver_case("off-reuse-01", behaviour="4.3, 5.2")
@variants("how", ABORTS)
@variants("kind", KINDS)
def test_late_data_of_an_aborted_write_land_nowhere(rig: Rig, kind: Kind, how: str) -> None:
    """What comes for a write that was aborted, with the tag that it had, is thrown away; its pods are free."""
    write = rig.write(kind, pages_of(8192, 2))
    r2t = write.next_r2t()
    abort(rig, write, how)
    write.task.serve(r2t)
    rig.expect_nothing_held()
    write.expect_untouched()
    other = rig.write(kind, pages_of(8192, 2), seed=3)
    other.finish().expect_placed()
    write.expect_untouched()


@driver_case("off-reuse-02", behaviour="4.3, 5.2")
@variants("how", ["reset", "driver"])
@variants("kind", KINDS)
def test_data_that_are_coming_in_stop_at_an_abort(rig: Rig, kind: Kind, how: str) -> None:
    """A write that is aborted while a PDU of it is half received: from the moment that its driver has the memory back,
    no octet of it is written.
    """
    write = rig.write(kind, pages_of(16384, 1))
    page = write.phases[0].whole[0]
    back: list[bytes] = []
    for hook in ("fp_scsi_cmd_abort_status", "fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup"):
        rig.bench.when(hook, lambda call: back.append(bytes(page)))
    r2t = write.next_r2t()
    rig.other_session.nop()
    connection = rig.session.connection
    with connection.held() as held:
        write.task.data_out(r2t, data=write.data[:15000], final=0)
        write.task.data_out(r2t, data=write.data[15000:], buffer_offset=15000, data_sn=1)
        octets = b"".join(draft.plain(False, False) for draft in held)
        held.clear()
    connection.send_raw(octets[:100])
    abort(rig, write, how)
    connection.send_raw(octets[100:])
    rig.bench.stage.settle()
    rig.bench.expect_equal("the driver has the memory back", bool(back), True)
    rig.bench.expect_equal("the memory is as it was then", bytes(page) == back[0], True)
    rig.expect_nothing_held()


@driver_case("off-reuse-03", guide="7.3.5.1", behaviour="3.5, 5.2")
@variants("together", [False, True], ids=["apart", "one-segment"])
@variants("kind", KINDS)
def test_phases_that_went_back_are_never_written_again(make_rig: Make, kind: Kind, together: bool) -> None:
    """The initiator repeats a Data-Out of a phase that is full, while the tag of the write is still good: it is
    refused, and the phase keeps what it had when the driver got it, even if both came in one segment.
    """
    rig = make_rig(multi_phase=True, login={"MaxBurstLength": "8192", "FirstBurstLength": "8192"})
    write = rig.begin(kind, [(0, 8192)], [(0, 8192)])
    first = write.give()
    r2t = write.next_r2t()
    seen: list[bytes] = []

    def returned(call: HookCall) -> None:
        seen.append(first.buffers.contents)
        write.give_all()

    rig.bench.when("fp_scsi_cmd_data_xfer_status", returned)

    def repeat() -> None:
        write.task.data_out(r2t, data=pattern(8192, 99))

    if together:
        in_one_segment(rig, lambda: write.task.serve(r2t), repeat)
    else:
        write.task.serve(r2t)
        rig.bench.stage.settle()
        repeat()
    rig.bench.stage.settle()
    rig.bench.expect_equal("what the driver found", seen, [write.data[:8192]])
    rig.bench.expect_equal("what is there now", first.buffers.contents, write.data[:8192])


@driver_case("off-reuse-04", behaviour="3.4, 5.2")
@variants("together", [False, True], ids=["apart", "one-segment"])
@variants("kind", KINDS)
def test_repeated_data_do_not_change_a_write(rig: Rig, kind: Kind, together: bool) -> None:
    """A Data-Out behind the last one of a write, with its tag: the write ends with what was sent first."""
    write = rig.write(kind, pages_of(8192, 1))
    r2t = write.next_r2t()

    def repeat() -> None:
        write.task.data_out(r2t, data=pattern(8192, 99))

    if together:
        in_one_segment(rig, lambda: write.task.serve(r2t), repeat)
    else:
        write.task.serve(r2t)
        repeat()
    rig.bench.stage.settle()
    write.expect_data()
    rig.expect_nothing_held()


@driver_case("off-reuse-05", behaviour="1.7, 5.2")
@variants("how", SESSION_ENDS)
@variants("kind", KINDS)
def test_pods_of_an_ended_session_are_free(rig: Rig, kind: Kind, how: str) -> None:
    """The end of a session makes the pods of its writes invalid and free, however it ends."""
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    writes = [rig.write(kind, pages_of(4096, 9), seed=seed) for seed in range(4)]
    tags = [write.next_r2t().header.target_transfer_tag for write in writes]
    end_session(rig, how)
    rig.expect_nothing_held()
    valid = [rig.card.pods.header(tag >> 6 & 16383).valid for tag in tags]
    rig.bench.expect_equal("valid pods", any(valid), False)
    rig.bench.expect_equal("connections on the card", len(rig.card.terminator.connections), 0)


@driver_case("off-reuse-06", behaviour="1.7, 5.2")
@variants("kind", KINDS)
@variants("multi_phase", [False, True], ids=["single", "multi"])
def test_buffers_given_too_late_hold_nothing(make_rig: Make, kind: Kind, multi_phase: bool) -> None:
    """A driver that gives buffers when the session is gone: no pod is reserved for them."""
    rig = make_rig(multi_phase=multi_phase)
    write = rig.begin(kind, pages_of(4096, 9))
    rig.session.connection.close()
    rig.bench.stage.settle()
    write.give_all()
    rig.expect_nothing_held()
    write.expect_untouched()


@driver_case("off-reuse-07", behaviour="5.2")
@variants("kind", KINDS)
def test_colour_keeps_uses_of_a_pod_apart(make_rig: Make, kind: Kind) -> None:
    """A tag that was good for an earlier write names the same pod with another colour: it is refused, and its data
    land nowhere; the write that has the pod now ends right.
    """
    rig = make_rig(module={"page_pods": 1024})
    pods = rig.card.pods
    old = rig.write(kind, pages_of(4096, 4))
    r2t = old.next_r2t()
    old.task.serve(r2t)
    old.conclude()
    index = r2t.header.target_transfer_tag >> 6 & 1023
    others = []
    while True:
        held = pods.reserve(4)
        assert held is not None
        if held.index == index:
            break
        others.append(held)
    colour = held.colour
    pods.release(held)
    rig.bench.expect_equal("the colour has changed", colour != r2t.header.target_transfer_tag & 63, True)
    new = rig.write(kind, pages_of(4096, 4), seed=8)
    own = new.next_r2t()
    new.task.data_out(own, data=old.data[:4096], target_transfer_tag=r2t.header.target_transfer_tag)
    rig.session.expect(expect.rejected(9))
    new.expect_untouched()
    new.task.serve(own)
    new.conclude()


@driver_case("off-reuse-08", behaviour="5.2")
@variants("uses", [1, 64, 100])
def test_pods_may_be_used_for_ever(make_rig: Make, uses: int) -> None:
    """Write after write has its pods: all are placed, every octet is right, and none is held at the end."""
    rig = make_rig(module={"page_pods": 1024})
    for seed in range(uses):
        rig.write("page", pages_of(4096, 2), seed=seed).finish().expect_placed()
    rig.expect_nothing_held()


@driver_case("off-reuse-09", behaviour="4.2, 4.3")
@variants("kind", ["page", "addr-dmable"])
def test_write_goes_on_when_its_abort_is_refused(rig: Rig, kind: Kind) -> None:
    """A driver that refuses ABORT TASK: the write goes on, and its data end right."""
    write = rig.write(kind, pages_of(8192, 2))
    r2t = write.next_r2t()
    rig.bench.when("fp_tmf_execute", lambda call: rig.bench.answer_tmf(call, 5))
    answer = rig.session.task_management(1, task=write.task)
    rig.bench.expect_equal("response", answer.header.response, 5)
    rig.bench.forget()
    write.task.serve(r2t)
    rig.bench.expect_returned(write.sc, write.phases[0].buffers)
    write.conclude()
    rig.expect_nothing_held()


@driver_case("off-reuse-10", guide="Requirement for DDP", behaviour="3.4, 5.2")
@variants("kind", KINDS)
@variants("size", [1, 48, 100, 4096 + 48])
def test_phases_are_filled_by_halves_of_pdus(phased_rig: Rig, kind: Kind, size: int) -> None:
    """PDUs that come in pieces and phases that end inside of bursts: each octet lands once."""
    write = phased_rig.write(kind, *GUIDES_EXAMPLE)
    covered = 0
    while covered < len(write.data):
        r2t = write.next_r2t()
        end = r2t.header.buffer_offset + r2t.header.desired_data_transfer_length
        for number, start in enumerate(range(covered, end, 6000)):
            part = write.data[start : min(start + 6000, end)]
            write.task.data_out(
                r2t,
                mutations.split(size),
                data=part,
                buffer_offset=start,
                data_sn=number,
                final=int(start + 6000 >= end),
            )
        covered = end
    phased_rig.bench.expect_returned(write.sc, *(phase.buffers for phase in write.phases))
    write.conclude().expect_placed()
