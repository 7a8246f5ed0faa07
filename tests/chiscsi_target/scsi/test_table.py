from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import LU_FLAG_OFFLINE
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.table import COMMANDS
from iscsi_wire.scsi import CDBS
from tests.chiscsi_target.scsi.rig import ABSENT, BLOCK, READ_ONLY, Rig

SERVICE_ACTION_BITS = 5
KNOWN = {cdb.OPERATION_CODE for cdb in CDBS}


def test_there_is_a_row_for_every_declared_cdb() -> None:
    rows = [command.cdb for command in COMMANDS]
    assert len(rows) == len(set(rows)) and set(rows) == set(CDBS)


def test_writes_take_data_and_the_others_give_it() -> None:
    """By the standards' names: what is called after its writing, comparing or giving back brings data."""
    verbs = (
        "WRITE",
        "ORWRITE",
        "COMPARE",
        "VERIFY",
        "UNMAP",
        "MODE SELECT",
        "SANITIZE",
        "FORMAT UNIT",
        "PERSISTENT RESERVE OUT",
        "LOG SELECT",
        "SEND",
        "EXTENDED COPY",
        "SET TARGET PORT GROUPS",
        "POPULATE TOKEN",
    )
    for command in COMMANDS:
        assert (command.direction is Direction.OUT) == command.cdb.TITLE.startswith(verbs), command.cdb.TITLE


def test_these_move_no_data() -> None:
    assert {command.cdb.TITLE for command in COMMANDS if command.direction is Direction.NONE} == {
        "TEST UNIT READY",
        "SYNCHRONIZE CACHE (10)",
        "SYNCHRONIZE CACHE (16)",
        "PRE-FETCH (10)",
        "PRE-FETCH (16)",
        "START STOP UNIT",
        "PREVENT ALLOW MEDIUM REMOVAL",
        "RESERVE (6)",
        "RELEASE (6)",
        "RESERVE (10)",
        "RELEASE (10)",
        "COPY OPERATION ABORT",
    }


@pytest.mark.parametrize("opcode", sorted(set(range(256)) - KNOWN))
def test_other_operation_codes_are_invalid(opcode: int) -> None:
    outcome = Rig().run(bytes((opcode,)), length=BLOCK)
    assert (outcome.status, outcome.sense, outcome.field) == (2, (5, 0x20, 0), (0, None))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.cdb.TITLE)
def test_every_bit_outside_the_usage_map_is_refused_by_name(command: Command) -> None:
    rig = Rig.having(command)
    cdb = command.cdb
    usage = command.usage
    for octet in range(1, len(usage)):
        for bit in range(8):
            octets = bytearray(cdb().encode())
            octets[octet] ^= 1 << bit
            outcome = rig.run(bytes(octets))
            rig.server.session_removed(1)  # with the ACA condition that NACA may have brought about
            if not usage[octet] >> bit & 1:
                assert (outcome.sense, outcome.field) == ((5, 0x24, 0), (octet, bit))
            elif cdb.SERVICE_ACTION is not None and octet == 1 and bit < SERVICE_ACTION_BITS:
                continue  # another command
            elif outcome.field is not None:
                assert usage[outcome.field[0]]  # a value that is not supported, such as a page code


@given(
    opcode=st.one_of(st.sampled_from(sorted(KNOWN)), st.integers(0, 255)),
    rest=st.binary(min_size=15, max_size=15),
    length=st.one_of(st.integers(0, 70000), st.just((1 << 32) - 1)),
    lun=st.sampled_from([0, READ_ONLY, ABSENT, 16383]),
    write=st.booleans(),
    attention=st.booleans(),
    offline=st.booleans(),
)
def test_any_cdb_is_completed_exactly_once(
    opcode: int, rest: bytes, length: int, lun: int, write: bool, attention: bool, offline: bool
) -> None:
    """The stack in front of the server checks order, lengths and residuals of what it is told."""
    rig = Rig()
    if attention:
        rig.server.session_added(1, "iqn.i", bytes(6), "iqn.t")
    if offline:
        rig.server.units[0].lu.flags |= LU_FLAG_OFFLINE
    cdb = bytes((opcode,)) + rest
    outcome = rig.write(cdb, b"", lun=lun, length=length) if write else rig.run(cdb, length=length, lun=lun)
    assert outcome.status in (0, 2, 4)
    assert len(outcome.data) <= length
    if outcome.status == 0 and outcome.residual >= 0 and not write:
        assert len(outcome.data) == length - outcome.residual
