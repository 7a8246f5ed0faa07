"""What has to be true of the target's books, during a schedule and when everything has come to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.schedules import shell
from conformance.schedules.hook_order import CLOSED

if TYPE_CHECKING:
    from chiscsi_target.core.session import Session
    from conformance.schedules.host import Host
    from conformance.schedules.run import Run


def judge_window(run: Run, host: Host) -> None:
    """Section 4.2.2.1: the room in a session's command window, and what takes room, make up its size."""
    session = _session(run, host)
    if session is None:
        return
    window = session.window
    expected = window.exp_cmd_sn
    used = sum(not task.is_immediate and task.sc_CmdSN < expected for task in session.tasks.values())
    waiting = {request.tag for request in session.requests}
    used += sum(not each.plan.urgent and each.tag in waiting and each.cmd_sn < expected for each in host.requests)
    room = window.max_cmd_sn + 1 - expected
    if room + used != window.size:
        text = f"session {host.index}: room for {room} commands and {used} unanswered, of {window.size}"
        run.judge.accuse("command numbers", text)


def _session(run: Run, host: Host) -> Session | None:
    """A host's session, while it lives."""
    for link in run.links:
        if link.host is host and not link.gone and not link.connection.closing:
            return link.connection.session
    return None


def judge_end(run: Run) -> None:
    """Look at everything once nothing is left to do."""
    for work in run.driver.works:
        if work.state != CLOSED:
            run.judge.accuse("no leak", f"{work.name} was never cleaned up: it is {work.state}")
        work.check_buffers()
    _judge_responses(run)
    for host in run.hosts:
        session = _session(run, host)
        if session is not None:
            _judge_session(run, host, session)
    if run.violation is None:
        _judge_departure(run)


def _judge_responses(run: Run) -> None:
    accuse = run.judge.accuse
    for exchange in run.exchanges:
        if exchange.open:
            accuse("one response", f"{exchange.plan.name} was never answered")
    for host in run.hosts:
        for request in host.requests:
            if request.response is None and not request.link.gone:
                accuse("management response", f"{request.plan.function.name} was never answered")


def _judge_session(run: Run, host: Host, session: Session) -> None:
    """Find what a living session keeps of things that are over."""
    window = session.window
    left = {
        "commands": session.tasks,
        "task management requests": session.requests,
        "text exchanges": session.texts,
        "Target Transfer Tags": session.transfer_tags,
        "late bursts": session._late,
        "waiting commands": window._waiting,
        "window callbacks": window._callbacks,
        "immediate commands": window.immediate,
        "output to be reported": [each for link in run.links if not link.gone for each in link.connection._in_output],
        "transfers of the adapter": _transfers(run),
    }
    for what, found in left.items():
        if found:
            run.judge.accuse("no leak", f"session {host.index} is left with {what}: {_briefly(found)}")
    if not run.scenario.in_flight and window.exp_cmd_sn != host.next_cmd_sn:
        text = f"session {host.index}: ExpCmdSN {window.exp_cmd_sn}, and {host.next_cmd_sn} comes next"
        run.judge.accuse("command numbers", text)
    _ping(run, host)


def _transfers(run: Run) -> list[object]:
    """What the adapter keeps of writes."""
    card = run.module.terminator
    return [] if card is None else [each for offloaded in card.connections.values() for each in offloaded._transfers]


def _briefly(found: object) -> str:
    text = str(sorted(found) if isinstance(found, set) else found)
    return text if len(text) < 100 else f"{text[:100]}..."


def _ping(run: Run, host: Host) -> None:
    """Have every connection of a living session prove that it works."""
    for link in run.links:
        if link.host is not host or link.gone:
            continue
        before = host.pings
        link.deliver(host.ping(link))
        run.worker.run(0.0)
        link.take()
        if host.pings != before + 1:
            run.judge.accuse("neighbour", f"connection {link.index} does not answer a ping any more")


def _judge_departure(run: Run) -> None:
    """Let everybody go, and see that the target's books are empty."""
    for link in run.links:
        if not link.gone:
            shell.close(run, link, reset=True)
    shell.work_off(run)
    registry, card = run.module.directory.registry, run.module.terminator
    left = {"sessions": registry.sessions, "TSIHs": registry._tsihs, "connections": run.worker.connections}
    if card is not None:
        left |= {"offloaded connections": card.connections, "page pods": range(card.pods.in_use)}
    for what, found in left.items():
        if found:
            run.judge.accuse("no leak", f"the target is left with {what}: {_briefly(found)}")
    if run.watching.added != run.driver.removed:
        added, removed = sorted(run.watching.added), sorted(run.driver.removed)
        run.judge.accuse("session hooks", f"added were the sessions {added}, removed {removed}")
    for work in run.driver.works:
        work.check_buffers()
