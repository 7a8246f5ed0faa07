"""Storage drivers and target classes that do what a test tells them, and note every hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import (
    LUN_CLASS_MULTI_PHASE_DATA_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    SC_FLAG_WRITE,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
    chiscsi_target_class,
    chiscsi_target_lun_class,
    chiscsi_tcp_endpoints,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.lun_class import TmfHandle
from chiscsi_target.api.sgvec import SgList

__all__ = ["HoldingDriver", "NotingClass", "RamDriver", "hold"]

Command = chiscsi_scsi_command


def hold(*_: Any) -> int:
    """A hook that does nothing yet."""
    return 0


class HoldingDriver(chiscsi_target_lun_class):
    """A pass-through driver that holds every command until the test completes it.

    Attributes:
        calls: the names of the hooks, in order; `events`, with their task tags or functions.
        commands: every command it was given, in order; `last`, the newest.
        returned: what `fp_scsi_cmd_data_xfer_status` gave back: vectors, their number, offset, length.
        requests: task management requests that wait for an answer, with function, LUN and command.
        abort_statuses: the arguments of `fp_scsi_cmd_abort_status`.
        on_cdb, on_data, on_abort, on_tmf, on_cleanup: what else a hook does.
    """

    class_name = "HOLDING"

    def __init__(self, *, multi_phase: bool = False) -> None:
        self.property = 1 << LUN_CLASS_SCSI_PASS_THRU_BIT | multi_phase << LUN_CLASS_MULTI_PHASE_DATA_BIT
        self.calls: list[str] = []
        self.events: list[tuple[str, int]] = []
        self.commands: list[Command] = []
        self.returned: list[tuple[SgList | None, int, int, int]] = []
        self.requests: list[tuple[TmfHandle, int, int, Command | None]] = []
        self.abort_statuses: list[tuple[Any, ...]] = []
        self.on_cdb: Callable[[Command], int] = hold
        self.on_data: Callable[[Command], int] = hold
        self.on_abort: Callable[[Command], int] = hold
        self.on_cleanup: Callable[[Command], int] = hold
        self.on_abort_status: Callable[[int], int] = hold
        self.on_tmf: Callable[[TmfHandle], int] = hold

    @property
    def last(self) -> Command:
        """The newest command."""
        return self.commands[-1]

    def _note(self, name: str, what: int) -> None:
        self.calls.append(name)
        self.events.append((name, what))

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        """Note and hold."""
        self._note("cdb_rcved", sc.sc_itt)
        self.commands.append(sc)
        return self.on_cdb(sc)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: Command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Note what came back."""
        self._note("data_xfer_status", sc.sc_itt)
        self.returned.append((buf, sgcnt, offset, buflen))
        return self.on_data(sc)

    def fp_scsi_cmd_abort(self, sc: Command) -> int:
        """Note."""
        self._note("abort", sc.sc_itt)
        return self.on_abort(sc)

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Note the arguments."""
        self._note("abort_status", sc_itt)
        self.abort_statuses.append((sc_lun, sc_cmdsn, sc_itt, sc_xfer_sgcnt, buf, sc_sdev_hdl))
        self.on_abort_status(sc_itt)

    def fp_scsi_cmd_cleanup(self, sc: Command) -> None:
        """Note."""
        self._note("cleanup", sc.sc_itt)
        self.on_cleanup(sc)

    def fp_tmf_execute(
        self, sess_tclass: Any, hndl: TmfHandle, immediate_cmd: int, tmf_func: int, lun: int, sc: Command | None
    ) -> int:
        """Note and hold."""
        self._note("tmf_execute", tmf_func)
        self.requests.append((hndl, tmf_func, lun, sc))
        return self.on_tmf(hndl)

    # What a test has the driver do

    def give(self, sc: Command, length: int | None = None, offset: int = 0) -> bytearray:
        """Hand over one buffer for a write; returns its memory."""
        buffer = bytearray(sc.sc_xfer_len - offset if length is None else length)
        vectors = [chiscsi_sgvec(buffer, len(buffer))]
        assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, offset, len(buffer)) == 0
        return buffer

    def complete(self, sc: Command, data: bytes | None = None) -> int:
        """Complete a command; a read with `data`, which is all of it."""
        length = sc.sc_xfer_len
        if data is None:
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, length if sc.sc_flag & SC_FLAG_WRITE else 0)
        return chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(data, len(data))], 1, 0, len(data))

    def answer(self, response: int = 0, *, name: bool = False) -> None:
        """Answer the oldest task management request; with `name`, the command is named, and so let go."""
        hndl, _, _, sc = self.requests.pop(0)
        assert chiscsi_tmf_execution_done(hndl, response, sc if name else None) == 0


class RamDriver(HoldingDriver):
    """A pass-through driver that reads and writes memory; how its calls are made is up to `call`.

    The CDB says where: READ(10) and WRITE(10) in blocks of 512 octets. Anything else gets good status without data.
    """

    class_name = "RAM"

    def __init__(self, call: Callable[[Callable[[], object]], object] = lambda work: work()) -> None:
        super().__init__()
        self.medium = bytearray(1 << 20)
        self._call = call

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        """Execute, or ask for data."""
        super().fp_scsi_cmd_cdb_rcved(sc)
        start = int.from_bytes(sc.sc_cmd[2:6]) * 512
        view = memoryview(self.medium)[start : start + sc.sc_xfer_len]
        if len(view) < sc.sc_xfer_len:
            sc.fail(5, 0x21)
            self._call(lambda: chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0))
        elif sc.sc_flag & SC_FLAG_WRITE and sc.sc_xfer_len:
            half = (sc.sc_xfer_len + 1) // 2
            halves = [chiscsi_sgvec(view[:half], half), chiscsi_sgvec(view[half:], len(view) - half)]
            self._call(lambda: chiscsi_scsi_cmd_buffer_ready(sc, halves, 2, 0, len(view)))
        elif sc.sc_xfer_len:
            self._call(lambda: chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(view, len(view))], 1, 0, len(view)))
        else:
            self._call(lambda: chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0))
        return 0

    def fp_scsi_cmd_data_xfer_status(
        self, sc: Command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """The data of a write are where they belong."""
        super().fp_scsi_cmd_data_xfer_status(sc, buf, sgcnt, offset, buflen)
        if sc.sc_flag & SC_FLAG_WRITE:
            self._call(lambda: chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, buflen))
        return 0

    def fp_tmf_execute(
        self, sess_tclass: Any, hndl: TmfHandle, immediate_cmd: int, tmf_func: int, lun: int, sc: Command | None
    ) -> int:
        """Nothing is ever unfinished for long."""
        super().fp_tmf_execute(sess_tclass, hndl, immediate_cmd, tmf_func, lun, sc)
        return chiscsi_tmf_execution_done(hndl, 0, sc)


class NotingClass(chiscsi_target_class):
    """A target class with the hooks of a session's life, which notes them.

    Attributes:
        calls: names of the hooks with their handles, in order.
        private: what `fp_session_added` returns.
        visible: what `fp_discovery_target_accessible` returns.
    """

    class_name = "NOTING"

    def __init__(self, events: list[tuple[str, int]] | None = None) -> None:
        self.calls: list[tuple[str, int]] = [] if events is None else events
        self.sessions: list[tuple[bytes, str, str]] = []
        self.private: object = "private"
        self.visible = 1

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> object:
        """Note."""
        self.calls.append(("session_added", sess_hdl))
        self.sessions.append((isid, initiator_name, target_name))
        return self.private

    def fp_session_removed(self, sess_hdl: int, initiator_name: str, target_name: str) -> None:
        """Note."""
        self.calls.append(("session_removed", sess_hdl))

    def fp_discovery_target_accessible(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Note."""
        self.calls.append(("discovery_target_accessible", hndl))
        return self.visible


class CheckingClass(NotingClass):
    """A target class that looks at logins too, and answers when `on_first` or `on_stage` do.

    Attributes:
        checks: the two login hooks with the handle and, for the second, the stage.
    """

    class_name = "CHECKING"

    def __init__(self) -> None:
        super().__init__()
        self.checks: list[tuple[int, int | None]] = []
        self.endpoints: list[chiscsi_tcp_endpoints] = []
        self.on_first: Callable[[int], object] = hold
        self.on_stage: Callable[[int, int], object] = hold

    def fp_first_login_check(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Note, and do what the test wants."""
        self.checks.append((hndl, None))
        self.endpoints.append(endpoint)
        self.on_first(hndl)

    def fp_login_stage_check(
        self, hndl: int, login_stage: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Note, and do what the test wants."""
        self.checks.append((hndl, login_stage))
        self.on_stage(hndl, login_stage)
