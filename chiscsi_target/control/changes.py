"""What changes a running target: configuration files, removal, flushing, variables. One request at a time comes here.

What fails for one target does not keep the others from being done: it becomes one of the result's `errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiscsi_target.config import config_file, listing
from chiscsi_target.config.global_variables import DEFAULTS, variable_values
from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.target_module import TargetModule


@dataclass(slots=True)
class _Report:
    """What was done, in words, and what could not be."""

    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"messages": self.messages, "errors": self.errors}


def load(module: TargetModule, path: Path, names: Sequence[str] | None, *, start: bool) -> dict[str, Any]:
    """Bring targets to what a configuration file says; its global variables are set in any case.

    Args:
        module: the Target Module.
        path: of the file.
        names: which targets of the file; None for all.
        start: whether targets that do not run are started, as by `iscsictl -S target=NAME`, or ignored.

    Raises:
        RpcError: the file cannot be used; nothing was changed.
    """
    file = _read(path)
    report = _Report()
    report.errors += map(str, module.set_global_variables(listing.variable_pairs(file.global_variables, secrets=True)))
    known = {config.name: config for config in file.targets}
    for name in known if names is None else map(str.lower, names):
        config = known.get(name)
        if config is None:
            report.errors.append(f"{name} is not found.")
        elif name in module.configurations or start:
            _bring_up(module, file, config, report)
        else:
            report.messages.append(f"{name} not started, ignore.")
    return report.as_json()


def _read(path: Path) -> config_file.ConfigFile:
    if path.is_fifo():
        # Whoever waits at a pipe keeps everybody else from changing anything.
        raise RpcError(ErrorCode.REFUSED, f"{path}: is a pipe, and no file", {"where": str(path)})
    try:
        return config_file.load(path)
    except config_file.ConfigFileError as error:
        raise RpcError(
            ErrorCode.REFUSED,
            str(error),
            {"where": error.where, "errors": [str(each) for each in error.errors]},
        ) from error


def _bring_up(module: TargetModule, file: config_file.ConfigFile, config: TargetConfig, report: _Report) -> None:
    running = config.name in module.configurations
    try:
        if running:
            module.reconfigure_target(config)
        else:
            module.add_target(config)
    except ConfigurationError as error:
        report.errors.append(str(file.placed(config.name, error)))
    else:
        report.messages.append(f"target {config.name} {'updated' if running else 'added'}.")


def remove(module: TargetModule, names: Sequence[str] | None) -> dict[str, Any]:
    """Stop and remove targets; None for all."""
    report = _Report()
    for name in list(module.configurations) if names is None else map(str.lower, names):
        if module.chiscsi_target_remove(None, name) == 0:
            report.messages.append(f"{name} removed.")
        else:
            report.errors.append(f"{name} is not found.")
    if names is None:
        report.messages = ["All targets removed."]
    return report.as_json()


def flush(module: TargetModule, names: Iterable[str], lun: int | None) -> dict[str, Any]:
    """Have the logical units of targets bring all accepted writes to stable storage.

    Raises:
        RpcError: a target, or its logical unit, is not there.
    """
    report = _Report()
    for name in names:
        try:
            results = module.flush(name.lower(), lun)
        except LookupError as error:
            raise RpcError(ErrorCode.NOT_FOUND, str(error.args[0])) from error
        for number, result in results:
            if result:
                report.errors.append(f"{name} lun {number}: flush failed with {result}.")
            else:
                report.messages.append(f"{name} lun {number} flushed.")
    return report.as_json()


def write(module: TargetModule, path: Path) -> dict[str, Any]:
    """Write the global variables that are not as usual, and the running targets.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    variables = {
        name: value
        for name, value in variable_values(module.directory.registry.globals).items()
        if value != DEFAULTS.get(name)
    }
    targets = list(module.configurations.values())
    listing.write_file(config_file.ConfigFile(variables, targets), path)
    return {"messages": [f"{path} written, targets: {len(targets)}."]}


def set_variables(module: TargetModule, values: Mapping[str, str]) -> None:
    """Set global variables.

    Raises:
        RpcError: some of them cannot be; the others are set.
    """
    faults = module.set_global_variables(list(values.items()))
    if faults:
        errors = [str(fault) for fault in faults]
        raise RpcError(ErrorCode.REFUSED, errors[0], {"where": faults[0].where, "errors": errors})
