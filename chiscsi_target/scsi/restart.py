"""What the device server finds again after a restart: reservations (APTPL), saved mode pages, access states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.errors import ConfigurationError
from chiscsi_target.scsi import port_groups
from chiscsi_target.scsi.mode_pages import KEPT as MODE_PAGES
from chiscsi_target.scsi.mode_pages import load_mode_pages
from chiscsi_target.scsi.reservations import Reservations
from chiscsi_target.scsi.reserve import watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.scsi.logical_unit import LogicalUnit

    _T = TypeVar("_T")

__all__ = ["check_kept", "restore"]

RESERVATIONS: Final = "reservations"
"""Name under which PERSISTENT RESERVE OUT keeps them."""


def check_kept(lu: chiscsi_lun) -> None:
    """See that what a logical unit keeps can be used.

    Raises:
        ConfigurationError: it is damaged, or cannot be read; the error names the place.
    """
    _load(lu, RESERVATIONS, Reservations.load)
    _load(lu, MODE_PAGES, load_mode_pages)
    _load(lu, port_groups.KEPT, port_groups.load_states)


def restore(unit: LogicalUnit) -> None:
    """Have a logical unit, which is new, go on with what it keeps.

    Raises:
        ConfigurationError: as `check_kept` does.
    """
    reservations = _load(unit.lu, RESERVATIONS, Reservations.load)
    if reservations is not None:
        unit.reservations = reservations
        watch(unit)
    pages = _load(unit.lu, MODE_PAGES, load_mode_pages)
    if pages is not None:
        unit.modes.restore(pages)
    states = _load(unit.lu, port_groups.KEPT, port_groups.load_states)
    if states is not None:
        unit.access_states = states
        port_groups.watch(unit)


def _load(lu: chiscsi_lun, name: str, read: Callable[[bytes], _T]) -> _T | None:
    if lu.kept is None:
        return None
    try:
        data = lu.kept.load(name)
        return None if data is None else read(data)
    except (OSError, ValueError) as error:
        message = f"cannot be used: {error}; without the file the unit starts afresh"
        raise ConfigurationError(lu.kept.where(name), message) from error
