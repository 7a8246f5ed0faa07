"""One connection over the card: tags, what is placed, what is copied and why, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import (
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.offload.page_pods import PAGES_PER_POD
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.offload.ulp_connection import UlpConnection
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import DataOut, ReadyToTransfer, Reject, ScsiResponse
from iscsi_wire.records import OffloadRecord
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.offload.ground import (
    BURSTS,
    DMABLE,
    REACHABLE,
    Offloaded,
    data_out,
    finish,
    make,
    pattern,
)
from tests.chiscsi_target.peer import of_kind, write10
from tests.chiscsi_target.stand import Stand

K = 1024
R2T_ONLY = (("ImmediateData", "No"), ("InitialR2T", "Yes"))


@pytest.mark.parametrize("kind", REACHABLE)
@pytest.mark.parametrize("cut", [0, 1000, 8240])
@pytest.mark.parametrize("digests", [(), (("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C"))])
def test_data_are_placed(kind: str, cut: int, digests: tuple[tuple[str, str], ...]) -> None:
    ground = Offloaded(*digests)
    _, sc = ground.write(20 * K)
    buffers = [make(ground.space, kind, length, offset) for offset, length in ((4 * K, 4 * K), (0, 8 * K), (0, 8 * K))]
    ground.give(sc, *buffers)
    assert ground.card.pods.in_use == ground.ulp.pods_in_use == 1
    data = pattern(20 * K)
    assert finish(ground, sc, data, cut=cut) == 0
    assert b"".join(buffer.memory for buffer in buffers) == data
    assert ground.placement() == (20 * K, 0, "")
    ulp = ground.ulp
    assert (ulp.ddp_pass, ulp.ddp_fail, ulp.placed, ulp.copied) == (3, 0, 20 * K, 0)
    assert ground.card.pods.in_use == ulp.pods_in_use == 0 and ulp.pods_peak == 1
    ground.stand.pipe(ground.peer).close()
    assert ground.nothing_is_left()


def test_memory_that_went_back_may_change_its_length() -> None:
    """The card keeps nothing of it: in a kernel, it might belong to somebody else by now."""
    ground = Offloaded(multi_phase=True)
    _, sc = ground.write(8 * K)
    memories = [bytearray(4 * K), bytearray(4 * K)]
    for number, memory in enumerate(memories):
        vector = chiscsi_sgvec(memory, 4 * K, sg_flag=DMABLE)
        assert chiscsi_scsi_cmd_buffer_ready(sc, [vector], 1, number * 4 * K, 4 * K) == 0

    def resize(_: chiscsi_scsi_command) -> int:
        memories[len(ground.driver.returned) - 1].append(0)
        return 0

    ground.driver.on_data = resize
    (r2t,) = ground.r2ts()
    for octets in data_out(ground.peer, r2t, pattern(8 * K), 4 * K):
        for start in range(0, len(octets), 2000):
            ground.peer.pipe.send(octets[start : start + 2000])
    assert [len(memory) for memory in memories] == [4 * K + 1] * 2
    assert b"".join(memory[: 4 * K] for memory in memories) == pattern(8 * K)


# What is copied, and why


@pytest.mark.parametrize(
    "length, kind, how, reason",
    [
        (511, "page", {}, Reason.SHORT),
        (4 * K, "virtual", {}, Reason.MEMORY),
        (4 * K, "page", {"offload": Offload.OFF}, None),
        (4 * K, "page", {"page_pods": 1000}, Reason.NO_DDP),
    ],
)
def test_why_data_are_copied(length: int, kind: str, how: dict[str, Any], reason: Reason | None) -> None:
    ground = Offloaded(**how)
    _, sc = ground.write(length)
    buffer = make(ground.space, kind, length)
    ground.give(sc, buffer)
    assert finish(ground, sc, pattern(length)) == 0
    assert buffer.memory == pattern(length)
    if reason is not None:
        assert ground.placement() == (0, length, str(reason))
        assert (ground.ulp.ddp_pass, ground.ulp.ddp_fail, ground.ulp.copied) == (0, 1, length)
        assert ground.ulp.pods_peak == 0


def test_a_built_in_target_in_crc_mode_places_nothing() -> None:
    for offload, places in ((Offload.CRC, False), (Offload.ULP, True)):
        stand = Stand(offload=offload)
        peer = stand.login(*R2T_ONLY)
        peer.command(write10(0, 8), 4 * K, write=True)
        send_data(peer, peer.take(ReadyToTransfer)[0], pattern(4 * K))
        assert peer.take(ScsiResponse)[0].status == 0
        ulp = stand.connection(peer).ulp
        assert isinstance(ulp, UlpConnection)
        assert (ulp.placed, ulp.copied) == ((4 * K, 0) if places else (0, 4 * K))


def test_unsolicited_data_have_no_tag() -> None:
    ground = Offloaded(("InitialR2T", "No"))
    request, sc = ground.write(12 * K, pattern(4 * K), final=0)
    more = DataOut.make(initiator_task_tag=request.initiator_task_tag, buffer_offset=4 * K, final=1)
    more.target_transfer_tag = 0xFFFFFFFF
    ground.peer.send(more, pattern(12 * K)[4 * K :])
    buffer = make(ground.space, "page", 12 * K)
    ground.give(sc, buffer)
    assert finish(ground, sc, pattern(12 * K)) == 0
    assert buffer.memory == pattern(12 * K)
    assert ground.placement() == (0, 12 * K, str(Reason.UNSOLICITED))


def test_no_pods_left() -> None:
    """A write for which there are none is copied, without a word (behaviour file, 5.2)."""
    ground = Offloaded(page_pods=1024)
    held = [ground.card.pods.reserve(512 * PAGES_PER_POD), ground.card.pods.reserve(512 * PAGES_PER_POD)]
    assert None not in held
    _, sc = ground.write(4 * K)
    buffer = make(ground.space, "page", 4 * K)
    ground.give(sc, buffer)
    assert finish(ground, sc, pattern(4 * K)) == 0
    assert buffer.memory == pattern(4 * K) and ground.placement()[2] == str(Reason.NO_PODS)


def test_pages_that_are_not_full_in_a_later_phase() -> None:
    """What was known before is placed, the rest is copied, and the guide's line says why (Appendix D)."""
    ground = Offloaded(*BURSTS, multi_phase=True)
    _, sc = ground.write(24 * K)
    lengths = [(8 * K,), (4 * K, 3 * K, 9 * K)]
    phases = [[make(ground.space, "page", length) for length in phase] for phase in lengths]
    ground.give(sc, *phases[0])
    ground.give(sc, *phases[1], offset=8 * K)
    data = pattern(24 * K)
    assert finish(ground, sc, data) == 0
    assert b"".join(buffer.memory for phase in phases for buffer in phase) == data
    assert ground.placement() == (8 * K, 16 * K, str(Reason.NOT_FULL_PAGES))
    assert "2/3, len 3072 xferoff 8192 NOT full pages" in ground.stand.log


@pytest.mark.parametrize("shape", [((4096, 0), (4096, 512), (4096, 0)), ((4096, 0), (4096, 0), (8192, 0), (4096, 0))])
def test_the_guides_line_comes_once(shape: tuple[tuple[int, int], ...]) -> None:
    ground = Offloaded()
    length = sum(length for length, _ in shape)
    _, sc = ground.write(length)
    ground.give(sc, *(make(ground.space, "page", length, offset) for length, offset in shape))
    assert finish(ground, sc, pattern(length)) == 0
    assert ground.stand.log.count("NOT full pages") == 1


def test_a_refused_tag_is_copied() -> None:
    """A tag of this transfer with another colour: the host takes it, as the card did not."""
    ground = Offloaded()
    _, sc = ground.write(8 * K)
    buffer = make(ground.space, "page", 8 * K)
    ground.give(sc, buffer)
    (r2t,) = ground.r2ts()
    held = next(iter(ground.ulp._by_pod.values())).reservation
    assert held is not None
    ground.card.pods.release(held)
    send_data(ground.peer, r2t, pattern(8 * K))
    ground.driver.complete(sc)
    ground.peer.receive()
    assert buffer.memory == pattern(8 * K)
    assert ground.placement() == (0, 8 * K, str(Reason.REFUSED))
    assert "released twice" in ground.stand.log


def test_the_quirk_of_multi_phase_drivers() -> None:
    ground = Offloaded(multi_phase=True, quirks=Quirks(multiphase_no_ddp=True))
    _, sc = ground.write(8 * K)
    buffer = make(ground.space, "page", 8 * K)
    ground.give(sc, buffer)
    assert finish(ground, sc, pattern(8 * K)) == 0
    assert buffer.memory == pattern(8 * K) and ground.placement()[2] == str(Reason.MULTI_PHASE)


def test_memory_that_can_neither_be_placed_into_nor_copied_to_fails_before_any_r2t() -> None:
    ground = Offloaded()
    ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = ground.write(12 * K)
    ground.give(sc, *(make(ground.space, "dma", length) for length in (4 * K, 3 * K, 5 * K)))
    assert ground.peer.take(ScsiResponse)[0].status == 2
    assert "No DDP: sgcnt 3" in ground.stand.log and "Cannot copy data!" in ground.stand.log
    assert ground.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert ground.card.pods.in_use == 0


# Tags


@pytest.mark.parametrize("kind", ["page", "virtual"])
def test_r2ts_whose_numbers_differ_by_four_wait_for_each_other(kind: str) -> None:
    """R2TSN stands in a tag modulo four: two outstanding R2Ts never have the same."""
    ground = Offloaded(*BURSTS)
    length = 64 * K
    _, sc = ground.write(length)
    buffers = [make(ground.space, kind, 8 * K) for _ in range(8)]
    ground.give(sc, *buffers)
    waiting, tags = ground.r2ts(), []
    data, count = pattern(length), 0
    while waiting:
        assert len(waiting) <= 4 and len({r2t.target_transfer_tag for r2t in waiting}) == len(waiting)
        r2t = waiting.pop()  # the newest: the oldest's tag is needed again
        tags.append(r2t.target_transfer_tag)
        count += 1
        for octets in data_out(ground.peer, r2t, data):
            ground.peer.pipe.send(octets)
        waiting += ground.r2ts()
    assert count == 8 and len(set(tags)) == 4
    ground.driver.complete(sc)
    assert ground.peer.take(ScsiResponse)[0].status == 0
    assert b"".join(buffer.memory for buffer in buffers) == data


@pytest.mark.parametrize("kind", ["page", "virtual"])
def test_tags_of_data_that_may_still_come_are_not_given_again(kind: str) -> None:
    """Of a write that was aborted, a Data-Out may be on its way long after: it must not be taken for another's."""
    ground = Offloaded()
    seen: set[int] = set()
    for _ in range(200):  # colours, and command objects, repeat before that
        request, sc = ground.write(4 * K, initiator_task_tag=5)
        ground.give(sc, make(ground.space, kind, 4 * K))
        (r2t,) = ground.r2ts()
        assert r2t.target_transfer_tag not in seen
        seen.add(r2t.target_transfer_tag)
        # Aborted, its data never come.
        ground.card.pods._searches[0][0].next = ground.card.pods._searches[0][0].start
        chiscsi_scsi_cmd_abort(sc)
        ground.peer.receive()
        ground.driver.commands.clear()
        ground.driver.returned.clear()
        assert request.initiator_task_tag == 5
    assert ground.card.pods.in_use == 0


def test_numbers_of_command_objects_are_used_again() -> None:
    ground = Offloaded()
    tags = set()
    for _ in range(10):
        _, sc = ground.write(4 * K)
        ground.give(sc, make(ground.space, "virtual", 4 * K))
        (r2t,) = ground.r2ts()
        tags.add(r2t.target_transfer_tag)
        send_data(ground.peer, r2t)
        ground.driver.complete(sc)
        ground.peer.take(ScsiResponse)
    assert tags == {ground.card.pods.layout.marker}


def test_two_connections_do_not_place_for_each_other() -> None:
    """The pods say whose they are; and a command's data come over its own connection (RFC 7143 section 4.2.5.1)."""
    ground = Offloaded()
    other = ground.stand.join(ground.peer)
    _, sc = ground.write(4 * K)
    buffer = make(ground.space, "page", 4 * K)
    ground.give(sc, buffer)
    (r2t,) = ground.r2ts()
    send_data(other, r2t, pattern(4 * K))
    assert of_kind(other.receive(), Reject) and not any(buffer.memory)


# What is told


def test_messages_between_host_and_card() -> None:
    ground = Offloaded()
    _, sc = ground.write(24 * K)
    ground.give(sc, *(make(ground.space, "page", 4 * K) for _ in range(6)))
    (r2t,) = ground.r2ts()
    ground.stand.records.clear()
    pdus = data_out(ground.peer, r2t, pattern(24 * K), 8 * K)
    ground.peer.pipe.send(pdus[0] + pdus[1])
    ground.peer.pipe.send(pdus[2])
    names = [record.message for record in ground.stand.of_type(OffloadRecord)]
    assert names == ["CPL_RX_ISCSI_CMP", "CPL_ISCSI_HDR", "CPL_RX_ISCSI_DDP", "ULP_TX_MEM_WRITE"]
    assert ground.ulp.coalesced == 1
    ground.driver.complete(sc)
    assert ground.peer.take(ScsiResponse)[0].status == 0


def test_a_trace_gets_lines_though_nobody_listens() -> None:
    ground = Offloaded(quiet=True)
    lines: list[str] = []
    ground.card.trace = lines.append
    peer = ground.stand.login(isid=bytes.fromhex("400000000002"))
    assert [line.split()[0] for line in lines[:2]] == ["CPL_SET_TCB_FIELD", "CPL_SET_TCB_RPL"]
    assert peer.ping(b"hello")[1] == b"hello"
    assert any(line.startswith("CPL_ISCSI_HDR tid 2") for line in lines)
