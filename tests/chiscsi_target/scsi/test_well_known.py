"""The well known logical unit REPORT LUNS (SPC-4)."""

from __future__ import annotations

import pytest

from chiscsi_target.scsi.status import REPORT_LUNS_UNIT
from iscsi_wire.scsi import DeviceIdentification, StandardInquiry, SupportedVpdPages
from iscsi_wire.scsi_page_codes import Association
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import BLOCK, Rig


def run(cdb: str, length: int = 0) -> Outcome:
    return Rig().run(cdb, length=length, lun=REPORT_LUNS_UNIT)


def test_it_is_ready_and_has_nothing_to_say() -> None:
    assert run("00 00 00 00 00 00").status == 0
    assert run("03 00 00 00 fc 00", 252).data[2] == 0


def test_it_says_what_it_is() -> None:
    inquiry = StandardInquiry.decode(run("12 00 00 00 ff 00", 255).data)
    assert (inquiry.peripheral_qualifier, inquiry.peripheral_device_type) == (0, 0x1E)
    assert SupportedVpdPages.decode(run("12 01 00 00 ff 00", 255).data).page_codes == [0x00, 0x83]


def test_it_has_no_name_but_its_target_s() -> None:
    page = DeviceIdentification.decode(run("12 01 83 00 ff 00", 255).data)
    assert page.octet_0 == 0x1E
    assert {each.association for each in page.designators} == {Association.TARGET_PORT, Association.TARGET_DEVICE}


@pytest.mark.parametrize("cdb", ["28 00 00000000 00 0001 00", "5f 00 00 0000 00000018 00", "25" + "00" * 9])
def test_it_has_no_other_commands(cdb: str) -> None:
    outcome = run(cdb, BLOCK)
    assert (outcome.status, outcome.sense) == (2, (5, 0x20, 0))


def test_it_is_there_for_a_target_without_units() -> None:
    rig = Rig()
    rig.server.replace_units([], portal_group_tag=1)
    assert rig.run("a0 00 01 000000 00000100 00 00", length=256, lun=REPORT_LUNS_UNIT).status == 0
