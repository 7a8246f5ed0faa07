"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL, on removable units and on others."""

from __future__ import annotations

import pytest

from chiscsi_target.api.constants import ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET, ISCSI_TMF_FUNCTION_TARGET_WARM_RESET
from iscsi_wire.scsi import FixedSense, StandardInquiry
from tests.chiscsi_target.fakes import FakeHandle
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

STOP, START, EJECT, LOAD = "1b 00 00 00 00 00", "1b 00 00 00 01 00", "1b 00 00 00 02 00", "1b 00 00 00 03 00"
PREVENT, ALLOW, READY = "1e 00 00 00 01 00", "1e 00 00 00 00 00", "00 00 00 00 00 00"
NO_MEDIUM, STOPPED, PREVENTED, CHANGED = (2, 0x3A, 0), (2, 0x04, 2), (5, 0x53, 2), (6, 0x28, 0)
FIXED, OTHER = 1, 2


@pytest.fixture
def rig() -> Rig:
    """Unit 0 is removable, unit 1 is not; two sessions."""
    rig = Rig(Rig.disk("size=1M,removable"), Rig.disk("size=1M", FIXED))
    for session in (1, OTHER):
        rig.server.session_added(session, f"iqn.2026-11.org.example:{session}", bytes(6), "target")
        for lun in (0, FIXED):
            assert rig.run(READY, lun=lun, session=session).sense == (6, 0x29, 0)
    return rig


def test_rmb(rig: Rig) -> None:
    found = [StandardInquiry.decode(rig.run("12 00 00 00 60 00", length=96, lun=lun).data).rmb for lun in (0, FIXED)]
    assert found == [1, 0]


def test_eject_and_load(rig: Rig) -> None:
    assert rig.run(EJECT).status == 0
    assert rig.run(READY).sense == rig.run(READY, session=OTHER).sense == NO_MEDIUM
    assert rig.run("28 00 00000000 00 0001 00", length=BLOCK).sense == NO_MEDIUM
    assert rig.run("25 00 00000000 00 0000 00", length=8).sense == NO_MEDIUM
    assert rig.run("9e 10" + "00" * 8 + "00000020 00 00", length=32).sense == NO_MEDIUM
    assert rig.write("2a 00 00000000 00 0001 00", bytes(BLOCK)).sense == NO_MEDIUM
    for cdb, length in (
        ("12 00 00 00 60 00", 96),
        ("a0 00 00 00 00 00 00000020 00 00", 32),
        ("1a 00 3f 00 ff 00", 255),
    ):
        assert rig.run(cdb, length=length).status == 0
    assert rig.run(EJECT).status == 0
    assert rig.run(LOAD).status == 0
    assert rig.run(READY).status == 0


def test_others_are_told_once_that_the_medium_may_be_another(rig: Rig) -> None:
    rig.run(EJECT)
    rig.run(LOAD)
    assert [rig.run(READY, session=OTHER).sense for _ in range(2)] == [CHANGED, (0, 0, 0)]
    rig.run(LOAD)
    assert rig.run(READY, session=OTHER).status == 0


def test_request_sense_tells_what_is_the_matter(rig: Rig) -> None:
    rig.run(EJECT)
    sense = FixedSense.decode(rig.run("03 00 00 00 12 00", length=18).data)
    assert (sense.sense_key, sense.asc, sense.ascq, sense.sksv) == (*NO_MEDIUM, 0)


def test_a_stopped_unit_wants_to_be_started(rig: Rig) -> None:
    assert rig.run(STOP, lun=FIXED).status == 0
    assert rig.run(READY, lun=FIXED).sense == STOPPED
    assert rig.run("28 00 00000000 00 0001 00", length=BLOCK, lun=FIXED).sense == STOPPED
    assert rig.run(START, lun=FIXED, session=OTHER).status == 0
    assert rig.run(READY, lun=FIXED).status == 0


def test_a_removable_medium_that_is_not_ejected_stays_ready(rig: Rig) -> None:
    assert rig.run(STOP).status == 0
    assert rig.run(READY).status == 0


@pytest.mark.parametrize("cdb", [EJECT, LOAD])
def test_what_is_not_removable_is_not_moved(rig: Rig, cdb: str) -> None:
    outcome = rig.run(cdb, lun=FIXED)
    assert (outcome.sense, outcome.field) == ((5, 0x24, 0), (4, 1))
    assert rig.run(PREVENT, lun=FIXED).sense == (5, 0x20, 0)


@pytest.mark.parametrize("condition", range(1, 16))
def test_power_conditions_change_nothing(rig: Rig, condition: int) -> None:
    assert rig.run(f"1b 00 00 00 {condition << 4 | 2:02x} 00").status == 0
    assert rig.run(READY).status == 0


def test_stopping_flushes_unless_told_not_to(rig: Rig) -> None:
    flushed: list[int] = []
    for lun in (0, FIXED):
        medium = rig.server.units[lun].lu.medium
        assert medium is not None
        medium.flush = lambda lun=lun: flushed.append(lun)  # type: ignore[method-assign, misc]
    rig.run(STOP, lun=FIXED)
    rig.run("1b 00 00 00 06 00")
    assert flushed == [FIXED]
    rig.run(EJECT)
    assert flushed == [FIXED, 0]


def test_whoever_prevents_the_removal_prevents_it_for_all(rig: Rig) -> None:
    assert rig.run(PREVENT).status == 0
    assert rig.run(EJECT).sense == rig.run(EJECT, session=OTHER).sense == PREVENTED
    assert rig.run(ALLOW, session=OTHER).status == 0
    assert rig.run(EJECT, session=OTHER).sense == PREVENTED
    assert rig.run(ALLOW).status == 0
    assert rig.run(EJECT, session=OTHER).status == 0


def test_a_load_is_prevented_like_an_eject(rig: Rig) -> None:
    rig.run(EJECT)
    rig.run(PREVENT)
    assert rig.run(LOAD).sense == PREVENTED
    assert rig.run("1e 00 00 00 02 00").field == (4, 1)


def test_the_end_of_the_session_allows_the_removal(rig: Rig) -> None:
    rig.run(PREVENT)
    rig.server.session_removed(1)
    assert rig.run(EJECT, session=OTHER).status == 0


@pytest.mark.parametrize("function", [ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET, ISCSI_TMF_FUNCTION_TARGET_WARM_RESET])
def test_a_reset_allows_the_removal_and_starts_the_unit(rig: Rig, function: int) -> None:
    rig.run(PREVENT)
    rig.run(STOP, lun=FIXED)
    for lun in (0, FIXED):
        rig.server.fp_tmf_execute(1, FakeHandle(), 0, int(function), lun, None)
    for lun in (0, FIXED):
        assert rig.run(READY, lun=lun).sense == (6, 0x29, 0)
    assert rig.run(EJECT).status == 0
    assert rig.run(READY, lun=FIXED).status == 0
    assert rig.run(READY).sense == NO_MEDIUM
