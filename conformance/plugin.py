"""pytest plugin that runs the conformance suites: `pytest -p conformance.plugin DIRECTORY --iscsi-url=...`.

`chiscsi conform` is this plugin with a command line of its own. Only the hooks are here; each hands over to a plugin
object of `conformance.harness`: Gate (which cases), Runner (run them), Station (against what), Ledger (what became of
them). With pytest-xdist the workers collect and run, and the controller keeps the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.harness import fixtures
from conformance.harness.gate import Gate
from conformance.harness.ledger import OUTPUT_KEY, Ledger
from conformance.harness.live import make_live
from conformance.harness.place import place_of
from conformance.harness.runner import Runner
from conformance.harness.settings import Settings, add_options, from_config
from conformance.harness.station import STATION, Station

LEDGER = pytest.StashKey[Ledger]()
GATE = pytest.StashKey[Gate]()
SUITES = Path(__file__).resolve().parent / "suites"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options, one for each field of :class:`conformance.harness.settings.Settings`."""
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the parts together that this process needs."""
    settings = from_config(config)
    controls = not hasattr(config, "workerinput")
    executes = not controls or config.getoption("dist", "no") == "no"
    config.pluginmanager.register(fixtures, "conformance-fixtures")
    if controls:
        _keep_ledger(config, settings)
    if executes:
        _run_cases(config, settings)


def _keep_ledger(config: pytest.Config, settings: Settings) -> None:
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if settings.live != "pytest" and terminal is not None:
        config.pluginmanager.unregister(terminal)
    ledger = config.stash[LEDGER] = Ledger(settings, make_live(settings.live))
    config.pluginmanager.register(ledger, "conformance-ledger")


def _run_cases(config: pytest.Config, settings: Settings) -> None:
    gate = config.stash[GATE] = Gate(settings, Path(settings.suites).resolve() if settings.suites else SUITES)
    station = config.stash[STATION] = Station(settings, place_of(config))
    config.pluginmanager.register(gate, "conformance-gate")
    config.pluginmanager.register(Runner(settings, gate, station), "conformance-runner")
    config.pluginmanager.register(_Handover(gate, station), "conformance-handover")


class _Handover:
    """Gives what a process found to whoever reports it, and gives up the target at the end."""

    def __init__(self, gate: Gate, station: Station) -> None:
        self._gate = gate
        self._station = station

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the station what the profile tolerates, and a ledger in the same process what is going to run."""
        self._station.tolerated = self._gate.profile.tolerated
        ledger = session.config.stash.get(LEDGER, None)
        if ledger is not None:
            ledger.take_harvest(self._gate.harvest)
            ledger.begin(len(session.items))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the embedded target, and tell a controller what collection came to."""
        self._station.close()
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[OUTPUT_KEY] = msgspec.msgpack.encode(self._gate.harvest)
