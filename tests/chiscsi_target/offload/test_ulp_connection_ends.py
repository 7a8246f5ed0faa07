"""Commands, phases and connections that end in the middle of a transfer: nothing lands elsewhere, nothing leaks."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
)
from chiscsi_target.offload.reasons import Reason
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import DataOut, ScsiResponse, TaskManagementResponse
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.offload.ground import (
    LONG_BURSTS,
    REACHABLE,
    Buffer,
    Offloaded,
    data_out,
    finish,
    make,
    pattern,
)

K = 1024


# The end of a command, and of a connection, in the middle of it


def half_placed(ground: Offloaded, octets: bytes, buffer: Buffer) -> None:
    """Send half of a long Data-Out; the card receives it straight into the buffer."""
    ground.peer.pipe.send(octets[:48])
    ground.peer.pipe.send(octets[48:5048])
    assert bytes(buffer.memory[:5000]) == pattern(5000) and ground.ulp.framer.placing is not None


@pytest.mark.parametrize("itt", [None, 0x77])
def test_nothing_lands_in_memory_that_went_back(itt: int | None) -> None:
    """Nor does a Data-Out that has the tag, and says it is of another command."""
    ground = Offloaded()
    request, sc = ground.write(12 * K)
    buffer = make(ground.space, "page", 12 * K)
    ground.give(sc, buffer)
    (r2t,) = ground.r2ts()
    known = {"initiator_task_tag": request.initiator_task_tag if itt is None else itt, "final": 1}
    pdu = DataOut.make(target_transfer_tag=r2t.target_transfer_tag, **known)
    octets = ground.peer.octets(pdu, pattern(12 * K))
    if itt is None:
        half_placed(ground, octets, buffer)
    else:
        ground.peer.pipe.send(octets[:5048])
    before = bytes(buffer.memory)
    chiscsi_scsi_cmd_abort(sc)
    ground.stand.pump()
    assert ground.driver.calls[-1] == "cleanup" and ground.card.pods.in_use == 0
    ground.peer.pipe.send(octets[5048:])
    assert bytes(buffer.memory) == before == (b"" if itt else pattern(5000)).ljust(12 * K, b"\0")


def test_an_abort_that_is_refused_loses_no_data() -> None:
    """Section 11.6.1: the task goes on; its driver was asked to give it up while a PDU was half received."""
    ground = Offloaded(*LONG_BURSTS)
    other = ground.stand.join(ground.peer)
    request, sc = ground.write(24 * K)
    buffer = make(ground.space, "page", 24 * K)
    ground.give(sc, buffer)
    (r2t,) = ground.r2ts()
    (octets,) = data_out(ground.peer, r2t, pattern(24 * K), 12 * K)
    half_placed(ground, octets, buffer)
    other.cmd_sn, other.exp_stat_sn = ground.peer.cmd_sn, other.exp_stat_sn
    other.manage(Function.ABORT_TASK, request)
    ground.stand.pump()
    assert "abort" in ground.driver.calls and ground.card.pods.in_use == 0
    ground.driver.answer(5)
    assert other.take(TaskManagementResponse)[0].response == 5
    ground.peer.pipe.send(octets[5048:])
    assert finish(ground, sc, pattern(24 * K), 12 * K) == 0
    assert buffer.memory == pattern(24 * K)
    assert ground.placement() == (12 * K, 12 * K, str(Reason.REFUSED))
    assert ground.card.pods.in_use == 0


@pytest.mark.parametrize("how", ["close", "reset", "target"])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("answers", [False, True])
def test_a_connection_that_ends_leaves_nothing(how: str, half: bool, answers: bool) -> None:
    """Whoever ends it, and though the driver holds on to its command."""
    ground = Offloaded(*LONG_BURSTS)
    if answers:
        ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = ground.write(24 * K)
    buffer = make(ground.space, "page", 24 * K)
    ground.give(sc, buffer)
    (r2t,) = ground.r2ts()
    (octets,) = data_out(ground.peer, r2t, pattern(24 * K), 12 * K)
    if half:
        half_placed(ground, octets, buffer)
    pipe = ground.stand.pipe(ground.peer)
    if how == "target":
        ground.stand.connection(ground.peer).drop("the test wants it")
        ground.stand.pump()
    else:
        getattr(pipe, how)()
    assert ground.nothing_is_left()
    again = ground.stand.login()
    assert list(ground.card.connections) == [1]
    assert again.ping(b"alive")[1] == b"alive"
    assert sc in ground.driver.commands and bytes(buffer.memory[12 * K :]) == bytes(12 * K)


def test_a_session_that_is_removed_leaves_nothing() -> None:
    ground = Offloaded()
    _, sc = ground.write(8 * K)
    ground.give(sc, make(ground.space, "page", 8 * K))
    assert ground.card.pods.in_use == 1
    ground.stand.module.remove_target(ground.stand.node.name)
    assert ground.nothing_is_left()


def test_returned_phases_take_nothing_any_more() -> None:
    """A tag stays valid until the whole write is in, but not for what is the driver's again."""
    ground = Offloaded(multi_phase=True)
    _, sc = ground.write(16 * K)
    first, second = make(ground.space, "page", 8 * K), make(ground.space, "page", 8 * K)
    ground.give(sc, first)
    (r2t,) = ground.r2ts()
    send_data(ground.peer, r2t, pattern(8 * K))
    assert [entry[2:] for entry in ground.driver.returned] == [(0, 8 * K)]
    ground.give(sc, second, offset=8 * K)
    (r2t,) = ground.r2ts()
    send_data(ground.peer, r2t, b"x" * 8 * K, buffer_offset=0)
    assert first.memory == pattern(8 * K)
    assert ground.peer.take(ScsiResponse)[0].status == 2


def test_a_phase_that_went_back_before_the_first_r2t() -> None:
    """Immediate data filled it, so the card never heard of it: what comes is placed behind it all the same."""
    for kind in REACHABLE:
        for lengths in ((4 * K, 8 * K, 8 * K), (512, 8 * K, 8 * K), (4 * K, 3 * K + 512, 8 * K)):
            ground = Offloaded(multi_phase=True)
            total, data = sum(lengths), pattern(sum(lengths))
            first = make(ground.space, "page", lengths[0])
            _, sc = ground.write(total, data[: lengths[0]])
            ground.give(sc, first)
            assert [entry[2:] for entry in ground.driver.returned] == [(0, lengths[0])]
            offset = 4 * K - lengths[1] % (4 * K) if kind != "dmable" else 0
            second = make(ground.space, kind, lengths[1], offset % (4 * K))
            ground.give(sc, second, offset=lengths[0])
            third = make(ground.space, kind, lengths[2])
            ground.give(sc, third, offset=lengths[0] + lengths[1])
            assert finish(ground, sc, data) == 0
            assert b"".join(buffer.memory for buffer in (first, second, third)) == data
            assert ground.placement()[:2] == (lengths[1] + lengths[2], lengths[0])
            assert ground.card.pods.in_use == 0
