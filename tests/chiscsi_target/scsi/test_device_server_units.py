"""Units that are described anew: state goes with the path, whatever number it has (behaviour file, 1.5)."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.scsi.device_server import DeviceServer
from tests.chiscsi_target.fakes import FakeStack, disk


def anew(unit: chiscsi_lun, number: int) -> chiscsi_lun:
    """A new description of a unit, with its medium."""
    new = chiscsi_lun(unit.lun_class, number, unit.path)
    assert unit.lun_class.fp_reattach(unit, new, bytearray(), 256) == 0
    return new


def test_state_goes_with_the_path() -> None:
    driver = MemoryLunClass()
    first, second = (disk(driver, "size=1M", number, path) for number, path in enumerate(("first", "second")))
    server = DeviceServer([first, second])
    units = dict(server.units)
    server.session_added(1, "iqn.2026-11.org.example:host", bytes(6), "iqn.2026-11.org.example:disk")
    server.units[0].take_attention(1)
    third = disk(driver, "size=1M", 2, "third")
    server.replace_units([anew(second, 0), anew(first, 1), third], portal_group_tag=7)
    assert server.units[0] is units[1] and server.units[1] is units[0]
    assert [server.units[number].lu.lun for number in range(3)] == [0, 1, 2]
    assert server.units[0].attentions and not server.units[1].attentions
    assert FakeStack(server).run("00", lun=1).status == 0


def test_a_command_of_the_old_number_is_waited_for_by_nobody() -> None:
    """A driver may hold it for ever; an ORDERED command on the moved unit must not wait for it."""
    driver = MemoryLunClass()
    first, second = (disk(driver, "size=1M", number, path) for number, path in enumerate(("first", "second")))
    server = DeviceServer([first, second])
    stack = FakeStack(server)
    held = stack.command(b"\0" * 16, lun=0)
    assert server.units[0].tasks.admit(held, lambda sc: None)
    server.replace_units([anew(second, 0), anew(first, 1)], portal_group_tag=1)
    ordered = stack.command(b"\0" * 16, lun=1)
    ordered.sc_attribute = 2
    started: list[object] = []
    server.units[1].tasks.admit(ordered, started.append)
    assert started == [ordered]


def test_a_unit_that_is_gone_is_no_unit() -> None:
    driver = MemoryLunClass()
    first, second = (disk(driver, "size=1M", number, path) for number, path in enumerate(("first", "second")))
    server = DeviceServer([first, second])
    server.replace_units([anew(second, 0)], portal_group_tag=1)
    assert list(server.units) == [0] and server.units[0].lu.path == "second"
    assert FakeStack(server).run("00", lun=1).sense == (5, 0x25, 0)
