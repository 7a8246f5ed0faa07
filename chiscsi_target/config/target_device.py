"""The key TargetDevice: `path[,CLASS][,option...]`, one logical unit a line, numbered from 0 (behaviour file, 6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chiscsi_target.api.logical_unit import chiscsi_lun
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.errors import ConfigurationError

KEY = "TargetDevice"
_ERROR_BUFFER = 256


@dataclass(slots=True, frozen=True)
class TargetDevice:
    """A line: the path, and what follows it, which may begin with the name of a LUN class."""

    path: str
    rest: str

    def split(self, classes: Mapping[str, chiscsi_target_lun_class], default: str) -> tuple[str, str]:
        """The name of the LUN class, `default` when none is named, and the options as they stand."""
        first, _, options = self.rest.partition(",")
        return (first, options) if first in classes else (default, self.rest)


def parse_target_device(value: str) -> TargetDevice:
    """Split a line.

    Raises:
        ConfigurationError: it has no path.
    """
    path, _, rest = value.partition(",")
    if not path:
        raise ConfigurationError(KEY, f"{value!r} has no path")
    return TargetDevice(path, rest)


def make_logical_unit(device: TargetDevice, lun: int, lun_class: chiscsi_target_lun_class, options: str) -> chiscsi_lun:
    """A logical unit, configured and attached: `fp_config_parse_options`, then `fp_attach`.

    Raises:
        ConfigurationError: a hook refused; it has the hook's reason.
    """
    unit = chiscsi_lun(lun_class, lun, device.path)
    reason = bytearray()
    result = lun_class.fp_config_parse_options(unit, options, len(options), reason)
    if result == 0:
        result = lun_class.fp_attach(unit, reason, _ERROR_BUFFER)
    if result < 0:
        text = bytes(reason[:_ERROR_BUFFER]).decode(errors="replace")
        raise ConfigurationError(f"{KEY}={device.path}", text or f"refused with {result}")
    return unit
