"""The embedded target: the same node over both transports, with everything on that it can do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest

from conformance.embedded import LUNS, Embedded, Way, start
from conformance.harness.needs import NEEDS, require
from conformance.harness.place import Place
from conformance.harness.settings import Settings
from conformance.harness.target import Target, settle
from initiator_sim.exchange import Exchange
from initiator_sim.outcomes import Unsupported
from iscsi_wire.records import Record

IQN = "iqn.2026-11.org.chiscsi:conform"


@pytest.fixture(params=["tcp", "memory"])
def records(request: pytest.FixtureRequest) -> list[Record]:
    return []


@pytest.fixture(params=["tcp", "memory", "card", "card:loss=0.05,reorder=0.05,delay=0.001,seed=3"])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def system(way: Way) -> Iterator[Embedded]:
    records: list[Record] = []
    system = start(way, IQN, records.append)
    yield system
    system.close()


@pytest.fixture
def target(system: Embedded, way: Way) -> Target:
    return Target(system, settings(way), Place(run="2a"), Exchange)


def settings(way: Way) -> Settings:
    transport, _, link = way.partition(":")
    return msgspec.convert({"transport": transport, "link": link, "patience": 100.0}, Settings)


def test_every_lun_is_ready_and_of_the_same_size(target: Target) -> None:
    assert list(target.luns) == list(range(LUNS))
    regions = [target.scratch(lun) for lun in target.luns]
    assert {(region.start, region.blocks * region.block_size) for region in regions} == {(0, 32 << 20)}


def test_it_offers_what_the_suites_can_need_at_error_recovery_level_0(target: Target) -> None:
    lacking = [need for need in NEEDS if NEEDS[need](target)]
    assert lacking == ["recovery-level-1", "recovery-level-2"]
    with pytest.raises(Unsupported, match="the target settles for ErrorRecoveryLevel=0"):
        require(target, ("discovery", "recovery-level-1"))


def test_workers_use_different_luns_as_far_as_there_are_enough(system: Embedded) -> None:
    places = [Place(f"gw{index}", index, 6, "2a") for index in range(6)]
    luns = [Target(system, Settings(), place, Exchange).lun for place in places]
    assert luns == [0, 1, 2, 3, 0, 1]


def test_the_target_says_what_it_does(way: Way) -> None:
    records: list[Record] = []
    system = start(way, IQN, records.append)
    target = Target(system, settings(way), Place(run="2a"), Exchange)
    with target.initiator() as initiator:
        settle(initiator.login())
    system.close()
    kinds = {type(record).__name__ for record in records}
    assert {"PduRecord", "StateRecord", "HookRecord", "TransportRecord"} <= kinds


def test_closing_the_target_ends_its_threads() -> None:
    before = threading.active_count()
    system = start("tcp", IQN, lambda record: None)
    assert threading.active_count() > before
    system.close()
    assert threading.active_count() == before
    with pytest.raises((OSError, Exception), match="cannot connect"):
        system.connect()
