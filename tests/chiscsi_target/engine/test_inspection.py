"""Findings: each mistake of a driver is of its kind, changes no result, and ends nothing. A right driver has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import (
    ISCSI_SG_SBUF_DMABLE,
    FindingKind,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.findings import COSTLY
from chiscsi_target.offload.terminator import Offload
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiResponse
from iscsi_wire.records import FindingRecord
from tests.chiscsi_target.bench import LENGTH, Laboratory, send_data
from tests.chiscsi_target.engine.findings import data, kinds, ready
from tests.chiscsi_target.peer import read10, write10
from tests.chiscsi_target.scripted import HoldingDriver, RamDriver

EINVAL = -26
Kind = FindingKind
PAGE = 4096


@pytest.mark.parametrize("quiet", [False, True])
def test_a_driver_that_does_nothing_wrong(quiet: bool) -> None:
    keys = ("MaxRecvDataSegmentLength", "65536")
    lab = Laboratory(keys, driver=RamDriver(), quiet=quiet, contents=True, offload=Offload.OFF)
    for length in (512, 4096, 65536):
        octets = bytes(range(256)) * (length // 256)
        lab.peer.command(write10(0, length // 512), length, octets[:8192], write=True)
        for pdu, _ in lab.peer.receive():
            if isinstance(pdu, ReadyToTransfer):
                end = pdu.buffer_offset + pdu.desired_data_transfer_length
                send_data(lab.peer, pdu, octets[pdu.buffer_offset : end])
        lab.peer.receive()
        lab.peer.command(read10(0, length // 512), length)
        assert b"".join(data for _, data in lab.peer.receive()) == octets
    assert kinds(lab) == []


# Vectors


def shared() -> list[chiscsi_sgvec]:
    page = bytearray(PAGE)
    return [chiscsi_sgvec(page, 2048), chiscsi_sgvec(memoryview(page)[1024:3072], 2048)]


def shared_by_address() -> list[chiscsi_sgvec]:
    places = (0x1000, 0x1400)
    return [
        chiscsi_sgvec(bytearray(2048), 2048),
        *(chiscsi_sgvec(None, 1024, None, 0, place, ISCSI_SG_SBUF_DMABLE) for place in (places[0], places[0] + 512)),
    ]


WRONG_VECTORS: list[tuple[Kind, Callable[[], list[chiscsi_sgvec]]]] = [
    (Kind.OVERLAPPING_VECTORS, shared),
    (Kind.OVERLAPPING_VECTORS, shared_by_address),
    (Kind.ZERO_LENGTH_VECTOR, lambda: [chiscsi_sgvec(bytearray(PAGE), PAGE), chiscsi_sgvec(bytearray(1), 0)]),
    (Kind.NULL_ADDRESS, lambda: [chiscsi_sgvec(None, PAGE)]),
    (Kind.NULL_ADDRESS, lambda: [chiscsi_sgvec(None, PAGE, sg_dma_addr=0x1000)]),
    (Kind.UNUSABLE_MEMORY, lambda: [chiscsi_sgvec(bytearray(100), PAGE)]),
    (Kind.UNUSABLE_MEMORY, lambda: [chiscsi_sgvec(bytes(PAGE), PAGE)]),
]


@pytest.mark.parametrize("kind, vectors", WRONG_VECTORS)
def test_vectors_of_a_write(lab: Laboratory, kind: Kind, vectors: Callable[[], list[chiscsi_sgvec]]) -> None:
    """The result of the call stays 0 (behaviour file, 3.5); the finding names the command."""
    _, sc = lab.write()
    assert ready(sc, vectors()) == 0
    (found,) = lab.stand.module.findings
    assert (found.kind, found.itt) == (kind, sc.sc_itt)
    assert found.text.startswith(f"chiscsi_scsi_cmd_buffer_ready: itt 0x{sc.sc_itt:x}, 0+4096")
    assert lab.stand.of_type(FindingRecord) == [found]


def test_two_vectors_of_a_read_that_show_the_same(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert data(sc, shared()) == 0
    assert kinds(lab) == [Kind.OVERLAPPING_VECTORS]
    lab.peer.take(DataIn)


def test_a_vector_that_the_stack_has_already(lab: Laboratory) -> None:
    vector = chiscsi_sgvec(bytearray(PAGE), PAGE)
    for expected in ([], [Kind.BUFFER_WITH_STACK]):
        _, sc = lab.write()
        assert ready(sc, [vector]) == 0
        assert kinds(lab) == expected


def test_a_vector_may_be_used_again(lab: Laboratory) -> None:
    vector = chiscsi_sgvec(bytearray(PAGE), PAGE)
    for _ in range(2):
        _, sc = lab.write()
        assert ready(sc, [vector]) == 0
        lab.answer_r2t(bytes(PAGE))
        lab.driver.complete(sc)
        assert lab.status()[0] == 0
    assert kinds(lab) == []


def drop_flags(vector: chiscsi_sgvec) -> None:
    vector.sg_flag ^= ISCSI_SG_SBUF_DMABLE


def shift(vector: chiscsi_sgvec) -> None:
    vector.sg_offset += 1


def move(vector: chiscsi_sgvec) -> None:
    vector.sg_addr = bytearray(PAGE)


@pytest.mark.parametrize("change", [drop_flags, shift, move])
def test_a_vector_that_changes_while_the_stack_has_it(lab: Laboratory, change: Callable[[chiscsi_sgvec], None]) -> None:
    _, sc = lab.write(PAGE)
    vectors = [chiscsi_sgvec(bytearray(PAGE), PAGE)]
    assert ready(sc, vectors) == 0
    r2t, _ = lab.peer.take(ReadyToTransfer)
    send_data(lab.peer, r2t, bytes(PAGE - 4), final=0)
    change(vectors[0])
    send_data(lab.peer, r2t, bytes(4), data_sn=1, buffer_offset=PAGE - 4)
    assert kinds(lab) == [Kind.VECTORS_CHANGED]


def test_a_vector_that_leaves_no_room_for_the_data(lab: Laboratory) -> None:
    """The data path fails, and this command with it (behaviour file, 5.3)."""
    lab.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = lab.write(PAGE)
    vectors = [chiscsi_sgvec(bytearray(PAGE), PAGE)]
    assert ready(sc, vectors) == 0
    r2t, _ = lab.peer.take(ReadyToTransfer)
    vectors[0].sg_length = 512
    send_data(lab.peer, r2t)
    assert lab.status() == (2, (3, 0x0C, 0))
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert lab.peer.ping(b"alive")[1] == b"alive"


@pytest.mark.parametrize("count", [1, 2])
def test_a_read_whose_vector_has_changed(lab: Laboratory, count: int) -> None:
    lab.driver.on_abort = chiscsi_scsi_cmd_abort_status
    vectors = [chiscsi_sgvec(bytearray(PAGE // count), PAGE // count) for _ in range(count)]

    def give_and_change(sc: chiscsi_scsi_command) -> int:
        assert data(sc, vectors) == 0
        vectors[0].sg_length = 512
        return 0

    lab.driver.on_cdb = give_and_change
    lab.read()
    assert lab.status() == (2, (3, 0x11, 0))
    assert lab.peer.ping(b"alive")[1] == b"alive"


@pytest.mark.parametrize("answer", [chiscsi_scsi_cmd_abort_status, lambda sc: data(sc, [], 0)])
def test_a_vector_may_be_used_again_when_its_command_was_given_up(
    lab: Laboratory, answer: Callable[[chiscsi_scsi_command], int]
) -> None:
    """Guide 7.3.6: with the driver's answer to `fp_scsi_cmd_abort` its buffers are its own again."""
    vectors = [chiscsi_sgvec(bytearray(PAGE), PAGE)]
    request, sc = lab.write()
    assert ready(sc, vectors) == 0
    lab.peer.manage(Function.ABORT_TASK, referenced_task_tag=request.initiator_task_tag)
    assert lab.driver.calls[-2:] == ["abort", "tmf_execute"]
    assert answer(sc) == 0
    _, following = lab.write()
    assert ready(following, vectors) == 0
    assert kinds(lab) == []


# Calls at the wrong time


def test_a_second_completion(lab: Laboratory) -> None:
    lab.driver.on_cdb = lambda sc: lab.driver.complete(sc, bytes(LENGTH))
    _, sc = lab.read()
    lab.driver.on_cdb = lambda _: 0
    lab.peer.take(DataIn)
    assert lab.driver.complete(sc, bytes(LENGTH)) == EINVAL
    assert kinds(lab) == [Kind.DEAD_COMMAND]


def test_a_second_completion_before_the_first_one_has_gone_out(lab: Laboratory) -> None:
    results = []

    def twice(sc: chiscsi_scsi_command) -> int:
        results.append([lab.driver.complete(sc, bytes(LENGTH)) for _ in range(2)])
        return 0

    lab.driver.on_cdb = twice
    lab.read()
    assert results == [[0, EINVAL]]
    assert kinds(lab) == [Kind.DOUBLE_COMPLETION]
    lab.peer.take(DataIn)


def test_a_second_completion_of_a_write(lab: Laboratory) -> None:
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.driver.on_data = lambda sc: lab.driver.complete(sc) or lab.driver.complete(sc)
    lab.answer_r2t(bytes(LENGTH))
    assert lab.status()[0] == 0
    assert kinds(lab) == [Kind.DOUBLE_COMPLETION]


def test_calls_for_a_command_that_is_with_the_stack(lab: Laboratory) -> None:
    _, sc = lab.write()
    lab.driver.give(sc)
    assert ready(sc, [chiscsi_sgvec(bytearray(LENGTH), LENGTH)]) == EINVAL
    lab.peer.take(ReadyToTransfer)
    assert lab.driver.complete(sc) == EINVAL
    assert kinds(lab) == [Kind.NOT_HELD, Kind.NOT_HELD]


def test_calls_that_a_command_never_expects(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert ready(sc, [chiscsi_sgvec(bytearray(LENGTH), LENGTH)]) == EINVAL
    assert chiscsi_scsi_cmd_abort_status(sc) == EINVAL
    assert kinds(lab) == [Kind.WRONG_STATE, Kind.WRONG_STATE]
    assert lab.driver.complete(sc, bytes(LENGTH)) == 0
    lab.peer.take(DataIn)


def test_a_second_answer_to_a_task_management_function(lab: Laboratory) -> None:
    request, _ = lab.read()
    asked = lab.peer.manage(Function.ABORT_TASK, request)
    ((handle, _, _, sc),) = lab.driver.requests
    assert chiscsi_tmf_execution_done(handle, 0, sc) == 0
    assert chiscsi_tmf_execution_done(handle, 0, sc) == EINVAL
    (found,) = lab.stand.module.findings
    assert (found.kind, found.itt) == (Kind.DOUBLE_TMF_ANSWER, asked.initiator_task_tag)


# Phases


def multi_phase() -> Laboratory:
    return Laboratory(driver=HoldingDriver(multi_phase=True))


def fill(lab: Laboratory, count: int = 2) -> chiscsi_scsi_command:
    """A write of as many pages, which have all been handed over."""
    _, sc = lab.write(count * PAGE)
    for number in range(count):
        assert ready(sc, [chiscsi_sgvec(bytearray(PAGE), PAGE)], PAGE, number * PAGE) == 0
    for r2t in lab.peer.receive():
        assert isinstance(r2t[0], ReadyToTransfer)
        send_data(lab.peer, r2t[0])
    return sc


def test_phases_executed_out_of_order() -> None:
    lab = multi_phase()
    sc = fill(lab)
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, PAGE, PAGE) == 0
    assert kinds(lab) == [Kind.PHASE_SHAPE]


def test_a_phase_executed_with_other_buffers() -> None:
    lab = multi_phase()
    sc = fill(lab)
    other = [chiscsi_sgvec(bytearray(PAGE), PAGE)]
    assert chiscsi_scsi_cmd_execution_status(sc, other, 1, 0, PAGE) == 0
    assert kinds(lab) == [Kind.PHASE_SHAPE]


def test_phases_executed_one_by_one_or_together() -> None:
    for parts in ([PAGE, PAGE], [2 * PAGE], [1024, 2 * PAGE - 1024]):
        lab, offset = multi_phase(), 0
        sc = fill(lab)
        for length in parts:
            assert chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, length) == 0
            offset += length
        assert lab.peer.take(ScsiResponse)[0].status == 0
        assert kinds(lab) == []


def test_phases_that_show_the_same_memory() -> None:
    lab = multi_phase()
    _, sc = lab.write(2 * PAGE)
    page = bytearray(PAGE)
    for number in range(2):
        assert ready(sc, [chiscsi_sgvec(page, PAGE)], PAGE, number * PAGE) == 0
    assert kinds(lab) == [Kind.OVERLAPPING_VECTORS]


# Who looks


def test_nobody_looks_unless_asked() -> None:
    lab = Laboratory(quiet=True)
    _, sc = lab.write()
    assert ready(sc, shared()) == 0
    assert ready(sc, shared()) == EINVAL
    assert kinds(lab) == [Kind.NOT_HELD] and not COSTLY.intersection(kinds(lab))


def test_without_listener_findings_are_kept() -> None:
    lab = Laboratory(quiet=True, findings=True)
    _, sc = lab.write()
    assert ready(sc, shared()) == 0
    assert kinds(lab) == [Kind.OVERLAPPING_VECTORS] and lab.stand.records == []


def test_buffers_that_nobody_frees() -> None:
    """Behaviour file, 3.9."""
    driver = HoldingDriver()
    lab = Laboratory(driver=driver)
    _, sc = lab.write()
    driver.give(sc)
    lab.peer.take(ReadyToTransfer)
    lab.stand.session(lab.peer).has_cleanup = False
    lab.stand.pipe(lab.peer).close()
    assert kinds(lab) == [Kind.MEMORY_LEAK]
    assert "memory leak?" in lab.stand.log
