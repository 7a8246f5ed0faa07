"""The embedded target: the same node over both transports, with everything on that it can do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest

from chiscsi_target.core.connection import Connection
from chiscsi_target.errors import ConfigurationError
from conformance import embedded
from conformance.embedded import LUNS, Changes, Embedded, Way, start, start_with
from conformance.harness.needs import NEEDS, require
from conformance.harness.place import Place
from conformance.harness.settings import Settings
from conformance.harness.target import Target, settle
from initiator_sim.exchange import Exchange
from initiator_sim.outcomes import Unsupported
from iscsi_wire.records import OffloadRecord, Record

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


@pytest.mark.parametrize(
    "offload, messages",
    [("off", False), ("auto", False), ("nic", False), ("crc", True), ("ulp", True)],
)
def test_its_connections_run_over_the_adapter_as_they_are_to(way: Way, offload: str, messages: bool) -> None:
    records: list[Record] = []
    system = start_with(Changes(offload=offload), way, IQN, records.append)
    with Target(system, settings(way), Place(run="2a"), Exchange).initiator() as initiator:
        settle(initiator.login())
    system.close()
    assert any(isinstance(record, OffloadRecord) for record in records) is messages


def test_a_way_to_offload_that_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match="offload: some is none of: off, auto, nic, ulp, crc"):
        start_with(Changes(offload="some"), "memory", IQN, lambda record: None)


@pytest.mark.parametrize("segments, longest", [(0, 48), (7, 7), (1, 1)])
def test_it_is_given_what_is_sent_in_pieces(segments: int, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    received = Connection.received

    def noted(connection: Connection, count: int) -> None:
        counts.append(count)
        received(connection, count)

    monkeypatch.setattr(Connection, "received", noted)
    system = start_with(Changes(segments=segments), "memory", IQN, lambda record: None)
    with Target(system, Settings(transport="memory"), Place(run="2a"), Exchange).initiator() as initiator:
        session = initiator.login()
        counts.clear()
        settle(session)
    assert max(counts) == longest and sum(counts) % 48 == 0


def test_closing_the_target_ends_its_threads() -> None:
    before = threading.active_count()
    system = start("tcp", IQN, lambda record: None)
    assert threading.active_count() > before
    system.close()
    assert threading.active_count() == before
    with pytest.raises((OSError, Exception), match="cannot connect"):
        system.connect()


def test_a_hook_that_never_returns_does_not_keep_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    running = start("tcp", "iqn.2026-11.org.chiscsi:stuck", lambda record: None)
    shell = running._shell  # type: ignore[attr-defined]  # what it ends
    stop, waited = shell.stop, threading.Event()
    monkeypatch.setattr(embedded, "ENDING", 0.05)
    monkeypatch.setattr(shell, "stop", waited.wait)
    running.close()
    assert not waited.is_set()
    stop()
