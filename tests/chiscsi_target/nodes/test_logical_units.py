"""What a `FILE` unit keeps over a restart, from one Target Module to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from chiscsi_target.errors import ConfigurationError
from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.stand import NAME, Stand

SELECT_SWP = bytes.fromhex("00000000 0a0a 02 00 08 00 0000 0000 024b")
WRITE = bytes.fromhex("2a 00 00000000 00 0001 00")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20))
    return image


def device(path: Path) -> tuple[str, str]:
    return "TargetDevice", f"{path},FILE"


def sense(stand: Stand, cdb: bytes, data: bytes) -> tuple[int, bytes]:
    """Status, and sense key with its codes, of a command that writes."""
    peer = stand.login()
    peer.command(cdb, len(data), data=data, write=True)
    ((response, raw),) = peer.receive()
    assert isinstance(response, ScsiResponse)
    return response.status, raw[4:5] + raw[14:16]


@pytest.mark.parametrize("saved", [True, False])
def test_software_write_protection_survives_a_restart_when_it_was_saved(path: Path, saved: bool) -> None:
    before = Stand(device(path))
    assert sense(before, bytes((0x15, 0x10 | saved, 0, 0, len(SELECT_SWP), 0)), SELECT_SWP) == (0, b"")
    assert sense(before, WRITE, bytes(512)) == (2, bytes.fromhex("07 27 00"))
    before.module.remove_target(NAME)
    after = Stand(device(path))
    assert sense(after, WRITE, bytes(512))[0] == (2 if saved else 0)
    after.module.remove_target(NAME)


def test_a_damaged_file_is_named_and_nothing_is_exported(path: Path) -> None:
    for name in ("mode_pages", "reservations"):
        damaged = Path(f"{path}.{name}")
        damaged.write_bytes(b"{")
        with pytest.raises(ConfigurationError, match=f"{damaged}: cannot be used"):
            Stand(device(path))
        damaged.unlink()
    Stand(device(path)).module.remove_target(NAME)


def test_a_unit_with_damaged_state_does_not_come_by_reconfiguration(path: Path) -> None:
    stand = Stand()
    Path(f"{path}.mode_pages").write_bytes(b"{")
    disk = ("TargetDevice", "disk,MEM,size=1M")
    with pytest.raises(ConfigurationError, match="mode_pages: cannot be used"):
        stand.reconfigure(disk, device(path))
    assert len(stand.node.luns) == 1
    Path(f"{path}.mode_pages").unlink()
    stand.reconfigure(disk, device(path))
    assert len(stand.node.luns) == 2
    stand.module.remove_target(NAME)
