"""Cases by decorator, and what their cards say. How wrong ones are refused: see test_conform.py."""

from __future__ import annotations

import json

from conformance.harness.casebook import CaseInfo, case, case_info
from tests.conformance.harness.running import Bench


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    def check() -> str:
        return "untouched"

    decorated = case("x-01", "7143-6.3-01", needs="discovery", disturbs=True)(check)
    assert decorated is check
    assert decorated() == "untouched"
    assert case_info(decorated) == CaseInfo("x-01", ("7143-6.3-01",), disturbs=True, needs=("discovery",))


def test_other_functions_are_no_cases() -> None:
    assert case_info(json.loads) is None
    assert case_info(None) is None


def test_level_and_destructiveness_follow_from_requirements_and_fixtures(bench: Bench) -> None:
    bench.write('''
@case("advice-01", "7143-4.2.6-03")
def test_advice(target):
    """Advice."""

@case("mixed-01", "7143-4.2.6-03", "7143-4.2.2.1-17")
def test_mixed(target):
    """Advice and demand."""

@case("lowered-01", "7143-4.2.2.1-17", level="MAY")
def test_lowered(target):
    """The author knows better."""

@case("writing-01", "7143-4.2.2.1-17")
def test_writing(scratch):
    """Asks for blocks."""

@case("marked-01", "7143-4.2.2.1-17", destructive=True)
def test_marked(target):
    """Says so."""
''')
    cards = {card.identifier: card for card in bench.cards()}
    levels = {identifier: card.level for identifier, card in cards.items()}
    assert levels["advice-01"] == "SHOULD"
    assert levels["mixed-01"] == "MUST"
    assert levels["lowered-01"] == "MAY"
    destructive = [identifier for identifier, card in cards.items() if card.destructive]
    assert destructive == ["writing-01", "marked-01"]
    assert cards["advice-01"].advisory
    assert not cards["mixed-01"].advisory


def test_a_file_beside_the_suites_is_a_suite_of_its_own(bench: Bench) -> None:
    bench.suites.mkdir()
    name = f"test_lonely_{bench.number}"
    source = 'from conformance.api import case\n\n@case("x-01", "7143-6.3-01")\ndef test_it():\n    """A rule."""\n'
    (bench.suites / f"{name}.py").write_text(source)
    (card,) = bench.cards()
    assert card.suite == name.removeprefix("test_")
