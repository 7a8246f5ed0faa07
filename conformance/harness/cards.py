"""The card of a collected case: what lists, selections and reports say about it, without the function itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from conformance.harness.casebook import IDENTIFIER, CaseInfo, case_info
from conformance.harness.needs import NEEDS
from conformance.harness.titles import rule, title
from conformance.requirements import Catalogue

if TYPE_CHECKING:
    import pytest

# A case that gets a region to write to writes to it, whatever its author remembered to say.
_WRITING_FIXTURES = frozenset({"scratch"})


class CaseCard(msgspec.Struct, frozen=True, kw_only=True):
    """One case, or one variant of a parametrised case.

    identifier: the case's, with "." and the parameter id for a variant. suite: the folder it lies in. level: how
    binding its rule is. The rest as in :class:`conformance.harness.casebook.CaseInfo`.
    """

    identifier: str
    suite: str
    title: str
    rule: str
    requirements: tuple[str, ...]
    level: str
    destructive: bool
    disturbs: bool
    needs: tuple[str, ...]
    time_limit: float | None
    source: str = ""

    @property
    def family(self) -> str:
        """The case's identifier without the variant's suffix."""
        return self.identifier.partition(".")[0]

    @property
    def advisory(self) -> bool:
        """Whether breaking the rule is allowed, though not advised."""
        return self.level in ("SHOULD", "SHOULD NOT", "MAY")


class CaseProblem(Exception):
    """A case's author made a mistake; the message names the case and the mistake."""


def make_card(item: pytest.Item, root: Path, catalogue: Catalogue) -> CaseCard:
    """The card of a collected item.

    Args:
        item: a test function of the suites.
        root: folder under which the suites lie.
        catalogue: where its requirements have to stand.

    Raises:
        CaseProblem: the function is no case, or says something about itself that is not true.
    """
    function = getattr(item, "function", None)
    info = case_info(function)
    if info is None:
        raise CaseProblem(f"{item.nodeid} is no case: decorate it with @case(...)")
    _check(item.nodeid, info, getattr(function, "__doc__", None), catalogue)
    variant = getattr(getattr(item, "callspec", None), "id", "")
    return CaseCard(
        identifier=f"{info.identifier}.{variant}" if variant else info.identifier,
        suite=_suite(item.path, root),
        title=title(getattr(function, "__name__", item.name)) + (f" ({variant})" if variant else ""),
        rule=rule(getattr(function, "__doc__", None)),
        requirements=info.requirements,
        level=info.level or catalogue.strictest_level(info.requirements),
        destructive=info.destructive or not _WRITING_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())),
        disturbs=info.disturbs,
        needs=info.needs,
        time_limit=info.time_limit,
        source=info.source,
    )


def duplicates(cards: Iterable[CaseCard]) -> list[str]:
    """Identifiers that more than one case has."""
    return [identifier for identifier, number in Counter(card.identifier for card in cards).items() if number > 1]


def _check(where: str, info: CaseInfo, docstring: str | None, catalogue: Catalogue) -> None:
    if not IDENTIFIER.match(info.identifier):
        raise CaseProblem(f'{where}: {info.identifier!r} is no case identifier, "cmdsn-window-01" would be')
    where = f"{info.identifier} ({where})"
    if not (docstring or "").strip():
        raise CaseProblem(f"{where}: the docstring has to state the rule")
    if not info.requirements and not info.source:
        raise CaseProblem(f"{where}: names no requirement")
    for identifier in info.requirements:
        if identifier not in catalogue:
            raise CaseProblem(f"{where}: the catalogue has no requirement {identifier!r}")
        if not catalogue[identifier].seen_by_initiator:
            raise CaseProblem(f"{where}: {identifier} is nothing that an initiator can see of a target")
    for need in info.needs:
        if need not in NEEDS:
            raise CaseProblem(f"{where}: nobody knows how to find out about need {need!r}")


def _suite(path: Path, root: Path) -> str:
    """The folder's name; a file beside the folders is a suite of its own."""
    relative = path.relative_to(root)
    return relative.parts[0] if len(relative.parts) > 1 else path.stem.removeprefix("test_")
