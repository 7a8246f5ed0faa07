"""How rules of SCSI standards are cited: by clause number and title, everywhere alike."""

from __future__ import annotations

import os
import re
from collections import defaultdict

import pytest

from conformance.harness.conform import chosen_cases
from conformance.harness.profiles import PROFILES, load_profile
from conformance.harness.settings import Settings
from tests.mutants import table
from tests.mutants.planting import MUTANTS

_NUMBER = r"\d+(?:\.\d+)*"
_CITED = re.compile(
    rf"(?P<document>S[BP]C-\d|SAM-\d)(?: (?P<numbers>{_NUMBER}(?:(?:, | and | to ){_NUMBER})*))?, (?P<title>\S.*)"
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting the cases leaves its mark on the environment."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def _sources() -> set[str]:
    """Where the rules of the suite's cases stand."""
    return {card.source for card in chosen_cases(Settings(transport="memory")) if card.suite == "scsi"}


def _clauses() -> set[str]:
    """The same of mutants, and of deviations of known targets; those of the RFC are left out."""
    table.load()
    mutants = {mutant.clause for mutant in MUTANTS.values() if mutant.module.startswith("scsi_")}
    profiles = [load_profile(path) for path in PROFILES.glob("*.toml")]
    known = {entry.clause for profile in profiles for entries in profile.deviations.values() for entry in entries}
    return mutants | {clause for clause in known if re.match(r"S[BP]C|SAM", clause)}


def test_every_case_cites_a_document_and_a_title() -> None:
    sources = _sources()
    assert len(sources) > 40
    assert not [source for source in sources if not _CITED.fullmatch(source)]


def test_one_title_has_one_number() -> None:
    numbers: defaultdict[tuple[str, str], set[str | None]] = defaultdict(set)
    for clause in _sources() | _clauses():
        cited = _CITED.fullmatch(clause)
        assert cited is not None, clause
        numbers[cited["document"], cited["title"]].add(cited["numbers"])
    assert not {title: found for title, found in numbers.items() if len(found) > 1}


@pytest.mark.parametrize("clause", ["SBC-3 READ (10) command", "READ (10) command", "SBC-3 5.11 READ (10) command"])
def test_a_number_stands_between_document_and_title(clause: str) -> None:
    assert not _CITED.fullmatch(clause)
