"""One run of a scenario: which events are possible now, and what each of them does to the target.

The target's core and engine have no clock and no threads, so a sequence of events is all there is to a schedule.
"""

from __future__ import annotations

import traceback

from chiscsi_target.offload.page_pods import LEAST_PODS
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.target_module import TargetModule
from conformance.schedules import choices, ending, house, shell
from conformance.schedules.choices import ACKNOWLEDGE, ANSWER, DATA, DRIVE, REST, SOME, STEP, TAKE, WORK, Event
from conformance.schedules.driver import ScriptedDriver, Tell, WatchingClass
from conformance.schedules.exchange import Exchange
from conformance.schedules.fingerprint import fingerprint
from conformance.schedules.host import Host, command_header
from conformance.schedules.invariants import Judge, Violation
from conformance.schedules.link import Link
from conformance.schedules.plan import (
    FIRST_TAG,
    AbortSession,
    Command,
    Logout,
    Lose,
    Manage,
    Scenario,
    Step,
)
from iscsi_wire.constants import LogoutReason
from iscsi_wire.constants import TaskManagementFunction as Function

_BEGINNING_OF_A_PDU = 56  # what comes in the first segment when PDUs are split: the header and a little of the data

_LONGEST_END = 500  # events; what scenarios begin is brought to an end in far fewer


class Run:
    """See the module.

    Args:
        scenario: what to run.
        tell: takes the story, line by line.

    Attributes:
        module: the target. `hosts`, `links`: the initiators and their connections.
        driver: the storage driver.
        next: the place in each program.
        judge: what was found.
    """

    def __init__(self, scenario: Scenario, tell: Tell | None = None) -> None:
        self.scenario = scenario
        self.judge = judge = Judge()
        offload = Offload.AUTO if scenario.adapter else Offload.OFF
        self.module = TargetModule(
            complain=self._complaint, offload=offload, page_pods=LEAST_PODS, merge_returns=scenario.merged
        )
        self.login_worker = self.module.directory.login_worker
        self.worker = self.module.directory.workers[0]
        inside = scenario.answers[0] if scenario.answer_inside else None
        self.driver = ScriptedDriver(scenario, inside, judge, self._plan_of)
        self.watching = WatchingClass(self.driver, judge)
        self.module.wait_until = lambda condition: shell.work_off(self)
        self.exchanges = [
            Exchange(plan, FIRST_TAG + number, scenario.unit, judge) for number, plan in enumerate(scenario.commands)
        ]
        self._share_tags()
        self.hosts = self._hosts()
        self.links: list[Link] = []
        self.node = house.build(self)
        self._headers = [command_header(each.plan, each.tag) for each in self.exchanges]
        self.next = [0] * len(scenario.programs)
        self._tell = tell
        self.driver.tell = tell
        for link in self.links:
            link.tell = tell

    def _share_tags(self) -> None:
        for exchange in self.exchanges:
            if exchange.plan.again:
                exchange.tag = choices.named(self, exchange.plan.again).tag

    def _hosts(self) -> list[Host]:
        scenario = self.scenario
        hosts = []
        for session in range(max(scenario.connections) + 1):
            own = [each for each in self.exchanges if scenario.connections[each.plan.connection] == session]
            hosts.append(Host(session, own, self.judge, self.driver.works))
        for host in hosts:
            host.hosts = hosts
            host.max_outstanding_r2t = int(dict(scenario.keys).get("MaxOutstandingR2T", "1"))
            if scenario.answer_inside:
                host.answers.add(scenario.answers[0])
            if scenario.in_flight:
                host.number_in_advance()
        return hosts

    def _plan_of(self, itt: int) -> Command:
        """The plan of the command that is out under a tag: the last one that was sent."""
        return [each.plan for each in self.exchanges if each.tag == itt and each.sent][-1]

    def _complaint(self, line: str) -> None:
        if "ERR!" in line:
            self.judge.accuse("no exception", line.splitlines()[-1])

    @property
    def violation(self) -> Violation | None:
        """The first thing that was found."""
        return self.judge.violations[0] if self.judge.violations else None

    def enabled(self, *, plainly: bool = False) -> list[Event]:
        """The events that are possible now: see `choices.enabled`."""
        return choices.enabled(self, plainly=plainly)

    def apply(self, event: Event) -> None:
        """Have an event happen, and what follows from it at once."""
        try:
            self._apply(event)
            shell.settle(self)
        except Exception as error:  # noqa: BLE001  whatever comes out is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.judge.accuse("no exception", f"{error!r} at {where.filename.rpartition('/')[2]}:{where.lineno}")

    def _apply(self, event: Event) -> None:
        kind, number, detail = event
        if self._tell is not None:
            self._tell(f"> {self.describe(event)}")
        if kind == WORK:
            shell.work_once(self.worker)
        elif kind == TAKE:
            self.links[number].take()
        elif kind == SOME:
            self.links[number].take_some()
        elif kind == DRIVE:
            self.driver.complete(self.driver.works[number], detail)
        elif kind == ANSWER:
            self._answer(number, int(detail))
        elif kind == ACKNOWLEDGE:
            link = self.links[number]
            link.deliver(link.host.pong(link))
        elif kind == REST:
            link = self.links[number]
            rest, link.rest = link.rest, b""
            link.deliver(rest)
        elif kind == DATA:
            exchange = self.exchanges[number]
            link = self.links[exchange.plan.connection]
            self._send(link, link.host.data_out(exchange, link, self.scenario.unit))
        else:
            program = self.scenario.programs[number]
            position = self.next[number]
            self.next[number] = position + 1
            self._step(program[position])

    def _answer(self, number: int, response: int) -> None:
        asked = self.driver.asked[number]
        for host in self.hosts:
            host.answers.add(response)
        self.driver.answer(asked, response)

    def _step(self, step: Step) -> None:
        if isinstance(step, Command):
            number = self.scenario.commands.index(step)
            link = self.links[step.connection]
            pdu = link.host.command(
                self.exchanges[number], self._headers[number], link, numbered=self.scenario.in_flight
            )
            self._send(link, pdu)
        elif isinstance(step, Manage):
            link = self.links[step.connection]
            link.deliver(link.host.manage(step, link))
            if step.function == Function.TARGET_COLD_RESET:
                self._excuse("TARGET COLD RESET", self.links)
        elif isinstance(step, Logout):
            link = self.links[step.connection]
            whole = step.reason == LogoutReason.CLOSE_SESSION
            self._excuse("logout", [each for each in self.links if each is link or (whole and each.host is link.host)])
            link.deliver(link.host.logout(step, self.scenario_cid(link), link))
        elif isinstance(step, Lose):
            link = self.links[step.connection]
            self._excuse("lost", [link])
            shell.close(self, link, reset=step.reset)
        elif isinstance(step, AbortSession):
            self._excuse("aborted", [link for link in self.links if link.host.index == step.session])
            self.module.chiscsi_target_session_abort(self.hosts[step.session].handle)
        else:
            self._excuse("removed", self.links)
            self.module.chiscsi_target_remove(None, self.node.name)

    def scenario_cid(self, link: Link) -> int:
        """A connection's CID: its place in its session."""
        return [each for each in self.links if each.host is link.host].index(link)

    def _excuse(self, reason: str, links: list[Link]) -> None:
        for link in links:
            link.excused = link.excused or reason

    def _send(self, link: Link, pdu: bytes) -> None:
        if self.scenario.split and len(pdu) > _BEGINNING_OF_A_PDU:
            link.rest = pdu[_BEGINNING_OF_A_PDU:]
            pdu = pdu[:_BEGINNING_OF_A_PDU]
        link.deliver(pdu)

    # Judging

    def check(self) -> None:
        """Look at the invariants that no single PDU or hook shows."""
        for host in self.hosts:
            ending.judge_window(self, host)

    def finish(self) -> None:
        """Bring everything to its end in one order, and find what is left over."""
        for _ in range(_LONGEST_END):
            events = self.enabled(plainly=True)
            if not events or self.violation is not None:
                break
            self.apply(events[0])
            self.check()
        else:
            self.judge.accuse("no leak", "the run does not come to an end")
        if self.violation is None:
            try:
                ending.judge_end(self)
            except Exception as error:  # noqa: BLE001  as above
                self.judge.accuse("no exception", repr(error))

    def fingerprint(self) -> int:
        """A number for all that the rest of the run depends on."""
        return fingerprint(
            (
                self.worker.queue,
                self.driver.works,
                self.driver.asked,
                self.driver.removed,
                self.exchanges,
                self.hosts,
                self.links,
                self.next,
                self.node.offline,
            )
        )

    def describe(self, event: Event) -> str:
        """An event in words."""
        kind, number, detail = event
        if kind == STEP:
            return house.describe(self.scenario.programs[number][self.next[number]])
        if kind == DRIVE:
            return f"the driver calls for {self.driver.works[number].name}: {detail}"
        if kind == ANSWER:
            return f"the driver answers function {self.driver.asked[number].function} with {detail}"
        if kind == DATA:
            return f"Data-Out of {self.exchanges[number].plan.name}"
        if kind == WORK:
            return "the target makes the next call of its queue"
        where = f"connection {number}"
        return {
            TAKE: f"the transport of {where} takes all output",
            SOME: f"the transport of {where} takes half of the output",
            ACKNOWLEDGE: f"the initiator answers the ping on {where}",
            REST: f"the rest of the PDU on {where} arrives",
        }[kind]
