"""Upkeep of running targets: what `chiscsi ctl` asks for beyond adding and removing them."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.api.struct import is_set
from chiscsi_target.config.global_variables import set_variables
from chiscsi_target.core.agenda import ERROR
from chiscsi_target.core.debug_lines import telling
from chiscsi_target.scsi.device_server import DeviceServer

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.core.negotiation import Pairs
    from chiscsi_target.engine.directory import Directory
    from chiscsi_target.errors import ConfigurationError


class Upkeep:
    """A Target Module's calls for management; from any thread but a worker's, since they may block."""

    directory: Directory

    def flush(self, target_name: str, lun: int | None = None) -> list[tuple[int, int]]:
        """Have logical units bring all accepted writes to stable storage (`fp_flush`; behaviour file, 1.6).

        Args:
            target_name: TargetName.
            lun: the number of the one that is meant, or None for all.

        Returns:
            Number and result of each unit whose class has the hook: 0, or a negative `ReturnCode`.

        Raises:
            LookupError: there is no such target or logical unit; the text says which.
        """
        node = self.directory.registry.nodes.get(target_name)
        if node is None:
            raise LookupError(f"{target_name} is not found.")
        luns = [each for each in node.luns if lun in (None, each.lun)]
        if lun is not None and not luns:
            raise LookupError(f"{target_name} lun {lun} is not found.")
        able = [each for each in luns if is_set(each.lun_class, chiscsi_target_lun_class, "fp_flush")]
        return [(each.lun, self._flush(each)) for each in able]

    def _flush(self, lun: chiscsi_lun) -> int:
        try:
            return lun.lun_class.fp_flush(lun)
        except Exception as error:  # noqa: BLE001 - whatever a hook raises is its driver's fault, and no more
            told = "".join(traceback.format_exception(error)).rstrip()
            self.directory.login_worker.log(ERROR, f"fp_flush raised: {told}")
            return -ReturnCode.EIO

    def set_global_variables(self, pairs: Pairs) -> list[ConfigurationError]:
        """Set global variables from their texts (behaviour file, 6.2).

        Built-in logical units hear of their vendor, and workers of what is to be printed.

        Returns:
            What is wrong with some of them; the others take effect all the same.
        """
        registry = self.directory.registry
        nodes = list(registry.nodes.values())
        faults = set_variables(registry.globals, pairs, [node.chap for node in nodes])
        for node in nodes:
            if isinstance(node.hooks, DeviceServer):
                node.hooks.vendor_id = registry.globals.vendor_id
        for worker in (self.directory.login_worker, *self.directory.workers):
            worker.listener = telling(worker, self.directory.listener)
        return faults

    def logins_under_way(self, target_name: str) -> int:
        """How many connections to a target have not finished their login."""
        connections = list(self.directory.login_worker.connections)
        sessions = [connection.session for connection in connections]
        return sum(
            session is not None and session.node is not None and session.node.name == target_name
            for session in sessions
        )
