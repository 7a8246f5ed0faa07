"""The multi-phase sample: phases of 4 KiB, merged returns, and its switches."""

from __future__ import annotations

import pytest

from chiscsi_target.drivers.samples.multi_phase import Phase, PhasedDisk, PhasedRequest, Switch
from chiscsi_target.drivers.samples.pages import allocate
from chiscsi_target.drivers.samples.scsi_answers import Plan
from chiscsi_target.quirks import Quirks
from initiator_sim.task import CommandResult
from iscsi_wire.records import CompletionRecord
from iscsi_wire.scsi import Read10, Write10
from tests.chiscsi_target.drivers.samples.rig import Rig

PAGE = 4096
DATA = bytes(range(256)) * 64


def rig(switch: Switch = "") -> Rig:
    return Rig(PhasedDisk(size_mb=1, switch=switch))


def read(rig: Rig, length: int) -> CommandResult:
    return rig.session.command(Read10.make(transfer_length=length // 512), read=length)


def write(rig: Rig, data: bytes) -> CommandResult:
    return rig.session.command(Write10.make(transfer_length=len(data) // 512), write=data)


def calls(rig: Rig, function: str) -> list[str]:
    records = rig.stand.of_type(CompletionRecord)
    return [record.arguments.split(", ")[2] for record in records if record.name.endswith(function)]


def test_a_write_is_given_page_by_page() -> None:
    disk = rig()
    assert write(disk, DATA).status == 0
    assert calls(disk, "buffer_ready") == ["0+4096", "4096+4096", "8192+4096", "12288+4096"]
    assert read(disk, len(DATA)).data == DATA


@pytest.mark.parametrize("length", [512, PAGE, PAGE + 512, 3 * PAGE])
def test_transfers_of_no_whole_page(length: int) -> None:
    disk = rig()
    assert write(disk, DATA[:length]).status == 0
    assert read(disk, length).data == DATA[:length]


@pytest.mark.parametrize("length", [2048, 2560, 3 * PAGE])
def test_long_transfers_have_pages_with_dma_addresses(length: int) -> None:
    """Behaviour file, 9.2: for transfers > 2048 the vectors also carry `sg_dma_addr`, DMABLE and no page."""
    driver = PhasedDisk(size_mb=1)
    disk = Rig(driver, InitialR2T="Yes", ImmediateData="No")
    assert write(disk, DATA[:length]).status == 0
    assert read(disk, length).data == DATA[:length]
    module = disk.stand.module
    (connection,) = [ulp for terminator in [module.terminator] if terminator for ulp in terminator.connections.values()]
    assert connection.placed == (length if length > 512 else 0)
    assert (len(driver.address_space.regions) > 0) == (length > 2048)  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("switch", ["", "underflow", "overflow", "abort"])
def test_all_pages_are_free_in_the_end(switch: Switch) -> None:
    driver = PhasedDisk(size_mb=1, switch=switch)
    disk = Rig(driver)
    for length in (512, 3 * PAGE):
        write(disk, DATA[:length])
        read(disk, length)
    disk.session.connection.close()
    disk.stand.pump()
    assert driver.pages.in_use == 0 and driver.pages.space.regions


def test_underflow_leaves_out_the_last_page() -> None:
    disk = rig("underflow")
    result = read(disk, 3 * PAGE)
    assert (result.status, result.residual, result.received) == (0, -PAGE, 2 * PAGE)
    result = write(disk, DATA[: 3 * PAGE])
    assert (result.status, result.residual) == (0, -PAGE)
    assert read(disk, PAGE).residual == 0


def test_overflow_gives_a_page_too_many() -> None:
    disk = rig("overflow")
    result = read(disk, 3 * PAGE)
    assert (result.status, result.residual, result.received) == (0, PAGE, 3 * PAGE)
    assert calls(disk, "execution_status")[-1] == "8192+8192"
    result = write(disk, DATA[: 3 * PAGE])
    assert (result.status, result.residual) == (0, PAGE)


def test_abort_ends_the_command() -> None:
    disk = rig("abort")
    result = read(disk, 3 * PAGE)
    assert result.response == 1
    assert "chiscsi_scsi_cmd_abort" in [record.name for record in disk.stand.of_type(CompletionRecord)]
    assert read(disk, PAGE).status == 0


def test_a_switch_that_is_none() -> None:
    with pytest.raises(ValueError, match="sideways"):
        PhasedDisk(switch="sideways")  # type: ignore[arg-type]  # that is the mistake


def test_phases_may_come_back_together_but_not_in_parts() -> None:
    request = PhasedRequest(Plan(3 * PAGE, 0), 3 * PAGE)
    phases = [Phase(number * PAGE, allocate(PAGE)) for number in range(3)]
    for phase in phases:
        request.add(phase)
    assert request.given == 3 * PAGE
    for head, offset, length in (
        (phases[0], 0, 2048),
        (phases[0], 2048, PAGE),
        (phases[1], 0, PAGE),
        (phases[0], 8 * PAGE, PAGE),
    ):
        with pytest.raises(ValueError, match="were not given like that"):
            request.mark_returned(head.pages[0], offset, length)
    request.mark_returned(phases[1].pages[0], PAGE, 2 * PAGE)
    assert request.take_returned() == []
    request.mark_returned(phases[0].pages[0], 0, PAGE)
    assert request.take_returned() == phases
    assert request.phases == []


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(read_underflow_unchecked=True)], ids=["guide", "release-3.14"])
def test_a_read_is_whole_where_the_module_goes_by_the_count_of_blocks(quirks: Quirks) -> None:
    """Behaviour file, 3.6: a driver that does not say how many blocks a read has gets its first phase sent alone."""
    disk = Rig(PhasedDisk(size_mb=1), quirks=quirks)
    assert write(disk, DATA).status == 0
    result = read(disk, len(DATA))
    assert (result.data, result.residual) == (DATA, 0)
