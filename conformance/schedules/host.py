"""The initiator of one session: its commands and task management requests, and the PDUs that it sends."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from conformance.schedules.exchange import FINAL, RESERVED, Exchange
from conformance.schedules.invariants import Judge
from conformance.schedules.pattern import pattern
from conformance.schedules.plan import Command, Logout, Manage
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import DataOut, LogoutRequest, NopOut, ScsiCommand, TaskManagementRequest

if TYPE_CHECKING:
    from conformance.schedules.link import Link
    from conformance.schedules.work import Work

_NUMBERS = struct.Struct(">LL")  # CmdSN and ExpStatSN, at octet 24 of what an initiator sends
_PING_TAG = 0xF000
_FIRST_CMD_SN = 1
SEVERAL = (
    Function.ABORT_TASK_SET,
    Function.CLEAR_TASK_SET,
    Function.LOGICAL_UNIT_RESET,
    Function.TARGET_WARM_RESET,
    Function.TARGET_COLD_RESET,
)
CROSSING = SEVERAL[1:]
_TARGETWIDE = (Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET)
_LOCAL_ANSWERS = {Function.CLEAR_ACA: 5, Function.TASK_REASSIGN: 4}
COMPLETE, NO_TASK = 0, 1


class Request:
    """A task management request; `response` is None until it is answered, `earlier` the commands it is behind."""

    __slots__ = ("cmd_sn", "earlier", "link", "plan", "response", "tag")

    def __init__(self, plan: Manage, tag: int, cmd_sn: int, link: Link, earlier: list[Exchange]) -> None:
        self.plan = plan
        self.tag = tag
        self.cmd_sn = cmd_sn
        self.link = link
        self.earlier = earlier
        self.response: int | None = None


class Host:
    """See the module.

    Attributes:
        index: the session's number in the scenario; `hosts`, all of them.
        exchanges: its commands, in the order of the plan.
        requests: its task management requests, in the order of sending.
        next_cmd_sn: of the next command; `window` and `max_cmd_sn`, how many may be out, and up to which number.
        works: the driver's side of all commands, to compare with.
        answers: what the driver answered to task management functions.
        handle, tsih: what the target calls the session.
        pings: answers to pings that came.
    """

    def __init__(self, index: int, exchanges: list[Exchange], judge: Judge, works: list[Work]) -> None:
        self.index = index
        self.hosts: Sequence[Host] = ()
        self.exchanges = exchanges
        self.requests: list[Request] = []
        self.by_tag: dict[int, Exchange] = {}
        self.works = works
        self.next_cmd_sn = _FIRST_CMD_SN
        self.window = 128
        self.max_cmd_sn = _FIRST_CMD_SN + 127
        self.max_outstanding_r2t = 1
        self.answers: set[int] = set()
        self.handle = self.tsih = 0
        self.pings = 0
        self._judge = judge

    def number_in_advance(self) -> None:
        """Give all commands their CmdSN now, whatever the order in which they will arrive."""
        for exchange in self.exchanges:
            exchange.cmd_sn = self.next_cmd_sn
            self.next_cmd_sn += not exchange.plan.urgent

    # Sending

    def may_send(self) -> bool:
        """Whether the command window is open."""
        return self.next_cmd_sn <= self.max_cmd_sn

    def command(self, exchange: Exchange, header: bytearray, link: Link, *, numbered: bool) -> bytes:
        """The octets of a SCSI Command, whose header lacks nothing but its numbers."""
        if not numbered:
            exchange.cmd_sn = self.next_cmd_sn
            self.next_cmd_sn += not exchange.plan.urgent
        exchange.sent = True
        self.by_tag[exchange.tag] = exchange
        _NUMBERS.pack_into(header, 24, exchange.cmd_sn, link.exp_stat_sn)
        return bytes(header) + pattern(exchange.plan.name, exchange.plan.length)[: exchange.plan.immediate]

    def manage(self, plan: Manage, link: Link) -> bytes:
        """The octets of a Task Management Function Request."""
        tag = 0x800 + len(self.requests)
        earlier = [each for each in self.exchanges if each.sent or each.cmd_sn]
        request = Request(plan, tag, self.next_cmd_sn, link, earlier)
        self.requests.append(request)
        referenced = next((each for each in self.exchanges if each.plan.name == plan.of), None)
        pdu = TaskManagementRequest.make(
            immediate=int(plan.urgent),
            function=plan.function,
            lun=plan.lun << 48,
            initiator_task_tag=tag,
            referenced_task_tag=referenced.tag if referenced else RESERVED,
            ref_cmd_sn=referenced.cmd_sn if referenced else 0,
            cmd_sn=self.next_cmd_sn,
            exp_stat_sn=link.exp_stat_sn,
        )
        self.next_cmd_sn += not plan.urgent
        if plan.function in CROSSING:
            for other in self.hosts:
                if other is not self:
                    other.cleared_by(plan)
        return pdu.encode()

    def logout(self, plan: Logout, cid: int, link: Link) -> bytes:
        """The octets of a Logout Request."""
        pdu = LogoutRequest.make(
            immediate=1,
            reason_code=plan.reason,
            initiator_task_tag=0xE00,
            cid=cid,
            cmd_sn=self.next_cmd_sn,
            exp_stat_sn=link.exp_stat_sn,
        )
        return pdu.encode()

    def ping(self, link: Link) -> bytes:
        """The octets of a NOP-Out that wants an answer."""
        pdu = NopOut.make(
            immediate=1, initiator_task_tag=_PING_TAG, cmd_sn=self.next_cmd_sn, exp_stat_sn=link.exp_stat_sn
        )
        return pdu.encode()

    def pong(self, link: Link) -> bytes:
        """The octets of a NOP-Out that answers the target's ping, and says what came."""
        pdu = NopOut.make(
            immediate=1,
            initiator_task_tag=RESERVED,
            target_transfer_tag=link.pings.pop(0),
            cmd_sn=self.next_cmd_sn,
            exp_stat_sn=link.exp_stat_sn,
        )
        return pdu.encode()

    def data_due(self, exchange: Exchange) -> bool:
        """Whether there is a Data-Out to be sent.

        RFC 7143 section 4.2.3.3 has an initiator go on answering R2Ts whatever it asked for; here it does so even
        behind the command's status, which the data may have met on their way.
        """
        return exchange.unsolicited_due or (exchange.sent and not exchange.lost and bool(exchange.bursts))

    def data_out(self, exchange: Exchange, link: Link, unit: int) -> bytes:
        """The octets of the next Data-Out: half of an R2T's burst, or the other half."""
        plan = exchange.plan
        if exchange.unsolicited < plan.unsolicited:
            offset = plan.immediate + exchange.unsolicited
            length, ttt = plan.unsolicited, RESERVED
            exchange.unsolicited += length
            final, number = FINAL, 0
        else:
            burst = exchange.bursts[0]
            offset, ttt, number = burst.next, burst.ttt, burst.sn
            length = min(unit // 2, burst.end - offset)
            burst.next += length
            burst.sn += 1
            final = FINAL if burst.next == burst.end else 0
            if final:
                exchange.bursts.pop(0)
        return _data_out(plan, exchange.tag, ttt, number, offset, length, final, link.exp_stat_sn)

    # Receiving

    def exchange(self, itt: int, kind: str) -> Exchange | None:
        """The command that a PDU is for."""
        found = self.by_tag.get(itt)
        if found is None:
            self._judge.accuse("one response", f"{kind} for a tag 0x{itt:x} that was never sent")
        return found

    def work(self, exchange: Exchange) -> Work | None:
        """The driver's side of a command, once it has seen it."""
        return next((work for work in self.works if work.plan is exchange.plan), None)

    def tags_in_use(self) -> set[int]:
        """The Target Transfer Tags of R2Ts that are not answered in full, those of ended commands included."""
        return {burst.ttt for exchange in self.exchanges if not exchange.lost for burst in exchange.bursts}

    def name_of(self, itt: int) -> str:
        """How a story calls what a PDU is for."""
        if itt in self.by_tag:
            return self.by_tag[itt].plan.name
        return next((request.plan.function.name for request in self.requests if request.tag == itt), "")

    def managed(self, itt: int, response: int, link: Link) -> None:
        """Take a Task Management Function Response."""
        request = next((each for each in self.requests if each.tag == itt), None)
        if request is None or request.response is not None or request.link is not link:
            self._judge.accuse("management response", f"a response for 0x{itt:x} that nobody waits for")
            return
        request.response = response
        self._judge_answer(request, response)
        if response == COMPLETE:
            for exchange in request.earlier:
                if self._covers(request, exchange) and exchange.status is None:
                    exchange.aborted = True

    def link_gone(self, link: Link) -> None:
        """Regard what a connection's unanswered functions cover as concluded: nobody will hear of it."""
        for request in self.requests:
            if request.link is link and request.response is None:
                for exchange in request.earlier:
                    exchange.waived = exchange.waived or self._covers(request, exchange)

    def _judge_answer(self, request: Request, response: int) -> None:
        function = request.plan.function
        local = _LOCAL_ANSWERS.get(function)
        if local is not None:
            right = response == local
        elif function == Function.ABORT_TASK:
            right = response in {COMPLETE, NO_TASK} | self.answers
            named = [each for each in request.earlier if each.plan.name == request.plan.of]
            if response == NO_TASK and NO_TASK not in self.answers and any(each.open for each in named):
                right = False
        else:
            right = response in self.answers
        if not right:
            self._judge.accuse("management response", f"{function.name} was answered {response}")

    def _covers(self, request: Request, exchange: Exchange) -> bool:
        plan = request.plan
        if plan.function == Function.ABORT_TASK:
            return exchange.plan.name == plan.of
        if plan.function not in SEVERAL or (plan.function not in _TARGETWIDE and exchange.plan.lun != plan.lun):
            return False
        return exchange.plan.urgent or exchange.cmd_sn < request.cmd_sn

    def cleared_by(self, plan: Manage) -> None:
        """Expect that another session's function ends commands of this one."""
        for exchange in self.exchanges:
            if plan.function in _TARGETWIDE or exchange.plan.lun == plan.lun:
                exchange.cleared = True

    def logged_out(self, response: int) -> None:
        """Take a Logout Response."""
        if response:
            self._judge.accuse("neighbour", f"the logout was answered {response}")


def command_header(plan: Command, tag: int) -> bytearray:
    """The header of a SCSI Command without its numbers."""
    code = 0x2A if plan.writes else 0x28 if plan.kind == "read" else 0x00
    pdu = ScsiCommand.make(
        immediate=int(plan.urgent),
        final=int(not plan.unsolicited),
        read=int(plan.kind == "read"),
        write=int(plan.writes),
        attr=1,
        lun=plan.lun << 48,
        initiator_task_tag=tag,
        expected_data_transfer_length=plan.length,
        data_segment_length=plan.immediate,
        cdb=bytes((code,)).ljust(16, b"\0"),
    )
    return bytearray(pdu.encode())


def _data_out(
    plan: Command, tag: int, ttt: int, number: int, offset: int, length: int, final: int, exp_stat_sn: int
) -> bytes:
    data = pattern(plan.name, plan.length)[offset : offset + length]
    header = DataOut.STRUCT.pack(
        DataOut.OPCODE, final, 0, length, plan.lun << 48, tag, ttt, 0, exp_stat_sn, 0, number, offset, 0
    )
    return header + data
