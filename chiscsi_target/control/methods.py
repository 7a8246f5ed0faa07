"""The methods of the control socket: a table of name, parameters and what is done (docs/reference/control-protocol.md).

Parameters are msgspec structures: their fields can be given by name, or in this order. What a method tells in words is
its result's `messages`, in the vocabulary of `iscsictl` (behaviour file, 6.8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from chiscsi_target.config.global_variables import VARIABLES, variable_values
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.control import changes, views
from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.target_module import TargetModule

Result: TypeAlias = dict[str, Any]
PROTOCOL: Final = 1
"""Version of this table; it grows when a method or a field disappears or changes its meaning."""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No parameters."""


class Target(msgspec.Struct, forbid_unknown_fields=True):
    """One target, by TargetName, and one of its keys; all without."""

    target: str
    key: str | None = None


class Targets(msgspec.Struct, forbid_unknown_fields=True):
    """Some targets, by TargetName; all without."""

    targets: list[str] | None = None


class File(msgspec.Struct, forbid_unknown_fields=True):
    """A configuration file, by its absolute path, and some of its targets; all without."""

    file: str
    targets: list[str] | None = None


class Destination(msgspec.Struct, forbid_unknown_fields=True):
    """A file to write, by its absolute path."""

    file: str


class Unit(msgspec.Struct, forbid_unknown_fields=True):
    """A target, all without, and one of its logical units, all without."""

    target: str | None = None
    lun: int | None = None


class Sessions(msgspec.Struct, forbid_unknown_fields=True):
    """A target, all without, and an InitiatorName, all without."""

    target: str | None = None
    initiator: str | None = None


class Session(msgspec.Struct, forbid_unknown_fields=True):
    """A session, by the `hndl` that `sessions` shows."""

    hndl: int


class Level(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be printed, as iscsi_verbose_level: `levels[,areas]`, hexadecimal; without, nothing changes."""

    level: str | None = None


class Values(msgspec.Struct, forbid_unknown_fields=True):
    """Global variables by their names, as text."""

    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table.

    Attributes:
        name: the method.
        params: what it takes.
        run: what it does; its docstring says what it returns.
        changes: whether it changes the target; such methods are carried out one at a time.
    """

    name: str
    params: type[msgspec.Struct]
    run: Callable[[TargetModule, Any], Result]
    changes: bool = False

    @property
    def summary(self) -> str:
        """What it does and returns, in one paragraph."""
        return " ".join((self.run.__doc__ or "").split())


def _version(module: TargetModule, params: Nothing) -> Result:
    """Say which program and which version of this protocol answers: `name`, `version`, `protocol`."""
    return {"name": "chiscsi", "version": installed_version("chiscsi"), "protocol": PROTOCOL}


def _list(module: TargetModule, params: Nothing) -> Result:
    """List all targets with their portal groups and devices: `targets`, `sessions` (their number)."""
    targets = [views.summary(module, config) for config in list(module.configurations.values())]
    return {"targets": targets, "sessions": sum(each["sessions"] for each in targets)}


def _show(module: TargetModule, params: Target) -> Result:
    """Show a target's configuration, or one key of it, secrets hidden: `name`, `keys` (pairs of key and value)."""
    if params.key is not None and params.key not in TARGET_KEYS:
        raise RpcError(ErrorCode.INVALID_PARAMS, f"unrecognized key {params.key}.")
    config = module.configurations[_existing(module, params.target)]
    pairs = views.described(module, config)
    return {"name": config.name, "keys": [pair for pair in pairs if params.key in (None, pair[0])]}


def _sessions(module: TargetModule, params: Sessions) -> Result:
    """Describe sessions with their connections, settings and counters: `sessions`; and `login_ip`, how many log in."""
    names = [_existing(module, params.target)] if params.target else list(module.configurations)
    initiator = params.initiator and params.initiator.lower()
    found = [views.session(module, name, info) for name in names for info in views.sessions(module, name, initiator)]
    return {"sessions": found, "login_ip": {name: module.logins_under_way(name) for name in names}}


def _drop_session(module: TargetModule, params: Session) -> Result:
    """Close a session; its initiator is told by an Async Message: `messages`."""
    if module.chiscsi_target_session_abort(params.hndl):
        raise RpcError(ErrorCode.NOT_FOUND, f"session 0x{params.hndl:x} is not found.")
    return {"messages": [f"session 0x{params.hndl:x} dropped."]}


def _statistics(module: TargetModule, params: Nothing) -> Result:
    """Say what went through each portal and each session, and how: `portals`, `sessions` with `perf`, whose counters
    have 32 bits, and `offload`, the sums of their connections in ULP mode.
    """
    found = [
        views.statistics(module, name, info)
        for name in list(module.configurations)
        for info in views.sessions(module, name)
    ]
    return {"portals": views.portals(module), "sessions": found}


def _adapter(module: TargetModule, params: Nothing) -> Result:
    """Tell of the emulated adapter: `adapter`, its mode, its connections in ULP mode and its page pods, or null without
    one; `connections`, what it did for each.
    """
    return {"adapter": views.adapter(module), "connections": views.offloaded(module)}


def _verbosity(module: TargetModule, params: Level) -> Result:
    """Set and tell what the target prints of its log: `level`."""
    if params.level is not None:
        changes.set_variables(module, {"iscsi_verbose_level": params.level})
    row, variables = VARIABLES["iscsi_verbose_level"], module.directory.registry.globals
    return {"level": row.format(row.value(variables))}


def _get_globals(module: TargetModule, params: Nothing) -> Result:
    """Tell the global variables that are set, secrets hidden: `values`."""
    found = variable_values(module.directory.registry.globals)
    return {"values": {name: VARIABLES[name].format(value, secrets=False) for name, value in found.items()}}


def _set_globals(module: TargetModule, params: Values) -> Result:
    """Set global variables; those that are right take effect whatever the others are: `values`, all as they are now."""
    changes.set_variables(module, params.values)
    return _get_globals(module, Nothing())


def _add(module: TargetModule, params: File) -> Result:
    """Start the targets of a configuration file, or bring them up to date; set its variables: `messages`, `errors`."""
    return changes.load(module, _path(params.file), params.targets, start=True)


def _reload(module: TargetModule, params: File) -> Result:
    """Bring the running targets of a configuration file up to date; set its variables: `messages`, `errors`."""
    return changes.load(module, _path(params.file), params.targets, start=False)


def _remove(module: TargetModule, params: Targets) -> Result:
    """Stop and remove targets, with their sessions: `messages`, `errors`."""
    return changes.remove(module, params.targets)


def _flush(module: TargetModule, params: Unit) -> Result:
    """Bring accepted writes to stable storage: `messages`, `errors`."""
    if params.lun is not None and params.target is None:
        raise RpcError(ErrorCode.INVALID_PARAMS, "a lun needs its target")
    return changes.flush(module, [params.target] if params.target else list(module.configurations), params.lun)


def _write_configuration(module: TargetModule, params: Destination) -> Result:
    """Write the variables and the running targets to a configuration file, secrets in clear, mode 0600: `messages`."""
    return changes.write(module, _path(params.file))


def _existing(module: TargetModule, name: str) -> str:
    """The name of a target that is there, in lower case as all names are (behaviour file, 1.3)."""
    if name.lower() not in module.configurations:
        raise RpcError(ErrorCode.NOT_FOUND, f"{name} is not found.")
    return name.lower()


def _path(text: str) -> Path:
    """An absolute path: client and target may stand in different directories."""
    path = Path(text)
    if not path.is_absolute() or "\0" in text:
        raise RpcError(ErrorCode.INVALID_PARAMS, f"file: {text!r} is no absolute path")
    return path


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("version", Nothing, _version),
            Method("list", Nothing, _list),
            Method("show", Target, _show),
            Method("add", File, _add, changes=True),
            Method("reload", File, _reload, changes=True),
            Method("remove", Targets, _remove, changes=True),
            Method("flush", Unit, _flush, changes=True),
            Method("sessions", Sessions, _sessions),
            Method("drop_session", Session, _drop_session),
            Method("statistics", Nothing, _statistics),
            Method("adapter", Nothing, _adapter),
            Method("verbosity", Level, _verbosity),
            Method("get_globals", Nothing, _get_globals),
            Method("set_globals", Values, _set_globals, changes=True),
            Method("write_configuration", Destination, _write_configuration, changes=True),
        )
    }
)
"""Every method by its name."""
