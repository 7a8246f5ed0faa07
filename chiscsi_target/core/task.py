"""A task: the command object that drivers see, with what the stack itself has to know of it.

The states are those of the guide's READ and WRITE diagrams (7.3.5.2 and 7.3.5.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.api.constants import SC_FLAG_IMMEDIATE_CMD, SC_FLAG_WRITE
from chiscsi_target.api.scsi_command import CommandStack, chiscsi_scsi_command
from chiscsi_target.api.sgvec import SgList

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.task_management import TaskManagement

# Plain integers: they are compared several times for each command. From DONE on a command is over.
INITIALIZED: Final = 1
EXE_READY: Final = 2
EXECUTING: Final = 3
R_XFER: Final = 4
W_BUFFER_WAIT: Final = 5
W_BUFFER_READY: Final = 6
W_XFER: Final = 7
STATUS: Final = 8
DONE: Final = 9
CLOSED: Final = 10

STATE_NAMES: Final = (
    "",
    "INITIALIZED",
    "EXE_READY",
    "EXECUTING",
    "R_XFER",
    "W_BUFFER_WAIT",
    "W_BUFFER_READY",
    "W_XFER",
    "STATUS",
    "DONE",
    "CLOSED",
)

Phase: TypeAlias = tuple[SgList, int, int, int]
"""Buffers that a driver gave in one call: list, number of vectors, offset in the transfer, length in octets."""


class ReadyToTransferRecord:
    """An R2T that waits for its data (RFC 7143 section 11.8).

    Attributes: `offset` and `end`, the part of the transfer it asked for, in octets; `next_offset`, where its next
    Data-Out has to begin; `data_sn`, that PDU's number.
    """

    __slots__ = ("data_sn", "end", "next_offset", "offset")

    def __init__(self, offset: int, end: int) -> None:
        self.offset = offset
        self.end = end
        self.next_offset = offset
        self.data_sn = 0


class Task(chiscsi_scsi_command):
    """One SCSI Command PDU from its arrival to its release.

    Attributes beyond the driver's:
        session, connection: where it came from; its connection allegiance (RFC 7143 section 4.2.5.1).
        is_write: the initiator sends data; `is_immediate`: it took no place in the CmdSN order (section 4.2.2.1).
        itt: Initiator Task Tag: what the stack goes by, whatever a driver writes to `sc_itt`.
        state: one of this module's states.
        held: the driver has it and owes a call.
        seen: the driver was ever given it.
        edtl: Expected Data Transfer Length of the PDU, in octets; `sc_xfer_len` may be lowered by the driver.
        phases: the driver's buffers that are with the stack, in order; `given`, where they end.
        returned: how many octets of the buffers went back to the driver.
        data_sn: number of Data-In PDUs sent; `sent`, how many octets they carried.
        r2t_sn, r2ts: number of R2Ts sent, and those unanswered by Target Transfer Tag.
        solicited: where the next R2T has to begin; `landed`, how many octets have arrived.
        unsolicited: arrived before there was a buffer, as (offset, octets).
        unsolicited_open: unsolicited Data-Out PDUs are still due; `unsolicited_sn`, the next one's DataSN.
        aborting: the task management request that ends the task, or None.
        failing: its status is known and is sent as soon as no more Data-Out are due.
        verdict: status and sense codes that the stack ended it with, or None.
        given_up: the driver asked for its abort, and wants to be told when that is done.
        executed: multi-phase writes only: how many octets the driver has executed.
        lun_field: the LUN as it stood in the PDU, for the R2Ts.

    Attributes that are there only when they are set, since they are rare:
        abort_asked: whether the driver was told to give the command up and has not answered; None if it was not told.
        let_go_ahead: the driver said before its end that it needs no object to be kept.
    """

    __slots__ = (
        "abort_asked",
        "aborting",
        "connection",
        "data_sn",
        "edtl",
        "executed",
        "failing",
        "given",
        "given_up",
        "held",
        "is_immediate",
        "is_write",
        "itt",
        "landed",
        "let_go_ahead",
        "lun_field",
        "phases",
        "r2t_sn",
        "r2ts",
        "returned",
        "seen",
        "sent",
        "session",
        "solicited",
        "state",
        "unsolicited",
        "unsolicited_open",
        "unsolicited_sn",
        "verdict",
    )

    def __init__(  # noqa: PLR0915  # for every command, so without a call of the base class's
        self,
        stack: CommandStack,
        connection: Connection,
        session: Session,
        cdb: bytes,
        lun_field: int,
        lun: int,
        itt: int,
        cmd_sn: int,
        edtl: int,
        flag: int,
        attribute: int,
    ) -> None:
        self._stack = stack
        self.connection = connection
        self.session = session
        self.sc_sess = session.handle
        self.sc_conn = connection.handle
        self.sc_ieps = connection.endpoints
        self.sc_zero_copy = connection.zero_copy
        self.sc_tclass_sess_priv = session.tclass_priv
        self.sc_cmd = cdb
        self.sc_lun = lun
        self.lun_field = lun_field
        self.sc_itt = self.itt = itt
        self.sc_CmdSN = cmd_sn
        self.sc_xfer_len = self.edtl = edtl
        self.sc_flag = flag
        self.sc_attribute = attribute
        self.sc_status = self.sc_response = 0
        self.sc_sense_key = self.sc_sense_asc = self.sc_sense_ascq = 0
        self.sc_sense_buf = b""
        self.sc_xfer_residualcount = self.sc_lba = self.sc_blk_cnt = 0
        self.sc_lu = self.sc_sdev_hdl = None
        self.is_immediate = flag & SC_FLAG_IMMEDIATE_CMD != 0
        self.state = INITIALIZED
        self.held = self.seen = self.failing = self.given_up = self.let_go_ahead = False
        self.phases: list[Phase] = []
        self.given = self.returned = self.data_sn = self.sent = 0
        self.aborting: TaskManagement | None = None
        self.abort_asked: bool | None = None
        self.verdict: tuple[int, int, int, int] | None = None
        self.is_write = flag & SC_FLAG_WRITE != 0
        if self.is_write:
            self.r2t_sn = self.solicited = self.landed = self.executed = 0
            self.r2ts: dict[int, ReadyToTransferRecord] = {}
            self.unsolicited: list[tuple[int, bytes | memoryview]] = []
            self.unsolicited_open = False
            self.unsolicited_sn = 0

    @property
    def data_due(self) -> bool:
        """Whether the initiator still owes Data-Out PDUs."""
        return self.is_write and (self.unsolicited_open or bool(self.r2ts))

    @property
    def _outcome(self) -> tuple[int, int, int, int]:
        return self.sc_status, self.sc_sense_key, self.sc_sense_asc, self.sc_sense_ascq

    @property
    def failed_by_driver(self) -> bool:
        """Whether it is the driver that has set a status: it need not know yet that the stack has set one."""
        return self.sc_status != 0 and self.verdict != self._outcome

    def doom(self, sense: tuple[int, int, int]) -> None:
        """Have the task end with CHECK CONDITION once its data are in; the first reason stays.

        Args:
            sense: key, additional sense code, qualifier.
        """
        if not self.failing:
            self.take_no_more_data()
            self.fail(*sense)
            self.verdict = self._outcome

    def doom_to(self, status: int) -> None:
        """Have the task end with a status that has no sense data once its data are in; the first reason stays."""
        if not self.failing:
            self.take_no_more_data()
            self.sc_status = status
            self.verdict = self._outcome

    def take_no_more_data(self) -> None:
        """Have the task end with the status that it has, or will get: what still comes in for it is dropped."""
        self.failing = True
        if self.is_write:
            self.connection.agenda.take_place_away(self)

    @property
    def name(self) -> str:
        """How log lines name the task."""
        return f"itt 0x{self.itt:x}"
