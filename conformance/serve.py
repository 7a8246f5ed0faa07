"""`chiscsi serve`: exports disks to real initiators until a signal ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias

from chiscsi_target.config.config_file import ConfigFileError, load
from chiscsi_target.config.listing import variable_pairs
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.quirks import named
from chiscsi_target.shells.sockets import SocketTarget
from chiscsi_target.target_module import TargetModule
from conformance.drivers import MAKING, DriverProblem, load_drivers
from conformance.harness.hanging import ENDING, BrokenOff, coming_back
from conformance.offload_options import offload_named
from conformance.serve_options import DEFAULT_IQN, Options, describe, in_words

Call: TypeAlias = Callable[[str, Any], Any]
"""Carries out a method of the management interface, with its parameters."""

EXIT_USAGE = 2
# A file that is no configuration at all has an error in each line.
MOST_ERRORS = 30

# How long the target stays awake for the next command, in seconds: as long as an initiator takes for a round trip.
SPIN = 200e-6


def main(options: Options) -> int:
    """Serve until SIGINT or SIGTERM; with a configuration file, SIGHUP has it read again.

    Args:
        options: what to serve.

    Returns:
        The exit code: 0 after a clean shutdown, 2 when what was asked for cannot be served; the reason is on stderr.
    """
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if options.config else [])):
        signal.signal(number, lambda number, _: signals.put(number))
    try:
        module = TargetModule(complain=_complain, quirks=named(options.quirks), offload=offload_named(options.offload))
        _trace(module, options)
    except ConfigurationError as error:
        return _refuse([f"--{error}"])
    shell = SocketTarget(module, SPIN if (os.cpu_count() or 1) > 1 else 0.0)
    shell.start()
    try:
        nodes = _add_targets(shell.module, options)
        with _controlled(shell.module, options.control) as call:
            for node in nodes:
                _announce(node)
            print("ready", flush=True)
            while signals.get() == signal.SIGHUP:
                _reload(call, Path(options.config).absolute())
    except ConfigFileError as error:
        return _refuse(map(str, error.errors))
    except ConfigurationError as error:
        return _refuse([in_words(error, options)])
    except (DriverProblem, BrokenOff) as error:
        return _refuse([str(error)])
    finally:
        _stop(shell)
    return 0


def _stop(shell: SocketTarget) -> None:
    """End the target; a worker that a driver's hook keeps ends with the program."""
    try:
        with coming_back("the end of the target", ENDING):
            shell.stop()
    except BrokenOff:
        print(
            f"chiscsi serve: sessions were left behind: after {ENDING:g} s a driver's hook keeps them", file=sys.stderr
        )


def _trace(module: TargetModule, options: Options) -> None:
    """Print what `--trace` asks for.

    Raises:
        ConfigurationError: it is nothing that there is, or there is no adapter.
    """
    for trace in options.traces:
        if trace != "offload":
            raise ConfigurationError("trace", f"{trace} is none of: offload")
        if module.terminator is None:
            raise ConfigurationError("trace", "offload has nothing to show with --offload off")
        module.terminator.trace = lambda line: print(line, flush=True)


@contextmanager
def _controlled(module: TargetModule, path: str) -> Iterator[Call]:
    """Listen for `chiscsi ctl` at a path, if there is one; yields what carries out a method of it."""
    from chiscsi_target.control.dispatcher import Dispatcher
    from chiscsi_target.control.server import ControlServer

    dispatcher = Dispatcher(module)
    if not path:
        yield dispatcher.call
        return
    server = ControlServer(Path(path), dispatcher.call)
    server.start()
    try:
        yield dispatcher.call
    finally:
        server.stop()


def _add_targets(module: TargetModule, options: Options) -> list[TargetNode]:
    if options.config:
        return _from_file(module, options)
    with coming_back("a driver's hook for its units", MAKING):
        return [module.add_target(describe(options, _classes(module, options)))]


def _classes(module: TargetModule, options: Options) -> list[tuple[str, str]]:
    """Register the classes of drivers; returns what a target needs to use them."""
    if not options.drivers:
        return []
    if options.disks:
        raise DriverProblem("--driver: the driver has the disks, so leave out --mem and --file")
    return load_drivers(options.drivers).register(module)


def _from_file(module: TargetModule, options: Options) -> list[TargetNode]:
    """Set what a file says, and add its targets: all of them, or none."""
    if options.portals or options.disks or options.iqn != DEFAULT_IQN or options.user:
        what = "--portal, --iqn, --mem, --file and --user"
        raise ConfigurationError("--config", f"the file has it all, so leave out {what}")
    _classes(module, options)
    file = load(options.config)
    if not file.targets:
        raise ConfigurationError(options.config, "has no target: section")
    nodes: list[TargetNode] = []
    faults = module.set_global_variables(variable_pairs(file.global_variables, secrets=True))
    for config in file.targets:
        try:
            nodes.append(module.add_target(config))
        except ConfigurationError as error:
            faults.append(file.placed(config.name, error))
    if faults:
        raise ConfigFileError(faults)
    return nodes


def _reload(call: Call, path: Path) -> None:
    """Bring running targets to what the file says now, as `iscsictl -S` does (behaviour file, 6.8)."""
    from chiscsi_target.control.errors import RpcError

    try:
        done = call("reload", {"file": str(path)})
    except RpcError as error:
        _refuse(error.data.get("errors", [str(error)]) if error.data else [str(error)])
        return
    _refuse(done["errors"])
    print(*done["messages"], "reloaded", sep="\n", flush=True)


def _refuse(lines: Iterable[str]) -> int:
    found = list(lines)
    more = len(found) - MOST_ERRORS
    for line in [*found[:MOST_ERRORS], *([f"and {more} errors more"] if more > 0 else [])]:
        print(f"chiscsi serve: {line}", file=sys.stderr, flush=True)
    return EXIT_USAGE


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _announce(node: TargetNode) -> None:
    for portal in node.portals:
        # A pass-through driver keeps its logical units to itself; LUN 0 can always be asked for the others.
        for lun in [unit.lun for unit in node.luns] or [0]:
            print(f"iscsi://{portal.address}/{node.name}/{lun}")
