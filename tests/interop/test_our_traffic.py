"""What our two halves say to each other, in tshark's eyes: no malformed frame, and every field as we read it."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from initiator_sim import Initiator, Session, expect
from iscsi_wire import scsi
from iscsi_wire.constants import RESERVED_TAG, SnackType, TaskManagementFunction
from iscsi_wire.pdus import PDUS, SnackRequest
from iscsi_wire.scsi import (
    Inquiry,
    ModeSense6,
    Read16,
    ReadCapacity10,
    ReadCapacity16,
    ReportLuns,
    Write16,
)
from tests.interop.chiscsi import running_chiscsi
from tests.interop.processes import RunningTarget
from tests.interop.wiretap import expert_errors, recording
from tests.iscsi_wire.agreement import compare

pytestmark = pytest.mark.interop

BLOCK = 512
DATA = random.Random(7143).randbytes(200 * BLOCK)


@pytest.mark.parametrize("data_digest", ["None", "CRC32C"])
@pytest.mark.parametrize("header_digest", ["None", "CRC32C"])
def test_tshark_finds_nothing_amiss_in_our_own_traffic(tmp_path: Path, header_digest: str, data_digest: str) -> None:
    capture = tmp_path / "ours.pcap"
    with running_chiscsi() as target, recording(target.port, capture):
        converse(target, {"HeaderDigest": header_digest, "DataDigest": data_digest})
    assert expert_errors(capture) == []
    agreement = compare(capture)
    assert agreement.differences == []
    assert set(agreement.opcodes) == {pdu.__name__ for pdu in PDUS}


def converse(target: RunningTarget, keys: dict[str, str]) -> None:
    """Some of everything that the two can say at ErrorRecoveryLevel 0, until the target is asked to end."""
    with Initiator.tcp(target.host, target.port, target.iqn) as initiator:
        discovery = initiator.discover()
        assert [record.name for record in discovery.send_targets()] == [target.iqn]
        discovery.logout()
        for flow in {"InitialR2T": "Yes", "ImmediateData": "No"}, {"InitialR2T": "No", "ImmediateData": "Yes"}:
            session = initiator.login(keys={**keys, **flow})
            session.command(scsi.TestUnitReady.make())  # takes the unit attention of a new session
            transfer(session)
            inquire(session)
            session.nop(b"five.")
            session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
            session.connection.send(SnackRequest, type=SnackType.STATUS, initiator_task_tag=RESERVED_TAG)
            session.expect(expect.rejected())
            session.logout()
        session = initiator.login(keys=keys)
        os.kill(target.pid, signal.SIGTERM)
        session.expect(expect.async_message())
        session.expect(expect.connection_closed())


def transfer(session: Session) -> None:
    place = {"logical_block_address": 8, "transfer_length": 200}
    session.command(Write16.make(**place), write=DATA).expect(expect.good())
    session.command(Read16.make(**place), read=len(DATA)).expect(expect.good(data=DATA))
    session.command(Read16.make(logical_block_address=1 << 40, transfer_length=1), read=BLOCK)


def inquire(session: Session) -> None:
    """Ask for everything that describes the disk, with room for the whole answer."""
    session.command(Inquiry.make(allocation_length=255), read=255)
    for page in 0x00, 0x80, 0x83, 0xB0:
        session.command(Inquiry.make(evpd=1, page_code=page, allocation_length=255), read=255)
    session.command(ModeSense6.make(page_code=0x3F, allocation_length=255), read=255)
    session.command(ReadCapacity10.make(), read=8)
    session.command(ReadCapacity16.make(allocation_length=32), read=32)
    session.command(ReportLuns.make(allocation_length=256), read=256)
