"""RESERVE and RELEASE of whole units, as SPC-2 has them."""

from __future__ import annotations

import pytest

from tests.chiscsi_target.fakes import FakeHandle
from tests.chiscsi_target.scsi.reserving import (
    CONFLICT,
    GOOD,
    ONE,
    READY,
    REGISTER,
    THREE,
    TWO,
    registered,
    rig,
    status,
)
from tests.chiscsi_target.scsi.rig import Rig

__all__ = ["rig"]  # the fixture


@pytest.mark.parametrize(
    "reserve, release", [("16 00 00 0000 00", "17 00 00 0000 00"), ("56" + "00" * 9, "57" + "00" * 9)]
)
def test_reserve_and_release(rig: Rig, reserve: str, release: str) -> None:
    assert rig.run(reserve, session=ONE).status == GOOD
    assert rig.run(reserve, session=ONE).status == GOOD
    assert rig.run(reserve, session=TWO).status == CONFLICT
    assert rig.run(READY, session=TWO).status == CONFLICT
    assert rig.run("12 00 00 00ff 00", length=255, session=TWO).status == GOOD
    assert rig.run(release, session=TWO).status == GOOD
    assert rig.run(READY, session=TWO).status == CONFLICT
    assert rig.run(release, session=ONE).status == GOOD
    assert rig.run(READY, session=TWO).status == GOOD


def test_a_reserve_ends_with_its_session_and_with_a_reset(rig: Rig) -> None:
    assert rig.run("16 00 00 0000 00", session=ONE).status == GOOD
    rig.server.session_removed(ONE)
    assert rig.run("16 00 00 0000 00", session=TWO).status == GOOD
    rig.server.fp_tmf_execute(THREE, FakeHandle(), 1, 5, 0, None)
    assert rig.run(READY, session=THREE).sense == (6, 0x29, 0)
    assert rig.run(READY, session=THREE).status == GOOD


def test_the_two_kinds_exclude_each_other(rig: Rig) -> None:
    assert rig.run("16 00 00 0000 00", session=ONE).status == GOOD
    assert status(rig, ONE, REGISTER, new=1) == CONFLICT
    assert rig.run("17 00 00 0000 00", session=ONE).status == GOOD
    registered(rig, TWO)
    assert rig.run("16 00 00 0000 00", session=ONE).status == CONFLICT
    assert rig.run("17 00 00 0000 00", session=ONE).status == CONFLICT
