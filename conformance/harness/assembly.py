"""From the controller's results to the records that reports are made from."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import shlex
from collections.abc import Sequence

import msgspec

from conformance.harness.decoding import decode_events
from conformance.harness.evidence import FINDING
from conformance.harness.results import CaseResult
from conformance.harness.settings import Settings
from conformance.harness.verdicts import clause_of
from conformance.requirements import Catalogue, load_catalogue
from reports.model import Case, Finding, Requirement, Run

PROGRAM = "chiscsi conform"


def make_run(
    results: Sequence[CaseResult],
    settings: Settings,
    *,
    started: float,
    duration: float,
    environment: dict[str, str],
) -> Run:
    """The record of a run.

    Args:
        results: of all cases, in the order to show them in.
        settings: what the run was asked to do.
        started: wall clock in seconds since the epoch.
        duration: wall clock in seconds.
        environment: names and values worth knowing later, beside the ones known here.
    """
    catalogue = load_catalogue()
    named = dict.fromkeys(identifier for result in results for identifier in result.card.requirements)
    known = {"python": platform.python_version(), "platform": platform.platform()}
    if settings.profile:
        known["target profile"] = settings.profile
    return Run(
        tool_version=importlib.metadata.version("chiscsi"),
        target=settings.url or _embedded(settings),
        transport=settings.way,
        started=datetime.datetime.fromtimestamp(started).astimezone(),
        duration=duration,
        environment=known | environment,
        cases=[make_case(result, settings, catalogue, started) for result in results],
        requirements=[_requirement(catalogue, identifier) for identifier in named],
        repeat_command=command(settings),
    )


def _embedded(settings: Settings) -> str:
    return f"embedded target with {', '.join(settings.driver)}" if settings.driver else "embedded target"


def make_case(result: CaseResult, settings: Settings, catalogue: Catalogue, run_started: float) -> Case:
    """The record of one case, its evidence decoded."""
    card = result.card
    return Case(
        id=card.identifier,
        title=card.title,
        suite=card.suite,
        verdict=result.verdict,
        rule=card.rule,
        requirements=list(card.requirements),
        expected=result.expected,
        observed=result.observed,
        clause=result.clause or clause_of(card, catalogue),
        started=max(result.started - run_started, 0.0),
        duration=result.duration,
        findings=findings_of(result),
        events=decode_events(result.events, result.field, result.observed),
        repeat_command=repeat_command(result, settings),
        deviation=result.deviation,
        worker=result.worker,
        traceback=result.traceback,
    )


def repeat_command(result: CaseResult, settings: Settings) -> str:
    """The shell command that runs this case alone against the same target."""
    return command(msgspec.structs.replace(settings, suite=[], level=[], requirement=[], case=[result.card.identifier]))


def command(settings: Settings) -> str:
    """The shell command that makes a run with these settings; where the reports go is not part of it."""
    words = PROGRAM.split()
    words += [settings.url] if settings.url else []
    for name in ("driver", "quirk", "suite", "case", "requirement", "level"):
        for value in getattr(settings, name):
            words += [f"--{name}", value]
    plain = Settings()
    for name in (
        "transport",
        "link",
        "offload",
        "segments",
        "profile",
        "initiator_name",
        "user",
        "target_user",
        "patience",
        "time_limit",
        "reconnect",
        "revive",
        "factory",
        "suites",
    ):
        value = getattr(settings, name)
        if value != getattr(plain, name):
            words += [
                _OPTIONS.get(name, f"--{name.replace('_', '-')}"),
                f"{value:g}" if isinstance(value, float) else str(value),
            ]
    words += ["--allow-data-loss"] if settings.allow_data_loss else []
    return shlex.join(words)


def findings_of(result: CaseResult) -> list[Finding]:
    """What the target found of its storage driver while a case ran: each kind once, with the first of them."""
    found: dict[str, Finding] = {}
    for event in result.events:
        if event.kind == "log" and event.words[0].startswith(FINDING):
            kind = event.words[0].removeprefix(FINDING)
            found.setdefault(kind, Finding(kind, event.words[1], 0)).count += 1
    return list(found.values())


_OPTIONS = {"factory": "--embedded-factory"}


def _requirement(catalogue: Catalogue, identifier: str) -> Requirement:
    entry = catalogue[identifier]
    return Requirement(entry.id, entry.section, entry.level, entry.text)
