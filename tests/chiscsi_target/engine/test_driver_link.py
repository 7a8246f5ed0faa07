"""How sessions are joined to their drivers: properties of the class, and what quirks make of a command."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    CHISCSI_SG_LISTHEAD,
    CHISCSI_SG_LISTTAIL,
    LUN_CLASS_CMD_RELEASE_WAIT_BIT,
    SC_FLAG_RELEASE_WAIT,
    AddressSpace,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_ready_to_release,
    chiscsi_sgvec,
)
from chiscsi_target.api.constants import CHISCSI_SG_DMA_ONLY, CHISCSI_SG_MAPPED, ISCSI_SG_SBUF_DMABLE
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import LENGTH, Laboratory, send_data
from tests.chiscsi_target.peer import read10
from tests.chiscsi_target.scripted import HoldingDriver

EINVAL = -26
PAGE = 4096
DATA = bytes(number % 251 for number in range(LENGTH))


# Quirks


@pytest.mark.parametrize("quirks, attribute", [(Quirks(), 3), (Quirks(attribute_zero=True), 0)])
def test_the_task_attribute(quirks: Quirks, attribute: int) -> None:
    lab = Laboratory(quirks=quirks)
    lab.peer.command(read10(0, 8), LENGTH, attr=3)
    assert lab.driver.last.sc_attribute == attribute


@pytest.mark.parametrize("quirks, closes", [(Quirks(), False), (Quirks(cmdsn_hole_closes=True), True)])
def test_a_hole_in_the_cmd_sns(quirks: Quirks, closes: bool) -> None:
    lab = Laboratory(quirks=quirks)
    lab.peer.cmd_sn += 1
    lab.peer.command(read10(0, 8), LENGTH)
    lab.peer.receive()
    assert lab.peer.closed == closes
    assert lab.driver.calls == []


def test_a_hole_closes_no_session_of_two_connections() -> None:
    lab = Laboratory(("MaxConnections", "2"), quirks=Quirks(cmdsn_hole_closes=True))
    lab.stand.join(lab.peer)
    lab.peer.cmd_sn += 1
    lab.peer.command(read10(0, 8), LENGTH)
    assert lab.peer.silent()


# Commands that are kept


def keeping() -> Laboratory:
    driver = HoldingDriver()
    driver.property |= 1 << LUN_CLASS_CMD_RELEASE_WAIT_BIT
    return Laboratory(driver=driver)


def test_a_command_is_kept_until_it_is_let_go() -> None:
    """Behaviour file, 3.9."""
    lab = keeping()
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    assert lab.driver.calls[-1] == "cleanup" and sc.sc_flag & SC_FLAG_RELEASE_WAIT
    assert chiscsi_scsi_cmd_ready_to_release(sc) == 0
    assert not sc.sc_flag & SC_FLAG_RELEASE_WAIT
    assert chiscsi_scsi_cmd_ready_to_release(sc) == EINVAL
    assert [record.kind for record in lab.stand.module.findings] == ["dead-command"]


def test_a_command_that_is_let_go_ahead_is_not_kept() -> None:
    lab = keeping()
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_ready_to_release(sc) == 0
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    assert not sc.sc_flag & SC_FLAG_RELEASE_WAIT
    assert chiscsi_scsi_cmd_ready_to_release(sc) == EINVAL


def test_other_classes_keep_nothing() -> None:
    lab = Laboratory()
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_ready_to_release(sc) == EINVAL
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    assert not sc.sc_flag & SC_FLAG_RELEASE_WAIT


# Commands without data


@pytest.mark.parametrize("multi_phase, calls", [(False, ["data_xfer_status"]), (True, [])])
def test_a_command_without_data(multi_phase: bool, calls: list[str]) -> None:
    """Behaviour file, 3.3."""
    lab = Laboratory(driver=HoldingDriver(multi_phase=multi_phase))
    lab.peer.command("00")
    lab.driver.complete(lab.driver.last)
    assert lab.peer.take(ScsiResponse)[0].status == 0
    assert lab.driver.calls == ["cdb_rcved", *calls, "cleanup"]
    assert lab.driver.returned == [(None, 0, 0, 0)] * len(calls)


# What vectors say, and where they lead


def test_vectors_are_numbered_and_chained() -> None:
    lab = Laboratory(driver=HoldingDriver(multi_phase=True))
    _, sc = lab.write(3 * PAGE)
    first = [chiscsi_sgvec(bytearray(2048), 2048) for _ in range(2)]
    second = [chiscsi_sgvec(bytearray(PAGE), PAGE)]
    assert (first[0].sg_boff, first[0].sg_next) == (0, None)
    assert chiscsi_scsi_cmd_buffer_ready(sc, first, 2, 0, PAGE) == 0
    assert chiscsi_scsi_cmd_buffer_ready(sc, second, 1, PAGE, PAGE) == 0
    assert [vector.sg_boff for vector in first + second] == [0, 2048, PAGE]
    assert [vector.sg_next for vector in first + second] == [first[1], second[0], None]
    head, tail = CHISCSI_SG_LISTHEAD, CHISCSI_SG_LISTTAIL
    assert [vector.sg_flag for vector in first + second] == [head, tail, head | tail]


def test_vectors_that_are_refused_stay_untouched() -> None:
    """Behaviour file, 3.5, check 7."""
    lab = Laboratory()
    _, sc = lab.write()
    vectors = [chiscsi_sgvec(bytearray(512), 512)]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, LENGTH) == EINVAL
    assert (vectors[0].sg_flag, vectors[0].sg_next) == (0, None)


def written(
    vector: chiscsi_sgvec, space: AddressSpace | None = None, offload: Offload = Offload.AUTO
) -> tuple[Laboratory, int]:
    """Have an initiator write to a vector; the status that it gets."""
    driver = HoldingDriver()
    driver.address_space = space
    lab = Laboratory(driver=driver, offload=offload)
    lab.driver.on_abort = chiscsi_scsi_cmd_abort_status
    _, sc = lab.write()
    assert chiscsi_scsi_cmd_buffer_ready(sc, [vector], 1, 0, LENGTH) == 0
    answers = lab.peer.receive()
    if answers and isinstance(answers[0][0], ReadyToTransfer):
        send_data(lab.peer, answers[0][0], DATA)
        lab.driver.complete(sc)
        answers = lab.peer.receive()
    response = answers[0][0]
    assert isinstance(response, ScsiResponse)
    return lab, response.status


def test_a_virtual_address() -> None:
    memory = bytearray(LENGTH)
    assert written(chiscsi_sgvec(memory, LENGTH))[1] == 0
    assert memory == DATA


def test_a_page_and_an_offset() -> None:
    page = AddressSpace(page_size=8192).page()
    vector = chiscsi_sgvec(None, LENGTH, page, 1000)
    assert written(vector)[1] == 0
    assert page.memory[1000 : 1000 + LENGTH] == DATA
    assert vector.sg_flag & CHISCSI_SG_MAPPED and not vector.sg_flag & CHISCSI_SG_DMA_ONLY


@pytest.mark.parametrize("mapped, status", [(True, 0), (False, 2)])
def test_a_dma_address_alone(mapped: bool, status: int) -> None:
    """Behaviour file, 5.3: without the adapter the stack has to copy; it can when the address space maps the memory."""
    space = AddressSpace()
    region = space.region(2 * LENGTH, mapped=mapped)
    vector = chiscsi_sgvec(None, LENGTH, None, 0, region.dma_address + 512, ISCSI_SG_SBUF_DMABLE)
    lab, found = written(vector, space, Offload.OFF)
    assert found == status
    assert (region.memory[512 : 512 + LENGTH] == DATA) == mapped
    assert ("sg_flag 0x1, sg_addr NULL, Cannot copy data!" in lab.stand.log) != mapped
    assert vector.sg_flag & CHISCSI_SG_DMA_ONLY and bool(vector.sg_flag & CHISCSI_SG_MAPPED) == mapped


def test_a_dma_address_alone_is_enough_for_the_adapter() -> None:
    space = AddressSpace()
    region = space.region(2 * LENGTH)
    vector = chiscsi_sgvec(None, LENGTH, None, 0, region.dma_address, ISCSI_SG_SBUF_DMABLE)
    assert written(vector, space)[1] == 0
    assert region.memory[:LENGTH] == DATA
    assert vector.sg_flag & CHISCSI_SG_DMA_ONLY


@pytest.mark.parametrize("offload", [Offload.AUTO, Offload.OFF])
@pytest.mark.parametrize("mapped", [True, False])
def test_a_dma_address_and_a_page(mapped: bool, offload: Offload) -> None:
    """Guide 7.3.5.1: the DMA address takes precedence, if it names memory in reach; the adapter reaches everything."""
    space = AddressSpace()
    region, page = space.region(LENGTH, mapped=mapped), space.page()
    vector = chiscsi_sgvec(None, LENGTH, page, 0, region.dma_address, ISCSI_SG_SBUF_DMABLE)
    assert written(vector, space, offload)[1] == 0
    reached = mapped or offload is Offload.AUTO
    assert (region.memory == DATA, page.memory == DATA) == (reached, not reached)


def test_no_address_at_all() -> None:
    """Guide 7.3.5.1: not allowed."""
    lab, status = written(chiscsi_sgvec(None, LENGTH, sg_dma_addr=0x1000))
    assert status == 2 and "Cannot copy data!" in lab.stand.log


def test_a_dma_address_that_is_none() -> None:
    lab, status = written(chiscsi_sgvec(None, LENGTH, None, 0, 0x99, ISCSI_SG_SBUF_DMABLE), AddressSpace())
    assert status == 2 and "0x99+4096 is no memory of the address space" in lab.stand.log


# Phases that go back together


@pytest.mark.parametrize("merge", [False, True])
def test_returns_of_a_write(merge: bool) -> None:
    lab = Laboratory(driver=HoldingDriver(multi_phase=True), merge_returns=merge)
    _, sc = lab.write(2 * PAGE)
    vectors = [[chiscsi_sgvec(bytearray(PAGE), PAGE)] for _ in range(2)]
    for number, phase in enumerate(vectors):
        assert chiscsi_scsi_cmd_buffer_ready(sc, phase, 1, number * PAGE, PAGE) == 0
    (r2t,) = [pdu for pdu, _ in lab.peer.receive() if isinstance(pdu, ReadyToTransfer)]
    send_data(lab.peer, r2t)
    together = [([*vectors[0], *vectors[1]], 2, 0, 2 * PAGE)]
    apart = [(vectors[0], 1, 0, PAGE), (vectors[1], 1, PAGE, PAGE)]
    assert lab.driver.returned == (together if merge else apart)
    lab.driver.complete(sc)
    assert lab.peer.take(ScsiResponse)[0].status == 0
