"""What a unit says of its commands is what it does."""

from __future__ import annotations

import pytest

from chiscsi_target.scsi.commands import LONG_CDB, Command
from chiscsi_target.scsi.table import COMMANDS
from iscsi_wire.scsi import CommandDescriptor, OneCommandData
from tests.chiscsi_target.scsi.rig import Rig

ALL, BY_CODE, BY_ACTION, EITHER = range(4)
NOT_SUPPORTED, SUPPORTED = 1, 3


def report(rig: Rig, option: int, code: int = 0, action: int = 0, timeouts: bool = False) -> bytes:
    outcome = rig.run(f"a3 0c {option | 0x80 * timeouts:02x} {code:02x} {action:04x} 0000ffff 00 00", length=0xFFFF)
    assert outcome.status == 0, outcome
    return outcome.data


def listed(rig: Rig, timeouts: bool = False) -> list[tuple[int, int | None]]:
    data = report(rig, ALL, timeouts=timeouts)
    assert int.from_bytes(data[:4]) == len(data) - 4
    size = 20 if timeouts else 8
    descriptors = [CommandDescriptor.decode(data, at) for at in range(4, len(data), size)]
    assert all(each.ctdp == timeouts for each in descriptors)
    return [(each.operation_code, each.service_action if each.servactv else None) for each in descriptors]


def test_all_rows_are_listed_in_order() -> None:
    unit = Rig().server.units[0]
    rows = [(row.cdb.OPERATION_CODE, row.cdb.SERVICE_ACTION) for row in COMMANDS if row.supported(unit)]
    found = listed(Rig())
    assert set(found) == set(rows) and len(found) == len(rows)
    assert [code for code, _ in found] == sorted(code for code, _ in found)
    assert listed(Rig(), timeouts=True) == found


def test_a_unit_lists_only_what_it_has() -> None:
    rig = Rig()
    rig.server.units[0].lu.medium = None
    for code, action in sorted(set(listed(Rig())) - set(listed(rig)), key=str):
        cdb = bytes((code or 0, action or 0)).ljust(16, b"\0")
        assert rig.run(cdb).sense == (5, 0x20, 0)


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.cdb.TITLE)
def test_each_is_reported_with_its_usage_map(row: Command) -> None:
    cdb, rig = row.cdb, Rig.having(row)
    option = BY_CODE if cdb.SERVICE_ACTION is None else BY_ACTION
    for asked in (option, EITHER):
        data = OneCommandData.decode(report(rig, asked, cdb.OPERATION_CODE or 0, cdb.SERVICE_ACTION or 0))
        assert data.support == SUPPORTED and data.cdb_size == cdb.STRUCT.size == len(data.cdb_usage_data)
        assert data.cdb_usage_data[0] == cdb.OPERATION_CODE
        usage = bytes(data.cdb_usage_data)
        action = int.from_bytes(usage[8:10]) if len(usage) == LONG_CDB else usage[1] & 0x1F
        assert cdb.SERVICE_ACTION is None or action == cdb.SERVICE_ACTION


def test_what_there_is_not() -> None:
    for option in (BY_CODE, BY_ACTION, EITHER):
        assert report(Rig(), option, 0xFF) == bytes.fromhex("00 01 0000")
    assert OneCommandData.decode(report(Rig(), BY_ACTION, 0x9E, 0x1F)).support == NOT_SUPPORTED


def test_timeouts_follow_the_usage_map() -> None:
    data = report(Rig(), BY_CODE, 0x12, timeouts=True)
    assert data[1] == 0x83 and len(data) == 4 + 6 + 12 and data[10:12] == b"\x00\x0a"


def test_questions_that_do_not_fit_the_command() -> None:
    rig = Rig()
    assert rig.run("a3 0c 01 9e 0000 000000ff 00 00", length=255).field == (3, None)
    assert rig.run("a3 0c 02 12 0000 000000ff 00 00", length=255).field == (4, None)
    assert rig.run("a3 0c 04 12 0000 000000ff 00 00", length=255).field == (2, 2)


def test_task_management_functions() -> None:
    assert Rig().run("a3 0d 00 00 0000 000000ff 00 00", length=255).data == bytes.fromhex("fa000000")
    assert Rig().run("a3 0d 80 00 0000 000000ff 00 00", length=255).data == bytes.fromhex("fa00000c") + bytes(12)
    assert Rig().run("a3 0d 00 00 0000 00000003 00 00", length=255).field == (6, None)
