"""The part of a shell: letting workers work, letting transports take output, closing what is closing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiscsi_target.engine.worker import Worker
    from conformance.schedules.link import Link
    from conformance.schedules.run import Run


def work_once(worker: Worker) -> None:
    """Make one call that is queued: a worker may be interrupted behind each (see `Worker.run`)."""
    function, subject = worker.queue.popleft()
    function(subject)
    if worker._early:
        worker._copy_early_data()


def work_off(run: Run) -> None:
    """Make all calls that are queued, in both workers."""
    while run.worker.queue or run.login_worker.queue:
        run.login_worker.run(0.0)
        run.worker.run(0.0)
        run.worker.take_dirty()


def settle(run: Run) -> None:
    """Do what is no choice: the login worker's queue, and what the scenario does not cut into steps."""
    worker = run.worker
    busy = True
    while busy:
        while run.login_worker.queue:
            run.login_worker.run(0.0)
        busy = bool(worker.queue) and not run.scenario.steps
        if busy:
            worker.run(0.0)
            worker.take_dirty()
        elif not run.scenario.slow:
            busy = _take_all(run)
    worker.take_dirty()
    if worker._early:
        worker._copy_early_data()
    for link in run.links:
        if link.connection.closing and not link.gone:
            _close_when_sent(run, link)
    while run.login_worker.queue:
        run.login_worker.run(0.0)


def _take_all(run: Run) -> bool:
    taken = False
    for link in run.links:
        if link.connection.output and not link.gone:
            link.take()
            taken = True
    return taken


def _close_when_sent(run: Run, link: Link) -> None:
    if not link.excused:
        run.judge.accuse("neighbour", f"connection {link.index} was closed, and nobody had asked for it")
        link.excused = "accused"
    if link.connection.resetting or not link.connection.output:
        close(run, link, reset=link.connection.resetting)


def close(run: Run, link: Link, *, reset: bool) -> None:
    """End a connection's transport."""
    link.gone = True
    link.connection.transport_closed(reset)
    run.worker.disown(link.connection)
    link.host.link_gone(link)
    for exchange in run.exchanges:
        if run.links[exchange.plan.connection] is link:
            exchange.lost = True
