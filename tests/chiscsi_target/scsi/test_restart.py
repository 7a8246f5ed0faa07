from __future__ import annotations

import pytest

from chiscsi_target.errors import ConfigurationError, DriverError
from chiscsi_target.scsi.nexus import InitiatorPort, Nexus
from chiscsi_target.scsi.reservations import Reservations
from chiscsi_target.scsi.restart import check_kept
from tests.chiscsi_target.scsi.modes import CACHING, CONTROL, Kept, changed, page, select
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

PORT = InitiatorPort("iqn.2024-01.com.example:holder", bytes(6))


def reserved() -> bytes:
    """Write Exclusive, held by `PORT` through portal group 3."""
    state = Reservations()
    state.reserve(state.register(Nexus(PORT, 3), 0x1234), 1)
    return state.dump()


def rig(kept: Kept) -> Rig:
    unit = Rig.disk("size=1M")
    unit.kept = kept
    return Rig(unit)


def test_saved_mode_pages_are_in_force_after_a_restart() -> None:
    kept = Kept()
    before = rig(kept)
    assert select(before, changed(before, CONTROL, 4, 0x08), changed(before, CACHING, 2, 0x04), flags=0x11).status == 0
    after = rig(kept)
    for code in (CONTROL, CACHING):
        assert page(after, code) == page(after, code, 3) == page(before, code)
    assert after.write("2a 00 00000000 00 0001 00", bytes(BLOCK)).sense == (7, 0x27, 0)


def test_changed_mode_pages_are_not() -> None:
    kept = Kept()
    before = rig(kept)
    assert select(before, changed(before, CONTROL, 4, 0x08)).status == 0
    assert page(rig(kept), CONTROL) == page(before, CONTROL, 2)


def test_a_reservation_is_in_force_after_a_restart() -> None:
    after = rig(Kept(reservations=reserved()))
    after.server.session_added(1, "iqn.2024-01.com.example:other", bytes(6), "")
    after.server.session_added(2, PORT.name, bytes(6), "")
    for session in (1, 2):
        assert after.run("00 00 00 00 00 00", session=session).status == 2
    write = bytes.fromhex("2a 00 00000000 00 0001 00")
    assert after.stack.run(write, data=bytes(BLOCK), session=1).status == 0x18
    assert after.stack.run(write, data=bytes(BLOCK), session=2).status == 0


def test_access_states_are_in_force_after_a_restart() -> None:
    kept = Kept()
    before = rig(kept)
    standby = bytes.fromhex("00000000 02 00 0003")
    assert before.write("a4 0a 00000000 00000008 00 00", standby).status == 0
    after = rig(kept)
    assert after.run("00 00 00 00 00 00").sense == (2, 0x04, 0x0B)
    assert after.run("a3 0a 00000000 00000020 00 00", length=32).data[4:] == bytes.fromhex("020f0003000100010000 0001")
    assert after.write("a4 0a 00000000 00000008 00 00", bytes.fromhex("00000000 00 00 0003")).status == 0
    assert kept.content == {} and rig(kept).run("00 00 00 00 00 00").status == 0


def test_a_state_that_cannot_be_kept_is_not_set() -> None:
    kept = Kept()
    kept.broken = True
    made = rig(kept)
    with pytest.raises(DriverError):
        made.write("a4 0a 00000000 00000008 00 00", bytes.fromhex("00000000 02 00 0003"))
    assert made.server.units[0].access_states == {}


@pytest.mark.parametrize("name", ["mode_pages", "reservations", "access_states"])
def test_what_is_damaged_is_named(name: str) -> None:
    unit = Rig.disk("size=1M")
    unit.kept = Kept(**{name: b'{"what": '})
    for use in (check_kept, Rig):
        with pytest.raises(ConfigurationError, match=f"memory:{name}: cannot be used"):
            use(unit)


def test_what_is_sound_is_let_pass() -> None:
    unit = Rig.disk("size=1M")
    check_kept(unit)
    unit.kept = Kept(reservations=reserved(), mode_pages=b'{"08/00": {"wce": 1}}', access_states=b'{"3": "STANDBY"}')
    check_kept(unit)
