"""Behind `chiscsi conform`: a user's wishes checked, pytest started with the plugin, the outcome told."""

from __future__ import annotations

import datetime
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from rich.console import Console

from chiscsi_target.errors import ConfigurationError
from chiscsi_target.quirks import named
from conformance.credentials import AccountError, account_of
from conformance.drivers import DriverProblem, try_drivers
from conformance.harness.address import AddressError, parse_address
from conformance.harness.cards import CaseCard
from conformance.harness.gate import Gate
from conformance.harness.ledger import Ledger
from conformance.harness.listing import print_cases
from conformance.harness.preflight import Unreachable, knock
from conformance.harness.profiles import ProfileError, find_profile, load_profile
from conformance.harness.results import CaseResult
from conformance.harness.settings import DEFAULT_FACTORY, Settings, Show, to_arguments
from conformance.harness.summary import print_summary
from conformance.harness.verdicts import Exit
from conformance.offload_options import offload_named
from conformance.plugin import GATE, LEDGER, SUITES

# What a run does not use and each case would pay for, and the terminal's capture, which would swallow the bar.
_LEAN = (
    "--capture=no",
    *(f"-pno:{name}" for name in ("cacheprovider", "doctest", "junitxml", "logging", "pastebin", "stepwise")),
    *(f"-pno:{name}" for name in ("faulthandler", "unraisableexception", "threadexception", "warnings")),
)


SIGNS_OF_CI = ("CI", "BUILD_NUMBER")
"""Variables under which pytest explains a failed comparison in full: of long data, that takes it minutes."""

_WISHES = tuple(name for name in Settings.__struct_fields__ if name != "live")


class UsageError(Exception):
    """The user asked for something that cannot be; the message says what, in one line."""


@dataclass(slots=True)
class _Grip:
    """Plugin that keeps hold of what a pytest run made, after pytest has let go of it."""

    ledger: Ledger | None = None
    gate: Gate | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Take both out of the configuration."""
        self.ledger = config.stash.get(LEDGER, None)
        self.gate = config.stash.get(GATE, None)


def main(wishes: Mapping[str, Any]) -> int:
    """Do what the command line asks for; returns the exit code of `chiscsi conform`.

    Args:
        wishes: the command's parameters by name.
    """
    try:
        given = {name: wishes[name] for name in _WISHES if wishes[name] is not None}
        settings = msgspec.convert(given, type=Settings)
        if wishes["show"]:
            print_cases(chosen_cases(settings, wishes["keyword"]), wishes["as_json"])
            return Exit.GOOD
        return conform(settings, wishes["keyword"], wishes["workers"], wishes["exitfirst"])
    except msgspec.ValidationError as error:
        return _refuse(f"{error}")
    except UsageError as error:
        return _refuse(str(error))


def conform(settings: Settings, keyword: str = "", workers: str = "", first: bool = False) -> int:
    """Run cases; returns the exit code of `chiscsi conform`.

    Args:
        settings: what to do. An empty `out` becomes a directory named for the moment.
        keyword: pytest's `-k`.
        workers: processes to spread the cases over, a number or "auto"; empty for none but this.
        first: whether to stop at the first case that does not end well.

    Raises:
        UsageError: a wish that cannot be.
    """
    _check(settings, workers)
    settings = msgspec.structs.replace(settings, out=settings.out or _fresh_directory(), live=_live())
    _check_target(settings)
    arguments = ["-k", keyword] if keyword else []
    arguments += ["-p", "xdist", "-n", workers, "--dist", "worksteal"] if workers else []
    arguments += ["-x"] if first else []
    grip = _run_pytest(settings, arguments)
    if grip.ledger is None or grip.ledger.code is None:
        return int(Exit.HARNESS)
    if grip.ledger.problem is not None:
        return _refuse(grip.ledger.problem.text, grip.ledger.problem.exit)
    print_summary(Console(highlight=False), grip.ledger)
    return int(grip.ledger.code)


def judge(settings: Settings, keyword: str = "") -> Mapping[str, CaseResult]:
    """Run cases without a word and without reports: for programs, such as tests of faulty targets.

    Args:
        settings: what to do; `out` and `live` do not count.
        keyword: pytest's `-k`.

    Returns:
        The results by case identifier, in the order in which the cases ended.

    Raises:
        UsageError: the settings choose something that does not exist, or the run could not be made.
    """
    _check(settings)
    return _finished(msgspec.structs.replace(settings, live="quiet", out=""), keyword).results


def chosen_cases(settings: Settings, keyword: str = "") -> Sequence[CaseCard]:
    """The cards of the cases that a run with these settings would run.

    Raises:
        UsageError: the settings choose something that does not exist.
    """
    _check(settings)
    gate = _finished(msgspec.structs.replace(settings, live="quiet"), keyword, "--collect-only").gate
    cards = {card.identifier: card for card in gate.cards.values()}
    return [cards[identifier] for identifier in gate.harvest.order]


class _Finished(NamedTuple):
    gate: Gate
    results: Mapping[str, CaseResult]


def _finished(settings: Settings, keyword: str, *arguments: str) -> _Finished:
    grip = _run_pytest(settings, [*arguments, *(["-k", keyword] if keyword else [])])
    if grip.ledger is None or grip.gate is None:
        raise UsageError("pytest gave up before it collected the cases")
    if grip.ledger.problem is not None:
        raise UsageError(grip.ledger.problem.text)
    return _Finished(grip.gate, grip.ledger.results)


def _run_pytest(settings: Settings, arguments: Sequence[str]) -> _Grip:
    # Whatever else is installed, and whatever the user's shell says, must not change what a run means.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", *SIGNS_OF_CI):
        os.environ.pop(name, None)
    suites = Path(settings.suites).resolve() if settings.suites else SUITES
    grip = _Grip()
    fixed = [
        "-p",
        "conformance.plugin",
        "-c",
        str(SUITES / "pytest.ini"),
        f"--rootdir={suites}",
        f"--confcutdir={suites}",
    ]
    pytest.main([*fixed, *_LEAN, *to_arguments(settings), *arguments, str(suites)], plugins=[grip])
    return grip


def _check(settings: Settings, workers: str = "") -> None:
    """Find a user's mistake before anything starts."""
    if workers and workers != "auto" and not (workers.isascii() and workers.isdigit()):
        raise UsageError(f"-n {workers}: expected a number of processes, or auto")
    try:
        if settings.url:
            parse_address(settings.url)
        if settings.profile:
            load_profile(find_profile(settings.profile))
        account_of(settings.user, settings.target_user)
    except (AccountError, AddressError, ProfileError) as error:
        raise UsageError(str(error)) from None
    if settings.suites and not Path(settings.suites).is_dir():
        raise UsageError(f"suites {settings.suites}: no such directory")
    _check_way(settings)
    if settings.changes:
        _check_changes(settings)
    if settings.out:
        _make(settings.out)


def _check_way(settings: Settings) -> None:
    """Check how the target is to be reached."""
    way = settings.transport
    if settings.foreign and way != "tcp":
        raise UsageError(f"the {way} transport reaches the embedded target only: leave out the address or --transport")
    if settings.link and way != "card":
        raise UsageError("--link is about packets on their way to the card: add --transport card")
    if settings.link:
        from initiator_sim.segments import Impairments

        try:
            Impairments.read(settings.link)
        except ValueError as error:
            raise UsageError(f"--link {settings.link}: {error}") from None


def _check_changes(settings: Settings) -> None:
    """Check what is to be otherwise in the embedded target."""
    if settings.foreign:
        raise UsageError(f"--{settings.changes[0]} changes the embedded target: leave out the address")
    if settings.segments and settings.transport != "memory":
        raise UsageError("--segments: only the memory transport cuts as it is told, so add --transport memory")
    try:
        named(settings.quirk)
        offload_named(settings.offload)
        if settings.driver:
            try_drivers(settings.driver)
    except ConfigurationError as error:
        raise UsageError(f"--{error}") from None
    except DriverProblem as error:
        raise UsageError(str(error)) from None


def _check_target(settings: Settings) -> None:
    if not settings.foreign:
        _check_factory(settings.factory)
        return
    try:
        knock(settings)
    except Unreachable as error:
        raise UsageError(str(error)) from None


def _check_factory(factory: str) -> None:
    module, _, function = factory.partition(":")
    if factory != DEFAULT_FACTORY:
        sys.path.insert(0, os.getcwd())  # somebody's own module lies where they stand; workers inherit the path
    try:
        found = hasattr(importlib.import_module(module), function)
    except (ImportError, ValueError) as error:
        raise UsageError(f"--embedded-factory {factory}: {error}") from None
    if not found:
        raise UsageError(f"--embedded-factory {factory}: module {module} has no {function!r}")


def _fresh_directory() -> str:
    """A directory for this run's reports under reports/out/, named for the moment."""
    base = Path("reports/out") / datetime.datetime.now().strftime("%Y%m%dT%H%M%S")
    for path in (base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 100))):
        if not path.exists():
            _make(str(path))
            return str(path)
    raise UsageError(f"{base}: a hundred runs in one second; choose a directory with --out")


def _make(directory: str) -> None:
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {directory}: {error.strerror}") from None


def _live() -> Show:
    return "bar" if sys.stdout.isatty() else "plain"


def _refuse(text: str, code: int = Exit.USAGE) -> int:
    sys.stderr.write(f"chiscsi conform: {text}\n")
    return int(code)
