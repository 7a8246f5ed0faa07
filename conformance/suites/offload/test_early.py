"""Data that come unasked have no tag: they go through host memory (behaviour file, 3.4 and 5.3)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import expect, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.rig import COPYABLE, Rig, pages_of

Make = Callable[..., Rig]
NODE = {"InitialR2T": "No", "ImmediateData": "Yes"}
LOGIN = {**NODE, "FirstBurstLength": "8192"}


@driver_case("off-early-01", behaviour="3.4, 5.3")
@variants("immediate, unsolicited", [(512, 0), (4096, 0), (4096, 4096), (0, 8192)])
@variants("kind", COPYABLE)
def test_unasked_data_are_copied_and_the_rest_placed(
    make_rig: Make, kind: Kind, immediate: int, unsolicited: int
) -> None:
    """What comes with the command or behind it is copied; what is asked for is placed, behind it."""
    rig = make_rig(keys=NODE, login=LOGIN)
    early = immediate + unsolicited
    write = rig.write(kind, pages_of(4096, 8), immediate_data=immediate, unsolicited=unsolicited)
    write.task.serve(write.next_r2t())
    rig.bench.expect_returned(write.sc, write.phases[0].buffers)
    write.conclude()
    if kind == "addr":
        write.expect_copied("memory")
    else:
        rig.card.expect_went(write.task, len(write.data) - early, early, "unasked")
    info = rig.card.information()
    rig.bench.expect_equal("octets in all", info.placed_bytes + info.copied_bytes, len(write.data))


@driver_case("off-early-02", behaviour="3.4, 5.3")
@variants("kind", COPYABLE)
def test_all_data_unasked_need_no_pods(make_rig: Make, kind: Kind) -> None:
    """A write whose data all came unasked: no R2T, no pods."""
    rig = make_rig(keys=NODE, login=LOGIN)
    write = rig.write(kind, pages_of(4096, 2), immediate_data=4096, unsolicited=4096)
    rig.bench.expect_returned(write.sc, write.phases[0].buffers)
    write.conclude().expect_copied("unasked")
    rig.bench.expect_equal("page pods ever held", rig.card.information().ppods_peak, 0)


@driver_case("off-early-03", guide="Appendix D", behaviour="3.4, 5.3")
@variants("immediate, unsolicited", [(512, 0), (4096, 4096), (0, 8192)])
def test_unasked_data_cannot_be_placed(make_rig: Make, immediate: int, unsolicited: int) -> None:
    """Memory that only the card reaches cannot have them: the data path fails, and the command with it."""
    rig = make_rig(keys=NODE, login=LOGIN)
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    write = rig.write("dma", pages_of(4096, 8), immediate_data=immediate, unsolicited=unsolicited)
    write.task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    rig.bench.expect_log("sg_addr NULL, Cannot copy data!")
    write.expect_untouched()
    rig.expect_nothing_held()
