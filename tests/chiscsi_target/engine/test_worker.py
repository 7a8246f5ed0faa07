"""What a worker does beside its queue."""

from __future__ import annotations

import pytest

from chiscsi_target.engine.worker import Worker
from tests.chiscsi_target.stand import Stand


@pytest.fixture
def worker() -> Worker:
    (worker,) = Stand().module.directory.workers
    return worker


def test_one_step_is_taken_behind_the_queue(worker: Worker) -> None:
    done: list[str] = []
    left = [True, True, False]

    def step() -> bool:
        done.append("step")
        return left.pop(0)

    worker.background("owner", step)
    worker.post(lambda what: worker.post(done.append, what), "call")
    for _ in range(5):
        worker.run(0.0)
    assert done == ["call", "step", "step", "step"]


def test_no_step_is_taken_while_data_are_to_be_sent(worker: Worker) -> None:
    worker.background("owner", lambda: pytest.fail("too early"))
    worker.post(print, "")
    worker.unsent = 1 << 30
    worker.run(0.0)
    assert len(worker.queue) == len(worker.steps) == 1


def test_works_take_turns(worker: Worker) -> None:
    done: list[str] = []
    for name in ("a", "b"):
        worker.background(name, lambda name=name: done.append(name) is None)  # type: ignore[misc, func-returns-value]
    for _ in range(4):
        worker.run(0.0)
    assert done == ["a", "b", "a", "b"]


def test_a_step_that_raises_is_not_taken_again(worker: Worker) -> None:
    def broken() -> bool:
        raise RuntimeError("planted")

    worker.background("owner", broken)
    with pytest.raises(RuntimeError, match="planted"):
        worker.run(0.0)
    assert not worker.steps


def test_in_memory_all_of_it_is_done_at_once() -> None:
    stand = Stand()
    (worker,) = stand.module.directory.workers
    left = list(range(100))
    worker.background(stand.node.hooks, lambda: bool(left.pop()))
    assert stand.module.directory.workers_for(stand.node.hooks) == [worker]
    stand.shell.pump()
    assert left == [] and stand.module.directory.workers_for(stand.node.hooks) == []
