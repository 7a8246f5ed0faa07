"""Guards: what stands before every command of a logical unit while it is in force.

A reservation, an ACA condition, a medium that is not ready: as long as one of them holds, its guard is asked about each
command. A unit without guards, as nearly all are, pays one look at an empty table.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["Guard", "Guards", "Precedence"]

Guard: TypeAlias = "Callable[[LogicalUnit, chiscsi_scsi_command], int | None]"
"""Lets a command pass (None), or completes it and returns what `fp_scsi_cmd_cdb_rcved` is to return."""


class Precedence(IntEnum):
    """The order in which guards are asked: which status counts when several would do (SAM-5, 5.3.3)."""

    TASK_SET = 1
    AUTO_CONTINGENT_ALLEGIANCE = 2
    UNIT_ATTENTION = 3
    RESERVATION = 4
    TARGET_PORT_STATE = 5
    MEDIUM = 6


class Guards:
    """The guards in force of one logical unit; false when there is none."""

    __slots__ = ("_guards",)

    def __init__(self) -> None:
        self._guards: dict[Precedence, Guard] = {}

    def __bool__(self) -> bool:
        return bool(self._guards)

    def post(self, precedence: Precedence, guard: Guard) -> None:
        """Put a guard in force, in the place of the one with this precedence."""
        self._guards[precedence] = guard
        self._guards = dict(sorted(self._guards.items()))

    def withdraw(self, precedence: Precedence) -> None:
        """Put a guard out of force, if it is in."""
        self._guards.pop(precedence, None)

    def stop(self, unit: LogicalUnit, sc: chiscsi_scsi_command) -> int | None:
        """Ask all guards; what the first one returns that does not let the command pass, or None."""
        for guard in list(self._guards.values()):
            result = guard(unit, sc)
            if result is not None:
                return result
        return None
