"""The logical units of a target: configured from its `TargetDevice` lines, attached, taken over, detached.

Behaviour file, 1.5 and 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import LUN_CLASS_DUP_PATH_ALLOWED_BIT, ReturnCode
from chiscsi_target.api.logical_unit import (
    LU_FLAG_DIRECT,
    LU_FLAG_DSYNC,
    LU_FLAG_NONEXCL,
    LU_FLAG_REMOVABLE,
    LU_FLAG_RO,
    chiscsi_lun,
)
from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_pass_through
from chiscsi_target.api.struct import is_set
from chiscsi_target.config import target_device
from chiscsi_target.engine.target_hooks import log_raised
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.scsi.restart import check_kept

if TYPE_CHECKING:
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.config.target_device import TargetDevice
    from chiscsi_target.core.agenda import Agenda

_CONFIGURATION_HOOKS = ("fp_config_parse_options", "fp_attach")
# The first two are the module's; the others are about how the medium was opened, and what was done with it since.
_KEPT_FLAGS = {
    "RO": LU_FLAG_RO,
    "NONEXCL": LU_FLAG_NONEXCL,
    "REMOVABLE": LU_FLAG_REMOVABLE,
    "DIRECT": LU_FLAG_DIRECT,
    "DSYNC": LU_FLAG_DSYNC,
}
# What an initiator has been told of a unit, and has to be told anew when it changes.
_TOLD = ("size", "sect_shift", "scsi_id", "scsi_sn", "scsi_wwn")


def default_class(config: TargetConfig, classes: Mapping[str, chiscsi_target_lun_class]) -> chiscsi_target_lun_class:
    """The LUN class that serves a target without a list of logical units: the first of its class's.

    Raises:
        ConfigurationError: there is none.
    """
    for lun_class in classes.values():
        return lun_class
    raise ConfigurationError("TargetClass", f"{config.class_name} has no LUN class")


def configure(
    config: TargetConfig, classes: Mapping[str, chiscsi_target_lun_class], *, needed: bool
) -> list[chiscsi_lun]:
    """The logical units of a description, configured and not attached.

    Args:
        config: the description.
        classes: the LUN classes of its target class.
        needed: whether there has to be one, if the class makes its units from such lines.

    Raises:
        ConfigurationError: a hook refuses, a path is there twice (-EDUP), or there must or must not be units.
    """
    default = default_class(config, classes)
    makes_units = not is_pass_through(default) or any(
        is_set(default, chiscsi_target_lun_class, hook) for hook in _CONFIGURATION_HOOKS
    )
    if config.devices and not makes_units:
        raise ConfigurationError(target_device.KEY, f"class {config.class_name} makes no logical units of such lines")
    if needed and not config.devices and not is_pass_through(default):
        raise ConfigurationError(target_device.KEY, f"{config.name} has no logical unit")
    units: list[chiscsi_lun] = []
    paths: set[str] = set()
    for device in config.devices:
        name, options = device.split(classes, default.class_name)
        unit = _configure(device, len(units), classes[name], options)
        allowed = unit.lun_class.property & 1 << LUN_CLASS_DUP_PATH_ALLOWED_BIT
        if not allowed and unit.path in paths:
            raise ConfigurationError(target_device.KEY, f"path {unit.path} is given twice", ReturnCode.EDUP)
        paths.add(unit.path)
        units.append(unit)
    return units


def _configure(device: TargetDevice, number: int, lun_class: chiscsi_target_lun_class, options: str) -> chiscsi_lun:
    try:
        return target_device.configure_logical_unit(device, number, lun_class, options)
    except ConfigurationError:
        raise
    except Exception as error:
        where = f"{target_device.KEY}={device.path}"
        raise ConfigurationError(where, f"fp_config_parse_options raised {error!r}") from error


def attach(units: Iterable[chiscsi_lun], agenda: Agenda) -> list[chiscsi_lun]:
    """Attach logical units in order.

    Raises:
        ConfigurationError: a hook refuses, with its result as code, or what a unit keeps over a restart cannot be used;
            the units attached so far are detached.
    """
    attached: list[chiscsi_lun] = []
    try:
        for unit in units:
            _ask(unit, unit.lun_class.fp_attach, unit)
            attached.append(unit)
            check_kept(unit)
    except ConfigurationError:
        detach(attached, agenda)
        raise
    return attached


def detach(units: Iterable[chiscsi_lun], agenda: Agenda) -> None:
    """Flush logical units and detach them; a hook that raises is logged, and the others are detached all the same."""
    for unit in units:
        _call(unit.lun_class.fp_flush, unit, agenda)
        _call(unit.lun_class.fp_detach, unit, agenda)


def _call(hook: Callable[[chiscsi_lun], object], unit: chiscsi_lun, agenda: Agenda) -> None:
    try:
        hook(unit)
    except Exception as error:
        log_raised(agenda, hook.__name__, error)


@dataclass(slots=True)
class UnitChanges:
    """What a new description does to a target's logical units.

    Attributes:
        attached: units that are new.
        kept: pairs of a unit that there was, and its new description.
        vanished: units that are no more.
        renumbered: order or number of the units changed, so that initiators have to log in again.
        told_anew: a size or an identification changed, so that initiators have to look again.
        resized: numbers of the kept units with another number or length of blocks.
    """

    attached: list[chiscsi_lun] = field(default_factory=list)
    kept: list[tuple[chiscsi_lun, chiscsi_lun]] = field(default_factory=list)
    vanished: list[chiscsi_lun] = field(default_factory=list)
    renumbered: bool = False
    told_anew: bool = False
    resized: tuple[int, ...] = ()


def compare(old: Sequence[chiscsi_lun], new: Sequence[chiscsi_lun]) -> UnitChanges:
    """See what becomes of each logical unit: one with the path of an old one goes on as that.

    Raises:
        ConfigurationError: the LUN class of a unit, or a flag that cannot, would change.
    """
    changes = UnitChanges(vanished=list(old))
    for unit in new:
        before = next((lun for lun in changes.vanished if lun.path == unit.path), None)
        if before is None:
            changes.attached.append(unit)
        else:
            _check_kept(before, unit)
            changes.vanished.remove(before)
            changes.kept.append((before, unit))
    changes.renumbered = len(old) != len(new) or any(before.lun != unit.lun for before, unit in changes.kept)
    changes.renumbered |= bool(changes.attached or changes.vanished)
    return changes


def _check_kept(old: chiscsi_lun, new: chiscsi_lun) -> None:
    prohibited = [name for name, bit in _KEPT_FLAGS.items() if (old.flags ^ new.flags) & bit]
    if old.lun_class.class_name != new.lun_class.class_name:
        prohibited.append("class")
    if prohibited:
        raise ConfigurationError(
            f"{target_device.KEY}={new.path}", f"lun {old.lun} {prohibited[0]} change prohibited.", complete=True
        )


def carry_out(changes: UnitChanges, undo: list[Callable[[], object]], agenda: Agenda) -> None:
    """Attach what is new, and have what is kept taken over.

    Args:
        changes: see `compare`.
        undo: gets what has to be called, in reverse, to take it all back.
        agenda: where it is logged that a hook raised.

    Raises:
        ConfigurationError: a hook refuses, with its result as code.
    """
    attached = attach(changes.attached, agenda)
    undo.append(lambda: detach(attached, agenda))
    for old, new in changes.kept:
        _reattach(old, new)
        undo.append(partial(_reattach, new, old))
    changes.told_anew = any(getattr(old, name) != getattr(new, name) for old, new in changes.kept for name in _TOLD)
    changes.resized = tuple(
        new.lun for old, new in changes.kept if (old.size, old.sect_shift) != (new.size, new.sect_shift)
    )


def _reattach(old: chiscsi_lun, new: chiscsi_lun) -> None:
    _ask(new, new.lun_class.fp_reattach, old, new)


def _ask(unit: chiscsi_lun, hook: Callable[..., int], *units: chiscsi_lun) -> None:
    """Call `fp_attach` or `fp_reattach`.

    Raises:
        ConfigurationError: it refuses; the error has the hook's reason, and its result as code.
    """
    reason = bytearray()
    try:
        result: object = hook(*units, reason, target_device.ERROR_BUFFER)
    except Exception as error:
        raise target_device.refusal(unit, bytearray(f"{hook.__name__} raised {error!r}".encode()), 0) from error
    if not isinstance(result, int):
        raise target_device.refusal(unit, bytearray(f"{hook.__name__} returned {result!r}".encode()), 0)
    if result < 0:
        raise target_device.refusal(unit, reason, result, -result)
