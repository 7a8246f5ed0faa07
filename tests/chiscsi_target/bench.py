"""A holding driver and one session: what the tests of commands work at, with task management and without."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api import chiscsi_scsi_command
from chiscsi_target.quirks import Quirks
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import DataOut, LoginResponse, ReadyToTransfer, ScsiCommand, ScsiResponse, TaskManagementResponse
from tests.chiscsi_target.peer import Peer, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import Stand

__all__ = ["ABORTS", "LENGTH", "SEVERAL", "Bench", "Laboratory", "Watched", "send_data", "status_of"]

LENGTH = 4096
SEVERAL = (
    Function.ABORT_TASK_SET,
    Function.CLEAR_TASK_SET,
    Function.LOGICAL_UNIT_RESET,
    Function.TARGET_WARM_RESET,
    Function.TARGET_COLD_RESET,
)
"""The task management functions that end several tasks."""
ABORTS = (Function.ABORT_TASK, *SEVERAL)


class Bench:
    """A holding driver, one session, and its commands."""

    def __init__(self, *keys: tuple[str, str], quirks: Quirks | None = None) -> None:
        self.driver = HoldingDriver()
        self.stand = Stand(("MaxConnections", "4"), *keys, driver=self.driver, quirks=quirks)
        self.peer = self.stand.login(("MaxConnections", "4"), *keys)

    def read(self, **fields: Any) -> ScsiCommand:
        return self.peer.command(read10(0, 8), LENGTH, **fields)

    def write(self) -> ScsiCommand:
        return self.peer.command(write10(0, 8), LENGTH, write=True)

    def scsi_command(self, request: ScsiCommand) -> chiscsi_scsi_command:
        """The driver's object for a command."""
        return next(sc for sc in self.driver.commands if sc.sc_itt == request.initiator_task_tag)

    def hooks_of(self, request: ScsiCommand) -> list[str]:
        return [name for name, tag in self.driver.events if tag == request.initiator_task_tag]

    def response(self) -> int:
        """The code of the one response that came."""
        return self.peer.take(TaskManagementResponse)[0].response

    def alive(self) -> bool:
        """The session works, and its window is as wide as it was."""
        answer, _ = self.peer.ping()
        window = (answer.max_cmd_sn - answer.exp_cmd_sn + 1) & 0xFFFFFFFF
        return window == 128 - len(self.stand.session(self.peer).tasks)


def send_data(peer: Peer, r2t: ReadyToTransfer, data: bytes | None = None, **fields: int) -> None:
    """Answer an R2T by one Data-Out, of zeros unless there are `data`."""
    known = {"final": 1, "lun": r2t.lun, "initiator_task_tag": r2t.initiator_task_tag}
    known |= {"target_transfer_tag": r2t.target_transfer_tag, "buffer_offset": r2t.buffer_offset}
    peer.send(DataOut.make(**known | fields), bytes(r2t.desired_data_transfer_length) if data is None else data)


class Laboratory:
    """A holding driver with one session."""

    def __init__(self, *keys: tuple[str, str], driver: HoldingDriver | None = None, **how: Any) -> None:
        self.driver = driver or HoldingDriver()
        self.stand = Stand(*keys, driver=self.driver, **how)
        self.peer = self.stand.login(*keys)

    def write(self, length: int = 4096, data: bytes = b"", **fields: int) -> tuple[ScsiCommand, chiscsi_scsi_command]:
        request = self.peer.command(write10(0, length // 512), length, data, write=True, **fields)
        return request, self.driver.last

    def read(self, length: int = 4096) -> tuple[ScsiCommand, chiscsi_scsi_command]:
        request = self.peer.command(read10(0, length // 512), length)
        return request, self.driver.last

    def answer_r2t(self, data: bytes) -> ReadyToTransfer:
        """Send what the one R2T that came asks for."""
        r2t, _ = self.peer.take(ReadyToTransfer)
        piece = data[r2t.buffer_offset : r2t.buffer_offset + r2t.desired_data_transfer_length]
        send_data(self.peer, r2t, piece)
        return r2t

    def status(self) -> tuple[int, tuple[int, int, int]]:
        """Status and sense codes of the one SCSI Response that came."""
        response, data = self.peer.take(ScsiResponse)
        return response.status, (data[4] & 0xF, data[14], data[15]) if data else (0, 0, 0)


class Watched:
    """A driver whose hooks of both classes are noted in one list."""

    def __init__(self, *keys: tuple[str, str], workers: int = 1) -> None:
        self.driver = HoldingDriver()
        self.noting = NotingClass(self.driver.events)
        self.stand = Stand(
            ("MaxConnections", "3"), *keys, driver=self.driver, target_class=self.noting, workers=workers
        )

    @property
    def hooks(self) -> list[str]:
        return [name for name, _ in self.driver.events]


def status_of(response: LoginResponse) -> int:
    """Class and detail in one number, as LoginStatus has them."""
    return response.status_class << 8 | response.status_detail
