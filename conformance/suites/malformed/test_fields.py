from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import (
    DataOut,
    LogoutRequest,
    NopOut,
    RejectReason,
    Scratch,
    ScsiCommand,
    ScsiResponse,
    ScsiStatus,
    Session,
    Target,
    TaskManagementRequest,
    TextRequest,
    case,
    expect,
    mutations,
    variants,
)
from conformance.suites.blocks import ask_write, contents, pattern
from conformance.suites.exchanges import NO_TASK
from initiator_sim.draft import Mutation
from initiator_sim.expectation import Expectation
from initiator_sim.fields import field_table
from initiator_sim.starting import lun_field
from iscsi_wire.pdus import Pdu
from iscsi_wire.scsi import Inquiry, TestUnitReady
from iscsi_wire.structure import Kind

_REFUSED = {RejectReason.PROTOCOL_ERROR, RejectReason.COMMAND_NOT_SUPPORTED, RejectReason.INVALID_PDU_FIELD}


def _refused() -> Expectation[Any]:
    """The PDU is refused, or ends the session as a format error does (RFC 7143, 7.7)."""
    return expect.any_of(expect.rejected(_REFUSED), expect.connection_closed())


def _with_reserved_bits(kind: type[Pdu]) -> list[Mutation]:
    """Return mutations that set every bit that is reserved in a PDU."""
    reserved = [info for info in field_table(kind).values() if info.kind is Kind.RESERVED]
    return [mutations.set_fields(**{info.name: (1 << info.width) - 1}) for info in reserved]


@case("reserved-bits-01", "7143-11-03")
def test_reserved_bits_of_a_nop_out_are_ignored(session: Session) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    session.send(NopOut, *_with_reserved_bits(NopOut), data=b"reserved")
    session.expect(expect.nop_in(data=b"reserved"))


@case("reserved-bits-02", "7143-11-03")
def test_reserved_bits_of_a_scsi_command_are_ignored(session: Session) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise.

    (The upper half of byte 2 belongs to RFC 7144 and is reserved without it.)
    """
    session.command(TestUnitReady(), *_with_reserved_bits(ScsiCommand)).expect(expect.good())


@case("reserved-bits-03", "7143-11-03")
def test_reserved_bits_of_a_data_out_are_ignored(session: Session, scratch: Scratch) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    data = pattern(scratch.block_size, 1)
    task, r2t = ask_write(session, scratch, data)
    task.data_out(r2t, *_with_reserved_bits(DataOut), final=1)
    task.expect(expect.good())
    assert contents(session, scratch, 1) == data, "other data were stored"


@case("reserved-bits-04", "7143-11-03")
def test_reserved_bits_of_a_task_management_request_are_ignored(session: Session) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    changes = _with_reserved_bits(TaskManagementRequest)
    session.send(TaskManagementRequest, *changes, immediate=1, function=1, referenced_task_tag=NO_TASK)
    session.expect(expect.task_management_response({0, 1}))


@case("reserved-bits-05", "7143-11-03")
def test_reserved_bits_of_a_text_request_are_ignored(session: Session) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    session.send(TextRequest, *_with_reserved_bits(TextRequest), data=b"SendTargets=\0")
    session.expect(expect.text_response(final=1))


@case("reserved-bits-06", "7143-11-03")
def test_reserved_bits_of_a_logout_request_are_ignored(session: Session) -> None:
    """> Any compliant receiver MUST ignore any bit not defined and all reserved fields unless specified otherwise."""
    session.send(LogoutRequest, *_with_reserved_bits(LogoutRequest))
    session.expect(expect.logout_response({0}))
    session.expect(expect.connection_closed(after=()))


@case("scsi-flags-01", "7143-7.7-01", level="SHOULD")
def test_command_with_neither_f_nor_w_is_refused(session: Session) -> None:
    """> At least one of the W and F bits MUST be set to 1."""
    session.start(TestUnitReady(), final=0).expect(_refused())


@case("scsi-flags-02", "7143-7.7-01", "7143-11.3.4-05", level="FORMAT")
def test_expected_length_without_direction_is_answered(session: Session) -> None:
    """> ... they MUST NOT both be 0 when the Expected Data Transfer Length [is] not 0 (i.e., when some data transfer is
    > expected, the transfer direction is indicated by the R and/or W bit).

    Such a command is refused or fails, or its length is taken for nothing; it is not left unanswered.
    """
    task = session.start(TestUnitReady(), expected_data_transfer_length=512)
    task.expect(expect.any_of(_refused(), expect.good(residual=None), expect.check_condition()))


@case("scsi-flags-03", "7143-7.7-01", "7143-4.6-01", level="FORMAT")
def test_data_with_a_command_that_is_no_write_do_no_harm(session: Session) -> None:
    """Immediate data are output: with a command that has none they are refused, or thrown away."""
    session.send(ScsiCommand, attr=1, lun=lun_field(session.initiator.lun), data=bytes(64), cdb=bytes(16))
    session.expect(expect.any_of(_refused(), expect.pdu(ScsiResponse)))
    if not session.connection.ended:
        session.nop(b"still in step", immediate=1)


@case("task-attribute-01", "7143-11.2.1-01", "7143-4.2.2.1-24")
@variants("attribute", [0, 1, 2, 3], ids=["untagged", "simple", "ordered", "head-of-queue"])
def test_command_of_every_task_attribute_is_executed(session: Session, attribute: int) -> None:
    """> 0 - Untagged, 1 - Simple, 2 - Ordered, 3 - Head of queue."""
    session.command(TestUnitReady(), attr=attribute).expect(expect.good())


@case("task-attribute-02", "7143-10.2-02", level="FORMAT")
def test_attribute_aca_without_an_aca_condition_is_answered(session: Session) -> None:
    """A command with the attribute ACA needs an ACA condition; without one it is refused by SCSI, not dropped."""
    result = session.command(TestUnitReady(), attr=4)
    active = expect.status(ScsiStatus.ACA_ACTIVE)
    result.expect(expect.any_of(expect.check_condition(), active, expect.good(), expect.rejected(_REFUSED)))


@case("task-attribute-03", "7143-11-04")
@variants("attribute", [5, 6, 7], ids=["five", "six", "seven"])
def test_reserved_task_attribute_is_a_protocol_error(
    session: Session, attribute: int, non_strict: Callable[[str], None]
) -> None:
    """> 5-7 - Reserved.
    > Receipt of reserved code values in defined fields MUST be reported as a protocol error.

    It may be reported to SCSI (as an invalid message) or by a Reject.
    """
    result = session.command(TestUnitReady(), attr=attribute)
    result.expect(expect.any_of(_refused(), expect.check_condition()))


@case("lun-format-01", "7143-11.2.1.7-01")
def test_flat_addressing_reaches_the_same_unit_or_none(session: Session, target: Target) -> None:
    """> The LUN field is 64 bits and should be formatted in accordance with [SAM2].

    The flat space method (01b) may name the same logical unit as the peripheral method, never another.
    """
    page = Inquiry.make(evpd=1, page_code=0x83, allocation_length=255)
    plain = session.command(page, read=255).expect(expect.good(residual=None)).data
    flat = session.command(page, read=255, lun=(0x4000 | target.lun) << 48)
    flat.expect(expect.any_of(expect.good(residual=None), expect.check_condition(key=5)))
    if flat.status == 0 and flat.data[:1] == plain[:1]:
        assert flat.data == plain, "another logical unit answers to the same LUN in flat format"


@case("lun-format-02", "7143-11.2.1.7-01", level="SHOULD")
def test_second_level_of_a_lun_is_not_ignored(session: Session) -> None:
    """A LUN of two levels names a unit behind a bridge: a target without bridges has no such unit."""
    lun = session.start(TestUnitReady())
    lun.expect(expect.good())
    session.command(TestUnitReady(), lun=lun.lun | 1 << 32).expect(expect.check_condition(key=5, asc=0x25))
