from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import (
    Connection,
    Initiator,
    NopIn,
    NopOut,
    RejectReason,
    Scratch,
    Session,
    Unsupported,
    case,
    expect,
    mutations,
    settle,
    variants,
)
from conformance.suites.blocks import contents, fill, pattern, write_command
from initiator_sim.expectation import Expectation
from iscsi_wire.scsi import TestUnitReady

_REFUSED = {RejectReason.PROTOCOL_ERROR, RejectReason.COMMAND_NOT_SUPPORTED, RejectReason.INVALID_PDU_FIELD}
_BOTH_DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}


def _refused() -> Expectation[Any]:
    """The PDU is refused, or ends the session as a format error does (RFC 7143, 7.7)."""
    return expect.any_of(expect.rejected(_REFUSED), expect.connection_closed())


@case("frame-split-01", "7143-4.6-01", "7143-11.2.1-01")
@variants("size", [1, 7, 48], ids=["octets", "odd-pieces", "header-and-rest"])
def test_pdu_may_come_in_pieces_of_any_size(session: Session, size: int) -> None:
    """TCP carries a stream: where a segment ends has nothing to do with where a PDU ends."""
    data = bytes(range(99))
    session.send(NopOut, mutations.split_every(size), data=data)
    session.expect(expect.nop_in(data=data))
    session.command(TestUnitReady(), mutations.split_every(size)).expect(expect.good())


@case("frame-split-02", "7143-4.6-01", "7143-11.2.3-01", needs=("header-digest", "data-digest"))
def test_pdu_with_digests_may_come_octet_by_octet(login: Callable[..., Session]) -> None:
    """Digests are part of the PDU: they may be cut like everything else."""
    session = login(keys=_BOTH_DIGESTS)
    session.send(NopOut, mutations.split_every(1), data=b"piecemeal")
    session.expect(expect.nop_in(data=b"piecemeal"))
    session.nop(b"still in step")


@case("frame-split-03", "7143-4.6-01", "7143-11.7.6-01", needs="immediate-data")
def test_write_may_come_in_small_pieces(session: Session, scratch: Scratch) -> None:
    """Immediate and solicited data are stored whole, however the stream was cut."""
    data = pattern(2 * scratch.block_size, 1)
    half = scratch.block_size
    task = session.start(write_command(scratch, 2), mutations.split_every(100), write=data, immediate_data=half)
    r2t = task.next_r2t()
    task.data_out(r2t, mutations.split(1, 20, 47, 49, 300), data=data[half:], final=1)
    task.expect(expect.good())
    assert contents(session, scratch, 2) == data, "other data were stored"


@case("frame-joined-01", "7143-4.6-01", "7143-4.2.5.1-07")
def test_many_pdus_may_come_in_one_piece(session: Session) -> None:
    """One TCP segment may hold any number of PDUs, and the beginning of the next."""
    drafts = [session.prepare(NopOut, data=bytes(range(length)), immediate=1) for length in (0, 5, 64)]
    octets = b"".join(draft.plain(False, False) for draft in drafts)
    session.connection.numbering.known = False
    session.connection.send_raw(octets[:-20], octets[-20:])
    for draft in drafts:
        answer = session.connection.receive_pdu(NopIn)
        assert answer.data == draft.data, f"an echo of {len(answer.data)} octets where {len(draft.data)} were sent"


@case("frame-truncated-01", "7143-7.1.4.3-04", "7143-7.6-02")
@variants("length", [1, 20, 48, 60], ids=["one-octet", "half-a-header", "header-only", "part-of-the-data"])
def test_pdu_cut_off_by_the_end_of_the_connection_is_not_served(
    session: Session, scratch: Scratch, initiator: Initiator, length: int
) -> None:
    """A PDU that did not come whole never happened; the next session finds everything as it was."""
    before = pattern(scratch.block_size, 2)
    fill(session, scratch, before)
    never = pattern(scratch.block_size, 3)
    session.start(write_command(scratch, 1), mutations.truncate(length), write=never, immediate_data=len(never))
    session.connection.close()
    again = initiator.login()
    settle(again)
    assert contents(again, scratch, 1) == before, "the write that was cut off was carried out"


@case("frame-truncated-02", "7143-7.1.4.3-04", "7143-4.2.6-04")
def test_connection_reset_in_the_middle_of_a_pdu_hurts_no_other_session(
    session: Session, second_session: Session
) -> None:
    """> On a TCP failure the target closes its end of the connection; the others have nothing to do with it."""
    session.send(NopOut, mutations.truncate(30), data=bytes(100))
    session.connection.reset()
    second_session.nop(b"unharmed")
    second_session.command(TestUnitReady()).expect(expect.good())


@case("frame-length-01", "7143-11.7.1-04", "7143-13.12-02", level="FORMAT")
def test_data_segment_beyond_the_declared_length_does_no_harm(session: Session, second_session: Session) -> None:
    """> The transmitter (initiator or target) is required to send PDUs with a data segment that does not exceed
    > MaxRecvDataSegmentLength of the receiver.

    A PDU that does is refused or ends the session; at best it is served as it is meant.
    """
    limit = session.parameters.target_max_recv_data_segment_length
    if limit > 1 << 20:
        raise Unsupported(f"the target declares MaxRecvDataSegmentLength={limit}, too much to exceed here")
    ours = session.parameters.max_recv_data_segment_length
    data = pattern(limit + 4)
    session.send(NopOut, data=data)
    session.expect(expect.any_of(_refused(), expect.nop_in(data=data[:ours])))
    second_session.command(TestUnitReady()).expect(expect.good())


@case("frame-length-02", "7143-7.7-01", "7143-7.1.4.4-02", level="FORMAT")
def test_largest_announced_length_does_not_stop_the_target(connection: Connection, session: Session) -> None:
    """A header of nothing but ones announces 16 MiB: other sessions do not notice."""
    connection.send_raw(b"\xff" * 48)
    session.nop(b"unharmed")
    session.command(TestUnitReady()).expect(expect.good())
    connection.close()
    session.nop(b"and still there")


@case("frame-padding-01", "7143-11.1-01", "7143-11-03")
def test_padding_that_is_not_zero_is_skipped(session: Session) -> None:
    """> The padding bytes SHOULD be sent as 0: the receiver does not depend on it."""
    for length in (1, 2, 3):
        session.send(NopOut, mutations.padding(b"\xff" * (4 - length)), data=b"pad"[:length])
        session.expect(expect.nop_in(data=b"pad"[:length]))
