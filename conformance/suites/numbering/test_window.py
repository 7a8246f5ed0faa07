from __future__ import annotations

from conformance.api import Session, case, expect, sn_add
from iscsi_wire.scsi import TestUnitReady


@case("cmdsn-window-01", "7143-4.2.2.1-17")
def test_command_beyond_max_cmd_sn_gets_no_answer(session: Session) -> None:
    """> For non-immediate commands, the CmdSN field can take any value from ExpCmdSN to MaxCmdSN inclusive.
    > The target MUST silently ignore any non-immediate command outside of this range.
    """
    beyond = sn_add(session.numbering.max_cmd_sn, 1)
    session.start(TestUnitReady(), cmd_sn=beyond)
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-order-01", "7143-4.2.2.1-09", "7143-4.2.2.1-13")
def test_commands_behind_a_hole_wait_until_it_is_filled(session: Session) -> None:
    """> The iSCSI target layer MUST deliver the commands for execution ... in the order specified by CmdSN."""
    with session.connection.held() as held:
        first, second = session.start(TestUnitReady()), session.start(TestUnitReady())
        held.reverse()
    first.expect(expect.good())
    second.expect(expect.good())
