from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.html import SIGNS, render_html
from reports.model import VERDICTS, Case, Event, Field, Finding, Requirement, Run, Verdict
from tests.reports.sample_run import HOSTILE, STARTED, sample_run

NASTY = [HOSTILE, "-->", "]]>", "'\"><svg onload=x>", "\ud800", "\0", "{% raw %}"]
PAGE = render_html(sample_run())


class _Outline(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.raw:
            self.raw[self.cdata_elem][-1] += data


def _page(*cases: Case, **about: str) -> str:
    return render_html(Run("0.1.0", about.get("target", "target"), "memory", STARTED, cases=list(cases)))


def _headline(*verdicts: Verdict) -> str:
    cases = [Case(str(number), "A", "s", verdict) for number, verdict in enumerate(verdicts)]
    found = re.search(r"<h1 class=\"(\w+)\">(.*?)</h1>", _page(*cases))
    assert found is not None
    return f"{found[1]}: {found[2]}"


def test_the_page_refers_to_nothing_outside_itself() -> None:
    for tag, attributes in _Outline(PAGE).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base"), attributes
        assert "src" not in attributes
        assert tag != "a" or (attributes.get("href") or "").startswith("#")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", PAGE)


def test_the_policy_allows_this_page_s_script_and_style_and_no_other() -> None:
    outline = _Outline(PAGE)
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in outline.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    scripts = [text for text in outline.raw["script"] if not re.fullmatch(r"[A-Za-z0-9+/=]*", text)]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == " ".join(f"'sha256-{value}'" for value in hashes)
    assert rules["style-src"].startswith("'sha256-")
    assert "unsafe" not in policy


def test_the_page_has_no_inline_handler_and_no_inline_style() -> None:
    for _, attributes in _Outline(PAGE).elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_every_case_is_listed_without_a_script_too() -> None:
    rows = re.findall(r'<li class="case" data-n="(\d+)">', PAGE)
    assert sorted(map(int, rows)) == list(range(len(sample_run().cases)))
    assert PAGE.count('class="fold"') == len({case.suite for case in sample_run().cases})


def test_the_headline_says_what_matters_most() -> None:
    assert _headline() == "broken: Nothing ran"
    assert _headline("pass", "pass") == "kept: All 2 cases kept the rules"
    assert _headline("pass", "unsupported", "known-deviation") == "kept: No case failed"
    assert _headline("pass", "inconclusive", "harness-error") == "broken: 2 of 3 cases without a verdict"
    assert _headline("pass", "fail", "harness-error") == "broken: 1 of 3 cases failed"


def test_what_broke_stands_first_and_broken_rules_before_the_rest() -> None:
    cases = [Case("e", "E", "s", "harness-error"), Case("p", "P", "s", "pass"), Case("f", "F", "s", "fail")]
    assert re.findall(r'href="#case=(\w)"', _page(*cases)) == ["f", "e"]
    assert "broken-title" not in _page(cases[1])


def test_every_verdict_has_a_sign_of_its_own() -> None:
    assert set(SIGNS) == set(VERDICTS)
    assert len(set(SIGNS.values())) == len(VERDICTS)


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=40) | st.sampled_from(NASTY))
def test_no_text_of_a_run_becomes_markup(text: str) -> None:
    def build(said: str) -> Run:
        fields = [Field(said, said, said, section=said)]
        event = Event(0, 0.0, "pdu", "target", said, said, said, said, fields, "00", 0, said, True, said)
        finding = Finding(said, said)
        case = Case(
            "a", said, said, "fail", said, [said], said, said, said, 0, 0, [event], said, said, [finding], said, said
        )
        return Run(said, said, said, STARTED, 0, {said: said}, [case], [Requirement(said, said, said, said)], said)

    plain, odd = _Outline(render_html(build("x"))), _Outline(render_html(build(text)))
    assert [tag for tag, _ in odd.elements] == [tag for tag, _ in plain.elements]
    for (_, expected), (_, found) in zip(plain.elements, odd.elements, strict=True):
        assert set(expected) == set(found)
    assert odd.raw["style"] == plain.raw["style"]
    assert odd.raw["script"][0] == plain.raw["script"][0]
    assert odd.raw["script"][-1] == plain.raw["script"][-1]


@pytest.mark.slow
def test_two_thousand_cases_make_a_page_of_a_few_megabytes() -> None:
    page = render_html(sample_run(2000, bursts=6))
    assert page.count('<li class="case"') == 2000
    assert len(page) < 5_000_000
