"""Commands that their driver fails, and what the device server makes of that before the next one (SAM-5, clause 5)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from iscsi_wire.constants import ScsiStatus
from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.peer import Peer, Pipe, of_kind, read10, write10
from tests.chiscsi_target.stand import Stand

BLOCK = 512
NACA = 0x04
READY = bytes(6)
CHECK, ACA_ACTIVE, GOOD = ScsiStatus.CHECK_CONDITION, ScsiStatus.ACA_ACTIVE, ScsiStatus.GOOD


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(16 * BLOCK))
    return path


def with_naca(cdb: bytes) -> bytes:
    return cdb[:9] + bytes([NACA]) + cdb[10:]


class Together:
    """A pipe that keeps what is sent, so that it can go in one segment."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.kept = b""

    def send(self, data: bytes) -> None:
        self.kept += data

    def receive(self, timeout: float) -> bytes | None:
        return self._pipe.receive(timeout)


def statuses(peer: Peer, *commands: tuple[bytes, int, bytes]) -> list[int]:
    """The statuses of commands that go in one segment: CDB, length of what they read, data that they write."""
    pipe, together = peer.pipe, Together(peer.pipe)
    peer.pipe = together
    tags = [
        peer.command(cdb, length or len(data), data, write=bool(data)).initiator_task_tag
        for cdb, length, data in commands
    ]
    peer.pipe = pipe
    pipe.send(together.kept)
    found = {pdu.initiator_task_tag: pdu.status for pdu in of_kind(peer.receive(), ScsiResponse)}
    return [found[tag] for tag in tags]


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("naca, then", [(True, ACA_ACTIVE), (False, GOOD)])
def test_the_very_next_command_meets_the_condition(image: Path, quiet: bool, naca: bool, then: int) -> None:
    """The driver fails a READ, as its file was cut; the other command is there when that happens."""
    stand = Stand(("TargetDevice", f"{image},FILE"), quiet=quiet)
    peer = stand.login()
    os.truncate(image, 0)
    failing = with_naca(read10(0, 1)) if naca else read10(0, 1)
    assert statuses(peer, (failing, BLOCK, b""), (READY, 0, b"")) == [CHECK, then]
    assert statuses(peer, (READY, 0, b"")) == [then]


def test_a_write_that_fails_when_its_data_are_there_does_so_too(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(("TargetDevice", f"{image},FILE"), ("InitialR2T", "No"), ("ImmediateData", "Yes"))
    peer = stand.login(("ImmediateData", "Yes"), ("InitialR2T", "No"))

    def refuse(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", refuse)
    failing = with_naca(write10(0, 1))
    assert statuses(peer, (failing, 0, bytes(BLOCK))) == [CHECK]
    assert statuses(peer, (READY, 0, b"")) == [ACA_ACTIVE]
