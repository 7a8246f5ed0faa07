"""A file that is cut while its pages are on their way to an initiator costs a connection, not the target."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.drivers.disk import Disk
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.chiscsi_target.peer import read10
from tests.chiscsi_target.shells.server import NAME, OTHER, Server, until

BLOCK = 512
BLOCKS = 4096
MEDIUM_ERROR, UNRECOVERED_READ_ERROR = 0x03, 0x11


@pytest.fixture
def image(tmp_path: Path) -> Path:
    made = tmp_path / "disk.img"
    made.write_bytes(bytes(range(256)) * 2 * BLOCKS)
    return made


def add(server: Server, image: Path, **keys: str) -> TargetNode:
    pairs = [("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:0"), ("TargetDevice", f"{image},FILE"), *keys.items()]
    return server.module.add_target(parse_target(pairs))


def test_reads_come_from_the_files_pages(server: Server, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(disk: Disk, length: int, offset: int) -> bytes:
        raise AssertionError("the file was read")

    monkeypatch.setattr(Disk, "read", refuse)
    peer = server.login(add(server, image))
    peer.execute("00")  # takes the unit attention condition
    peer.command(read10(8, 8), 8 * BLOCK)
    assert peer.take(DataIn)[1] == image.read_bytes()[8 * BLOCK : 16 * BLOCK]


def test_with_a_digest_the_file_is_read(server: Server, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(disk: Disk, length: int, offset: int) -> None:
        raise AssertionError("the file's pages were used")

    monkeypatch.setattr(Disk, "view", refuse)
    peer = server.login(add(server, image, DataDigest="CRC32C"), ("DataDigest", "CRC32C"))
    peer.start_digests()
    peer.execute("00")
    peer.command(read10(8, 8), 8 * BLOCK)
    assert peer.take(DataIn)[1] == image.read_bytes()[8 * BLOCK : 16 * BLOCK]


def test_pages_that_are_gone(server: Server, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries again hears of the medium error; neighbours hear nothing."""

    def unaware(disk: Disk, length: int, offset: int) -> memoryview | None:
        """As if the file were cut just after the look at its size."""
        return None if disk.mapped is None else disk.mapped[offset : offset + length]

    monkeypatch.setattr(Disk, "view", unaware)
    node, neighbour = add(server, image), server.add(OTHER)
    peer, other = server.login(node), server.login(neighbour, number=2)
    peer.execute("00")
    os.truncate(image, 0)
    peer.command(read10(8, 8), 8 * BLOCK)
    until(lambda: len(server.module.directory.registry.sessions) == 1)
    again = server.login(node, number=3)
    again.execute("00")
    again.command(read10(8, 8), 8 * BLOCK)
    response, data = again.take(ScsiResponse)
    assert response.status == 0x02 and data[4] & 0xF == MEDIUM_ERROR and data[14] == UNRECOVERED_READ_ERROR
    assert other.ping(b"neighbour")[1] == b"neighbour"
