"""One SCSI command of a script, from its first PDU to its status (RFC 7143, 4.2.5, 11.3 to 11.8).

`Task.wait` does everything an initiator does: it takes Data-In in, answers R2Ts with Data-Out, and judges every number
on the way. A script that wants to do a step by hand uses `next`, `next_r2t` and `data_out`, and `wait` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from initiator_sim.draft import Draft, Mutation
from initiator_sim.evidence import AnyReceived, Event, Received
from initiator_sim.scsi import Sense
from initiator_sim.transfers import Counter, InputTransfer, OutputTransfer
from iscsi_wire.constants import BHS_LENGTH, RESERVED_TAG, Opcode, ScsiStatus
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer, Reject, ScsiCommand, ScsiResponse, decode_header

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from initiator_sim.expectation import Expectation
    from initiator_sim.parameters import Parameters

T = TypeVar("T")


@dataclass(slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        task: the command.
        ending: the PDU with the status, the Reject of the command, the end of the connection, or silence.
        data: the input, up to the highest octet that came.
        received: how many octets of input came.
        rejects: Rejects of its Data-Out that came before.
    """

    task: Task
    ending: Event
    data: bytes = b""
    received: int = 0
    rejects: list[Received[Reject]] = field(default_factory=list)

    @property
    def header(self) -> ScsiResponse | DataIn | None:
        """The header that carries the status, or None if there is none."""
        header = self.ending.header if isinstance(self.ending, Received) else None
        return header if isinstance(header, ScsiResponse | DataIn) else None

    @property
    def response(self) -> int | None:
        """The iSCSI service response, 0 for a status in a Data-In, or None if the command got no status."""
        header = self.header
        if header is None:
            return None
        return header.response if isinstance(header, ScsiResponse) else 0

    @property
    def status(self) -> int | None:
        """The SCSI status, or None if the command was not completed."""
        return self.header.status if self.header is not None and self.response == 0 else None

    @property
    def sense(self) -> Sense | None:
        """The sense data, or None if there are none."""
        if isinstance(self.ending, Received) and isinstance(self.ending.header, ScsiResponse):
            return Sense.from_segment(self.ending.data)
        return None

    @property
    def residual(self) -> int:
        """The residual count: negative on underflow, positive on overflow, 0 if neither."""
        header = self.header
        if header is None or not (header.overflow or header.underflow):
            return 0
        return header.residual_count if header.overflow else -header.residual_count

    @property
    def rejected(self) -> Received[Reject] | None:
        """The Reject that ended the command, or None."""
        if isinstance(self.ending, Received) and isinstance(self.ending.header, Reject):
            return self.ending
        return None

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Require that `expectation` holds of this result; returns what it was met by.

        Raises:
            ExpectationFailed: it does not hold.
        """
        return expectation.judge_or_fail(self, self.task.connection, clause)

    def __str__(self) -> str:
        return f"{self.ending}" + (f", sense {self.sense}" if self.sense else "")


class Task:
    """A SCSI command under way.

    Attributes:
        connection: the connection that it belongs to.
        sent: the SCSI Command PDU; its header has tag and CmdSN.
        tag: its Initiator Task Tag.
        output: the data to be written.
        input_transfer, output_transfer: what was transferred so far.
        result: how it ended, once it has.
    """

    def __init__(
        self,
        connection: Connection,
        parameters: Parameters,
        sent: Draft[ScsiCommand],
        output: bytes,
        expected_input: int,
        expected_output: int,
    ) -> None:
        self.connection = connection
        self.parameters = parameters
        self.sent = sent
        self.tag = sent.as_sent.initiator_task_tag
        self.lun = sent.as_sent.lun
        self.output = output
        self.bidirectional = bool(sent.as_sent.read and sent.as_sent.write)
        counter = Counter()
        self.input_transfer = InputTransfer(parameters, connection.rules, expected_input, counter)
        self.output_transfer = OutputTransfer(
            parameters, connection.rules, expected_output, counter if self.bidirectional else Counter(), self.lun
        )
        self.rejects: list[Received[Reject]] = []
        self.result: CommandResult | None = None
        connection.live_tags.add(self.tag)

    @property
    def cmd_sn(self) -> int:
        """The CmdSN that the command was sent with."""
        return self.sent.as_sent.cmd_sn

    # ---- step by step

    def next(self, timeout: float | None = None) -> Event:
        """Wait for the next PDU of this command and check it, without answering it.

        Raises:
            ExpectationFailed: it breaks a rule.
        """
        event = self.connection.take(self._is_mine, timeout)
        if isinstance(event, Received):
            self._check(event)
        return event

    def next_r2t(self, timeout: float | None = None) -> Received[ReadyToTransfer]:
        """Wait for an R2T of this command.

        Raises:
            ExpectationFailed: something else comes.
        """
        event = self.next(timeout)
        if isinstance(event, Received) and isinstance(event.header, ReadyToTransfer):
            return event
        raise self.connection.failed("R2T", event)

    def data_out(
        self,
        r2t: Received[ReadyToTransfer] | None = None,
        *mutations: Mutation,
        data: bytes | None = None,
        **fields: Any,
    ) -> Draft[DataOut]:
        """Send one Data-Out PDU.

        Args:
            r2t: the R2T that it answers; unsolicited if None.
            mutations: what shall be wrong with it.
            data: its data; what the R2T asks for if None (cut to what the target takes in one PDU).
            fields: fields to override; by default it is the final and only one of its sequence.
        """
        offset = r2t.header.buffer_offset if r2t else 0
        filled: dict[str, Any] = {
            "initiator_task_tag": self.tag,
            "target_transfer_tag": r2t.header.target_transfer_tag if r2t else RESERVED_TAG,
            "lun": r2t.header.lun if r2t else 0,
            "buffer_offset": offset,
        }
        filled |= fields
        if data is None:
            length = r2t.header.desired_data_transfer_length if r2t else len(self.output)
            start = filled["buffer_offset"]
            data = self.output[start : min(offset + length, start + self.connection.max_send_segment)]
        if r2t is None:
            self.output_transfer.sent_unasked(max(self.output_transfer.asked, filled["buffer_offset"] + len(data)))
        return self.connection.send(DataOut, *mutations, data=data, **filled)

    def send_sequence(self, offset: int, length: int, r2t: Received[ReadyToTransfer] | None = None) -> None:
        """Send `length` octets of output from `offset` on in Data-Out PDUs; the last one has F=1."""
        limit = self.connection.max_send_segment
        end = offset + length
        for number, start in enumerate(range(offset, end, limit)):
            stop = min(start + limit, end)
            self.data_out(
                r2t,
                data=self.output[start:stop],
                buffer_offset=start,
                data_sn=number,
                final=int(stop == end),
            )

    def serve(self, r2t: Received[ReadyToTransfer]) -> None:
        """Send what an R2T asks for."""
        self.send_sequence(r2t.header.buffer_offset, r2t.header.desired_data_transfer_length, r2t)

    # ---- the whole exchange

    def wait(self, timeout: float | None = None) -> CommandResult:
        """Carry the command on to its end, whatever that is; a second call returns the same.

        Args:
            timeout: how long to wait for each next PDU, in seconds; the connection's default if None.

        Raises:
            ExpectationFailed: a PDU on the way breaks a rule.
        """
        while self.result is None:
            event = self.next(timeout)
            if self._is_last(event):
                return self._end(event)
            if isinstance(event, Received) and isinstance(event.header, ReadyToTransfer):
                self.serve(event)
        return self.result

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Require that `expectation` holds of the next PDU or of the end of this command, as it asks.

        Returns:
            What it was met by.

        Raises:
            ExpectationFailed: it does not hold.
        """
        if not expectation.of_single_pdu:
            return self.wait().expect(expectation, clause)
        event = self.next(expectation.timeout)
        evidence: object = event
        if self._is_last(event):
            evidence = self._end(event)
        return expectation.judge_or_fail(evidence, self.connection, clause)

    def _is_last(self, event: Event) -> bool:
        """Say whether `event` ends the command, and keep a Reject that only refuses a Data-Out."""
        if not isinstance(event, Received):
            return True
        header = event.header
        if isinstance(header, Reject) and not self._rejects_command(event):
            self.rejects.append(event)
            return False
        return not isinstance(header, ReadyToTransfer | DataIn) or bool(getattr(header, "status_present", 0))

    def _end(self, event: Event) -> CommandResult:
        self.connection.live_tags.discard(self.tag)
        transfer = self.input_transfer
        self.result = CommandResult(self, event, bytes(transfer.data), transfer.received, self.rejects)
        if isinstance(event, Received) and isinstance(event.header, ScsiResponse | DataIn):
            check_end(self.result, event)
        return self.result

    def _is_mine(self, pdu: AnyReceived) -> bool:
        header = pdu.header
        if isinstance(header, Reject):
            return rejected_tag(pdu) == self.tag
        return bool(getattr(header, "initiator_task_tag", RESERVED_TAG) == self.tag)

    @staticmethod
    def _rejects_command(pdu: AnyReceived) -> bool:
        return bool(pdu.data) and pdu.data[0] & 0x3F == Opcode.SCSI_COMMAND

    def _check(self, pdu: AnyReceived) -> None:
        if isinstance(pdu.header, DataIn):
            self.input_transfer.take(pdu, self.bidirectional)
        elif isinstance(pdu.header, ReadyToTransfer):
            waiting = self.connection.pending(ReadyToTransfer, self.tag)
            self.output_transfer.take(pdu, self.bidirectional, 1 + waiting)


def rejected_tag(pdu: AnyReceived) -> int:
    """Return the Initiator Task Tag in the header that a Reject returns, or the reserved one."""
    if len(pdu.data) < BHS_LENGTH:
        return RESERVED_TAG
    return int(getattr(decode_header(pdu.data), "initiator_task_tag", RESERVED_TAG))


def check_end(result: CommandResult, pdu: AnyReceived) -> None:
    """Check the status PDU of a command against all that came before it.

    Raises:
        ExpectationFailed: it breaks a rule.
    """
    task, header = result.task, pdu.header
    task.input_transfer.finish(pdu)
    _check_residual_bits(task, pdu, header)
    if isinstance(header, ScsiResponse):
        _check_response(task, pdu, header)
    if result.status == ScsiStatus.GOOD:
        _check_amount(task, pdu, header)


def _check_residual_bits(task: Task, pdu: AnyReceived, header: ScsiResponse | DataIn) -> None:
    rules = task.connection.rules
    if header.overflow and header.underflow:
        rules.broken("residual_bits", "both are set", pdu, "overflow")
    if not (header.overflow or header.underflow) and header.residual_count:
        rules.broken("residual_zero", f"Residual Count {header.residual_count}", pdu, "residual_count")


def _check_response(task: Task, pdu: AnyReceived, header: ScsiResponse) -> None:
    rules = task.connection.rules
    if header.bidi_read_overflow and header.bidi_read_underflow:
        rules.broken("residual_bits", "both are set", pdu, "bidi_read_overflow")
    if header.response:
        if header.octet_1 & 0x1E:
            text = f"response {header.response}, flags {header.octet_1:#04x}"
            rules.broken("residual_failure", text, pdu, "overflow")
        expected = 0
    else:
        expected = task.input_transfer.count
    # What a bidirectional command counts here the RFC does not say clearly (11.4.8 against 4.2.2.4).
    if header.exp_data_sn != expected and not task.bidirectional:
        text = f"ExpDataSN {header.exp_data_sn} after {expected} Data-In"
        rules.broken("exp_data_sn", text, pdu, "exp_data_sn")
    if header.response == 0 and header.status == ScsiStatus.CHECK_CONDITION and len(pdu.data) < 3:
        rules.broken("sense", f"{len(pdu.data)} octets of data", pdu, "data_segment_length")
    if len(pdu.data) >= 2 and int.from_bytes(pdu.data[:2], "big") > len(pdu.data) - 2:
        rules.broken("sense_length", f"{int.from_bytes(pdu.data[:2], 'big')} of {len(pdu.data) - 2}", pdu, "data")


def _check_amount(task: Task, pdu: AnyReceived, header: ScsiResponse | DataIn) -> None:
    """Check that the input which a GOOD status promises has come: what was expected less the underflow."""
    transfer = task.input_transfer
    if not transfer.expected:
        return
    missing = header.residual_count if header.underflow else 0
    if task.bidirectional and isinstance(header, ScsiResponse):
        missing = header.bidi_read_residual_count if header.bidi_read_underflow else 0
    promised = transfer.expected - missing
    if transfer.received != promised:
        text = f"{transfer.received} of {transfer.expected} octets came, residual {missing}"
        task.connection.rules.broken("residual_count", text, pdu, "residual_count")
    elif not transfer.complete(promised):
        task.connection.rules.broken("overlap", "parts of the data never came", pdu, "data")
