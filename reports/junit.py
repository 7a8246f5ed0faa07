"""JUnit XML: what continuous-integration systems read.

There is no standard, so the file keeps to what all common readers take (Jenkins, GitLab, GitHub's actions, Azure):
testsuites > testsuite > testcase, in a case first its properties, then at most one outcome, then the output.

How verdicts map: fail is a failure; harness-error and inconclusive are errors, because nothing is known about the
target; unsupported and known-deviation are skipped, each with its reason; pass and non-strict have passed. The exact
verdict stands in the property "verdict".
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from reports.model import Case, Requirement, Run, Verdict
from reports.text import case_text, printable

__all__ = ["junit_xml", "write_junit"]

_OUTCOMES: dict[Verdict, str] = {
    "fail": "failure",
    "harness-error": "error",
    "inconclusive": "error",
    "unsupported": "skipped",
    "known-deviation": "skipped",
}


def write_junit(path: Path, run: Run) -> None:
    """Write the run as JUnit XML.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_bytes(junit_xml(run))


def junit_xml(run: Run) -> bytes:
    """The run as one JUnit XML document, UTF-8 with declaration. Cases without an XML form do not exist: characters
    that XML cannot hold are escaped.
    """
    catalogue = {entry.id: entry for entry in run.requirements}
    root = _element("testsuites", name=f"chiscsi {run.target}", **_totals(run.cases), time=f"{run.duration:.3f}")
    suites: dict[str, list[Case]] = {}
    for case in run.cases:
        suites.setdefault(case.suite, []).append(case)
    for name, cases in suites.items():
        root.append(_suite(run, name, cases, catalogue))
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(run: Run, name: str, cases: list[Case], catalogue: dict[str, Requirement]) -> ElementTree.Element:
    begun = run.started + datetime.timedelta(seconds=min(case.started for case in cases))
    suite = _element(
        "testsuite",
        name=name,
        **_totals(cases),
        skipped=_count(cases, "skipped"),
        time=f"{sum(case.duration for case in cases):.3f}",
        timestamp=begun.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    about = {"target": run.target, "transport": run.transport, "chiscsi": run.tool_version, **run.environment}
    suite.append(_properties(about.items()))
    suite.extend(_case(case, catalogue) for case in cases)
    return suite


def _case(case: Case, catalogue: dict[str, Requirement]) -> ElementTree.Element:
    element = _element("testcase", classname=case.suite, name=f"{case.id}: {case.title}", time=f"{case.duration:.6f}")
    facts = [("id", case.id), ("verdict", case.verdict), ("clause", case.clause), ("worker", case.worker)]
    facts += [("requirement", identifier) for identifier in case.requirements]
    facts.append(("repeat", case.repeat_command))
    element.append(_properties(facts))
    text = printable(case_text(case, catalogue))
    outcome = _OUTCOMES.get(case.verdict)
    if outcome:
        reason = case.deviation or case.observed or case.verdict
        child = _element(outcome, type=case.verdict, message=reason)
        child.text = text if outcome != "skipped" else None
        element.append(child)
    output = ElementTree.SubElement(element, "system-out")
    output.text = text
    return element


def _totals(cases: list[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": _count(cases, "failure"),
        "errors": _count(cases, "error"),
    }


def _count(cases: list[Case], outcome: str) -> str:
    return str(sum(_OUTCOMES.get(case.verdict) == outcome for case in cases))


def _properties(pairs: Iterable[tuple[str, str]]) -> ElementTree.Element:
    element = ElementTree.Element("properties")
    element.extend(_element("property", name=name, value=value) for name, value in pairs if value)
    return element


def _element(tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.Element(tag, {name: printable(value) for name, value in attributes.items()})
