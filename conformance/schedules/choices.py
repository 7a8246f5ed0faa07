"""Which events are possible at a point of a run, in a fixed order: those first that end what was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from conformance.schedules.plan import AbortSession, Command, Lose, Manage, RemoveTarget, Step

if TYPE_CHECKING:
    from conformance.schedules.exchange import Exchange
    from conformance.schedules.link import Link
    from conformance.schedules.run import Run

Event: TypeAlias = tuple[str, int, str]
"""Kind, number of what it concerns, and for a driver's call which one."""

WORK, TAKE, SOME, ACKNOWLEDGE, REST = "work take some acknowledge rest".split()
DRIVE, ANSWER, DATA, STEP = "drive answer data step".split()


def enabled(run: Run, *, plainly: bool) -> list[Event]:
    """The events that are possible now.

    Args:
        run: the run.
        plainly: nothing new begins, and of each driver's choices there is the ordinary one.
    """
    events: list[Event] = [(WORK, 0, "")] if run.worker.queue else []
    for link in run.links:
        if not link.gone:
            events += _of_transport(run, link, plainly)
    for number, work in enumerate(run.driver.works):
        events += [(DRIVE, number, action) for action in work.choices(plainly)]
    answers = run.scenario.answers[:1] if plainly else run.scenario.answers
    for number, asked in enumerate(run.driver.asked):
        if asked.answer is None:
            events += [(ANSWER, number, str(answer)) for answer in answers]
    for number, exchange in enumerate(run.exchanges):
        link = run.links[exchange.plan.connection]
        if link.host.data_due(exchange) and _is_open(link):
            events.append((DATA, number, ""))
    if not plainly or run.scenario.in_flight:
        events += _steps(run, plainly)
    return events


def _of_transport(run: Run, link: Link, plainly: bool) -> list[Event]:
    events: list[Event] = []
    if link.connection.output:
        events.append((TAKE, link.index, ""))
        if run.scenario.slow and run.scenario.split and not plainly:
            events.append((SOME, link.index, ""))
    if link.rest:
        events.append((REST, link.index, ""))
    elif link.pings and _is_open(link):
        events.append((ACKNOWLEDGE, link.index, ""))
    return events


def _steps(run: Run, plainly: bool) -> list[Event]:
    """The next steps of the programs; commands that have their number are on their way, and arrive in the end."""
    events: list[Event] = []
    for number, program in enumerate(run.scenario.programs):
        step = program[run.next[number]] if run.next[number] < len(program) else None
        if step is not None and (not plainly or isinstance(step, Command)) and _is_possible(run, step):
            events.append((STEP, number, ""))
    return events


def _is_possible(run: Run, step: Step) -> bool:
    if isinstance(step, AbortSession):
        return any(_is_open(link) for link in run.links if link.host.index == step.session)
    if isinstance(step, RemoveTarget):
        return not run.node.offline
    link = run.links[step.connection]
    if isinstance(step, Lose):
        return not link.gone
    if not _is_open(link):
        return False
    if isinstance(step, Command):
        earlier = named(run, step.again) if step.again else None
        if earlier is not None and (not earlier.sent or earlier.open or earlier.unsolicited_due):
            return False
        return step.urgent or link.host.may_send()
    if isinstance(step, Manage) and step.of:
        # Its tag may have been used again: it names another command then.
        return link.host.by_tag.get(named(run, step.of).tag) is named(run, step.of)
    return True


def named(run: Run, name: str) -> Exchange:
    """The command of that name."""
    return next(each for each in run.exchanges if each.plan.name == name)


def _is_open(link: Link) -> bool:
    """Whether something can be sent: the transport is there, and no PDU is under way."""
    return not link.gone and not link.rest and link.connection.wants_input
