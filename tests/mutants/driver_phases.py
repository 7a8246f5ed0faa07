"""Data that come early, in phases, or not at all (guide 7.3.5.3; behaviour file, 3.3 to 3.7)."""

from __future__ import annotations

import threading
from typing import Any

from chiscsi_target.core import buffers, data_out, scsi_commands
from chiscsi_target.core.task import Task
from chiscsi_target.engine.completions import Completions
from chiscsi_target.engine.phased_completions import PhasedCompletions
from chiscsi_target.tracing import TracedHooks
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.seams import refuse_call

CDB, DATA, CLEANUP = "fp_scsi_cmd_cdb_rcved", "fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup"


@mutant("behaviour file, 3.4", "drv-early-01 drv-early-02 drv-early-05 drv-residual-12")
def early_data_are_dropped(plant: Plant) -> None:
    """Immediate and unsolicited data that arrive before the buffers are not kept."""

    def begin(original: Original, task: Task, *arguments: Any) -> None:
        original(task, *arguments)
        task.unsolicited = [(offset, bytes(len(data))) for offset, data in task.unsolicited]

    plant.wrap(data_out, "begin", begin)
    plant.replace(buffers, "scatter", lambda phases, start, data: None)


@mutant("behaviour file, 3.4", "drv-early-03 drv-early-04")
def early_data_are_asked_for_again(plant: Plant) -> None:
    """R2Ts begin at 0, whatever came immediately."""

    def begin(original: Original, task: Task, *arguments: Any) -> None:
        original(task, *arguments)
        task.solicited = 0

    plant.wrap(data_out, "begin", begin)
    plant.wrap(data_out, "begin_transfer", _ask_for_all)


def _ask_for_all(original: Original, task: Task) -> None:
    task.solicited = 0
    task.unsolicited = [*task.unsolicited, (0, b"")]
    original(task)


@mutant("behaviour file, 3.4", "drv-early-05 drv-early-06")
def driver_is_asked_when_all_has_come(plant: Plant) -> None:
    """fp_scsi_cmd_cdb_rcved is not called while unsolicited data are due."""

    def deliver(original: Original, task: Task) -> None:
        if not (task.is_write and task.unsolicited_open):
            original(task)

    plant.wrap(scsi_commands, "deliver", deliver)
    plant.wrap(scsi_commands, "_begin", deliver)


@mutant("behaviour file, 3.4", "drv-phase-03.long-3")
def long_path_is_not_taken(plant: Plant) -> None:
    """After a phase was executed, a driver is not asked for the next."""

    def executed(original: Original, completions: PhasedCompletions, task: Task) -> None:
        if task.executed < task.given or task.given >= task.sc_xfer_len or task.sc_status:
            original(completions, task)

    plant.wrap(PhasedCompletions, "_write_executed", executed)


@mutant("behaviour file, 3.4", "drv-phase-03.short-1")
def short_path_asks_again(plant: Plant) -> None:
    """A driver that gave a further phase is asked again all the same."""

    def given(original: Original, completions: PhasedCompletions, task: Task) -> None:
        first = task.given
        original(completions, task)
        if first < task.sc_xfer_len:
            task.session.hooks.fp_scsi_cmd_cdb_rcved(task)

    plant.wrap(PhasedCompletions, "_buffers_given", given)


@mutant("guide, 7.3.5.2", "drv-phase-04 drv-phase-01.later-short-4096-4096")
def phases_of_reads_are_kept_together(plant: Plant) -> None:
    """The phases of a read are sent when all of them were given."""

    def executed(original: Original, completions: PhasedCompletions, task: Task) -> None:
        if task.given >= task.sc_xfer_len or task.sc_status or task.sc_flag & 0xC0:
            original(completions, task)

    plant.wrap(PhasedCompletions, "_read_executed", executed)


@mutant("guide, 7.3.5.1", "drv-phase-06 drv-phase-09 drv-phase-02.hook-ahead-4096-4096")
def one_phase_at_a_time(plant: Plant) -> None:
    """A phase is refused while another one is with the stack."""
    for name in ("buffer_ready", "execution_status"):
        refuse_call(plant, name, lambda task, *_: bool(task.phases))


@mutant("behaviour file, 3.5", "drv-phase-07.parts0")
def part_of_a_write_counts_for_all(plant: Plant) -> None:
    """A multi-phase write is answered when some of it was executed."""

    def executed(original: Original, completions: PhasedCompletions, task: Task) -> None:
        task.executed = task.executed and task.given
        original(completions, task)

    plant.wrap(PhasedCompletions, "_write_executed", executed)


@mutant("behaviour file, 3.3", "drv-phase-11")
def commands_without_data_give_buffers_back(plant: Plant) -> None:
    """fp_scsi_cmd_data_xfer_status is called for commands without data of multi-phase drivers, too."""

    def release(original: Original, hooks: TracedHooks, sc: Any) -> None:
        if not sc.edtl and sc.session.multi_phase:
            hooks.fp_scsi_cmd_data_xfer_status(sc, None, 0, 0, 0)
        original(hooks, sc)

    plant.wrap(TracedHooks, CLEANUP, release)


@mutant("behaviour file, 3.3", "drv-zero-02")
def end_of_commands_without_data_is_not_told(plant: Plant) -> None:
    """fp_scsi_cmd_data_xfer_status is not called for commands without data."""

    def told(original: Original, hooks: TracedHooks, sc: Any, buf: Any, *rest: int) -> int:
        return 0 if buf is None else int(original(hooks, sc, buf, *rest))

    plant.wrap(TracedHooks, DATA, told)


@mutant("behaviour file, 3.7", "drv-zero-03")
def nothing_is_no_data(plant: Plant) -> None:
    """A read that finds nothing is refused for want of a buffer."""
    refuse_call(
        plant,
        "execution_status",
        lambda task, buf, *_: buf is None and not task.is_write and task.edtl and not task.sc_status,
    )


@mutant("behaviour file, 3.7", "drv-zero-04 drv-zero-05")
def writes_without_data_wait_for_buffers(plant: Plant) -> None:
    """A write of length 0 is not answered."""

    def executed(original: Original, completions: Completions, task: Task) -> None:
        if task.edtl:
            original(completions, task)

    plant.wrap(Completions, "_write_executed", executed)


@mutant("guide, 4.2", "drv-tcp-08")
def hooks_run_in_threads_of_their_own(plant: Plant) -> None:
    """Each command reaches the driver in a thread of its own."""

    def received(original: Original, hooks: TracedHooks, sc: Any) -> int:
        results: list[int] = []
        thread = threading.Thread(target=lambda: results.append(original(hooks, sc)))
        thread.start()
        thread.join()
        return results[0]

    plant.wrap(TracedHooks, CDB, received)
