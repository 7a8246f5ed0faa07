from __future__ import annotations

import pytest

from chiscsi_target.scsi.commands import Command, Direction, handlers
from chiscsi_target.scsi.reply import good
from iscsi_wire import scsi
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scsi.rig import BLOCK, Rig


def test_the_usage_map_has_the_declared_fields_and_of_control_naca() -> None:
    assert Command(scsi.Inquiry, Direction.IN).usage == bytes.fromhex("ff 01 ff ff ff 04")
    assert Command(scsi.ModeSense10, Direction.IN).usage == bytes.fromhex("ff 18 ff ff 00 00 00 ff ff 04")


def test_fields_are_refused_and_ignored_by_name() -> None:
    command = Command(scsi.Read10, Direction.IN, refused=("rdprotect", "dpo"), ignored=("fua_nv",))
    assert command.usage == bytes.fromhex("ff 0a ff ff ff ff 1f ff ff 04")


def serve(*commands: Command) -> FakeStack:
    rig = Rig()
    rig.server.units[0].handlers = handlers(commands)
    return rig.stack


TAKES_DATA = Command(scsi.TestUnitReady, Direction.OUT, lambda unit, sc, cdb: good(sc))


def test_a_command_that_takes_data_does_not_do_without() -> None:
    stack = serve(TAKES_DATA)
    assert stack.run("00", length=BLOCK).sense == (5, 0x0E, 3)
    assert stack.run("00").status == 0
    assert stack.run("00", data=b"x").status == 0


def test_the_first_wrong_bit_is_named() -> None:
    stack = serve(TAKES_DATA)
    assert stack.run("00 00 00 50 ff 00").field == (3, 6)


def test_service_actions_share_an_operation_code() -> None:
    class Other(scsi.ReadCapacity16):
        SERVICE_ACTION = 0x1E

    def answering(command: type[scsi.ReadCapacity16], status: int) -> Command:
        def execute(unit: object, sc: object, cdb: scsi.ReadCapacity16) -> int:
            assert cdb.service_action == command.SERVICE_ACTION
            sc.sc_status = status  # type: ignore[attr-defined]
            return good(sc)  # type: ignore[arg-type]

        return Command(command, Direction.IN, execute)

    stack = serve(answering(scsi.ReadCapacity16, 0x08), answering(Other, 0x28))
    assert [stack.run(f"9e {action}").status for action in ("10", "1e", "00")] == [0x08, 0x28, 0x02]


def test_a_row_without_a_handler_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="TEST UNIT READY has no handler"):
        handlers([Command(scsi.TestUnitReady, Direction.NONE)])
