"""Findings about buffers whose octets changed while the stack had them, on the host and over the adapter."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE, FindingKind, chiscsi_scsi_command, chiscsi_sgvec
from chiscsi_target.api.address_space import AddressSpace
from iscsi_wire.pdus import ReadyToTransfer
from tests.chiscsi_target.bench import Laboratory, send_data
from tests.chiscsi_target.engine.findings import data, kinds, ready
from tests.chiscsi_target.scripted import HoldingDriver

Kind = FindingKind
PAGE = 4096


def test_the_data_of_a_read_that_change_before_they_are_sent() -> None:
    lab = Laboratory(contents=True)
    memory = bytearray(PAGE)

    def give_and_change(sc: chiscsi_scsi_command) -> int:
        assert data(sc, [chiscsi_sgvec(memory, PAGE)]) == 0
        memory[0] = 1
        return 0

    lab.driver.on_cdb = give_and_change
    lab.read()
    lab.peer.receive()
    assert kinds(lab) == [Kind.CONTENTS_CHANGED]


def write_that_is_changed_under_way(lab: Laboratory) -> chiscsi_scsi_command:
    """A write whose buffer the driver changes while its data come."""
    _, sc = lab.write()
    buffer = lab.driver.give(sc)
    r2t, _ = lab.peer.take(ReadyToTransfer)
    send_data(lab.peer, r2t, b"a" * 2048, final=0)
    buffer[100] ^= 1
    send_data(lab.peer, r2t, b"a" * 2048, data_sn=1, buffer_offset=2048)
    return sc


def test_the_data_of_a_write_that_change_before_they_come_back() -> None:
    lab = Laboratory(contents=True)
    sc = write_that_is_changed_under_way(lab)
    assert kinds(lab) == [Kind.CONTENTS_CHANGED]
    lab.driver.complete(sc)
    assert lab.status()[0] == 0


def memory_for_dma(driver: HoldingDriver) -> tuple[bytearray, list[chiscsi_sgvec]]:
    """Memory that only an adapter reaches (guide 7.3.5.1), and a vector for it."""
    driver.address_space = space = AddressSpace()
    region = space.region(PAGE)
    return region.memory, [chiscsi_sgvec(None, PAGE, sg_dma_addr=region.dma_address, sg_flag=ISCSI_SG_SBUF_DMABLE)]


@pytest.mark.parametrize("changed", [False, True])
def test_the_data_of_a_write_that_the_adapter_has_placed(changed: bool) -> None:
    driver = HoldingDriver()
    memory, vectors = memory_for_dma(driver)
    lab = Laboratory(("InitialR2T", "Yes"), ("ImmediateData", "No"), driver=driver, contents=True)
    _, sc = lab.write()
    assert ready(sc, vectors) == 0
    r2t, _ = lab.peer.take(ReadyToTransfer)
    send_data(lab.peer, r2t, b"a" * 2048, final=0)
    memory[100] ^= changed
    send_data(lab.peer, r2t, b"a" * 2048, data_sn=1, buffer_offset=2048)
    assert driver.calls[-1] == "data_xfer_status"
    assert kinds(lab) == [Kind.CONTENTS_CHANGED] * changed


@pytest.mark.parametrize("changed", [False, True])
def test_the_data_of_a_read_that_the_adapter_sends(changed: bool) -> None:
    driver = HoldingDriver()
    memory, vectors = memory_for_dma(driver)
    lab = Laboratory(driver=driver, contents=True)
    _, sc = lab.read()
    assert data(sc, vectors) == 0
    memory[0] = changed
    lab.peer.receive()
    assert kinds(lab) == [Kind.CONTENTS_CHANGED] * changed


def test_contents_are_looked_at_only_when_that_is_asked_for(lab: Laboratory) -> None:
    write_that_is_changed_under_way(lab)
    assert kinds(lab) == []
