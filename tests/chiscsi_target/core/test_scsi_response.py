"""Sense data that the stack makes itself: by the codes of a driver, in the format that D_SENSE asks for."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import SC_FLAG_XFER_UNDERFLOW, chiscsi_scsi_cmd_abort
from chiscsi_target.errors import DriverError
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.chiscsi_target.bench import LENGTH, Laboratory
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


FIXED = "0012 70 00 {:02x} 00000000 0a 00000000 {:02x} 00 00 000000"


@pytest.mark.parametrize("buffer", [b"", bytes(96), bytearray(18)])
def test_a_buffer_of_zeros_is_no_sense_data(buffer: bytes) -> None:
    """Behaviour file, 3.4: the driver's buffer "if its first byte is non-zero", else what the codes say."""
    lab = Laboratory()
    _, sc = lab.read()
    sc.fail(5, 0x20)
    sc.sc_sense_buf = buffer
    assert lab.driver.complete(sc) == 0
    assert lab.peer.take(ScsiResponse)[1] == bytes.fromhex(FIXED.format(5, 0x20))


@pytest.mark.parametrize("key, buffer", [(1, b""), (1, bytes(8)), (0, b"\x70" + bytes(17)), (0, bytes(8)), (0, b"")])
def test_sense_data_with_good_status(key: int, buffer: bytes) -> None:
    """They need a SCSI Response; without them the status rides on the last Data-In (behaviour file, 3.3)."""
    lab = Laboratory()
    _, sc = lab.read()
    sc.sc_sense_key, sc.sc_sense_asc, sc.sc_sense_buf = key, 0x17 * key, buffer
    assert lab.driver.complete(sc, bytes(LENGTH)) == 0
    (pdu, data), *rest = lab.peer.receive()
    assert isinstance(pdu, DataIn) and len(data) == LENGTH
    if not key and not any(buffer):
        assert pdu.status_present and not rest
        return
    ((response, sense),) = rest
    assert isinstance(response, ScsiResponse) and response.status == 0 and not pdu.status_present
    assert sense == bytes.fromhex(FIXED.format(key, 0x17 * key)) if key else sense[2:] == buffer


@pytest.mark.parametrize("response, residual", [(0, 0xFFFFFFFF), (0x101, 0)])
def test_values_that_the_guides_fields_have_no_room_for(response: int, residual: int) -> None:
    """Guide, 7.3.5.1: they are unsigned chars and an unsigned int."""
    lab = Laboratory()
    _, sc = lab.read()
    sc.sc_status, sc.sc_response, sc.sc_sense_key, sc.sc_sense_asc = 0x102, response, 0x105, -1
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = -1
    assert lab.driver.complete(sc) == 0
    pdu, sense = lab.peer.take(ScsiResponse)
    assert (pdu.status, pdu.response, pdu.residual_count) == (2, response & 0xFF, residual)
    assert sense == bytes.fromhex(FIXED.format(5, 0xFF))


@pytest.mark.parametrize("buffer", [None, b"", bytes(96)])
def test_a_driver_that_gives_up_without_sense_data(buffer: Any) -> None:
    """Behaviour file, 4.3: the stack says why."""
    lab = Laboratory()
    _, sc = lab.read()
    sc.sc_sense_buf = buffer
    assert chiscsi_scsi_cmd_abort(sc) == 0
    assert lab.peer.take(ScsiResponse)[1] == bytes.fromhex(FIXED.format(0x0B, 0x11))
