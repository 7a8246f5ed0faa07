"""Allure result files: one result a case, with the whole exchange attached.

`allure serve DIRECTORY` draws them. Labels: the suite, the severity by the strictest level of the case's requirements,
each requirement as a tag, the worker as the thread. Each event is a step; the text ladder with every PDU decoded is an
attachment.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

import msgspec
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Parameter, Status, StatusDetails, TestResult, TestStepResult
from allure_commons.types import AttachmentType, LabelType, Severity

from reports.model import Case, Event, Requirement, Run, Verdict
from reports.text import case_text, decoded, printable, step

__all__ = ["write_allure"]

_STATUS: dict[Verdict, str] = {
    "pass": Status.PASSED,
    "non-strict": Status.PASSED,
    "fail": Status.FAILED,
    "unsupported": Status.SKIPPED,
    "known-deviation": Status.SKIPPED,
    "inconclusive": Status.BROKEN,
    "harness-error": Status.BROKEN,
}
_CATEGORIES = [
    {"name": "Requirement broken", "matchedStatuses": ["failed"]},
    {"name": "Inconclusive", "matchedStatuses": ["broken"], "messageRegex": "(?s)inconclusive.*"},
    {"name": "Harness error", "matchedStatuses": ["broken"], "messageRegex": "(?s)harness-error.*"},
    {"name": "Known deviation", "matchedStatuses": ["skipped"], "messageRegex": "(?s)known-deviation.*"},
    {"name": "Unsupported", "matchedStatuses": ["skipped"], "messageRegex": "(?s)unsupported.*"},
]
# The strictest requirement of a case decides, so the first row that applies.
_SEVERITIES = (
    ({"MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED"}, Severity.CRITICAL),
    ({"SHOULD", "SHOULD NOT", "RECOMMENDED"}, Severity.MINOR),
    ({"MAY", "OPTIONAL"}, Severity.TRIVIAL),
)


def write_allure(directory: Path, run: Run) -> None:
    """Write the run's result files into a directory, which is created; results of an earlier run there are removed.

    Raises:
        OSError: a file cannot be written.
    """
    logger: Any = AllureFileLogger(str(directory), clean=True)  # type: ignore[no-untyped-call]
    catalogue = {entry.id: entry for entry in run.requirements}
    for case in run.cases:
        _write_case(logger, run, case, catalogue)
    facts = {"target": run.target, "transport": run.transport, "chiscsi": run.tool_version, **run.environment}
    lines = [f"{_property(name)}={_property(value)}\n" for name, value in facts.items()]
    (directory / "environment.properties").write_text("".join(lines), encoding="ascii")
    (directory / "categories.json").write_bytes(msgspec.json.encode(_CATEGORIES))


def _write_case(logger: Any, run: Run, case: Case, catalogue: dict[str, Requirement]) -> None:
    start = round((run.started.timestamp() + case.started) * 1000)
    result = TestResult(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.target} {run.started.isoformat()} {case.id}")),
        historyId=_key(run.target, run.transport, case.id),
        testCaseId=_key(case.id),
        fullName=case.id,
        name=printable(case.title),
        status=_STATUS[case.verdict],
        statusDetails=_details(case),
        stage="finished",
        description=printable(_description(case, catalogue)),
        start=start,
        stop=start + round(case.duration * 1000),
        labels=_labels(case, catalogue),
        parameters=[Parameter(name="transport", value=run.transport)],
        steps=[_step(event, start) for event in case.events],
    )
    result.attachments = [_attach(logger, f"{result.uuid}-exchange", _evidence(case, catalogue))]
    logger.report_result(result)


def _key(*parts: str) -> str:
    """What Allure follows a case's history by."""
    return hashlib.md5("\0".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _details(case: Case) -> StatusDetails | None:
    if case.verdict == "pass":
        return None
    lines = [f"{case.verdict}: {case.deviation or case.observed}", f"expected: {case.expected}"]
    return StatusDetails(
        message=printable("\n".join(lines)),
        trace=printable(case.traceback) or None,
        known=case.verdict == "known-deviation",
    )


def _description(case: Case, catalogue: dict[str, Requirement]) -> str:
    lines = [case.rule, case.clause]
    for identifier in case.requirements:
        entry = catalogue.get(identifier)
        lines.append(f"{identifier} ({entry.level}): {entry.text}" if entry else identifier)
    return "\n\n".join([*filter(None, lines), f"Repeat: {case.repeat_command}"])


def _labels(case: Case, catalogue: dict[str, Requirement]) -> list[Label]:
    labels = [
        Label(LabelType.SUITE, case.suite),
        Label(LabelType.SEVERITY, _severity(case, catalogue)),
        Label(LabelType.FRAMEWORK, "chiscsi"),
        Label(LabelType.TAG, case.verdict),
        *(Label(LabelType.TAG, identifier) for identifier in case.requirements),
    ]
    if case.worker:
        labels.append(Label(LabelType.THREAD, case.worker))
    return labels


def _severity(case: Case, catalogue: dict[str, Requirement]) -> str:
    levels = {catalogue[name].level for name in case.requirements if name in catalogue}
    for names, severity in _SEVERITIES:
        if levels & names:
            return str(severity.value)
    return str(Severity.NORMAL.value)


def _step(event: Event, start: int) -> TestStepResult:
    moment = start + round(event.time * 1000)
    status = Status.FAILED if event.marked else Status.PASSED
    return TestStepResult(name=step(event), status=status, start=moment, stop=moment, stage="finished")


def _evidence(case: Case, catalogue: dict[str, Requirement]) -> str:
    """The case as text, with every PDU decoded and not only the offending one."""
    others = [decoded(event) for event in case.events if event.kind == "pdu" and not event.marked]
    return "\n\n".join([case_text(case, catalogue), *others]) + "\n"


def _attach(logger: Any, name: str, text: str) -> Attachment:
    kind = AttachmentType.TEXT
    source = f"{name}-attachment.{kind.extension}"
    logger.report_attached_data(text, source)
    return Attachment(name="exchange", source=source, type=kind.mime_type)


def _property(text: str) -> str:
    """Text for a Java properties file: one line of ASCII, in which separators and everything else are escaped."""
    return "".join(_property_letter(letter) for letter in text)


def _property_letter(letter: str) -> str:
    if letter in "\\=: #!":
        return f"\\{letter}"
    if " " < letter <= "~":
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
