from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.junit import junit_xml, write_junit
from reports.model import Case, Run, Verdict
from tests.reports.sample_run import STARTED, sample_run

RUN = sample_run(72)
ROOT = ElementTree.fromstring(junit_xml(RUN))

# Jenkins's xUnit plug-in is the strictest reader: its junit-10.xsd, as attributes required, attributes allowed and
# children allowed. pytest's own reports and ours add properties to a testcase, which Jenkins's JUnit plug-in reads.
SCHEMA = {
    "testsuites": ({"name"}, {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, {"name", "value"}, set()),
    "testcase": (
        {"name", "classname", "time"},
        {"name", "classname", "time"},
        {"properties", "failure", "error", "skipped", "system-out"},
    ),
    "failure": ({"type", "message"}, {"type", "message"}, set()),
    "error": ({"type", "message"}, {"type", "message"}, set()),
    "skipped": ({"type", "message"}, {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def _testcase(case: Case) -> ElementTree.Element:
    run = Run("0.1.0", "target", "memory", STARTED, cases=[case])
    found = ElementTree.fromstring(junit_xml(run)).find("testsuite/testcase")
    assert found is not None
    return found


def _properties(element: ElementTree.Element) -> list[tuple[str | None, str | None]]:
    return [(entry.get("name"), entry.get("value")) for entry in element.findall("properties/property")]


def test_every_element_keeps_to_what_the_strictest_reader_takes() -> None:
    for element in ROOT.iter():
        required, allowed, children = SCHEMA[element.tag]
        assert required <= set(element.attrib) <= allowed, element.attrib
        assert {child.tag for child in element} <= children


def test_the_totals_agree_with_the_cases() -> None:
    for group in (ROOT, *ROOT.findall("testsuite")):
        assert int(group.get("tests", "")) == len(list(group.iter("testcase")))
        assert int(group.get("failures", "")) == len(list(group.iter("failure")))
        assert int(group.get("errors", "")) == len(list(group.iter("error")))
    assert len(list(ROOT.iter("testcase"))) == len(RUN.cases)
    skipped = [int(suite.get("skipped", "")) for suite in ROOT.findall("testsuite")]
    assert sum(skipped) == len(list(ROOT.iter("skipped"))) > 0


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("pass", []),
        ("non-strict", []),
        ("fail", ["failure"]),
        ("unsupported", ["skipped"]),
        ("known-deviation", ["skipped"]),
        ("inconclusive", ["error"]),
        ("harness-error", ["error"]),
    ],
)
def test_each_verdict_has_its_outcome_and_is_named(verdict: Verdict, outcome: list[str]) -> None:
    element = _testcase(Case("a", "A", "s", verdict, observed="what came"))
    outcomes = [child for child in element if child.tag in ("failure", "error", "skipped")]
    assert [child.tag for child in outcomes] == outcome
    assert [(child.get("type"), child.get("message")) for child in outcomes] == [(verdict, "what came")] * len(outcome)
    assert ("verdict", verdict) in _properties(element)


def test_a_known_deviation_gives_its_reason() -> None:
    element = _testcase(Case("a", "A", "s", "known-deviation", observed="0x0201", deviation="bug: wrong status"))
    skipped = element.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "bug: wrong status"


def test_properties_come_first_and_name_the_requirements() -> None:
    element = next(iter(ROOT.iter("testcase")))
    assert [child.tag for child in element] == ["properties", "system-out"]
    named = [value for name, value in _properties(element) if name == "requirement"]
    assert named == RUN.cases[0].requirements


def test_the_output_holds_the_ladder_and_the_command_that_repeats_the_case() -> None:
    output = ROOT.findtext("testsuite/testcase/system-out") or ""
    assert "|-- Login Request  CSG=0 NSG=1 T=1 ---" in output
    assert f"repeat: {RUN.cases[0].repeat_command}" in output


def test_a_suite_carries_its_first_case_s_time_and_the_run_s_facts() -> None:
    suite = ROOT.find("testsuite")
    assert suite is not None
    assert suite.get("timestamp") == "2026-03-14T09:26:53"
    assert re.fullmatch(r"\d+\.\d{3}", suite.get("time", ""))
    assert ("target", RUN.target) in _properties(suite)


@given(st.text(st.characters(), max_size=60))
def test_any_text_of_a_device_leaves_well_formed_xml(text: str) -> None:
    element = _testcase(Case("a", text, text, "fail", observed=text, requirements=[text], repeat_command=text))
    assert element.tag == "testcase"


def test_a_run_without_cases_is_a_valid_empty_document(tmp_path: Path) -> None:
    write_junit(tmp_path / "junit.xml", Run("0.1.0", "target", "memory", STARTED))
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (root.tag, len(root), root.get("tests")) == ("testsuites", 0, "0")
