from __future__ import annotations

from collections.abc import Callable

from conformance.api import RESERVED_TAG, NopOut, Session, Unsupported, case, expect, sn_add, variants
from conformance.suites.exchanges import answer_to


@case("nop-ping-01", "7143-11.18.1-03", "7143-11.18.3-01", "7143-11.19-01", "7143-11.19-03")
@variants("length", [0, 1, 512], ids=["empty", "one-octet", "one-block"])
def test_ping_data_come_back(session: Session, length: int) -> None:
    """Ping data of a NOP-Out come back unchanged in the NOP-In, under the same Initiator Task Tag."""
    data = bytes(range(256)) * 2
    sent = session.send(NopOut, data=data[:length])
    tag = sent.header.initiator_task_tag
    echo = expect.nop_in(data=data[:length], initiator_task_tag=tag, target_transfer_tag=RESERVED_TAG)
    session.expect(echo)


@case("nop-ping-02", "7143-11.18.3-01", "7143-11.2.1.6-01", "7143-11.1-01")
@variants("length", [2, 3, 5, 1023], ids=["two", "three", "five", "odd"])
def test_ping_data_of_any_length_come_back_without_their_padding(session: Session, length: int) -> None:
    """> The length of ping data is indicated by the DataSegmentLength."""
    data = bytes(255 - index % 251 for index in range(length))
    session.send(NopOut, data=data)
    session.expect(expect.nop_in(data=data))
    session.nop(b"still in step")


@case("nop-ping-03", "7143-11.19-02", "7143-11.18.3-01", "7143-13.12-02")
def test_echo_is_cut_to_what_the_initiator_takes(login: Callable[..., Session]) -> None:
    """> It MUST also duplicate up to the first MaxRecvDataSegmentLength bytes of the initiator-provided Ping Data."""
    session = login(keys={"MaxRecvDataSegmentLength": "512"})
    room = min(session.parameters.target_max_recv_data_segment_length, 2048)
    if room <= 512:
        raise Unsupported(f"the target takes {room} octets in a PDU, no more than this side")
    data = bytes(index * 5 & 0xFF for index in range(room))
    session.send(NopOut, data=data)
    session.expect(expect.nop_in(data=data[:512]))


@case("nop-ping-04", "7143-11.18.3-01", "7143-13.12-01")
def test_ping_may_be_as_long_as_the_target_declared(login: Callable[..., Session]) -> None:
    """> The target declares the maximum data segment length in bytes it can receive in an iSCSI PDU."""
    session = login(keys={"MaxRecvDataSegmentLength": "16777215"})
    length = min(session.parameters.target_max_recv_data_segment_length, 1 << 20)
    data = bytes(range(256)) * (length // 256) + bytes(length % 256)
    session.send(NopOut, data=data)
    session.expect(expect.nop_in(data=data))


@case("nop-ping-05", "7143-11.18.1-03", "7143-4.2.2.1-12")
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
def test_ping_is_answered_with_and_without_immediate_delivery(session: Session, immediate: int) -> None:
    """> When a target receives the NOP-Out with a valid Initiator Task Tag, it MUST respond with a NOP-In Response.

    Only without immediate delivery does it use up a CmdSN.
    """
    number = session.numbering.cmd_sn
    echo = session.nop(b"here", immediate=immediate)
    expected = sn_add(number, 1 - immediate)
    assert echo.header.exp_cmd_sn == expected, f"ExpCmdSN {echo.header.exp_cmd_sn:#x}, not {expected:#x}"
    session.nop(b"again")


@case("nop-ping-06", "7143-11.19-01", "7143-11.18.1-03")
def test_several_pings_are_each_answered_once(session: Session) -> None:
    """Each echo carries the Initiator Task Tag and the data of its own NOP-Out."""
    with session.connection.held():
        pings = [session.send(NopOut, data=bytes([number]) * (number + 1)) for number in range(6)]
    for ping in pings:
        answer = answer_to(session.connection, ping)
        assert getattr(answer, "data", None) == ping.data, f"the answer to {ping.data.hex()} is {answer}"
    session.expect(expect.unanswered())


@case("nop-ping-07", "7143-11.19-03", "7143-11.18.1-03")
def test_lun_of_a_ping_does_not_matter(session: Session) -> None:
    """A NOP-Out that answers no ping has no LUN to copy: whatever stands there, it is answered."""
    session.send(NopOut, data=b"lun", lun=0x00D3000000000000)
    session.expect(expect.nop_in(data=b"lun", target_transfer_tag=RESERVED_TAG))


@case("nop-answer-01", "7143-11.19-04")
def test_nop_out_that_asks_for_no_answer_gets_none(session: Session) -> None:
    """> The target SHOULD NOT send a NOP-In in response to any other received NOP-Out in order to avoid lengthy
    > sequences of NOP-In and NOP-Out PDUs sent in response to each other.
    """
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    session.expect(expect.unanswered())


@case("nop-answer-02", "7143-11.19-04")
def test_answer_to_a_ping_that_was_never_sent_starts_no_exchange(session: Session) -> None:
    """A NOP-Out with a Target Transfer Tag that the target never gave is dropped or rejected, never answered."""
    session.send(NopOut, initiator_task_tag=RESERVED_TAG, target_transfer_tag=0x5AFE1234)
    refused = expect.rejected({4, 9})
    session.expect(expect.any_of(expect.unanswered(), refused, expect.connection_closed()))


@case("nop-answer-03", "7143-4.2.2.2-06", "7143-11.19.2-01")
def test_status_confirmed_by_a_nop_out_disturbs_nothing(session: Session) -> None:
    """> A NOP-Out may also be used to confirm a changed ExpStatSN if another PDU will not be available for a long
    > time.
    """
    before = session.nop().header.stat_sn
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    after = session.nop().header.stat_sn
    assert after == sn_add(before, 1), f"StatSN goes on from {before:#x} to {after:#x}"
