"""The description of a target: what a configuration says of it, judged by one table of keys (behaviour file, 6.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chiscsi_target.config import portal_group, target_device
from chiscsi_target.config.target_device import TargetDevice
from chiscsi_target.core.negotiation import Own, Pairs
from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS

DEFAULT_CLASS = "CHELSIO"

# Where the module's default differs from the RFC's, or what the RFC leaves to the node (behaviour file, 6.3).
_DEFAULTS: dict[str, Any] = {
    "MaxConnections": 1,
    "InitialR2T": True,
    "ImmediateData": True,
    "MaxOutstandingR2T": 1,
    "FirstBurstLength": 65536,
    "MaxBurstLength": 262144,
    "DefaultTime2Wait": 2,
    "DefaultTime2Retain": 20,
    "DataPDUInOrder": True,
    "DataSequenceInOrder": True,
    "ErrorRecoveryLevel": 0,
    "HeaderDigest": ("None",),
    "DataDigest": ("None",),
    "MaxRecvDataSegmentLength": 8192,
    "AuthMethod": ("None",),
    "TaskReporting": ("RFC3720",),
    "iSCSIProtocolLevel": 1,
}
_NOT_SUPPORTED: dict[str, tuple[Any, str]] = {
    "DataPDUInOrder": (False, "No"),
    "DataSequenceInOrder": (False, "No"),
}
_SUPPORTED_VALUES = {
    "HeaderDigest": ("CRC32C", "None"),
    "DataDigest": ("CRC32C", "None"),
    "AuthMethod": ("None",),
}


@dataclass(slots=True)
class TargetConfig:
    """A target as configured.

    Attributes:
        name, alias: TargetName and TargetAlias.
        class_name: its target class.
        keys: what it wants of each negotiated text key.
        portals: its portals, of all groups.
        devices: its logical units, in the order of their numbers.
        max_commands: TargetSessionMaxCmd.
    """

    name: str = ""
    alias: str = ""
    class_name: str = DEFAULT_CLASS
    keys: dict[str, Any] = field(default_factory=lambda: dict(_DEFAULTS))
    portals: list[Portal] = field(default_factory=list)
    devices: list[TargetDevice] = field(default_factory=list)
    max_commands: int = 128

    @property
    def own(self) -> Mapping[str, Own]:
        """What the target wants of each key; FirstBurstLength stays within MaxBurstLength's result (section 13.14)."""
        first_burst = self.keys["FirstBurstLength"]
        return {
            **self.keys,
            "FirstBurstLength": lambda settings: min(first_burst, settings["MaxBurstLength"]),
        }


def parse_target(pairs: Pairs) -> TargetConfig:
    """Read a target's pairs.

    Raises:
        ConfigurationError: a key is unknown, repeated, or has a value that it cannot have; or something is missing.
    """
    config = TargetConfig()
    seen: set[str] = set()
    for key, value in pairs:
        setter = _SETTERS.get(key)
        if setter is None and key not in _DEFAULTS:
            raise ConfigurationError(key, f"unrecognized key {key}.")
        if key in seen and key not in _MULTIPLE:
            raise ConfigurationError(key, "is given more than once")
        seen.add(key)
        if setter is None:
            config.keys[key] = _negotiated(key, value)
        else:
            setter(config, value)
    _check(config)
    return config


def _negotiated(name: str, value: str) -> Any:
    try:
        parsed = KEYS[name].parse(value)
    except TextError as error:
        raise ConfigurationError(name, error.message) from error
    if name in _NOT_SUPPORTED and parsed == _NOT_SUPPORTED[name][0]:
        raise ConfigurationError(name, f"{name}={_NOT_SUPPORTED[name][1]} NOT supported.")
    if name == "ErrorRecoveryLevel" and parsed != 0:
        raise ConfigurationError(name, f"{name} > 0 NOT supported.")
    if name in _SUPPORTED_VALUES and isinstance(parsed, tuple):
        for item in parsed:
            if item not in _SUPPORTED_VALUES[name]:
                raise ConfigurationError(name, f"{item} is none of {', '.join(_SUPPORTED_VALUES[name])}")
    return parsed


def _set_name(config: TargetConfig, value: str) -> None:
    try:
        KEYS["TargetName"].parse(value.lower())
    except TextError as error:
        raise ConfigurationError("TargetName", error.message) from error
    config.name = value.lower()


def _set_alias(config: TargetConfig, value: str) -> None:
    if not value or "," in value:
        raise ConfigurationError("TargetAlias", f"{value!r} is empty or has a comma")
    config.alias = value


def _set_class(config: TargetConfig, value: str) -> None:
    config.class_name = value


def _add_portals(config: TargetConfig, value: str) -> None:
    portals = portal_group.parse_portal_group(value)
    for portal in portals:
        if any(portal.tag == other.tag for other in config.portals):
            raise ConfigurationError(portal_group.KEY, f"portal group {portal.tag} is given twice")
        if portal.address.port and any(portal.address == other.address for other in config.portals):
            raise ConfigurationError(portal_group.KEY, f"portal {portal.address} is given twice")
    config.portals += portals


def _add_device(config: TargetConfig, value: str) -> None:
    device = target_device.parse_target_device(value)
    if device in config.devices:
        raise ConfigurationError(target_device.KEY, f"{value!r} is given twice")
    config.devices.append(device)


def _set_max_commands(config: TargetConfig, value: str) -> None:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 2048:
        raise ConfigurationError("TargetSessionMaxCmd", f"{value!r} is not a number from 1 to 2048")
    config.max_commands = int(value)


_SETTERS: Mapping[str, Callable[[TargetConfig, str], None]] = {
    "TargetName": _set_name,
    "TargetAlias": _set_alias,
    "TargetClass": _set_class,
    "TargetSessionMaxCmd": _set_max_commands,
    portal_group.KEY: _add_portals,
    target_device.KEY: _add_device,
}
_MULTIPLE = frozenset((portal_group.KEY, target_device.KEY))


def _check(config: TargetConfig) -> None:
    """Check what relates several keys."""
    if not config.name:
        raise ConfigurationError("TargetName", "is missing")
    if not config.portals:
        raise ConfigurationError(portal_group.KEY, f"{config.name}: No valid portal started!")
    if config.keys["FirstBurstLength"] > config.keys["MaxBurstLength"]:
        raise ConfigurationError("FirstBurstLength", "exceeds MaxBurstLength")
