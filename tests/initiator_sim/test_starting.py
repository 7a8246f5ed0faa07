"""The SCSI Command PDU that a command begins with."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import Inconclusive, Session
from initiator_sim.starting import lun_field
from iscsi_wire import scsi
from iscsi_wire.pdus import NopOut, ScsiCommand
from tests.initiator_sim.fakes import Bench, FakePeer


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.login()


@pytest.mark.parametrize(
    "lun, field",
    [
        (0, 0),
        (1, 0x0001 << 48),
        (255, 0x00FF << 48),
        (256, 0x4100 << 48),
        (16383, 0x7FFF << 48),
        (0xC101 << 48, 0xC101 << 48),
    ],
)
def test_luns(lun: int, field: int) -> None:
    assert lun_field(lun) == field


@pytest.mark.parametrize(
    "arguments, fields",
    [
        ({}, {"read": 0, "write": 0, "final": 1, "attr": 1, "expected_data_transfer_length": 0, "lun": 2 << 48}),
        ({"read": 36}, {"read": 1, "write": 0, "final": 1, "expected_data_transfer_length": 36}),
        ({"write": b"abc"}, {"read": 0, "write": 1, "final": 1, "expected_data_transfer_length": 3}),
        ({"read": 36, "expected_data_transfer_length": 9}, {"expected_data_transfer_length": 9}),
        ({"write": b"abc", "final": 0}, {"final": 0}),
        ({"attr": 3, "immediate": 1, "lun": 300}, {"attr": 3, "immediate": 1, "lun": 0x412C << 48}),
        ({"cmd_sn": 77, "initiator_task_tag": 5}, {"cmd_sn": 77, "initiator_task_tag": 5}),
    ],
)
def test_fields_follow_from_what_is_wanted(session: Session, arguments: dict[str, Any], fields: dict[str, int]) -> None:
    session.initiator.lun = 2
    header = session.start(bytes(16), **arguments).sent.header
    assert {name: getattr(header, name) for name in fields} == fields


def test_cdbs_as_octets_and_as_structures(bench: Bench, session: Session) -> None:
    assert session.start(scsi.TestUnitReady()).sent.header.cdb == bytes(16)
    assert session.start(scsi.Inquiry.make(allocation_length=255)).sent.header.cdb == b"\x12\0\0\0\xff" + bytes(11)
    long = bytes(range(32))
    session.start(long)
    header, ahs, _ = bench.peer.got[-1]
    assert header.cdb == long[:16]
    assert ahs == b"\x00\x11\x01\x00" + long[16:]


def test_immediate_and_unsolicited_data_by_number(bench: Bench) -> None:
    session = bench.initiator.login(keys={"InitialR2T": "No"})
    before = len(bench.peer.got)
    session.start(bytes(16), write=bytes(3000), immediate_data=100, unsolicited=900)
    (command, _, immediate), (data_out, _, rest) = bench.peer.got[before:]
    assert (command.final, len(immediate)) == (0, 100)
    assert (data_out.buffer_offset, len(rest), data_out.final) == (100, 900, 1)


def test_a_command_waits_for_the_window() -> None:
    def narrow(peer: FakePeer) -> None:
        peer.window = 1
        peer.handlers.pop(ScsiCommand)

    bench = Bench(narrow)
    session = bench.initiator.login()
    first = session.start(bytes(16))
    assert not session.numbering.open
    bench.peer.status(first.tag)
    second = session.start(bytes(16))
    assert second.cmd_sn == first.cmd_sn + 1


def test_a_window_that_stays_closed_proves_nothing() -> None:
    def shut(peer: FakePeer) -> None:
        peer.window = 0

    session = Bench(shut).initiator.login()
    with pytest.raises(Inconclusive, match="window stays closed"):
        session.start(bytes(16))
    session.start(bytes(16), immediate=1)
    session.start(bytes(16), cmd_sn=1)
    session.send(NopOut)


def test_on_a_dead_connection_nobody_waits_for_the_window() -> None:
    def shut(peer: FakePeer) -> None:
        peer.window = 0

    bench = Bench(shut)
    session = bench.initiator.login()
    bench.peer.hang_up()
    assert str(session.command(bytes(16)).ending) == "connection closed"
