"""Sense data that the stack makes itself: by the codes of a driver, in the format that D_SENSE asks for."""

from __future__ import annotations

import pytest

from chiscsi_target.errors import DriverError
from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.stand import Stand


def fails(*_: object) -> int:
    raise DriverError(3, 0x11, 1)


@pytest.mark.parametrize(
    "descriptor, octets",
    [
        (False, "0012 70 00 03 00000000 0a 00000000 11 01 00 000000"),
        (True, "0008 72 03 11 01 000000 00"),
    ],
)
def test_d_sense_is_honoured_when_a_driver_fails(
    monkeypatch: pytest.MonkeyPatch, descriptor: bool, octets: str
) -> None:
    stand = Stand()
    stand.node.luns[0].descriptor_sense = descriptor
    peer = stand.login()
    unit = stand.node.hooks.units[0]  # type: ignore[attr-defined]  # it is a DeviceServer
    monkeypatch.setattr(unit, "execute", fails)
    peer.command(bytes.fromhex("28 00 00000000 00 0001 00"), 512)
    ((response, sense),) = peer.receive()
    assert isinstance(response, ScsiResponse) and response.status == 2
    assert sense == bytes.fromhex(octets)
