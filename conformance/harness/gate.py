"""Collection: every function is checked, carded, and chosen or left out, before anything runs.

Runs in each process that collects (the only one, or every worker of pytest-xdist); all of them come to the same result.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.harness.cards import CaseCard, CaseProblem, duplicates, make_card
from conformance.harness.profiles import NO_PROFILE, Profile, ProfileError, find_profile, load_profile
from conformance.harness.selection import SelectionError, concerns, select
from conformance.harness.settings import Settings
from conformance.harness.verdicts import Exit
from conformance.requirements import Catalogue, CatalogueError, load_catalogue
from conformance.suites import ORDER

_RANKS = {suite: rank for rank, suite in enumerate(ORDER)}


class Problem(msgspec.Struct, frozen=True):
    """Why nothing can run: the exit code that it leads to, and one line for the user."""

    exit: int
    text: str


class Harvest(msgspec.Struct, kw_only=True):
    """What collection came to, as a worker tells it to the controller.

    order: identifiers of the chosen cases in the order of the suites. spared: cases left out because they
    would write to somebody's disk. complete: whether every case that concerns the target was chosen.
    problem: why nothing runs.
    """

    order: list[str] = []
    spared: int = 0
    complete: bool = False
    problem: Problem | None = None


class Gate:
    """Plugin that lets the chosen cases through.

    root: folder under which the suites lie. cards: by node id, of every case that was collected. profile: the target's
    known deviations. harvest: the outcome.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root
        self.cards: dict[str, CaseCard] = {}
        self.profile: Profile = NO_PROFILE
        self.harvest = Harvest()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Check and choose; on a user's or author's mistake nothing is left to run."""
        try:
            self._let_through(config, items)
        except SelectionError as error:
            self._refuse(items, Exit.USAGE, str(error))
        except ProfileError as error:
            self._refuse(items, Exit.USAGE, str(error))
        except (CaseProblem, CatalogueError) as error:
            self._refuse(items, Exit.HARNESS, str(error))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is left when others (`-k`, `-m`) have chosen too."""
        cards = [self.cards[item.nodeid] for item in session.items if item.nodeid in self.cards]
        self.harvest.order = [card.identifier for card in cards]
        self.harvest.complete = len(cards) == sum(concerns(card, self.settings) for card in self.cards.values())

    def _let_through(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        catalogue = load_catalogue()
        self.cards = self._deal_cards(items, catalogue)
        cards = list(self.cards.values())
        items.sort(key=self._rank)
        if self.settings.profile:
            self.profile = load_profile(find_profile(self.settings.profile))
            unknown = self.profile.unknown_cases([card.identifier for card in cards])
            if unknown:
                raise ProfileError(f"target profile {self.profile.source}: no case is called {unknown[0]!r}")
        selection = select(cards, self.settings, catalogue)
        self.harvest.spared = selection.spared
        left_out = {place for place, card in self.cards.items() if card.identifier not in selection.chosen}
        if left_out:
            config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
            items[:] = [item for item in items if item.nodeid not in left_out]

    def _deal_cards(self, items: list[pytest.Item], catalogue: Catalogue) -> dict[str, CaseCard]:
        """Cards of what lies among the suites; anything else that pytest collected is none of our business."""
        cards: dict[str, CaseCard] = {}
        for item in items:
            if item.path.is_relative_to(self.root):
                card = cards[item.nodeid] = make_card(item, self.root, catalogue)
                item.extra_keyword_matches.add(card.identifier)
        for identifier in duplicates(cards.values()):
            places = " and ".join(place for place, card in cards.items() if card.identifier == identifier)
            raise CaseProblem(f"case identifier {identifier} is given twice: {places}")
        return cards

    def _rank(self, item: pytest.Item) -> int:
        card = self.cards.get(item.nodeid)
        return _RANKS.get(card.suite, len(_RANKS)) if card is not None else -1

    def _refuse(self, items: list[pytest.Item], code: Exit, text: str) -> None:
        self.harvest.problem = Problem(int(code), text)
        items.clear()
