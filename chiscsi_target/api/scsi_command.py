"""`chiscsi_scsi_command`: one SCSI Command PDU from its arrival to its release (guide 7.3.5.1).

There is one for each command. The stack fills what the PDU says; a storage driver fills the status fields before it
completes the command, and may lower `sc_xfer_len` together with SC_FLAG_XFER_UNDERFLOW. All the rest is read-only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.api.sgvec import SgList


class CommandStack(Protocol):
    """The side of the stack that a command's completions go to (see `chiscsi_target.api.functions`)."""

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """See `chiscsi_scsi_cmd_buffer_ready`."""

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort`."""

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort_status`."""

    def ready_to_release(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_ready_to_release`."""

    def command_dump(self, scmd: chiscsi_scsi_command) -> None:
        """See `chiscsi_iscsi_command_dump`."""


class chiscsi_scsi_command:
    """A SCSI command as the storage driver sees it.

    Attributes written by the stack:
        sc_tclass_sess_priv: what `fp_session_added` returned for the session.
        sc_ieps: the TCP 4-tuple of the connection.
        sc_sess, sc_conn: session and connection handles; None once the session is gone.
        sc_flag: SC_FLAG_* bits. The driver sets SC_FLAG_XFER_OVERFLOW or SC_FLAG_XFER_UNDERFLOW, nothing else.
        sc_attribute: task attribute (ISCSI_TASK_ATTRIBUTES_*).
        sc_cmd, sc_cmdlen: the CDB and its length in octets (16, or more with an extended CDB).
        sc_CmdSN, sc_itt: command sequence number and Initiator Task Tag.
        sc_xfer_len: Expected Data Transfer Length in octets.
        sc_lun: logical unit number, decoded from peripheral or flat addressing.
        sc_lu: the logical unit, when the target has a list of them.
        sc_zero_copy: the data of a read go to the transport as they lie in the driver's memory; nobody looks at them on
            the way, as a digest would. Memory that cannot be read after all then costs the connection, not the process.
        sc_lba, sc_blk_cnt: what the CDB addresses, in logical blocks; the stack fills them for built-in logical units.

    Attributes written by the driver:
        sc_status, sc_response: SCSI status and iSCSI response (RFC 7143 sections 11.4.2 and 11.4.3).
        sc_sense_key, sc_sense_asc, sc_sense_ascq: sense data, or `sc_sense_buf` in full (up to 96 octets).
        sc_xfer_residualcount: residual in octets, with one of the two flags above.
        sc_sdev_hdl: anything; the stack never looks at it.
    """

    __slots__ = (
        "_stack",
        "sc_CmdSN",
        "sc_attribute",
        "sc_blk_cnt",
        "sc_cmd",
        "sc_conn",
        "sc_flag",
        "sc_ieps",
        "sc_itt",
        "sc_lba",
        "sc_lu",
        "sc_lun",
        "sc_response",
        "sc_sdev_hdl",
        "sc_sense_asc",
        "sc_sense_ascq",
        "sc_sense_buf",
        "sc_sense_key",
        "sc_sess",
        "sc_status",
        "sc_tclass_sess_priv",
        "sc_xfer_len",
        "sc_xfer_residualcount",
        "sc_zero_copy",
    )

    def __init__(
        self,
        stack: CommandStack,
        sc_cmd: bytes,
        sc_lun: int,
        sc_itt: int,
        sc_CmdSN: int,
        sc_xfer_len: int,
        sc_flag: int,
        sc_attribute: int = 0,
    ) -> None:
        self._stack = stack
        self.sc_cmd = sc_cmd
        self.sc_lun = sc_lun
        self.sc_itt = sc_itt
        self.sc_CmdSN = sc_CmdSN
        self.sc_xfer_len = sc_xfer_len
        self.sc_flag = sc_flag
        self.sc_attribute = sc_attribute
        self.sc_status = 0
        self.sc_response = 0
        self.sc_sense_key = 0
        self.sc_sense_asc = 0
        self.sc_sense_ascq = 0
        self.sc_sense_buf = b""
        self.sc_xfer_residualcount = 0
        self.sc_lba = 0
        self.sc_blk_cnt = 0
        self.sc_lu: chiscsi_lun | None = None
        self.sc_sdev_hdl: Any = None
        self.sc_tclass_sess_priv: Any = None
        self.sc_ieps: chiscsi_tcp_endpoints | None = None
        self.sc_sess: int | None = None
        self.sc_conn: int | None = None
        self.sc_zero_copy = False

    @property
    def sc_sessl(self) -> int | None:
        """`sc_sess`, as the guide's structure spells it."""
        return self.sc_sess

    @property
    def sc_cmdlen(self) -> int:
        """Length of the CDB in octets."""
        return len(self.sc_cmd)

    def fail(self, key: int, asc: int, ascq: int = 0) -> None:
        """Set CHECK CONDITION with this sense data (SPC-4 section 4.5); the command still has to be completed."""
        self.sc_status = 0x02
        self.sc_sense_key = key
        self.sc_sense_asc = asc
        self.sc_sense_ascq = ascq

    def __repr__(self) -> str:
        return (
            f"chiscsi_scsi_command(itt=0x{self.sc_itt:x}, CmdSN={self.sc_CmdSN}, lun={self.sc_lun}, "
            f"cdb={self.sc_cmd.hex()}, len={self.sc_xfer_len}, flag=0x{self.sc_flag:x}, status=0x{self.sc_status:02x})"
        )
