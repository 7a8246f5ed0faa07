"""Expectations as verbs: what the specification allows a target to do at one point, as sets of legal outcomes.

A case says `session.expect(expect.rejected({4, 9}))` or `task.expect(expect.good())`. Each verb returns an
`Expectation`; `any_of` joins several. Every one takes `clause`, the identifiers of the requirements behind it; without
it, the clause of the running case counts. An expectation that is not met raises `ExpectationFailed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from initiator_sim.evidence import Closed, Peace, Received, Silence
from initiator_sim.expectation import Allowed, Expectation, Mismatch, difference, fits, names_of
from initiator_sim.fields import field_table
from initiator_sim.login import LoginResult
from initiator_sim.outcomes import HarnessFault
from initiator_sim.task import CommandResult
from iscsi_wire.constants import RESERVED_TAG, LoginStatus, ScsiResponseCode, ScsiStatus
from iscsi_wire.pdus import (
    AsyncMessage,
    DataIn,
    LogoutResponse,
    NopIn,
    Pdu,
    ReadyToTransfer,
    Reject,
    TaskManagementResponse,
    TextResponse,
)

H = TypeVar("H", bound=Pdu)


# ---- commands


def good(*, data: bytes | None = None, residual: int | None = 0, clause: str = "") -> Expectation[CommandResult]:
    """The command completes with GOOD.

    Args:
        data: the input that it must have brought.
        residual: the residual count, negative for underflow, positive for overflow; None for any.
        clause: requirements.
    """

    def judge(result: CommandResult) -> CommandResult | Mismatch:
        if data is not None and result.data != data:
            return Mismatch(difference(result.data, data), "data")
        if residual is not None and result.residual != residual:
            return Mismatch(f"GOOD with residual {result.residual}", "residual_count")
        return result

    text = "GOOD" + (f", residual {residual}" if residual else "") + (f", {len(data)} octets" if data else "")
    return Expectation(text, _command(judge, ScsiStatus.GOOD), clause)


def status(*codes: int, clause: str = "") -> Expectation[CommandResult]:
    """The command completes with one of the SCSI status `codes`."""
    text = "status " + names_of(codes, ScsiStatus)
    return Expectation(text, _command(lambda result: result, *codes), clause)


def check_condition(
    key: Allowed = None, asc: Allowed = None, ascq: Allowed = None, *, clause: str = ""
) -> Expectation[CommandResult]:
    """The command ends with CHECK CONDITION and sense data with these values.

    Args:
        key: sense keys.
        asc: additional sense codes.
        ascq: additional sense code qualifiers.
        clause: requirements.
    """

    def judge(result: CommandResult) -> CommandResult | Mismatch:
        sense = result.sense
        if sense is None:
            return Mismatch("CHECK CONDITION without sense data", "data")
        if fits(sense.key, key) and fits(sense.asc, asc) and fits(sense.ascq, ascq):
            return result
        return Mismatch(f"CHECK CONDITION, {sense}", "data")

    wanted = (("key", key), ("asc", asc), ("ascq", ascq))
    text = "CHECK CONDITION" + "".join(f", {name} {names_of(value)}" for name, value in wanted if value is not None)
    return Expectation(text, _command(judge, ScsiStatus.CHECK_CONDITION), clause)


def response(*codes: int, clause: str = "") -> Expectation[CommandResult]:
    """The command ends with a SCSI Response whose iSCSI response code is one of `codes`, such as Target Failure."""

    def judge(evidence: object) -> CommandResult | Mismatch:
        if isinstance(evidence, CommandResult) and evidence.response in codes:
            return evidence
        return Mismatch(str(evidence), "response" if isinstance(evidence, CommandResult) else "")

    return Expectation("response " + names_of(codes, ScsiResponseCode), judge, clause)


def _command(
    judge: Callable[[CommandResult], CommandResult | Mismatch], *codes: int
) -> Callable[[object], CommandResult | Mismatch]:
    """Return a judge of commands that first wants one of the status `codes`."""

    def whole(evidence: object) -> CommandResult | Mismatch:
        if not isinstance(evidence, CommandResult):
            return Mismatch(str(evidence))
        if evidence.status not in codes:
            return Mismatch(str(evidence), "status" if evidence.header else "")
        return judge(evidence)

    return whole


# ---- single PDUs


def pdu(kind: type[H], *, data: bytes | None = None, clause: str = "", **fields: Allowed) -> Expectation[Received[H]]:
    """The next PDU is of the class `kind` and its fields have legal values.

    Args:
        kind: a class of `iscsi_wire.pdus`.
        data: its data segment.
        clause: requirements.
        fields: legal values of fields, by the RFC's names in snake case.
    """
    return _pdu(kind, fields, data, clause)


def _pdu(kind: type[H], fields: Mapping[str, Allowed], data: bytes | None, clause: str) -> Expectation[Received[H]]:
    table = field_table(kind)
    unknown = fields.keys() - table.keys()
    if unknown:
        raise HarnessFault(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")

    def judge(evidence: object) -> Received[H] | Mismatch:
        if isinstance(evidence, CommandResult | LoginResult):
            evidence = evidence.ending
        if not isinstance(evidence, Received) or not isinstance(evidence.header, kind):
            return Mismatch(str(evidence))
        for name, allowed in fields.items():
            if not fits(getattr(evidence.header, name), allowed):
                return Mismatch(str(evidence), name)
        if data is not None and evidence.data != data:
            return Mismatch(difference(evidence.data, data), "data")
        return cast("Received[H]", evidence)

    wanted = [f"{name} {names_of(value, table[name].codes)}" for name, value in fields.items() if value is not None]
    wanted += [f"{len(data)} octets of data"] if data is not None else []
    return Expectation(", ".join([kind.TITLE, *wanted]), judge, clause, of_single_pdu=True)


def rejected(reason: Allowed = None, *, clause: str = "") -> Expectation[Received[Reject]]:
    """The target answers with a Reject for one of these reasons; a command is ended by one."""
    return replace(_pdu(Reject, {"reason": reason}, None, clause), of_single_pdu=False)


def nop_in(*, data: bytes | None = None, clause: str = "", **fields: Allowed) -> Expectation[Received[NopIn]]:
    """A NOP-In answers a NOP-Out."""
    return _pdu(NopIn, fields, data, clause)


def ping(*, timeout: float | None = None, clause: str = "", **fields: Allowed) -> Expectation[Received[NopIn]]:
    """The target sends a NOP-In of its own accord, within `timeout` seconds."""
    wanted = {"initiator_task_tag": RESERVED_TAG} | fields
    return replace(_pdu(NopIn, wanted, None, clause), unsolicited=True, timeout=timeout)


def async_message(
    event: Allowed = None, *, timeout: float | None = None, clause: str = "", **fields: Allowed
) -> Expectation[Received[AsyncMessage]]:
    """The target sends an Asynchronous Message with one of these events, within `timeout` seconds."""
    wanted = {"async_event": event} | fields
    return replace(_pdu(AsyncMessage, wanted, None, clause), unsolicited=True, timeout=timeout)


def r2t(
    *, offset: Allowed = None, length: Allowed = None, clause: str = "", **fields: Allowed
) -> Expectation[Received[ReadyToTransfer]]:
    """An R2T asks for `length` octets from `offset` on."""
    wanted = {"buffer_offset": offset, "desired_data_transfer_length": length} | fields
    return _pdu(ReadyToTransfer, wanted, None, clause)


def data_in(
    *, offset: Allowed = None, data: bytes | None = None, clause: str = "", **fields: Allowed
) -> Expectation[Received[DataIn]]:
    """A Data-In brings data from `offset` on."""
    return _pdu(DataIn, {"buffer_offset": offset} | fields, data, clause)


def text_response(
    *, data: bytes | None = None, clause: str = "", **fields: Allowed
) -> Expectation[Received[TextResponse]]:
    """A Text Response comes."""
    return _pdu(TextResponse, fields, data, clause)


def task_management_response(
    response: Allowed = 0, *, clause: str = ""
) -> Expectation[Received[TaskManagementResponse]]:
    """A task management response with one of these codes comes."""
    return _pdu(TaskManagementResponse, {"response": response}, None, clause)


def logout_response(response: Allowed = 0, *, clause: str = "") -> Expectation[Received[LogoutResponse]]:
    """A Logout Response with one of these codes comes."""
    return _pdu(LogoutResponse, {"response": response}, None, clause)


# ---- login


def login_succeeded(*, clause: str = "") -> Expectation[LoginResult]:
    """The login reaches the full feature phase."""

    def judge(evidence: object) -> LoginResult | Mismatch:
        if isinstance(evidence, LoginResult) and evidence.succeeded:
            return evidence
        return Mismatch(str(evidence), "status_class" if isinstance(evidence, LoginResult) else "")

    return Expectation("login succeeds", judge, clause)


def login_failed(status: Allowed = None, *, or_closed: bool = False, clause: str = "") -> Expectation[LoginResult]:
    """The login ends with one of these status codes (class << 8 | detail).

    Args:
        status: legal codes; None for any code of class 2 or 3.
        or_closed: whether the target may also close the connection without a Login Response. A format error lets it
            (RFC 7143, 7.7); a failed negotiation does not: "it must terminate the login with the appropriate Login
            response code" (7.12).
        clause: requirements.
    """
    allowed = range(0x0200, 0x0400) if status is None else status

    def judge(evidence: object) -> LoginResult | Mismatch:
        if not isinstance(evidence, LoginResult):
            return Mismatch(str(evidence))
        if evidence.status is None:
            if or_closed and isinstance(evidence.ending, Closed):
                return evidence
            return Mismatch(str(evidence))
        if fits(evidence.status, allowed):
            return evidence
        return Mismatch(str(evidence), "status_class")

    text = "login fails" + (f" with {names_of(status, LoginStatus)}" if status is not None else "")
    return Expectation(text + (" or the connection is closed" if or_closed else ""), judge, clause)


# ---- peace, silence, the end


def silently_ignored(*, clause: str = "") -> Expectation[Peace]:
    """The target drops the last PDU without a word.

    A NOP round trip is answered, and nothing comes before that; nor may anything come for that PDU's tag later.
    """
    return Expectation("no answer ever, and the session goes on", _judge_peace, clause, probe=True, for_good=True)


def unanswered(*, clause: str = "") -> Expectation[Peace]:
    """The target says nothing to the last PDU so far: a NOP round trip is answered, and nothing comes before that."""
    return Expectation("no answer yet, and the session goes on", _judge_peace, clause, probe=True)


def _judge_peace(evidence: object) -> Peace | Mismatch:
    return evidence if isinstance(evidence, Peace) else Mismatch(str(evidence))


def nothing(within: float, *, clause: str = "") -> Expectation[Silence]:
    """The target sends nothing for `within` seconds (which cost no time on a transport with a fake clock)."""

    def judge(evidence: object) -> Silence | Mismatch:
        return evidence if isinstance(evidence, Silence) else Mismatch(str(evidence))

    return Expectation(f"nothing within {within:g} s", judge, clause, unsolicited=True, timeout=within)


def connection_closed(
    *,
    reset: bool | None = None,
    after: Iterable[type[Pdu]] = (Reject,),
    timeout: float | None = None,
    clause: str = "",
) -> Expectation[Closed]:
    """The target closes the connection.

    Args:
        reset: whether by RST; None for either way.
        after: PDUs that may come before it; Asynchronous Messages may always.
        timeout: how long to wait, in seconds.
        clause: requirements.
    """

    def judge(evidence: object) -> Closed | Mismatch:
        if isinstance(evidence, CommandResult | LoginResult):
            evidence = evidence.ending
        if isinstance(evidence, Closed) and reset in (None, evidence.reset):
            return evidence
        return Mismatch(str(evidence))

    return Expectation("connection closed", judge, clause, passes_over=tuple(after), timeout=timeout)


def any_of(*alternatives: Expectation[Any], clause: str = "") -> Expectation[Any]:
    """One of the `alternatives` happens; returns what that one was met by."""

    def judge(evidence: object) -> Any:
        verdicts = [alternative.judge(evidence) for alternative in alternatives]
        for verdict in verdicts:
            if not isinstance(verdict, Mismatch):
                return verdict
        # The verdict of an alternative that found the right PDU, and a wrong field in it, says most.
        return max(verdicts, key=lambda verdict: bool(verdict.field))

    timeouts = [alternative.timeout for alternative in alternatives if alternative.timeout is not None]
    return Expectation(
        " or ".join(alternative.text for alternative in alternatives),
        judge,
        clause or " ".join(dict.fromkeys(alternative.clause for alternative in alternatives if alternative.clause)),
        probe=any(alternative.probe for alternative in alternatives),
        for_good=any(alternative.for_good for alternative in alternatives),
        of_single_pdu=any(alternative.of_single_pdu for alternative in alternatives),
        unsolicited=any(alternative.unsolicited for alternative in alternatives),
        passes_over=tuple({kind for alternative in alternatives for kind in alternative.passes_over}),
        timeout=max(timeouts, default=None),
    )
