"""What every PDU of a target has to obey, whatever a case is about: checked on each arrival.

A `Rule` is one requirement with its identifier in the catalogue. A broken rule raises `ExpectationFailed`, except where
the script ignores it by name (as for a target with a known deviation); then the exchange gets a note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from initiator_sim.evidence import AnyReceived
from initiator_sim.fields import first_reserved_set
from initiator_sim.outcomes import ExpectationFailed, HarnessFault
from iscsi_wire.constants import BHS_LENGTH, OPCODE_MASK, RESERVED_TAG, Opcode
from iscsi_wire.records import LogRecord
from iscsi_wire.sequence import sn_add, sn_lt

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from initiator_sim.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement that is checked without being asked for: its name here, its identifiers, its wording."""

    name: str
    clause: str
    text: str
    recommended: bool = False
    """Whether it is a SHOULD: enforced only where a script asks for it."""


_ALL: Final = (
    Rule("opcode", "7143-11.2.1.2-04", "a target sends PDUs with target opcodes only"),
    Rule("ahs", "7143-11.2-03", "a target's PDU has no additional header segments"),
    Rule("reserved", "7143-11-02", "reserved fields are 0"),
    Rule("final", "7143-11.2.1.3-01", "the first bit of byte 1 is 1"),
    Rule("padding", "7143-11.2-02", "padding is 0", recommended=True),
    Rule("header_digest", "7143-13.1-06", "the header digest is the CRC32C of the header"),
    Rule("data_digest", "7143-11.2.3-01", "the data digest is the CRC32C of data segment and padding"),
    Rule("segment_length", "7143-13.12-02", "no data segment is longer than its receiver declared"),
    Rule("stat_sn", "7143-11.4.9-01", "StatSN grows by one with each status"),
    Rule("window", "7143-4.2.2.1-16", "MaxCmdSN is not lower than ExpCmdSN - 1"),
    Rule("exp_cmd_sn", "7143-4.2.2.1-12", "ExpCmdSN acknowledges only what was sent"),
    Rule("lun", "7143-4.2.5.3-02", "fields of a PDU agree with the task that it names"),
    Rule("data_sn", "7143-4.2.2.4-02", "DataSN begins with 0 and grows by one"),
    Rule("r2t_sn", "7143-4.2.2.4-04", "R2TSN begins with 0 and grows by one"),
    Rule("shared_sn", "7143-4.2.2.4-05", "one counter numbers Data-In and R2T of a bidirectional command"),
    Rule("exp_data_sn", "7143-11.4.8-01", "ExpDataSN is the number of Data-In sent"),
    Rule("data_in_bounds", "7143-11.7.6-01", "Data-In stay within the expected length"),
    Rule("data_pdu_order", "7143-11.7.6-02", "Data-In of a sequence have rising offsets without overlap"),
    Rule("sequence_order", "7143-11.7.6-03", "sequences have rising offsets without overlap"),
    Rule("overlap", "7143-11.7.6-01", "no octet is transferred twice, none is left out"),
    Rule("burst_in", "7143-11.7.1-05", "an input sequence does not exceed MaxBurstLength"),
    Rule("sequence_end", "7143-11.7.1-02", "the last Data-In of each sequence has F=1"),
    Rule("data_in_size", "7143-11.7.7-02", "Data-In with F=0 hold a multiple of four octets", recommended=True),
    Rule("acknowledge", "7143-11.7.2-03", "A is never set at ErrorRecoveryLevel 0"),
    Rule("status_final", "7143-11.7.3-03", "S=1 is combined with F=1"),
    Rule("status_in_data", "7143-11.7.3-01", "a Data-In carries no error status"),
    Rule("status_bidirectional", "7143-11.7.3-02", "a bidirectional command ends with a SCSI Response"),
    Rule("r2t_data", "7143-11.8.1-01", "an R2T has no data"),
    Rule("r2t_length", "7143-11.8.4-01", "an R2T asks for at least one octet"),
    Rule("burst_out", "7143-11.8.4-02", "an R2T does not ask for more than MaxBurstLength"),
    Rule("r2t_tag", "7143-11.8.5-01", "the Target Transfer Tag of an R2T is not 0xffffffff"),
    Rule("r2t_range", "7143-11.8-15", "successive R2Ts ask for adjoining ranges of the data still to come"),
    Rule("r2t_count", "7143-11.8-11", "no more R2Ts than MaxOutstandingR2T are unanswered"),
    Rule("residual_bits", "7143-11.4.1-05", "overflow and underflow exclude each other"),
    Rule("residual_zero", "7143-11.4.5.1-03", "without overflow and underflow Residual Count is 0", recommended=True),
    Rule("residual_failure", "7143-11.4.1-06", "the residual bits are 0 if the command was not completed"),
    Rule("residual_count", "7143-11.4.5.2-05", "on underflow Residual Count is what is missing"),
    Rule("sense", "7143-11.4.7-02", "CHECK CONDITION comes with sense data"),
    Rule("sense_length", "7143-11.4.7.1-01", "SenseLength is the number of octets of sense"),
    Rule("tag", "7143-4.2.5.3-02", "a PDU names a task that was asked for and is not answered yet"),
    Rule("reject_header", "7143-11.17.4-01", "a Reject returns the header of the PDU in error"),
    Rule("nop_in_tag", "7143-11.19-03", "the answer to a ping has the reserved Target Transfer Tag"),
    Rule("nop_in_data", "7143-11.19-06", "a NOP-In that answers no NOP-Out has no data"),
    Rule("task_management_data", "7143-11.6.2-01", "a task management response has no data"),
    Rule("silence", "7143-4.2.2.1-17", "what was ignored is never answered"),
    Rule("echo", "7143-11.19-02", "the answer to a ping returns its data"),
    Rule("send_targets", "7143-13.8-01", "an answer to SendTargets lists names, each with its addresses"),
    Rule("login_fields", "7143-11.13-01", "a login response repeats ISID and Initiator Task Tag"),
    Rule("login_stage", "7143-11.13.6-02", "a login response transits only where the request asked for it"),
    Rule("login_continue", "7143-11.13.7-01", "a login response with C=1 has T=0"),
    Rule("login_tsih", "7143-11.13.3-02", "only the final login response of a new session shows a new TSIH"),
    Rule("login_version", "7143-11.13.2-01", "Version-active does not change within a login"),
    Rule("chap_challenge", "7143-12.1.3-02", "CHAP_A is answered with one of the algorithms, CHAP_I and CHAP_C"),
    Rule("chap_response", "1994-4.1-06", "the target's CHAP_R is the hash over identifier, its secret and challenge"),
    Rule("text", "7143-6.2.2-01", "an answer has the form key=value"),
    Rule("answer", "7143-6.2.2-04", "an answer lies within what was offered"),
    Rule("answer_missing", "7143-6.2.2-06", "an offer that leaves the result open is answered"),
    Rule("text_continue", "7143-11.11.2-01", "a text response with C=1 has F=0"),
    Rule("text_tag", "7143-11.11.1-03", "F=1 in a Text Response means Target Transfer Tag 0xffffffff, F=0 another"),
)

RULES: Final = {rule.name: rule for rule in _ALL}
"""Every rule that the initiator checks by itself, by name."""

RECOMMENDED: Final = frozenset(rule.name for rule in _ALL if rule.recommended)
"""The rules that are no more than SHOULD."""

_NEVER_CLEAR: Final = frozenset(
    {
        Opcode.NOP_IN,
        Opcode.SCSI_RESPONSE,
        Opcode.TASK_MANAGEMENT_RESPONSE,
        Opcode.LOGOUT_RESPONSE,
        Opcode.READY_TO_TRANSFER,
        Opcode.ASYNC_MESSAGE,
        Opcode.REJECT,
    }
)


@dataclass(slots=True)
class Rules:
    """The rules in force for a script.

    Attributes:
        exchange: where notes on ignored violations go.
        ignored: names of the rules that are not enforced; a violation leaves a note.
    """

    exchange: Exchange
    ignored: set[str] = field(default_factory=lambda: set(RECOMMENDED))

    def ignore(self, *names: str) -> None:
        """Stop enforcing the rules called `names`."""
        self.ignored |= _checked(names)

    def enforce(self, *names: str) -> None:
        """Enforce the rules called `names`, also if they are no more than recommended."""
        self.ignored -= _checked(names)

    def broken(self, name: str, observed: str, pdu: AnyReceived, field_name: str = "") -> None:
        """Report that the target broke the rule `name`.

        Raises:
            ExpectationFailed: unless that rule is ignored.
        """
        rule = RULES[name]
        if name in self.ignored:
            text = f"ignored: {observed}, but {rule.text} ({rule.clause})"
            self.exchange(LogRecord(pdu.record.time, "initiator", pdu.record.connection, 1, text))
            return
        raise ExpectationFailed(
            rule.text, observed, exchange=self.exchange, clause=rule.clause, pdu=pdu, field=field_name
        )


def _checked(names: tuple[str, ...]) -> set[str]:
    unknown = set(names) - RULES.keys()
    if unknown:
        raise HarnessFault(f"no rule is called {', '.join(sorted(unknown))}; there are {', '.join(RULES)}")
    return set(names)


def check_arrival(connection: Connection, pdu: AnyReceived) -> None:
    """Check what holds for every PDU of a target, and take in its numbers.

    Raises:
        ExpectationFailed: a rule is broken.
    """
    rules, raw = connection.rules, pdu.record.header
    opcode = raw[0] & OPCODE_MASK
    if pdu.header_digest_error:
        rules.broken("header_digest", "another value", pdu)
    if not opcode & 0x20:
        rules.broken("opcode", f"opcode {opcode:#04x}", pdu, "opcode")
    if pdu.ahs:
        rules.broken("ahs", f"TotalAHSLength {raw[4]}", pdu, "total_ahs_length")
    reserved = first_reserved_set(raw)
    if reserved:
        rules.broken("reserved", f"{reserved} is not 0", pdu, reserved)
    if opcode in _NEVER_CLEAR and not raw[1] & 0x80:
        rules.broken("final", "it is 0", pdu, "final")
    if pdu.padding and any(pdu.padding):
        rules.broken("padding", f"padding {pdu.padding.hex()}", pdu, "data")
    if pdu.data_digest_error:
        rules.broken("data_digest", "another value", pdu, "data")
    _check_numbers(connection, pdu, opcode)
    check = _CHECKS.get(opcode)
    if check is not None:
        check(connection, pdu)


def _check_nop_in(connection: Connection, pdu: AnyReceived) -> None:
    header = pdu.header
    if header.initiator_task_tag == RESERVED_TAG:
        if pdu.data:
            connection.rules.broken("nop_in_data", f"{len(pdu.data)} octets", pdu, "data_segment_length")
    elif header.target_transfer_tag != RESERVED_TAG:
        connection.rules.broken("nop_in_tag", f"{header.target_transfer_tag:#x}", pdu, "target_transfer_tag")


def _check_reject(connection: Connection, pdu: AnyReceived) -> None:
    if not connection.numbering.known:
        return
    mine = (
        record.header
        for record in reversed(connection.exchange.pdus())
        if record.connection == connection.name and record.direction == "out"
    )
    if pdu.data[:BHS_LENGTH] not in mine:
        connection.rules.broken("reject_header", f"{pdu.data[:BHS_LENGTH].hex(' ', -4)}", pdu, "data")


def _check_task_management(connection: Connection, pdu: AnyReceived) -> None:
    if pdu.data:
        text = f"{len(pdu.data)} octets"
        connection.rules.broken("task_management_data", text, pdu, "data_segment_length")


_CHECKS: Final[dict[int, Callable[[Connection, AnyReceived], None]]] = {
    Opcode.NOP_IN: _check_nop_in,
    Opcode.REJECT: _check_reject,
    Opcode.TASK_MANAGEMENT_RESPONSE: _check_task_management,
}


def _check_numbers(connection: Connection, pdu: AnyReceived, opcode: int) -> None:
    header = pdu.header
    if opcode == Opcode.LOGIN_RESPONSE and header.status_class:
        return  # StatSN, ExpCmdSN and MaxCmdSN are not valid (RFC 7143, 11.13.4)
    if opcode == Opcode.DATA_IN:
        if header.status_present:
            _check_stat_sn(connection, pdu, 1)
    elif opcode in STATUS_ADVANCE:
        _check_stat_sn(connection, pdu, _advance(opcode, header))
    if hasattr(header, "max_cmd_sn"):
        check_window(connection, pdu)


STATUS_ADVANCE: Final = frozenset(
    {
        Opcode.NOP_IN,
        Opcode.SCSI_RESPONSE,
        Opcode.TASK_MANAGEMENT_RESPONSE,
        Opcode.LOGIN_RESPONSE,
        Opcode.TEXT_RESPONSE,
        Opcode.LOGOUT_RESPONSE,
        Opcode.READY_TO_TRANSFER,
        Opcode.ASYNC_MESSAGE,
        Opcode.REJECT,
    }
)
"""PDUs that always show a valid StatSN; R2T and an unsolicited NOP-In show it without using it up."""


def _advance(opcode: int, header: Any) -> int:
    """Return by how much a PDU moves StatSN on (RFC 7143, 11.8.3 and 11.19.2)."""
    if opcode == Opcode.READY_TO_TRANSFER:
        return 0
    if opcode == Opcode.NOP_IN and header.initiator_task_tag == RESERVED_TAG:
        return 0
    return 1


def _check_stat_sn(connection: Connection, pdu: AnyReceived, advance: int) -> None:
    number = pdu.header.stat_sn
    expected = connection.expected_stat_sn
    if expected is not None and number != expected:
        connection.rules.broken("stat_sn", f"StatSN {number:#x} where {expected:#x} is next", pdu, "stat_sn")
    connection.status_received(sn_add(number, advance))


def check_window(connection: Connection, pdu: AnyReceived) -> None:
    """Check ExpCmdSN and MaxCmdSN and move the session's window on."""
    exp_cmd_sn, max_cmd_sn = pdu.header.exp_cmd_sn, pdu.header.max_cmd_sn
    if sn_lt(max_cmd_sn, sn_add(exp_cmd_sn, -1)):
        connection.rules.broken("window", f"MaxCmdSN {max_cmd_sn:#x}, ExpCmdSN {exp_cmd_sn:#x}", pdu, "max_cmd_sn")
    if not connection.numbering.possible(exp_cmd_sn):
        connection.rules.broken("exp_cmd_sn", f"ExpCmdSN {exp_cmd_sn:#x} was never sent", pdu, "exp_cmd_sn")
    connection.numbering.update(exp_cmd_sn, max_cmd_sn)
