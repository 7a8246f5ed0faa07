"""Drivers that change a write while it is on its way: lengths, vectors, memory. It upsets their own command at most."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import (
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
)
from chiscsi_target.api.address_space import AddressSpace
from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.offload.ground import (
    BURSTS,
    Offloaded,
    data_out,
    finish,
    make,
    pattern,
)

K = 1024


# Lengths that drivers change


def test_an_overflow_is_placed_as_far_as_it_is_sent() -> None:
    ground = Offloaded()
    _, sc = ground.write(6 * K)
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    sc.sc_xfer_residualcount = 2 * K
    buffers = [make(ground.space, "page", 4 * K) for _ in range(2)]
    ground.give(sc, *buffers)
    assert finish(ground, sc, pattern(6 * K)) == 0
    assert b"".join(buffer.memory for buffer in buffers) == pattern(6 * K) + bytes(2 * K)
    assert ground.placement() == (6 * K, 0, "")


def test_an_underflow_at_once() -> None:
    ground = Offloaded()
    _, sc = ground.write(12 * K)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_len, sc.sc_xfer_residualcount = 5 * K, 7 * K
    buffers = [make(ground.space, "page", 4 * K), make(ground.space, "page", 1 * K)]
    ground.give(sc, *buffers)
    assert finish(ground, sc, pattern(12 * K)) == 0
    assert b"".join(buffer.memory for buffer in buffers) == pattern(5 * K)
    assert ground.placement() == (5 * K, 0, "")


def test_an_underflow_in_a_later_phase() -> None:
    ground = Offloaded(*BURSTS, multi_phase=True)
    _, sc = ground.write(64 * K)
    buffers = [make(ground.space, "page", 8 * K), make(ground.space, "page", 8 * K), make(ground.space, "page", 1 * K)]
    ground.give(sc, *buffers[:2])
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_len, sc.sc_xfer_residualcount = 17 * K, 47 * K
    ground.give(sc, buffers[2], offset=16 * K)
    assert finish(ground, sc, pattern(64 * K)) == 0
    assert b"".join(buffer.memory for buffer in buffers) == pattern(17 * K)
    assert ground.placement() == (17 * K, 0, "")
    assert ground.card.pods.in_use == 0


@pytest.mark.parametrize("length", [0, -1, 1, 1 << 40])
def test_a_length_that_a_driver_changes_for_no_reason(length: int) -> None:
    """It upsets its own command at most."""
    ground = Offloaded(*BURSTS, multi_phase=True)
    _, sc = ground.write(64 * K)
    ground.give(sc, make(ground.space, "page", 16 * K))
    sc.sc_xfer_len = length
    for r2t in ground.r2ts():
        send_data(ground.peer, r2t)
    ground.stand.pump()
    sc.fail(5, 0x24)
    chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
    ground.peer.receive()
    assert ground.peer.ping(b"alive")[1] == b"alive"
    ground.stand.pipe(ground.peer).close()
    assert ground.nothing_is_left()


# Vectors that change after they were handed over


def no_length(vector: chiscsi_sgvec) -> None:
    vector.sg_length = None  # type: ignore[assignment]  # a driver's mistake


def huge(vector: chiscsi_sgvec) -> None:
    vector.sg_length = 1 << 70


def negative(vector: chiscsi_sgvec) -> None:
    vector.sg_length = -4096


def no_memory(vector: chiscsi_sgvec) -> None:
    vector.sg_page = vector.sg_addr = None


def elsewhere(vector: chiscsi_sgvec) -> None:
    vector.sg_offset = 1 << 50


def nonsense(vector: chiscsi_sgvec) -> None:
    vector.sg_page = object()  # type: ignore[assignment]  # a driver's mistake


CHANGES = [no_length, huge, negative, no_memory, elsewhere, nonsense]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("late", [False, True])
def test_vectors_that_change(change: Callable[[chiscsi_sgvec], None], number: int, late: bool) -> None:
    """Before the first R2T, or behind it: nothing but the command can suffer, and the pods hold what they held."""
    ground = Offloaded()
    ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = ground.write(16 * K)
    buffers = [make(ground.space, "page", 8 * K) for _ in range(2)]
    vectors = [buffer.vector for buffer in buffers]
    if late:
        ground.give(sc, *buffers)
        (r2t,) = ground.r2ts()
        change(vectors[number])
        send_data(ground.peer, r2t, pattern(16 * K)[: 8 * K], final=0)
        send_data(ground.peer, r2t, pattern(16 * K)[8 * K :], data_sn=1, buffer_offset=8 * K)
        ground.driver.complete(sc)
        assert ground.peer.take(ScsiResponse)[0].status == 0
        assert b"".join(buffer.memory for buffer in buffers) == pattern(16 * K)
    else:
        assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 2, 0, 16 * K) == 0
        change(vectors[number])
        for r2t in ground.r2ts():
            ground.peer.pipe.send(b"".join(data_out(ground.peer, r2t, pattern(16 * K))))
        if ground.driver.returned:
            ground.driver.complete(sc)
        ground.peer.receive()
    assert ground.peer.ping(b"alive")[1] == b"alive"
    ground.stand.pipe(ground.peer).close()
    assert ground.nothing_is_left() and ground.driver.calls[-1] == "cleanup"


def test_a_list_that_is_emptied() -> None:
    ground = Offloaded()
    ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = ground.write(8 * K)
    vectors = [make(ground.space, "page", 8 * K).vector]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, 8 * K) == 0
    vectors.clear()
    for r2t in ground.r2ts():
        send_data(ground.peer, r2t)
    ground.peer.receive()
    assert ground.peer.ping(b"alive")[1] == b"alive"


def test_phases_without_anything_in_them() -> None:
    ground = Offloaded(multi_phase=True)
    _, sc = ground.write(8 * K)
    assert chiscsi_scsi_cmd_buffer_ready(sc, [], 1, 0, 0) == 0
    ground.give(sc, make(ground.space, "page", 0))
    buffer = make(ground.space, "page", 8 * K)
    ground.give(sc, buffer)
    assert finish(ground, sc, pattern(8 * K)) == 0
    assert buffer.memory == pattern(8 * K) and ground.placement() == (8 * K, 0, "")


def test_an_address_space_that_breaks_while_data_come() -> None:
    class Failing(AddressSpace):
        broken = False

        def octets(self, address: int, length: int) -> memoryview:
            if self.broken:
                raise RuntimeError("gone")
            return super().octets(address, length)

    space = Failing()
    ground = Offloaded(space=space)
    ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = ground.write(8 * K)
    ground.give(sc, make(space, "dma", 8 * K))
    (r2t,) = ground.r2ts()
    space.broken = True
    send_data(ground.peer, r2t)
    assert ground.peer.take(ScsiResponse)[0].status == 2
    assert ground.peer.ping(b"alive")[1] == b"alive" and ground.card.pods.in_use == 0
