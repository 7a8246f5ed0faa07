"""`chiscsi_target_lun_class`: the hooks through which commands reach a storage driver (guide 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from chiscsi_target.api.constants import (
    LUN_CLASS_MULTI_PHASE_DATA_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    ReturnCode,
)
from chiscsi_target.api.struct import is_set

if TYPE_CHECKING:
    from chiscsi_target.api.address_space import AddressSpace
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList


class TmfHandle(Protocol):
    """Names a task management request that the driver has to answer."""

    def execution_done(self, tmf_response: int, scmd: chiscsi_scsi_command | None) -> int:
        """See `chiscsi_tmf_execution_done`."""


class chiscsi_target_lun_class:
    """A kind of logical unit. Storage drivers subclass it, set `class_name` and `property`, and override hooks.

    All hooks run in the stack's thread, between protocol steps, with no lock held. The command hooks are non-blocking:
    they do the minimum and return. A driver may complete a command inside the hook, later, or from another thread.
    A hook that raises fails its command with CHECK CONDITION: `DriverError` with its own sense data, anything else with
    HARDWARE ERROR / INTERNAL TARGET FAILURE and a logged traceback.
    """

    class_name: str = ""
    property: int = 0
    address_space: AddressSpace | None = None
    """The memory that `sg_dma_addr` of its vectors names, when it uses any (guide 7.3.5.1)."""

    # Configuration hooks (guide 5.2.3), for logical units made from `TargetDevice` lines. All are blocking.

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Parse what follows the class's name on a `TargetDevice` line, comma-separated, and fill `lu` from it.

        Returns 0, or a negative `ReturnCode` with the reason in `ebuf`. The default accepts no option.
        """
        if not buf:
            return 0
        ebuf += f"unknown option {buf}".encode()
        return -ReturnCode.EINVAL

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Open the medium and set `lu.size`. Returns 0, or a negative `ReturnCode` with the reason in `ebuf`."""
        return 0

    def fp_reattach(self, lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Carry the open medium of `lu` over to `lu_new`, its description after a reconfiguration."""
        lu_new.priv_data = lu.priv_data
        return 0

    def fp_detach(self, lu: chiscsi_lun) -> None:
        """Flush and close the medium. No command of the unit is outstanding."""

    def fp_flush(self, lu: chiscsi_lun) -> int:
        """Bring all accepted writes to stable storage. Returns 0 or a negative `ReturnCode`."""
        return 0

    # Command hooks (guide 5.2.4 and 7.3.5). All are non-blocking.

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Take a command whose CDB arrived.

        A read or non-data command is executed, now or later, and completed with `chiscsi_scsi_cmd_execution_status`.
        For a write the driver provides buffers with `chiscsi_scsi_cmd_buffer_ready`. Called once for each command (in
        multi-phase mode: once more for each further phase on the long path). Returns 0, or a negative `ReturnCode` to
        fail the command with the status set in `sc`, if any. If it is never completed, the command stays pending.
        """
        raise NotImplementedError

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Take buffers back: a write's are filled and are to be executed, a read's have been transmitted.

        A write is then completed with `chiscsi_scsi_cmd_execution_status`.
        """
        raise NotImplementedError

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Give up a command (`sc_flag` says why); answer with `chiscsi_scsi_cmd_abort_status` when that is done."""
        raise NotImplementedError

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Learn that the abort which the driver asked for with `chiscsi_scsi_cmd_abort` is done."""

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Release what the driver keeps for the command. Always the last hook of a command, and called once."""

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Execute a task management function; answer with `chiscsi_tmf_execution_done` (guide 7.3.6).

        Args:
            sess_tclass: what `fp_session_added` returned.
            hndl: names the request in the answer.
            immediate_cmd: 1 when the request was marked for immediate delivery.
            tmf_func: ISCSI_TMF_FUNCTION_*.
            lun: the logical unit; 0xffffffff for a target reset.
            sc: the command, for ABORT TASK.
        """
        raise NotImplementedError


MANDATORY_HOOKS = (
    "fp_scsi_cmd_cdb_rcved",
    "fp_scsi_cmd_data_xfer_status",
    "fp_scsi_cmd_abort",
    "fp_tmf_execute",
)


def missing_hooks(lun_class: chiscsi_target_lun_class) -> list[str]:
    """The mandatory hooks that a LUN class leaves out, by name."""
    return [name for name in MANDATORY_HOOKS if not is_set(lun_class, chiscsi_target_lun_class, name)]


def problem_of(lun_class: chiscsi_target_lun_class) -> str:
    """Why a LUN class cannot be registered, in words (guide 5.2.1 and 5.2.4); empty if it can."""
    missing = missing_hooks(lun_class)
    if missing:
        return f"{type(lun_class).__name__} lacks {', '.join(missing)} (guide 5.2.4)"
    if not lun_class.class_name:
        return f"{type(lun_class).__name__} has no class_name (guide 5.2.1)"
    for name, kind in (("class_name", str), ("property", int)):
        value = getattr(lun_class, name)
        if not isinstance(value, kind):
            return f"{name} of {type(lun_class).__name__} is {value!r}, which is no {kind.__name__} (guide 5.2.1)"
    return ""


def is_pass_through(lun_class: chiscsi_target_lun_class) -> bool:
    """Whether the driver handles all SCSI commands itself (guide 5.2.2.1)."""
    return bool(lun_class.property & 1 << LUN_CLASS_SCSI_PASS_THRU_BIT)


def is_multi_phase(lun_class: chiscsi_target_lun_class) -> bool:
    """Whether the driver hands over data buffers in several steps (guide 5.2.2.2)."""
    return bool(lun_class.property & 1 << LUN_CLASS_MULTI_PHASE_DATA_BIT)
