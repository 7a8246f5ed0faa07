"""Joining a session to its storage driver: which stack takes the driver's calls, and what stands between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import LUN_CLASS_CMD_RELEASE_WAIT_BIT
from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_multi_phase, is_pass_through
from chiscsi_target.api.struct import is_set
from chiscsi_target.engine.inspection import Inspector, inspect
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.engine.worker import Worker

__all__ = ["DriverLink"]


class DriverLink:
    """How the sessions of a Target Module are joined to their drivers.

    Attributes:
        findings: look for the findings that cost time, even when nobody listens.
        contents: look at what is in the buffers, too.
    """

    def __init__(self) -> None:
        self.findings = False
        self.contents = False
        self._inspectors: dict[Worker, Inspector] = {}

    def join(self, session: Session, node: TargetNode, worker: Worker) -> None:
        """Set up a new session of full feature phase, before its first command."""
        hooks = session.hooks = node.hooks
        session.multi_phase = is_multi_phase(hooks)
        session.pass_through = is_pass_through(hooks)
        session.keeps_released = bool(hooks.property & 1 << LUN_CLASS_CMD_RELEASE_WAIT_BIT)
        session.has_cleanup = is_set(hooks, chiscsi_target_lun_class, "fp_scsi_cmd_cleanup")
        if isinstance(hooks, DeviceServer):
            session.further_functions, session.tells_of_aborts = hooks.further_functions, hooks.tells_of_aborts
            session.note_failure = hooks.note_failure
        session.stack = worker.stack_for(session)
        if worker.quirks.attribute_zero:
            session.attribute_mask = 0
        if worker.quirks.cmdsn_hole_closes:
            session.window.on_hole = session.refuse_hole
        if self.findings or worker.listener is not None:
            inspector = self._inspectors.setdefault(worker, Inspector(worker, self.contents))
            inspect(session, worker, hooks, inspector)
