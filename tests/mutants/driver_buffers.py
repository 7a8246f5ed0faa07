"""What the stack makes of a driver's calls: checks, residuals, statuses, findings (behaviour file, 3.5 to 3.9)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api import functions
from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.core import buffers, data_in, scsi_response
from chiscsi_target.core.agenda import Agenda
from chiscsi_target.core.task import Task
from chiscsi_target.engine import completions, phased_completions, release
from chiscsi_target.engine.completions import Completions
from chiscsi_target.engine.held import DriverWatch
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.engine.inspection import InspectedStack
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.seams import after_call, before_call, refuse_call

CALLS = ("buffer_ready", "execution_status")
OVER_OR_UNDER = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW


@mutant("guide, Appendix D", "drv-buffer-01 drv-buffer-02 drv-buffer-03 drv-phase-12")
def wrong_buffers_are_refused_without_a_message(plant: Plant) -> None:
    """A refused call leaves no line in the log."""
    plant.replace(Completions, "_complain", lambda completions, task, text: None)


@mutant(
    "behaviour file, 0",
    "drv-buffer-01 drv-buffer-07 drv-buffer-08 drv-buffer-09 drv-buffer-10 drv-buffer-11 drv-buffer-12",
)
def refusals_are_errno(plant: Plant) -> None:
    """A refused call returns -22."""
    plant.replace(completions, "EINVAL", -22)
    plant.replace(phased_completions, "EINVAL", -22)


@mutant("behaviour file, 3.5", "drv-buffer-01 drv-buffer-02")
def refused_calls_let_go_of_the_command(plant: Plant) -> None:
    """After a refused call a command goes on no more."""

    def change(task: Task, result: int) -> None:
        if result:
            task.held = task.seen = False

    for name in CALLS:
        after_call(plant, name, change)


@mutant("behaviour file, 3.5", "drv-buffer-04")
def refused_vectors_are_changed(plant: Plant) -> None:
    """The vectors of a refused call are marked as if they had been taken."""

    def call(original: Original, stack: InspectedStack, task: Task, buf: Any, *rest: Any) -> int:
        result: int = original(stack, task, buf, *rest)
        if result and isinstance(buf, list):
            buf[0].sg_flag |= 0x100
        return result

    for name in CALLS:
        plant.wrap(InspectedStack, name, call)


@mutant("behaviour file, 3.5", "drv-buffer-05")
def failed_commands_buffers_are_checked(plant: Plant) -> None:
    """A command with a status set is completed only with proper buffers."""
    for name in CALLS:
        refuse_call(plant, name, lambda task, buf, sgcnt, *_: bool(task.sc_status and buf is None and sgcnt))


@mutant("behaviour file, 3.5", "drv-phase-12.read-gap drv-phase-12.write-gap")
def gaps_between_phases_are_not_seen(plant: Plant) -> None:
    """A phase may begin anywhere."""

    def check(original: Original, *arguments: Any) -> str:
        text: str = original(*arguments)
        return "" if "buf off" in text else text

    plant.wrap(completions, "check_given", check)


@mutant("behaviour file, 3.5", "drv-buffer-06 drv-buffer-07")
def any_execution_of_a_write_is_taken(plant: Plant) -> None:
    """What a driver says it has executed of a write is not compared with anything."""
    plant.replace(completions, "check_executed", lambda *arguments: ([], 0))


@mutant("behaviour file, 3.5", "drv-buffer-08 drv-buffer-09 drv-buffer-10 drv-buffer-11 drv-buffer-12")
def misplaced_calls_are_taken(plant: Plant) -> None:
    """A call that a command does not expect returns 0."""

    def refuse(original: Original, completions: Completions, *arguments: Any) -> int:
        original(completions, *arguments)
        return 0

    plant.wrap(Completions, "_refuse", refuse)


@mutant(
    "guide, 7.3.5.1",
    "drv-residual-01 drv-residual-02 drv-residual-03 drv-residual-04 drv-residual-05 drv-residual-06 "
    "drv-residual-07 drv-residual-08 drv-residual-09",
)
def residuals_are_left_out(plant: Plant) -> None:
    """Neither Data-In nor SCSI Response has residual flags and count."""

    def edit(pdu: Any, _: Any) -> None:
        pdu.overflow = pdu.underflow = pdu.residual_count = 0

    plant.sent(DataIn, edit)
    plant.sent(ScsiResponse, edit)


@mutant("guide, 7.3.5.1", "drv-residual-10")
def residuals_are_there_without_a_flag(plant: Plant) -> None:
    """A residual count that the driver left in a command without a flag goes out as an overflow."""

    def edit(pdu: Any, _: Any) -> None:
        if not pdu.underflow:
            pdu.overflow, pdu.residual_count = 1, pdu.residual_count or 99

    plant.sent(DataIn, edit)
    plant.sent(ScsiResponse, edit)


@mutant("guide, 7.3.5.1", "drv-residual-02 drv-residual-04 drv-residual-12")
def underflow_is_refused(plant: Plant) -> None:
    """Buffers for less than the initiator expects are refused, although the driver has set the flag."""
    for name in CALLS:
        refuse_call(plant, name, lambda task, *_: bool(task.sc_flag & SC_FLAG_XFER_UNDERFLOW and not task.sc_status))


@mutant("guide, 7.3.5.1", "drv-residual-01 drv-residual-07")
def overflow_and_underflow_flags_are_dropped(plant: Plant) -> None:
    """The driver's flags have no effect."""

    def change(task: Task) -> None:
        task.sc_flag &= ~OVER_OR_UNDER

    for name in CALLS:
        before_call(plant, name, change)


@mutant(
    "behaviour file, 3.4",
    "drv-error-01 drv-error-03 drv-error-05 drv-error-06 drv-error-07 drv-error-08 drv-zero-06 "
    "drv-read-13 drv-write-11",
)
def sense_codes_get_lost(plant: Plant) -> None:
    """Sense data are all zeros."""

    def segment(original: Original, task: Task) -> bytes:
        found: bytes = original(task)
        return found[:2] + bytes(len(found) - 2) if found else found

    plant.wrap(scsi_response, "sense_segment", segment)


@mutant("behaviour file, 3.4", "drv-error-09")
def drivers_sense_buffer_is_ignored(plant: Plant) -> None:
    """Sense data are made from the codes even if the driver has filled sc_sense_buf."""

    def segment(original: Original, task: Task) -> bytes:
        task.sc_sense_buf = b""
        return bytes(original(task))

    plant.wrap(scsi_response, "sense_segment", segment)


@mutant("behaviour file, 12", "drv-error-10")
def sense_is_not_cut(plant: Plant) -> None:
    """More than 96 octets of sense data go out."""
    plant.replace(scsi_response, "SCSI_SENSE_BUFFERSIZE", 252)


@mutant("guide, 7.3.5.1", "drv-error-02.check-condition drv-error-02.reservation-conflict drv-error-04 drv-zero-01")
def statuses_become_busy(plant: Plant) -> None:
    """Every SCSI Response says BUSY."""

    def edit(pdu: ScsiResponse, _: Any) -> None:
        pdu.status = 8

    plant.sent(ScsiResponse, edit)


@mutant("guide, 7.3.5.1", "drv-error-02.busy")
def responses_become_check_conditions(plant: Plant) -> None:
    """Every SCSI Response says TASK SET FULL."""

    def edit(pdu: ScsiResponse, _: Any) -> None:
        pdu.status = 0x28

    plant.sent(ScsiResponse, edit)


@mutant("behaviour file, 3.8", "drv-error-11")
def response_codes_get_lost(plant: Plant) -> None:
    """The response code of a SCSI Response is always 0."""

    def edit(pdu: ScsiResponse, _: Any) -> None:
        pdu.response = 0

    plant.sent(ScsiResponse, edit)


@mutant("guide, 7.3.5.1", "drv-error-12")
def driver_errors_become_hardware_errors(plant: Plant) -> None:
    """The sense data of a DriverError are not sent."""

    def failed(original: Original, hooks: HookCalls, task: Task, hook: str, error: Exception) -> None:
        original(hooks, task, hook, RuntimeError(str(error)))

    plant.wrap(HookCalls, "_failed", failed)


@mutant("guide, 7.3.5.1", "drv-error-13 drv-release-01")
def raising_command_hooks_are_not_logged(plant: Plant) -> None:
    """A command hook that raises leaves no line in the log."""
    plant.replace(HookCalls, "_log", lambda hooks, task, hook, error: None)


@mutant("behaviour file, 3.8", "drv-error-07")
def status_does_not_wait_for_data(plant: Plant) -> None:
    """The status of a failing write goes out while R2Ts are unanswered."""

    def conclude(original: Original, task: Task) -> None:
        if task.is_write:
            task.r2ts.clear()
            task.unsolicited_open = False
        original(task)

    def executed(original: Original, completions: Completions, task: Task) -> None:
        if task.sc_status and task.data_due:
            scsi_response.send_response(task)
        else:
            original(completions, task)

    plant.wrap(scsi_response, "conclude_when_data_is_in", conclude)
    plant.wrap(Completions, "_write_executed", executed)


@mutant("guide, 7.3.5.1", "drv-error-15")
def one_failure_fails_all(plant: Plant) -> None:
    """A command that fails makes all commands of its session fail."""

    def change(task: Task) -> None:
        if task.sc_status:
            for other in task.session.tasks.values():
                other.fail(task.sc_sense_key, task.sc_sense_asc)

    before_call(plant, "execution_status", change)


@mutant(
    "behaviour file, 3.5",
    "drv-finding-01 drv-finding-02 drv-finding-03 drv-finding-04 drv-finding-05 drv-finding-06 "
    "drv-finding-07 drv-finding-08 drv-finding-09 drv-finding-10 drv-finding-11 drv-finding-12 "
    "drv-finding-15 drv-finding-16",
)
def findings_are_not_recorded(plant: Plant) -> None:
    """Nothing is ever found out about a driver."""
    plant.replace(Agenda, "find", lambda *arguments: None)


@mutant("guide, 7.3.5.1", "drv-finding-16")
def drivers_set_the_length(plant: Plant) -> None:
    """The stack moves as much as the driver writes to sc_xfer_len."""
    plant.replace(completions, "_keep_length", lambda task: None)


@mutant("behaviour file, 3.5", "drv-finding-13 drv-finding-14")
def sound_drivers_have_findings(plant: Plant) -> None:
    """Every completion is a finding."""

    def change(task: Task) -> None:
        task.connection.agenda.find("double-completion", "found for nothing", task.connection.name, task.sc_itt)  # type: ignore[arg-type]

    before_call(plant, "execution_status", change)


@mutant("behaviour file, 3.9", "drv-release-02 drv-release-04")
def every_command_is_let_go(plant: Plant) -> None:
    """chiscsi_scsi_cmd_ready_to_release returns 0 for every command."""
    plant.replace(release, "let_go", lambda agenda, task: 0)


@mutant("behaviour file, 3.9", "drv-release-03")
def commands_are_never_let_go(plant: Plant) -> None:
    """chiscsi_scsi_cmd_ready_to_release is refused."""
    plant.replace(release, "let_go", lambda agenda, task: -26)


@mutant("behaviour file, 3.5", "drv-release-05")
def merged_phases_lose_a_vector(plant: Plant) -> None:
    """Phases that come back together are one vector short."""

    def portions(original: Original, hooks: HookCalls, phases: Any) -> Any:
        merged = original(hooks, phases)
        if len(merged) < len(phases):
            buf, sgcnt, offset, length = merged[0]
            return [(buf[:-1], sgcnt - 1, offset, length)]
        return merged

    plant.wrap(HookCalls, "_in_portions", portions)


@mutant("guide, 7.3.5.5", "drv-dump-01 drv-dump-02")
def dumps_are_empty(plant: Plant) -> None:
    """chiscsi_iscsi_command_dump writes nothing."""
    plant.replace(InspectedStack, "command_dump", lambda stack, task: None)


@mutant("behaviour file, 4.2", "drv-held-01")
def held_commands_are_not_listed(plant: Plant) -> None:
    """Nobody can see what a driver holds."""
    plant.replace(DriverWatch, "held_commands", lambda watch: [])


@mutant("behaviour file, 4.2", "drv-held-02")
def answered_commands_stay_listed(plant: Plant) -> None:
    """What a driver ever held stays listed."""
    seen: list[Any] = []

    def held(original: Original, watch: Any) -> list[Any]:
        seen.extend(original(watch))
        return [*seen, None]

    plant.wrap(DriverWatch, "held_commands", held)


@mutant("guide, 7.3.5.1", "drv-dma-01")
def dma_addresses_are_ignored(plant: Plant) -> None:
    """Memory named by its DMA address is taken for out of reach."""
    plant.replace(buffers, "map_vector", lambda vector, space: False)


@mutant("guide, 7.3.5.1", "drv-dma-02")
def dma_addresses_hide_the_memory(plant: Plant) -> None:
    """Memory with a DMA address is refused if sg_addr is set, too."""

    def hidden(task: Task, buf: Any, *_: int) -> bool:
        return isinstance(buf, list) and any(vector.sg_dma_addr and vector.sg_addr is not None for vector in buf)

    for name in CALLS:
        refuse_call(plant, name, hidden)


@mutant("behaviour file, 4.2", "drv-tmf-10")
def no_handle_is_a_handle(plant: Plant) -> None:
    """chiscsi_tmf_execution_done returns 0 without a handle."""

    class Codes:
        EINVAL = 0

    plant.replace(functions, "ReturnCode", Codes)


@mutant("7143-11.7.3", "drv-error-14")
def errors_ride_on_data(plant: Plant) -> None:
    """CHECK CONDITION comes with the last Data-In of a read."""
    plant.replace(data_in, "_COLLAPSIBLE", frozenset((*data_in._COLLAPSIBLE, 2)))
    plant.replace(data_in, "has_sense", lambda task: False)
