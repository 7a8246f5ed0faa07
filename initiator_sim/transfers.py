"""The data of one command as it comes in and is asked for, with every rule about it (RFC 7143, 4.2.2.4, 11.7, 11.8).

`InputTransfer` collects Data-In, `OutputTransfer` accounts for what was sent and what R2Ts ask for. Both only judge:
`initiator_sim.task` receives and sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from initiator_sim.evidence import AnyReceived, Received
from initiator_sim.parameters import Parameters
from initiator_sim.rules import Rules
from iscsi_wire.constants import RESERVED_TAG, ScsiStatus
from iscsi_wire.pdus import DataIn, ReadyToTransfer

STATUS_IN_DATA: Final = frozenset({ScsiStatus.GOOD, ScsiStatus.CONDITION_MET, ScsiStatus.INTERMEDIATE_CONDITION_MET})
"""The only status values that may come with a Data-In (RFC 7143, 11.7)."""


@dataclass(slots=True)
class Counter:
    """The number that the next Data-In or R2T of a command must show; a bidirectional command has one for both."""

    value: int = 0

    def check(self, rules: Rules, rule: str, number: int, pdu: AnyReceived, field_name: str) -> None:
        """Check `number` against the expected one and go on from it."""
        if number != self.value:
            rules.broken(rule, f"{field_name} {number} where {self.value} is next", pdu, field_name)
        self.value = number + 1


@dataclass(slots=True)
class InputTransfer:
    """The Data-In of one command.

    Attributes:
        expected: the expected data transfer length of the input, in octets.
        data: what came, in its place, up to the highest octet that came.
        received: how many octets came.
        count: how many Data-In came.
    """

    parameters: Parameters
    rules: Rules
    expected: int
    counter: Counter
    data: bytearray = field(default_factory=bytearray)
    received: int = 0
    count: int = 0
    _covered: list[tuple[int, int]] = field(default_factory=list)
    _end: int = 0
    _burst: int = 0
    _sequence_open: bool = False

    def take(self, pdu: Received[DataIn], bidirectional: bool) -> None:
        """Check a Data-In and take its data in.

        Raises:
            ExpectationFailed: it breaks a rule.
        """
        header = pdu.header
        self.counter.check(self.rules, "shared_sn" if bidirectional else "data_sn", header.data_sn, pdu, "data_sn")
        self.count += 1
        self._check_place(pdu, header.buffer_offset, len(pdu.data))
        self._check_burst(pdu)
        if header.acknowledge and self.parameters.error_recovery_level == 0:
            self.rules.broken("acknowledge", "A=1", pdu, "acknowledge")
        if header.status_present:
            self._check_status(pdu, bidirectional)
        offset = header.buffer_offset
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset : offset + len(pdu.data)] = pdu.data
        self.received += len(pdu.data)

    def _check_place(self, pdu: Received[DataIn], offset: int, length: int) -> None:
        rules, parameters, end = self.rules, self.parameters, offset + length
        if end > self.expected:
            text = f"octets {offset} to {end} of {self.expected}"
            rules.broken("data_in_bounds", text, pdu, "buffer_offset")
        in_order = parameters.data_pdu_in_order if self._sequence_open else parameters.data_sequence_in_order
        if in_order and offset < self._end:
            rule = "data_pdu_order" if self._sequence_open else "sequence_order"
            rules.broken(rule, f"offset {offset} after data up to {self._end}", pdu, "buffer_offset")
        if any(offset < stop and start < end for start, stop in self._covered):
            rules.broken("overlap", f"octets {offset} to {end} came before", pdu, "buffer_offset")
        self._cover(offset, end)
        self._end = max(self._end, end)

    def _cover(self, start: int, end: int) -> None:
        """Note which octets came, joining neighbours so that transfers in order stay one interval."""
        if self._covered and self._covered[-1][1] == start:
            self._covered[-1] = (self._covered[-1][0], end)
        elif end > start:
            self._covered.append((start, end))

    def _check_burst(self, pdu: Received[DataIn]) -> None:
        self._burst += len(pdu.data)
        if self._burst > self.parameters.max_burst_length:
            text = f"{self._burst} octets, MaxBurstLength {self.parameters.max_burst_length}"
            self.rules.broken("burst_in", text, pdu, "final")
        self._sequence_open = not pdu.header.final
        if pdu.header.final:
            self._burst = 0
        elif len(pdu.data) & 3:
            self.rules.broken("data_in_size", f"{len(pdu.data)} octets, F=0", pdu, "data_segment_length")

    def _check_status(self, pdu: Received[DataIn], bidirectional: bool) -> None:
        header = pdu.header
        if not header.final:
            self.rules.broken("status_final", "S=1, F=0", pdu, "final")
        if header.status not in STATUS_IN_DATA:
            self.rules.broken("status_in_data", f"status {header.status:#04x}", pdu, "status")
        if bidirectional:
            self.rules.broken("status_bidirectional", "S=1 in a Data-In", pdu, "status_present")

    def finish(self, pdu: AnyReceived) -> None:
        """Check that the sequence was ended before the status in `pdu`."""
        if self._sequence_open:
            self.rules.broken("sequence_end", "status came while a sequence was open", pdu, "final")

    def complete(self, length: int) -> bool:
        """Say whether the octets 0 to `length` have all come."""
        if length == 0:
            return True
        position = 0
        for start, end in sorted(self._covered):
            if start > position:
                return False
            position = max(position, end)
        return position >= length


@dataclass(slots=True)
class OutputTransfer:
    """The output of one command: what was sent unasked, and what R2Ts asked for.

    Attributes:
        expected: the expected data transfer length of the output, in octets.
        asked: up to which octet data were sent unasked or asked for (while sequences are in order).
        count: how many R2Ts came.
    """

    parameters: Parameters
    rules: Rules
    expected: int
    counter: Counter
    lun: int
    asked: int = 0
    count: int = 0
    _ranges: list[tuple[int, int]] = field(default_factory=list)

    def sent_unasked(self, end: int) -> None:
        """Note that the octets up to `end` were or will be sent without an R2T."""
        self.asked = end
        self._ranges = [(0, end)] if end else []

    def take(self, pdu: Received[ReadyToTransfer], bidirectional: bool, outstanding: int) -> None:
        """Check an R2T.

        Args:
            pdu: the R2T.
            bidirectional: whether its number is shared with Data-In.
            outstanding: how many R2Ts of the command, this one included, are known to be unanswered.

        Raises:
            ExpectationFailed: it breaks a rule.
        """
        header, rules = pdu.header, self.rules
        self.count += 1
        self.counter.check(rules, "shared_sn" if bidirectional else "r2t_sn", header.r2t_sn, pdu, "r2t_sn")
        if header.target_transfer_tag == RESERVED_TAG:
            rules.broken("r2t_tag", "0xffffffff", pdu, "target_transfer_tag")
        if header.lun != self.lun:
            rules.broken("lun", f"LUN {header.lun:#x} in the R2T, {self.lun:#x} in the command", pdu, "lun")
        if pdu.data:
            rules.broken("r2t_data", f"{len(pdu.data)} octets of data", pdu, "data_segment_length")
        if outstanding > self.parameters.max_outstanding_r2t:
            text = f"{outstanding} unanswered, MaxOutstandingR2T {self.parameters.max_outstanding_r2t}"
            rules.broken("r2t_count", text, pdu)
        self._check_range(pdu)

    def _check_range(self, pdu: Received[ReadyToTransfer]) -> None:
        start, length = pdu.header.buffer_offset, pdu.header.desired_data_transfer_length
        end, rules = start + length, self.rules
        if length == 0:
            rules.broken("r2t_length", "0 octets", pdu, "desired_data_transfer_length")
        if length > self.parameters.max_burst_length:
            text = f"{length} octets, MaxBurstLength {self.parameters.max_burst_length}"
            rules.broken("burst_out", text, pdu, "desired_data_transfer_length")
        if end > self.expected:
            text = f"octets {start} to {end} of {self.expected}"
            rules.broken("r2t_range", text, pdu, "desired_data_transfer_length")
        if self.parameters.data_sequence_in_order:
            if start != self.asked:
                rules.broken("r2t_range", f"offset {start} where {self.asked} is next", pdu, "buffer_offset")
        elif any(start < stop and begin < end for begin, stop in self._ranges):
            rules.broken("r2t_range", f"octets {start} to {end} were asked for before", pdu, "buffer_offset")
        self._ranges.append((start, end))
        self.asked = end
