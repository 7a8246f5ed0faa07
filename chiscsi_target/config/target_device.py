"""The key TargetDevice: `path[,CLASS][,option...]`, one logical unit a line, numbered from 0 (behaviour file, 6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chiscsi_target.api.logical_unit import chiscsi_lun
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.config.values import shown
from chiscsi_target.errors import ConfigurationError

KEY = "TargetDevice"
ERROR_BUFFER = 256
_IDENTIFICATION = ("PROD", "SN", "ID", "WWN")


_NOT_BUILT_IN = {"BLK": "FILE exports block devices too", "SCST": "there is no SCST here"}


@dataclass(slots=True, frozen=True)
class TargetDevice:
    """A line: the path, and what follows it, which may begin with the name of a LUN class."""

    path: str
    rest: str = ""

    def split(self, classes: Mapping[str, chiscsi_target_lun_class], default: str) -> tuple[str, str]:
        """The name of the LUN class, `default` when none is named, and the options as they stand.

        Raises:
            ConfigurationError: a class of the module's is named that is not built in.
        """
        first, _, options = self.rest.partition(",")
        if first in classes:
            return first, options
        if first in _NOT_BUILT_IN:
            raise ConfigurationError(
                f"{KEY}={self.path}",
                f"LUN class {first} is not built in: {_NOT_BUILT_IN[first]}",
            )
        return default, self.rest


def parse_target_device(value: str) -> TargetDevice:
    """Split a line.

    Raises:
        ConfigurationError: it has no path.
    """
    path, _, rest = value.partition(",")
    if not path:
        raise ConfigurationError(KEY, f"{shown(value)} has no path")
    return TargetDevice(path, rest)


def format_target_device(device: TargetDevice) -> str:
    """The line."""
    return f"{device.path},{device.rest}" if device.rest else device.path


def show_target_device(device: TargetDevice, class_name: str) -> str:
    """The line in the module's order: path, class, flags, other options, then what identifies the unit (6.8).

    Args:
        device: the line as configured.
        class_name: the LUN class that the unit has.
    """
    options = [option.strip() for option in device.rest.split(",") if option.strip()]
    if options[:1] == [class_name]:
        del options[0]
    options.sort(key=_rank)
    return ",".join([device.path, class_name, *options])


def _rank(option: str) -> int:
    name, separator, _ = option.partition("=")
    if not separator:
        return 0
    return _IDENTIFICATION.index(name.upper()) + 2 if name.upper() in _IDENTIFICATION else 1


def configure_logical_unit(
    device: TargetDevice, lun: int, lun_class: chiscsi_target_lun_class, options: str
) -> chiscsi_lun:
    """A logical unit as `fp_config_parse_options` makes it, not attached.

    Raises:
        ConfigurationError: the hook refused; it has the hook's reason.
    """
    unit = chiscsi_lun(lun_class, lun, device.path)
    reason = bytearray()
    result = lun_class.fp_config_parse_options(unit, options, len(options), reason)
    if result < 0:
        raise refusal(unit, reason, result)
    return unit


def refusal(unit: chiscsi_lun, reason: bytearray, result: int, code: int = 0) -> ConfigurationError:
    """What to raise when a hook refused a logical unit."""
    text = bytes(reason[:ERROR_BUFFER]).decode(errors="replace")
    return ConfigurationError(f"{KEY}={unit.path}", text or f"refused with {result}", code)
