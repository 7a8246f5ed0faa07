from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from chiscsi_target.api import chiscsi_target_lun_class
from conformance.api import case, variants
from conformance.contract.lun_class import try_scenario
from conformance.contract.scenarios import SCENARIOS, Scenario
from conformance.drivers import load_drivers
from conformance.harness.station import STATION
from initiator_sim.outcomes import ExpectationFailed, Unsupported
from iscsi_wire.records import FindingRecord


@case("driver-contract-01", source="guide, 5.2 and 7.3.5 to 7.3.6; behaviour file, 3 and 4", level="MUST")
@variants("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_storage_driver_keeps_its_contract(request: pytest.FixtureRequest, scenario: Scenario) -> None:
    """> The Storage Driver should notify the Target Module of every command that it was given, once and in order, with
    > buffers that describe memory of its own and that it leaves alone until they are returned.
    """
    station = request.config.stash[STATION]
    specifications = station.settings.driver
    skipped: list[str] = []
    evidence = station.evidence
    for number, (_, options) in enumerate(load_drivers(specifications).units()):
        make = partial(_make, specifications, number)
        result = try_scenario(make, scenario, options=options, evidence=evidence)
        skipped += [result.skipped] if result.skipped else []
        broken = {finding.rule: finding.text for finding in reversed(result.findings)}
        for rule, text in broken.items():
            station.listener(FindingRecord(0.0, "target", "", rule.name, None, text))
        if broken:
            told = "; ".join(f"{text} [{rule.source}]" for rule, text in broken.items())
            raise ExpectationFailed("; ".join(rule.text for rule in broken), told, exchange=evidence.exchange)
    if skipped:
        raise Unsupported(skipped[0])


def _make(specifications: Sequence[str], number: int) -> chiscsi_target_lun_class:
    """The LUN class of that number, made anew."""
    return load_drivers(specifications).lun_classes[number]
