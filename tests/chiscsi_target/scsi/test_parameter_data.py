"""Commands whose data the device server collects before it executes them."""

from __future__ import annotations

from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.scsi.commands import Command, Direction, handlers
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.parameter_data import LONGEST
from chiscsi_target.scsi.reply import fail, finish
from chiscsi_target.scsi.sense import LBA_OUT_OF_RANGE
from iscsi_wire import scsi
from tests.chiscsi_target.scsi.rig import Rig


class Server:
    """A unit whose WRITE (16) gives its octets to a list, and fails when they begin with an exclamation mark."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.rig = Rig()
        row = Command(
            scsi.Write16,
            Direction.OUT,
            execute_with_data=self.execute,
            data_length=lambda unit, cdb: cdb.transfer_length,
        )
        self.rig.server.units[0].handlers = handlers([row])

    def execute(self, unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.Write16, data: bytes | bytearray) -> int:
        self.came.append(bytes(data))
        return fail(unit, sc, LBA_OUT_OF_RANGE) if data[:1] == b"!" else finish(sc)

    def write(self, announced: int, data: bytes) -> object:
        return self.rig.write(f"8a 00 0000000000000000 {announced:08x} 00 00", data)


def test_the_data_are_there_when_the_command_is_executed() -> None:
    server = Server()
    outcome = server.rig.write("8a 00 0000000000000000 00000005 00 00", b"hello")
    assert (outcome.status, outcome.residual, server.came) == (0, 0, [b"hello"])


def test_no_data_are_executed_at_once() -> None:
    server = Server()
    assert server.rig.run("8a 00 0000000000000000 00000000 00 00").status == 0
    assert server.came == [b""]


def test_an_initiator_that_sends_less_than_it_says() -> None:
    server = Server()
    outcome = server.rig.write("8a 00 0000000000000000 00000009 00 00", b"hello")
    assert (outcome.status, outcome.residual, server.came) == (0, -4, [b"hello"])


def test_an_initiator_that_sends_more_than_it_says() -> None:
    server = Server()
    outcome = server.rig.write("8a 00 0000000000000000 00000002 00 00", b"hello")
    assert (outcome.status, outcome.residual, server.came) == (0, 3, [b"he"])


def test_a_failure_after_the_data_keeps_their_residual() -> None:
    server = Server()
    outcome = server.rig.write("8a 00 0000000000000000 00000001 00 00", b"!!!")
    assert (outcome.sense, outcome.residual) == ((5, 0x21, 0), 2)


def test_more_than_is_taken() -> None:
    server = Server()
    assert server.rig.run(f"8a 00 0000000000000000 {LONGEST + 1:08x} 00 00").sense == (5, 0x24, 0)
    assert server.came == []
