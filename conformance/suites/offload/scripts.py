"""Scripts that are run with the adapter and without: whatever happens, both have to end alike.

Each gets a rig whose bursts are of 16384 octets, of which four may be outstanding; it leaves what it did in the
driver's memory and in the target's PDUs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from conformance.api import Task, mutations
from conformance.driver_bench.pages import Kind, Shape, make_pages
from conformance.suites.blocks import pattern
from conformance.suites.offload.ending import abort
from conformance.suites.offload.rig import GUIDES_EXAMPLE, Rig, Write, in_one_segment, pages_of

Script = Callable[[Rig, Kind], object]
SHAPE: Shape = pages_of(4096, 10, first=512, last=1024)
ODD: Shape = [(0, 4096), (100, 3000), (0, 8192), (3, 5), (0, 1), (0, 9001)]


def end(task: Task) -> None:
    """Take the end of a command, whatever it is."""
    task.wait()


def _served(write: Write) -> None:
    """Let the driver execute whatever comes back, and the write go on to its end."""
    bench = write.rig.bench
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc, call.offset, call.buflen))
    bench.when("fp_scsi_cmd_abort", lambda call: bench.abort_done(call.sc))
    end(write.task)


def plain_write(rig: Rig, kind: Kind) -> None:
    """A write into full pages."""
    rig.write(kind, SHAPE).finish()


def odd_write(rig: Rig, kind: Kind) -> None:
    """A write into pieces of memory."""
    rig.write(kind, ODD).finish()


def writes_together(rig: Rig, kind: Kind) -> None:
    """Writes that are under way together, and end in another order."""
    writes = [rig.write(kind, pages_of(4096, 1 + number), seed=number) for number in range(6)]
    for number in (3, 0, 5, 1, 4, 2):
        writes[number].finish()


def phases_ahead(rig: Rig, kind: Kind) -> None:
    """The guide's example, with all phases given at once."""
    rig.write(kind, *GUIDES_EXAMPLE).finish()


def phases_one_by_one(rig: Rig, kind: Kind) -> None:
    """The guide's example, each phase given when the one before is full."""
    write = rig.begin(kind, *GUIDES_EXAMPLE)
    for _ in GUIDES_EXAMPLE:
        phase = write.give()
        rig.bench.wait_for_data(write.task, write.sc, phase.buffers)
    write.conclude()


def unasked_data(rig: Rig, kind: Kind) -> None:
    """Immediate and unsolicited data, and more behind them."""
    write = rig.write(kind, SHAPE, immediate_data=512, unsolicited=7680)
    _served(write)


def underflow(rig: Rig, kind: Kind) -> None:
    """A write of which the driver takes less."""
    write = rig.begin(kind, pages_of(4096, 4), length=32768)
    write.sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    write.sc.sc_xfer_len, write.sc.sc_xfer_residualcount = 16384, 16384
    write.give_all()
    _served(write)


def overflow(rig: Rig, kind: Kind) -> None:
    """A write of which the driver would take more."""
    write = rig.begin(kind, pages_of(4096, 4), length=12288)
    write.sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    write.sc.sc_xfer_residualcount = 4096
    write.give_all()
    _served(write)


def aborted(how: str) -> Script:
    """A write that is aborted with R2Ts outstanding, whose data come late; and another behind it."""

    def script(rig: Rig, kind: Kind) -> None:
        write = rig.write(kind, SHAPE)
        r2ts = [write.next_r2t() for _ in range(3)]
        abort(rig, write, how)
        for r2t in r2ts:
            write.task.serve(r2t)
        rig.bench.stage.settle()
        rig.session.nop()
        rig.write(kind, SHAPE, seed=4).finish()

    return script


def altered(**fields: Any) -> Script:
    """A write whose first Data-Out has something wrong in it."""

    def script(rig: Rig, kind: Kind) -> None:
        write = rig.write(kind, SHAPE)
        r2t = write.next_r2t()
        write.task.data_out(r2t, **({"final": 0} | fields))
        rig.bench.stage.settle()
        _abandon(rig)

    return script


def _abandon(rig: Rig) -> None:
    """End the session while a write is under way."""
    rig.bench.when("fp_scsi_cmd_abort", lambda call: rig.bench.abort_done(call.sc))
    rig.session.connection.close()
    rig.bench.stage.settle()


def wrong_digest(which: str) -> Script:
    """A write whose first Data-Out has a wrong digest."""

    def script(rig: Rig, kind: Kind) -> None:
        rig.bench.stage.keep_whole()  # what is coming in may be placed before its digest is known
        write = rig.write(kind, SHAPE)
        r2t = write.next_r2t()
        wrong = mutations.wrong_data_digest if which == "data" else mutations.wrong_header_digest
        write.task.data_out(r2t, wrong(), final=0)
        rig.bench.stage.settle()
        if which == "data":
            for number, start in enumerate(range(4096, 16384, 4096), 1):
                write.task.data_out(
                    r2t,
                    data=write.data[start : start + 4096],
                    buffer_offset=start,
                    data_sn=number,
                    final=int(start == 12288),
                )
        _abandon(rig)

    return script


def repeated(rig: Rig, kind: Kind) -> None:
    """A burst, and its first PDU once more with other data, in one segment."""
    write = rig.write(kind, SHAPE)
    r2t = write.next_r2t()

    def send() -> None:
        write.task.serve(r2t)
        write.task.data_out(r2t, data=pattern(4096, 77), final=0)

    in_one_segment(rig, send)
    rig.bench.stage.settle()
    _abandon(rig)


def swapped(rig: Rig, kind: Kind) -> None:
    """The PDUs of a burst in the wrong order, in one segment."""
    write = rig.write(kind, SHAPE)
    r2t = write.next_r2t()
    rig.bench.stage.keep_whole()
    connection = rig.session.connection
    with connection.held() as held:
        write.task.serve(r2t)
        octets = b"".join(draft.plain(connection.header_digest, connection.data_digest) for draft in reversed(held))
        held.clear()
    connection.send_raw(octets)
    rig.bench.stage.settle()
    _abandon(rig)


def of_another_lun(rig: Rig, kind: Kind) -> None:
    """Data-Out with the tag of an R2T, and another LUN than its command has."""
    altered(lun=1 << 48)(rig, kind)


def read(shape: Shape) -> Script:
    """A read from memory of a shape."""

    def script(rig: Rig, kind: Kind) -> None:
        length = sum(count for _, count in shape)
        task, sc = rig.bench.begin_read(length, rig.session)
        pages = make_pages(rig.space, kind, shape, data=pattern(length))
        rig.bench.execution_status(sc, pages.buffers)
        end(task)

    return script


def short_read(rig: Rig, kind: Kind) -> None:
    """A read of which the driver has less."""
    task, sc = rig.bench.begin_read(16384, rig.session)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_len, sc.sc_xfer_residualcount = 8000, 8384
    rig.bench.execution_status(sc, make_pages(rig.space, kind, [(0, 8000)], data=pattern(8000)).buffers)
    end(task)


SCRIPTS: dict[str, Script] = {
    "write": plain_write,
    "odd-write": odd_write,
    "writes-together": writes_together,
    "unasked": unasked_data,
    "underflow": underflow,
    "overflow": overflow,
    "abort-tmf": aborted("tmf"),
    "abort-reset": aborted("reset"),
    "abort-driver": aborted("driver"),
    "repeated": repeated,
    "swapped": swapped,
    "wrong-offset": altered(buffer_offset=512),
    "wrong-data-sn": altered(data_sn=3),
    "wrong-lun": of_another_lun,
    "wrong-task": altered(initiator_task_tag=0x4711),
    "unasked-after-all": altered(target_transfer_tag=0xFFFFFFFF),
    "final-too-early": altered(final=1),
    "too-much": altered(buffer_offset=16000),
    "read": read(SHAPE),
    "odd-read": read(ODD),
    "short-read": short_read,
}
PHASED: dict[str, Script] = {"phases-ahead": phases_ahead, "phases-one-by-one": phases_one_by_one, "write": plain_write}
WRONG_DIGESTS: dict[str, Script] = {"data": wrong_digest("data"), "header": wrong_digest("header")}
