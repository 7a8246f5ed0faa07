"""Multi-phase drivers: data in pieces, ahead of time or one after the other, in both directions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chiscsi_target.api import (
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.peer import Peer, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import Stand

EINVAL = -26
PAGE = 4096
TOTAL = 3 * PAGE
DATA = bytes(number % 249 for number in range(TOTAL))


class Phases:
    """A multi-phase driver that a test works by hand, with one session."""

    def __init__(self, *keys: tuple[str, str]) -> None:
        self.driver = HoldingDriver(multi_phase=True)
        wanted = (("ImmediateData", "Yes"), ("InitialR2T", "No"))
        self.stand = Stand(("MaxRecvDataSegmentLength", "65536"), *wanted, *keys, driver=self.driver)
        self.peer = self.stand.login(*wanted, *keys)
        self.buffers: list[bytearray] = []

    def read(self, length: int = TOTAL) -> chiscsi_scsi_command:
        self.peer.command(read10(0, length // 512), length)
        return self.driver.last

    def write(self, length: int = TOTAL) -> chiscsi_scsi_command:
        self.peer.command(write10(0, length // 512), length, write=True)
        return self.driver.last

    def data(self) -> bytes:
        return b"".join(self.buffers)

    def give_data(self, sc: chiscsi_scsi_command, offset: int, data: bytes) -> int:
        result = chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(data, len(data))], 1, offset, len(data))
        self.stand.pump()
        return result

    def give_buffer(self, sc: chiscsi_scsi_command, offset: int, length: int = PAGE) -> int:
        self.buffers.append(bytearray(length))
        return chiscsi_scsi_cmd_buffer_ready(sc, [chiscsi_sgvec(self.buffers[-1], length)], 1, offset, length)

    def executed(self, sc: chiscsi_scsi_command, offset: int, length: int = PAGE) -> int:
        result = chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, length)
        self.stand.pump()
        return result

    def returned(self) -> list[tuple[int, int]]:
        """Offset and length of what came back."""
        return [(offset, length) for _, _, offset, length in self.driver.returned]


def answer(peer: Peer, r2t: ReadyToTransfer) -> None:
    """Send what an R2T asks for."""
    start = r2t.buffer_offset
    tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    piece = DATA[start : start + r2t.desired_data_transfer_length]
    peer.send(DataOut.make(final=1, buffer_offset=start, **tags), piece)


@pytest.fixture
def phases() -> Phases:
    return Phases()


def test_no_data_come_unasked(phases: Phases) -> None:
    """Behaviour file, 2.3: a multi-phase node gets ImmediateData=No and InitialR2T=Yes, whatever is configured."""
    assert phases.peer.settings["ImmediateData"] == "No"
    assert phases.peer.settings["InitialR2T"] == "Yes"


# Reads


def test_a_read_in_phases(phases: Phases) -> None:
    sc = phases.read()
    for number in range(3):
        assert phases.give_data(sc, number * PAGE, DATA[number * PAGE :][:PAGE]) == 0
        pdu, data = phases.peer.take(DataIn)
        last = number == 2
        assert (pdu.buffer_offset, pdu.data_sn, data) == (number * PAGE, number, DATA[number * PAGE :][:PAGE])
        assert (pdu.final, pdu.status_present) == (last, last)
        assert phases.returned() == [(page * PAGE, PAGE) for page in range(number + 1)]
    assert phases.driver.calls == ["cdb_rcved", *["data_xfer_status"] * 3, "cleanup"]


def test_all_phases_of_a_read_at_once(phases: Phases) -> None:
    def give_all(sc: chiscsi_scsi_command) -> int:
        for number in range(3):
            assert phases.give_data(sc, number * PAGE, DATA[number * PAGE :][:PAGE]) == 0
        return 0

    phases.driver.on_cdb = give_all
    phases.read()
    assert b"".join(data for _, data in phases.peer.receive()) == DATA
    assert phases.returned() == [(0, PAGE), (PAGE, PAGE), (2 * PAGE, PAGE)]
    assert phases.driver.calls.count("cleanup") == 1


def test_the_phases_of_a_read_must_adjoin(phases: Phases) -> None:
    sc = phases.read()
    assert phases.give_data(sc, PAGE, bytes(PAGE)) == EINVAL
    assert phases.give_data(sc, 0, bytes(PAGE)) == 0
    assert phases.give_data(sc, 0, bytes(PAGE)) == EINVAL
    assert "buf off 0+4096, exp. 4096+0." in phases.stand.log
    phases.peer.receive()
    assert phases.give_data(sc, 2 * PAGE, bytes(PAGE)) == EINVAL
    assert "buf off 8192+4096, exp. 4096+0." in phases.stand.log
    assert phases.give_data(sc, PAGE, bytes(3 * PAGE)) == EINVAL
    assert "buf overflow, 12288!=4096+12288." in phases.stand.log


def test_a_read_that_ends_early(phases: Phases) -> None:
    """The phase with the flag is the last one (behaviour file, 3.6)."""
    sc = phases.read()
    assert phases.give_data(sc, 0, DATA[:PAGE]) == 0
    phases.peer.receive()
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    assert phases.give_data(sc, PAGE, DATA[PAGE : PAGE + 512]) == 0
    pdu, data = phases.peer.take(DataIn)
    assert (pdu.final, pdu.status_present, pdu.underflow, pdu.residual_count) == (1, 1, 1, TOTAL - PAGE - 512)
    assert data == DATA[PAGE : PAGE + 512]


def test_a_read_with_more_than_was_asked_for(phases: Phases) -> None:
    sc = phases.read()
    assert phases.give_data(sc, 0, DATA[: 2 * PAGE]) == 0
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    assert phases.give_data(sc, 2 * PAGE, DATA[2 * PAGE :] + bytes(512)) == 0
    answers = phases.peer.receive()
    assert b"".join(data for _, data in answers) == DATA
    last = answers[-1][0]
    assert isinstance(last, DataIn) and (last.overflow, last.residual_count) == (1, 512)
    assert phases.returned() == [(0, 2 * PAGE), (2 * PAGE, PAGE + 512)]


def test_a_read_that_fails_half_way(phases: Phases) -> None:
    sc = phases.read()
    assert phases.give_data(sc, 0, DATA[:PAGE]) == 0
    phases.peer.receive()
    sc.fail(3, 0x11)
    assert phases.driver.complete(sc) == 0
    response, _ = phases.peer.take(ScsiResponse)
    assert (response.status, response.exp_data_sn) == (2, 1)
    assert phases.give_data(sc, PAGE, bytes(PAGE)) == EINVAL


# Writes


def test_a_write_in_phases_one_after_the_other(phases: Phases) -> None:
    """The long path: the driver is asked again when it has executed what it has."""
    sc = phases.write()
    for number in range(3):
        assert phases.driver.calls.count("cdb_rcved") == number + 1
        assert phases.give_buffer(sc, number * PAGE) == 0
        r2t, _ = phases.peer.take(ReadyToTransfer)
        assert (r2t.buffer_offset, r2t.desired_data_transfer_length, r2t.r2t_sn) == (number * PAGE, PAGE, number)
        answer(phases.peer, r2t)
        assert phases.peer.silent() and phases.returned()[-1] == (number * PAGE, PAGE)
        assert phases.executed(sc, number * PAGE) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(phases.buffers) == DATA
    assert phases.driver.calls == ["cdb_rcved", "data_xfer_status"] * 3 + ["cleanup"]


def test_a_write_with_all_phases_ahead() -> None:
    """As the sample driver does: all buffers are given before any comes back."""
    phases = Phases(("MaxOutstandingR2T", "4"), ("MaxBurstLength", "4096"), ("FirstBurstLength", "4096"))
    sc = phases.write()
    for number in range(3):
        assert phases.give_buffer(sc, number * PAGE) == 0
    r2ts = [pdu for pdu, _ in phases.peer.receive() if isinstance(pdu, ReadyToTransfer)]
    assert [r2t.buffer_offset for r2t in r2ts] == [0, PAGE, 2 * PAGE]
    for r2t in r2ts:
        answer(phases.peer, r2t)
    assert phases.peer.silent()
    assert phases.returned() == [(0, PAGE), (PAGE, PAGE), (2 * PAGE, PAGE)]
    assert phases.executed(sc, 0, 2 * PAGE) == 0
    assert phases.peer.silent()
    assert phases.executed(sc, 2 * PAGE) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(phases.buffers) == DATA
    assert phases.driver.calls == ["cdb_rcved", *["data_xfer_status"] * 3, "cleanup"]


def test_the_next_phase_given_instead_of_a_status(phases: Phases) -> None:
    """The short path: buffers out of the hook that gave others back; the driver is not asked again."""

    def give_next(sc: chiscsi_scsi_command) -> int:
        offset, length = phases.returned()[-1]
        if offset + length < TOTAL:
            assert phases.give_buffer(sc, offset + length) == 0
        return phases.executed(sc, offset)

    phases.driver.on_cdb = lambda sc: phases.give_buffer(sc, 0)
    phases.driver.on_data = give_next
    phases.write()
    for _ in range(3):
        answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(phases.buffers) == DATA
    assert phases.driver.calls.count("cdb_rcved") == 1


def test_a_phase_comes_back_only_when_it_is_full() -> None:
    phases = Phases(("MaxBurstLength", "2048"), ("FirstBurstLength", "2048"))
    sc = phases.write(2 * PAGE)
    phases.give_buffer(sc, 0)
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    second, _ = phases.peer.take(ReadyToTransfer)
    assert phases.returned() == []
    phases.give_buffer(sc, PAGE)
    answer(phases.peer, second)
    for _ in range(2):
        answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.returned() == [(0, PAGE), (PAGE, PAGE)]
    assert b"".join(phases.buffers) == DATA[: 2 * PAGE]


def test_a_phase_given_while_full_ones_are_on_their_way_back(phases: Phases) -> None:
    """Another thread gives a buffer between the last Data-Out and the hook: an empty buffer must not come back."""
    sc = phases.write(2 * PAGE)
    phases.give_buffer(sc, 0)
    r2t, _ = phases.peer.take(ReadyToTransfer)
    worker = phases.stand.module.directory.workers[0]
    original = worker.call_data_xfer_status

    def interfere(task: Any) -> None:
        original(task)
        assert phases.give_buffer(sc, PAGE) == 0

    worker.call_data_xfer_status = interfere  # type: ignore[method-assign]  # to be in time
    answer(phases.peer, r2t)
    del worker.call_data_xfer_status
    assert phases.returned() == [(0, PAGE)]
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.returned() == [(0, PAGE), (PAGE, PAGE)]
    assert phases.executed(sc, 0, 2 * PAGE) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(phases.buffers) == DATA[: 2 * PAGE]


def test_a_status_for_a_part_of_a_phase(phases: Phases) -> None:
    sc = phases.write(PAGE)
    phases.give_buffer(sc, 0)
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.executed(sc, 0, 1024) == 0
    assert phases.peer.silent()
    assert phases.executed(sc, 1024, 3072) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 0


def test_what_was_not_given_back_cannot_have_been_executed(phases: Phases) -> None:
    sc = phases.write()
    phases.give_buffer(sc, 0)
    assert phases.executed(sc, 0) == EINVAL
    assert "0+4096 > current sgl 0+0." in phases.stand.log


def test_a_write_that_ends_early(phases: Phases) -> None:
    sc = phases.write()
    phases.give_buffer(sc, 0)
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.executed(sc, 0) == 0
    assert phases.driver.calls.count("cdb_rcved") == 2
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_len = PAGE + 512
    assert phases.give_buffer(sc, PAGE, 512) == 0
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    assert phases.executed(sc, PAGE, 512) == 0
    response, _ = phases.peer.take(ScsiResponse)
    assert (response.status, response.underflow, response.residual_count) == (0, 1, TOTAL - PAGE - 512)


@pytest.mark.parametrize("given", [0, PAGE])
def test_a_driver_without_a_buffer_for_the_rest(phases: Phases, given: int) -> None:
    """Behaviour file, 3.4: that ends the write, however often the driver would say so if it were asked again."""

    def decline(sc: chiscsi_scsi_command) -> int:
        return chiscsi_scsi_cmd_execution_status(sc, None, 0, given, 0)

    if not given:
        phases.driver.on_cdb = decline
    sc = phases.write()
    if given:
        assert phases.give_buffer(sc, 0) == 0
        phases.stand.pump()
        answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
        phases.driver.on_cdb = decline
        assert phases.executed(sc, 0) == 0
    response, _ = phases.peer.take(ScsiResponse)
    assert (response.status, response.underflow, response.residual_count) == (0, 1, TOTAL - given)
    assert phases.driver.calls.count("cdb_rcved") == (2 if given else 1)


def test_a_write_that_fails_half_way(phases: Phases) -> None:
    sc = phases.write()
    phases.give_buffer(sc, 0)
    answer(phases.peer, phases.peer.take(ReadyToTransfer)[0])
    sc.fail(3, 0x0C)
    assert phases.executed(sc, 0) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 2
    assert phases.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def test_a_write_of_nothing(phases: Phases) -> None:
    sc = phases.write(0)
    assert chiscsi_scsi_cmd_buffer_ready(sc, b"", 0, 0, 0) == 0
    assert phases.peer.silent()
    assert phases.executed(sc, 0, 0) == 0
    assert phases.peer.take(ScsiResponse)[0].status == 0


def test_from_another_thread(phases: Phases) -> None:
    sc = phases.write()

    def in_thread(work: Any) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    for number in range(3):
        in_thread(lambda offset=number * PAGE: phases.give_buffer(sc, offset))
    while not phases.returned() or phases.returned()[-1] != (2 * PAGE, PAGE):
        for pdu, _ in phases.peer.receive():
            assert isinstance(pdu, ReadyToTransfer)
            answer(phases.peer, pdu)
    in_thread(lambda: phases.executed(sc, 0, TOTAL))
    assert phases.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(phases.buffers) == DATA


def test_a_session_that_ends_between_two_phases(phases: Phases) -> None:
    sc = phases.read()
    phases.give_data(sc, 0, DATA[:PAGE])
    phases.peer.receive()
    phases.stand.pipe(phases.peer).close()
    assert phases.driver.calls == ["cdb_rcved", "data_xfer_status", "abort", "cleanup"]
    assert phases.give_data(sc, PAGE, bytes(PAGE)) == EINVAL


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("inside", [False, True])
def test_immediate_data_that_reach_into_later_phases(ahead: int, inside: bool) -> None:
    """What came before there was a buffer waits for the right one, whenever that is given: in the hook, or later.

    An initiator that does not negotiate ImmediateData may send them: that is the default (RFC 7143 section 13.11).
    """
    phases = Phases()
    phases.peer = phases.stand.login(isid=bytes.fromhex("400000000002"))
    sizes = [512, 1024, 2048, TOTAL - 3584]
    offsets = [sum(sizes[:number]) for number in range(len(sizes))]
    phases.peer.command(write10(0, TOTAL // 512), TOTAL, DATA[:3000], write=True)
    sc = phases.driver.last

    def give_next(_: chiscsi_scsi_command) -> int:
        while len(phases.buffers) < min(len(sizes), len(phases.driver.returned) + ahead):
            number = len(phases.buffers)
            assert phases.give_buffer(sc, offsets[number], sizes[number]) == 0
        return 0

    if inside:
        phases.driver.on_data = give_next
    given = -1
    while given != len(phases.buffers):
        given = len(phases.buffers)
        give_next(sc)
        phases.stand.pump()
    (r2t,) = [pdu for pdu, _ in phases.peer.receive() if isinstance(pdu, ReadyToTransfer)]
    assert r2t.buffer_offset == 3000
    known = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
    piece = DATA[3000 : 3000 + r2t.desired_data_transfer_length]
    phases.peer.send(DataOut.make(**known, buffer_offset=3000, final=1), piece)
    assert phases.data()[: 3000 + len(piece)] == DATA[: 3000 + len(piece)]
