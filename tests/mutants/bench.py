"""Tries cases on many faulty targets in one pytest session, since collecting all cases for each costs the most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from conformance.harness.conform import SIGNS_OF_CI
from conformance.harness.results import PROPERTY, CaseResult, unpack
from conformance.harness.settings import Settings, to_arguments
from conformance.harness.station import STATION
from conformance.plugin import GATE, SUITES
from tests.mutants.planting import Mutant

Results = dict[str, CaseResult]
"""By case identifier."""
_LEAN = ("--capture=no", *(f"-pno:{name}" for name in ("cacheprovider", "doctest", "junitxml", "logging", "warnings")))


class _Bench:
    """Plugin that puts one mutant after the other in the target's place, and runs its cases."""

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        self.results: dict[str, Results] = {mutant.name: {} for mutant in mutants}
        self._mutants = {mutant.name: mutant for mutant in mutants}
        self._trying = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run cases; whoever else would run them comes too late."""
        for name, mutant in self._mutants.items():
            self._trying = name
            self._put_in_place(session.config, mutant)
            items = self._cases(session, mutant)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a result."""
        for result in (unpack(value) for name, value in report.user_properties if name == PROPERTY):  # type: ignore[arg-type]
            self.results[self._trying][result.card.identifier] = result

    def _put_in_place(self, config: pytest.Config, mutant: Mutant) -> None:
        station = config.stash[STATION]
        station.close()
        station.gone = ""
        station.settings = msgspec.structs.replace(station.settings, factory=mutant.factory)

    def _cases(self, session: pytest.Session, mutant: Mutant) -> list[pytest.Item]:
        cards = session.config.stash[GATE].cards
        wanted = set(mutant.cases)
        return [item for item in session.items if wanted & {cards[item.nodeid].identifier, cards[item.nodeid].family}]


def try_out(mutants: Iterable[Mutant], monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Results]:
    """Run the cases of each mutant on it, in memory; returns the results by mutant."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for variable in ("PYTEST_ADDOPTS", *SIGNS_OF_CI):
        monkeypatch.delenv(variable, raising=False)
    bench = _Bench(list(mutants))
    fixed = ["-p", "conformance.plugin", "-c", f"{SUITES}/pytest.ini", f"--rootdir={SUITES}", f"--confcutdir={SUITES}"]
    pytest.main(
        [*fixed, *_LEAN, *to_arguments(Settings(transport="memory", live="quiet")), str(SUITES)], plugins=[bench]
    )
    return bench.results
