"""A connection between its octets and its session: what is trusted, what is sent, how it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.core.connection import CLOGGED, Connection
from iscsi_wire.constants import Opcode
from iscsi_wire.framing import Framer
from iscsi_wire.pdus import DataIn, LogoutRequest, LogoutResponse, NopIn, NopOut, Pdu, Reject, ScsiCommand, UnknownPdu
from iscsi_wire.records import PduRecord, TransportRecord
from tests.chiscsi_target.peer import Peer, read10
from tests.chiscsi_target.scripted import HoldingDriver, RamDriver
from tests.chiscsi_target.stand import Stand

DIGESTS = (("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C"))
SERVED = {0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x10}


@pytest.mark.parametrize("opcode", range(64))
def test_every_opcode_has_an_answer(opcode: int) -> None:
    """What the RFC knows but an initiator may not send here is a protocol error; the rest is not supported."""
    if opcode in SERVED:
        return
    peer = Stand().login()
    peer.send(UnknownPdu.make(opcode=opcode))
    reject, header = peer.take(Reject)
    assert reject.reason == (4 if opcode in list(Opcode) else 5)
    assert len(header) == 48 and header[0] & 0x3F == opcode
    assert peer.ping(b"on")[1] == b"on"


@pytest.mark.parametrize("pdu", [NopOut, UnknownPdu])
def test_discovery_serves_text_and_logout_only(pdu: type[Pdu]) -> None:
    stand = Stand()
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    peer.send(pdu.make(immediate=1))
    assert peer.take(Reject)[0].reason in (4, 5)
    peer.send(LogoutRequest.make(final=1, cmd_sn=peer.cmd_sn, initiator_task_tag=3))
    assert peer.take(LogoutResponse)[0].response == 0 and peer.closed


def test_a_wrong_header_digest_is_acted_on_by_nobody() -> None:
    """RFC 7143, 7.8: discarded; the stream cannot be followed any more. What came before it is answered."""
    stand = Stand(*DIGESTS)
    peer = stand.login(*DIGESTS)
    good = peer.octets(peer.nop_out(), b"good")
    bad = bytearray(peer.octets(peer.nop_out(), b"bad"))
    bad[20] ^= 1
    peer.pipe.send(good + bytes(bad))
    ((answer, data),) = peer.receive()
    assert isinstance(answer, NopIn) and data == b"good" and peer.closed
    assert "HeaderDigest" in stand.log


def hand_over(connection: Connection, octets: bytes) -> None:
    """Give a connection octets without letting the target work."""
    connection.receive_buffers()[0][: len(octets)] = octets
    connection.received(len(octets))


def read_of_4096(peer: Peer) -> bytes:
    """A read, as sent."""
    fields = {"final": 1, "read": 1, "expected_data_transfer_length": 4096, "cdb": read10(0, 8).ljust(16, b"\0")}
    return peer.octets(ScsiCommand.make(initiator_task_tag=9, cmd_sn=peer.number(), **fields))


def queued(connection: Connection) -> bytes:
    return b"".join(bytes(piece) for piece in connection.output)


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("keys", [(), DIGESTS])
@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_output_may_be_taken_in_any_portions(keys: tuple[tuple[str, str], ...], quiet: bool, sizes: list[int]) -> None:
    """Whatever the transport takes at a time: the octets are the same, and buffers go back when they are through."""
    driver = RamDriver()
    driver.medium[:4096] = bytes(number % 251 for number in range(4096))
    stand = Stand(*keys, driver=driver, quiet=quiet)
    peer = stand.login(("MaxRecvDataSegmentLength", "1000"), *keys)
    connection, worker = stand.connection(peer), stand.module.directory.workers[0]
    for data in (b"abc", b"", b"xyz0"):
        hand_over(connection, peer.octets(peer.nop_out(), data))
    hand_over(connection, read_of_4096(peer))
    worker.run(0.0)
    taken, turn = b"", 0
    while connection.output:
        assert driver.calls == ["cdb_rcved"]
        whole = queued(connection)
        size = min(sizes[turn % len(sizes)], len(whole))
        taken += whole[:size]
        connection.transmitted(size)
        assert queued(connection) == whole[size:]
        worker.run(0.0)
        turn += 1
    assert driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]
    frames = Framer(1 << 20, bool(keys), bool(keys)).feed(taken)
    assert [frame.opcode for frame in frames] == [0x20] * 3 + [0x25] * 5
    assert b"".join(bytes(frame.data) for frame in frames[3:]) == driver.medium[:4096]
    assert not any(frame.data_digest_error for frame in frames)


def test_an_initiator_that_takes_nothing_is_not_read() -> None:
    driver = HoldingDriver()
    stand = Stand(driver=driver, quiet=True)
    connection = stand.connection(stand.login())
    wants = [connection.wants_input]
    connection.output += [b"x"] * (CLOGGED + 1)
    wants.append(connection.wants_input)
    connection.transmitted(1)
    wants.append(connection.wants_input)
    assert wants == [True, False, True]


@pytest.mark.parametrize("reset", [True, False])
def test_buffers_go_back_when_the_transport_is_lost(reset: bool) -> None:
    """Also those whose data were queued and never sent, and whoever closed first."""
    driver = RamDriver()
    stand = Stand(driver=driver)
    peer = stand.login()
    connection = stand.connection(peer)
    hand_over(connection, read_of_4096(peer))
    stand.module.directory.workers[0].run(0.0)
    connection.drop("for a test")
    assert driver.calls == ["cdb_rcved"] and connection.output
    connection.transport_closed(reset)
    stand.module.directory.workers[0].run(0.0)
    assert driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"] and not connection.output
    assert stand.of_type(TransportRecord)[-1].event == ("reset" if reset else "closed")


def test_what_was_sent_is_recorded_where_it_lies_in_the_stream() -> None:
    stand = Stand(*DIGESTS)
    peer = stand.login(*DIGESTS)
    peer.ping(b"abcde")
    peer.command(read10(0, 1), 512)
    assert isinstance(peer.receive()[-1][0], DataIn)
    records = [record for record in stand.of_type(PduRecord) if record.direction == "out"]
    frames = [record.offset for record in records]
    lengths = [0]
    for place, record in enumerate(records):
        after_login = place > 0
        padded = len(record.data) + -len(record.data) % 4
        lengths.append(48 + padded + (4 + 4 * bool(record.data) if after_login else 0))
    assert frames == [sum(lengths[: place + 1]) for place in range(len(records))]
