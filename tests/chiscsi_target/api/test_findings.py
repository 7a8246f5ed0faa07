"""Every kind of finding is explained, by the rule that it comes from."""

from __future__ import annotations

from chiscsi_target.api.findings import COSTLY, MEANINGS, FindingKind, reference_page
from tests.tree import ROOT


def test_every_kind_has_a_meaning_and_a_source() -> None:
    assert set(MEANINGS) == set(FindingKind)
    for meaning, source in MEANINGS.values():
        assert meaning and "\n" not in meaning
        assert source.startswith(("guide", "behaviour file"))
    assert set(FindingKind) > COSTLY


def test_kinds_are_words() -> None:
    assert all(kind.value == kind.name.lower().replace("_", "-") for kind in FindingKind)


def test_the_page_is_drawn_from_the_table() -> None:
    page = ROOT / "docs/reference/findings.md"
    assert page.read_text(encoding="utf-8") == reference_page(), "run python -m chiscsi_target.api.findings"
