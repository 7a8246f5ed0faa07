"""Workers of pytest-xdist never meet: initiator names, ISIDs, targets, and regions of a shared LUN are their own."""

from __future__ import annotations

import pytest

from conformance.harness.place import Place
from conformance.harness.settings import Settings
from reports.model import Case, Run
from tests.conformance.fakes import BLOCKS, serve
from tests.conformance.harness.running import Bench

IQN = "iqn.2026-11.test.chiscsi:fake"
MANY = '''
@case("many-01", ANY)
@variants("number", range(24))
def test_many(session, second_session, target, non_strict, number):
    """Each log-in is its own."""
    non_strict(target.iqn)
'''
REGIONS = '''
@case("region-01", ANY)
@variants("number", range(12))
def test_region(session, scratch, non_strict, number):
    """Each worker has its own blocks."""
    non_strict(f"{scratch.start} {scratch.blocks}")
'''


def _logins(case: Case) -> set[tuple[str, str]]:
    """InitiatorName and ISID of every login in a case's evidence."""
    found = set()
    for event in case.events:
        fields = {field.name: field.value for field in event.fields}
        if event.title == "Login Request" and "InitiatorName" in fields:
            found.add((fields["InitiatorName"], fields["isid"]))
    return found


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of many cases over two workers."""
    bench = Bench(tmp_path_factory.mktemp("spread"))
    bench.write(MANY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        run = bench.run(workers="2").run
    assert run is not None
    return run


def test_no_two_sessions_of_a_run_have_the_same_isid_nor_workers_the_same_name(spread: Run) -> None:
    assert [case.verdict for case in spread.cases] == ["non-strict"] * 24
    assert {case.worker for case in spread.cases} == {"gw0", "gw1"}
    logins = [(case.worker, *login) for case in spread.cases for login in _logins(case)]
    assert len({isid for _, _, isid in logins}) == len(logins) == 48
    names = {(worker, name) for worker, name, _ in logins}
    assert len({name for _, name in names}) == len(names) == 4


def test_each_worker_has_an_embedded_target_of_its_own(spread: Run) -> None:
    targets = {(case.worker, case.observed) for case in spread.cases}
    prefix = "iqn.2026-11.org.chiscsi:conform"
    assert targets == {("gw0", f"{prefix}.gw0"), ("gw1", f"{prefix}.gw1")}


def test_cases_are_reported_in_the_order_of_the_suites_however_they_were_spread(spread: Run) -> None:
    assert [case.id for case in spread.cases] == [f"many-01.{number}" for number in range(24)]


def test_workers_write_to_different_blocks_of_a_foreign_lun(bench: Bench) -> None:
    bench.write(REGIONS)
    with serve(IQN) as (url, _):
        run = bench.run(url=url, allow_data_loss=True, workers="2").run
    assert run is not None
    regions = {tuple(map(int, case.observed.split())) for case in run.cases}
    assert regions == {(0, BLOCKS // 2), (BLOCKS // 2, BLOCKS // 2)}


def test_a_worker_that_dies_is_no_failure_of_the_target(bench: Bench) -> None:
    bench.write('''
import os

@case("crash-01", ANY)
def test_crash():
    """The process ends."""
    os._exit(3)

@case("good-01", ANY)
def test_good(session):
    """The target answers."""
    session.nop(b"hello")
''')
    outcome = bench.run(workers="1")
    assert sorted(outcome.verdicts.values()) == ["harness-error", "pass"]
    assert outcome.code == 4


@pytest.mark.parametrize("worker, index", [("", 0), ("gw3", 3)])
def test_seeds_differ_between_processes_and_initiators(worker: str, index: int) -> None:
    mine, other = Place(worker, index, 8, "0000002a"), Place("gw4", 4, 8, "0000002a")
    seeds = [mine.next_seed() for _ in range(100)] + [other.next_seed() for _ in range(100)]
    assert len(set(seeds)) == 200
    assert all(0 <= seed < 1 << 24 for seed in seeds)


def test_names_are_those_of_the_process_unless_the_user_gave_one() -> None:
    place = Place("gw1", 1, 2, "0000002a")
    assert place.initiator_name(Settings()) == "iqn.2026-11.org.chiscsi:initiator.0000002a.gw1"
    assert place.initiator_name(Settings(initiator_name="iqn.2004-01.com.example:me")) == "iqn.2004-01.com.example:me"


DISTURBING = '''
def busy(session, non_strict):
    begin = time.monotonic()
    for _ in range(20):
        session.nop(b"x")
    non_strict(f"{begin} {time.monotonic()}")

@case("calm-01", ANY)
@variants("number", range(10))
def test_calm(session, non_strict, number):
    """Runs beside others."""
    busy(session, non_strict)

@case("disturbing-01", ANY, disturbs=True)
@variants("number", range(4))
def test_disturbing(session, non_strict, number):
    """Runs alone."""
    busy(session, non_strict)
'''


def test_a_disturbing_case_has_a_foreign_target_for_itself(bench: Bench) -> None:
    bench.write(DISTURBING)
    with serve(IQN) as (url, _):
        run = bench.run(url=url, workers="2").run
    assert run is not None
    assert {case.worker for case in run.cases} == {"gw0", "gw1"}
    spans = {case.id: tuple(map(float, case.observed.split())) for case in run.cases}
    overlapping = [
        (mine, other)
        for mine, (begin, end) in spans.items()
        for other, (other_begin, other_end) in spans.items()
        if mine.startswith("disturbing") and mine != other and begin < other_end and other_begin < end
    ]
    assert overlapping == []
