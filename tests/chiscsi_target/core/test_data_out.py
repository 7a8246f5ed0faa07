"""The data of writes: immediate, unsolicited and solicited, against a simple model; and every way to get them wrong."""

from __future__ import annotations

from itertools import product
from threading import Thread
from typing import Any

import pytest

from chiscsi_target.api import chiscsi_scsi_cmd_abort
from chiscsi_target.offload.terminator import Offload
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.framing import PLACE_AT_LEAST
from iscsi_wire.keys import KEYS
from iscsi_wire.pdus import DataOut, ReadyToTransfer, Reject, ScsiCommand, ScsiResponse
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.peer import Peer, lun_field, of_kind, write10
from tests.chiscsi_target.scripted import HoldingDriver, RamDriver
from tests.chiscsi_target.stand import Stand

DATA = bytes(number % 239 for number in range(16384))
UNEXPECTED, AMOUNT, CRC = (0x0B, 0x0C, 0x0C), (0x0B, 0x0C, 0x0D), (0x0B, 0x47, 0x05)


class Writer:
    """A session with these results of its login."""

    def __init__(
        self, *, immediate: bool = True, r2t: bool = False, first: int = 2048, burst: int = 4096, many: int = 1
    ):
        keys = {"ImmediateData": immediate, "InitialR2T": r2t, "FirstBurstLength": first, "MaxBurstLength": burst}
        text = {name: KEYS[name].format(value) for name, value in keys.items()}
        wanted = (*text.items(), ("MaxOutstandingR2T", str(many)), ("DataDigest", "CRC32C,None"))
        self.keys = keys
        self.driver: HoldingDriver = RamDriver()
        self.stand = Stand(("MaxRecvDataSegmentLength", "65536"), *wanted, driver=self.driver, offload=Offload.OFF)
        self.peer: Peer = self.stand.login(*wanted[:-1])

    def command(self, length: int, data: bytes = b"", final: int = 1) -> ScsiCommand:
        return self.peer.command(write10(0, 1), length, data, write=True, final=final)

    def unsolicited(self, request: ScsiCommand, offset: int, data: bytes, **fields: int) -> None:
        tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
        self.peer.send(DataOut.make(buffer_offset=offset, **{"final": 1, **tags} | fields), data)

    def sense(self) -> tuple[int, int, int]:
        """The sense codes of the CHECK CONDITION that came, whatever else did."""
        ((response, data),) = [pair for pair in self.peer.receive() if isinstance(pair[0], ScsiResponse)]
        assert isinstance(response, ScsiResponse) and response.status == 2
        return data[4] & 0xF, data[14], data[15]


@pytest.mark.parametrize("immediate, r2t", list(product((True, False), (True, False))))
@pytest.mark.parametrize("length", [1, 1000, 2048, 2049, 4096, 5000, 16384])
@pytest.mark.parametrize("burst, many", [(4096, 1), (2048, 3), (16384, 2)])
def test_writes(immediate: bool, r2t: bool, length: int, burst: int, many: int) -> None:
    """As much unasked as was agreed on; R2Ts for the rest, which adjoin, as many at once as may be outstanding."""
    writer = Writer(immediate=immediate, r2t=r2t, burst=burst, many=many)
    unasked = min(2048, length)
    with_command = min(unasked, 700) if immediate else 0
    request = writer.command(length, DATA[:with_command], final=int(r2t or with_command == unasked))
    position = with_command
    if not r2t and with_command < unasked:
        middle = (position + unasked) // 2
        writer.unsolicited(request, position, DATA[position:middle], final=0, data_sn=0)
        writer.unsolicited(request, middle, DATA[middle:unasked], data_sn=1)
        position = unasked
    expected = [(start, min(burst, length - start)) for start in range(position, length, burst)]
    found: list[tuple[int, int]] = []
    waiting: list[ReadyToTransfer] = []
    while True:
        answers = writer.peer.receive()
        waiting += of_kind(answers, ReadyToTransfer)
        found += [(pdu.buffer_offset, pdu.desired_data_transfer_length) for pdu in of_kind(answers, ReadyToTransfer)]
        assert len(waiting) == min(many, len(expected) - len(found) + len(waiting))
        if not waiting:
            break
        r2t_pdu = waiting.pop()  # the newest first: bursts may be answered in any order of the initiator's
        start = r2t_pdu.buffer_offset
        send_data(writer.peer, r2t_pdu, DATA[start : start + r2t_pdu.desired_data_transfer_length])
    assert found == expected
    assert [response.status for response in of_kind(answers, ScsiResponse)] == [0]
    assert writer.driver.medium[:length] == DATA[:length]  # type: ignore[attr-defined]  # a RamDriver
    assert writer.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def test_a_long_segment_that_comes_in_pieces() -> None:
    """Received in place: the same octets as any other way."""
    writer = Writer(r2t=True, burst=16384)
    writer.command(16384)
    r2t, _ = writer.peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = writer.peer.octets(DataOut.make(final=1, **tags), DATA)
    assert len(DATA) > PLACE_AT_LEAST
    for start in range(0, len(octets), 1000):
        writer.peer.pipe.send(octets[start : start + 1000])
    assert writer.peer.take(ScsiResponse)[0].status == 0
    assert writer.driver.medium[:16384] == DATA  # type: ignore[attr-defined]  # a RamDriver


def test_nothing_lands_in_memory_that_went_back_to_the_driver() -> None:
    """A write is given up while one of its segments is half received: the rest goes elsewhere."""
    driver = HoldingDriver()
    stand = Stand(("MaxRecvDataSegmentLength", "65536"), driver=driver, offload=Offload.OFF)
    peer = stand.login()
    peer.command(write10(0, 1), 16384, write=True)
    buffer = driver.give(driver.last)
    r2t, _ = peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = peer.octets(DataOut.make(final=1, **tags), b"x" * 16384)
    peer.pipe.send(octets[:1048])
    assert bytes(buffer[:1000]) == b"x" * 1000
    chiscsi_scsi_cmd_abort(driver.last)
    assert peer.take(ScsiResponse)[0].status == 2
    assert driver.calls[-1] == "cleanup"
    peer.pipe.send(octets[1048:])
    assert bytes(buffer[1000:]) == bytes(15384)
    assert peer.ping(b"in step")[1] == b"in step"


def test_an_abort_that_is_refused_loses_nothing_of_a_segment_that_is_half_received() -> None:
    """Section 11.6.1: until the function is known to have ended the task, its data are kept."""
    driver = HoldingDriver()
    keys = (("MaxRecvDataSegmentLength", "65536"), ("MaxConnections", "2"))
    stand = Stand(*keys, driver=driver, offload=Offload.OFF)
    peer = stand.login(*keys)
    other = stand.join(peer)
    request = peer.command(write10(0, 1), 16384, write=True)
    buffer = driver.give(driver.last)
    r2t, _ = peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = peer.octets(DataOut.make(final=1, **tags), DATA[:16384])
    peer.pipe.send(octets[:1048])
    other.cmd_sn = peer.cmd_sn
    other.manage(Function.ABORT_TASK, request)
    stand.pump()
    assert "abort" in driver.calls
    driver.answer(5)
    peer.pipe.send(octets[1048:])
    assert buffer == DATA[:16384]


def test_data_of_another_connection_belong_to_nothing() -> None:
    """Section 4.2.5.1: a command's data come over its own connection; here they are not even received in place."""
    driver = HoldingDriver()
    keys = (("MaxRecvDataSegmentLength", "65536"), ("MaxConnections", "2"))
    stand = Stand(*keys, driver=driver, offload=Offload.OFF)
    peer = stand.login(*keys)
    other = stand.join(peer)
    peer.command(write10(0, 1), 16384, write=True)
    buffer = driver.give(driver.last)
    r2t, _ = peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = other.octets(DataOut.make(final=1, **tags), DATA[:16384])
    other.pipe.send(octets[:5000])
    other.pipe.send(octets[5000:])
    assert [answer[0].reason for answer in other.receive() if isinstance(answer[0], Reject)] == [9]
    assert not any(buffer)
    send_data(peer, r2t, DATA[:16384])
    assert buffer == DATA[:16384]


def test_a_call_from_another_thread_leaves_what_is_being_received_to_the_worker() -> None:
    """A write fails by its driver's call while a segment is half received: the worker diverts it, not the caller."""
    driver = HoldingDriver()
    stand = Stand(("MaxRecvDataSegmentLength", "65536"), driver=driver, offload=Offload.OFF)
    peer = stand.login()
    peer.command(write10(0, 1), 16384, write=True)
    buffer = driver.give(driver.last)
    r2t, _ = peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = peer.octets(DataOut.make(final=1, **tags), b"x" * 16384)
    peer.pipe.send(octets[:1048])
    (task,) = stand.session(peer).tasks.values()
    caller = Thread(target=task.doom, args=(AMOUNT,))
    placed = task.connection.framer.placing
    assert placed is not None
    before = placed.data
    caller.start()
    caller.join()
    assert task.failing and placed.data is before
    peer.pipe.send(octets[1048:2048])
    assert placed.data is not before
    assert bytes(buffer[1000:]) == bytes(15384)


# Wrong data


def test_immediate_data_that_were_not_agreed_on() -> None:
    writer = Writer(immediate=False)
    writer.command(1000, DATA[:1000])
    assert writer.sense() == UNEXPECTED and writer.driver.calls == []


@pytest.mark.parametrize("length, sent", [(4096, 2049), (500, 501)])
def test_too_much_immediate_data(length: int, sent: int) -> None:
    writer = Writer()
    writer.command(length, DATA[:sent])
    assert writer.sense() == AMOUNT


def test_unsolicited_data_announced_although_r2ts_are_due() -> None:
    writer = Writer(r2t=True)
    request = writer.command(4096, final=0)
    assert writer.peer.silent()
    writer.unsolicited(request, 0, DATA[:100])
    assert writer.sense() == UNEXPECTED


def test_unsolicited_data_that_were_not_announced() -> None:
    writer = Writer()
    request = writer.command(4096)
    r2t, _ = writer.peer.take(ReadyToTransfer)
    writer.unsolicited(request, 0, DATA[:100])
    assert writer.peer.take(Reject)[0].reason == 9
    send_data(writer.peer, r2t)
    assert writer.sense() == UNEXPECTED


@pytest.mark.parametrize(
    "fields, size, sense",
    [
        ({"buffer_offset": 4}, 2048, AMOUNT),
        ({"data_sn": 1}, 2048, CRC),
        ({}, 2044, AMOUNT),
        ({}, 2052, AMOUNT),
    ],
)
def test_wrong_unsolicited_data(fields: dict[str, int], size: int, sense: tuple[int, int, int]) -> None:
    writer = Writer()
    request = writer.command(4096, final=0)
    tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
    writer.peer.send(DataOut.make(final=1, **tags | fields), bytes(size))
    assert writer.sense() == sense
    assert "data_xfer_status" not in writer.driver.calls


@pytest.mark.parametrize(
    "fields, size, sense",
    [
        ({"buffer_offset": 4}, 4092, AMOUNT),
        ({"data_sn": 1}, 4096, CRC),
        ({}, 4092, AMOUNT),
        ({}, 4100, AMOUNT),
    ],
)
def test_wrong_solicited_data(fields: dict[str, int], size: int, sense: tuple[int, int, int]) -> None:
    writer = Writer()
    writer.command(4096)
    send_data(writer.peer, writer.peer.take(ReadyToTransfer)[0], bytes(size), **fields)
    assert writer.sense() == sense
    assert "data_xfer_status" not in writer.driver.calls


@pytest.mark.parametrize("fields", [{"target_transfer_tag": 77}, {"initiator_task_tag": 77}, {"lun": lun_field(1)}])
def test_data_that_belong_to_nothing(fields: dict[str, Any]) -> None:
    """RFC 7143, 4.2.5.3: tags and LUN have to agree with those of the task; it goes on."""
    writer = Writer()
    writer.command(4096)
    r2t, _ = writer.peer.take(ReadyToTransfer)
    send_data(writer.peer, r2t, **fields)
    reject, header = writer.peer.take(Reject)
    assert reject.reason == 9 and len(header) == 48
    send_data(writer.peer, r2t)
    assert writer.peer.take(ScsiResponse)[0].status == 0


@pytest.mark.parametrize("last", [True, False])
def test_a_wrong_data_digest(last: bool) -> None:
    """RFC 7143, 7.8: Reject, and the status when all data that were asked for are in."""
    driver = RamDriver()
    stand = Stand(("DataDigest", "CRC32C"), driver=driver)
    peer = stand.login(("DataDigest", "CRC32C"))
    peer.command(write10(0, 8), 4096, write=True)
    r2t, _ = peer.take(ReadyToTransfer)
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    octets = peer.octets(DataOut.make(final=int(last), **tags), bytes(2048))
    peer.pipe.send(octets[:-1] + bytes((octets[-1] ^ 1,)))
    answers = peer.receive()
    assert [reject.reason for reject in of_kind(answers, Reject)] == [2]
    if not last:
        assert of_kind(answers, ScsiResponse) == []
        peer.send(DataOut.make(final=1, data_sn=1, buffer_offset=2048, **tags), bytes(2048))
        answers = peer.receive()
    assert [response.status for response in of_kind(answers, ScsiResponse)] == [2]
    assert driver.calls == ["cdb_rcved", "abort", "cleanup"]
