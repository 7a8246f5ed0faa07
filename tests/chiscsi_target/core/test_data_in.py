"""The data of reads: cut where PDUs and bursts end, status on the last of them, residuals, digests over a snapshot."""

from __future__ import annotations

from itertools import product

import pytest

from chiscsi_target.api import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW, chiscsi_scsi_cmd_execution_status
from iscsi_wire.digest import digest
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.chiscsi_target.peer import Peer, read10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import Stand

LENGTHS = (1, 511, 512, 513, 1024, 1025, 2048, 5000)
DATA = bytes(number % 241 for number in range(8192))


def cut(length: int, limit: int, burst: int) -> list[tuple[int, int, bool]]:
    """Offset, length and F bit of each Data-In, octet by octet: a PDU ends at its limit, a burst's end, or the end."""
    pdus, start = [], 0
    for end in range(1, length + 1):
        at_burst = end % burst == 0
        if end - start == limit or at_burst or end == length:
            pdus.append((start, end - start, at_burst or end == length))
            start = end
    return pdus


class Reader:
    """A session that agreed on these lengths, and its driver."""

    def __init__(self, limit: int, burst: int, *keys: tuple[str, str], quiet: bool = False) -> None:
        self.driver = HoldingDriver()
        wanted = (("MaxBurstLength", str(burst)), ("FirstBurstLength", "512"))
        self.stand = Stand(*wanted, *keys, driver=self.driver, quiet=quiet)
        self.peer: Peer = self.stand.login(*wanted, ("MaxRecvDataSegmentLength", str(limit)), *keys)

    def read(self, expected: int, data: bytes, flag: int = 0) -> list[tuple[DataIn, bytes]]:
        """A read that its driver completes with `data`; all Data-In that come."""
        self.peer.command(read10(0, 1), expected)
        sc = self.driver.last
        sc.sc_flag |= flag
        assert self.driver.complete(sc, data) == 0
        return [(pdu, piece) for pdu, piece in self.peer.receive() if isinstance(pdu, DataIn)]


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("limit, burst", list(product((512, 1000, 2048), (512, 1024, 1536))))
def test_sequences(limit: int, burst: int, quiet: bool) -> None:
    reader = Reader(limit, burst, quiet=quiet)
    for length in LENGTHS:
        pdus = reader.read(length, DATA[:length])
        assert [(pdu.buffer_offset, len(data), bool(pdu.final)) for pdu, data in pdus] == cut(length, limit, burst)
        assert b"".join(data for _, data in pdus) == DATA[:length]
        assert [pdu.data_sn for pdu, _ in pdus] == list(range(len(pdus)))
        *before, (last, _) = pdus
        assert (last.status_present, last.status, last.residual_count) == (1, 0, 0)
        for pdu, _ in before:
            assert (pdu.status_present, pdu.stat_sn, pdu.status, pdu.residual_count) == (0, 0, 0, 0)
        assert {pdu.target_transfer_tag for pdu, _ in pdus} == {0xFFFFFFFF}
    window = reader.peer.ping()[0]
    assert window.max_cmd_sn - window.exp_cmd_sn == 127


@pytest.mark.parametrize("lowered", [True, False])
@pytest.mark.parametrize("count", [0, 77])
def test_underflow(lowered: bool, count: int) -> None:
    """The count is the driver's, or what is missing; F ends the sequence where the data end."""
    reader = Reader(512, 1024)
    reader.peer.command(read10(0, 1), 2000)
    sc = reader.driver.last
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = count
    if lowered:
        sc.sc_xfer_len = 700
    assert reader.driver.complete(sc, DATA[:700]) == 0
    (first, _), (last, data) = reader.peer.receive()
    assert isinstance(first, DataIn) and isinstance(last, DataIn)
    assert (first.final, len(data), last.final, last.status_present) == (0, 188, 1, 1)
    assert (last.underflow, last.overflow, last.residual_count) == (1, 0, count or 1300)


def test_overflow() -> None:
    pdus = Reader(512, 1024).read(600, DATA[:1000], SC_FLAG_XFER_OVERFLOW)
    assert b"".join(data for _, data in pdus) == DATA[:600]
    last = pdus[-1][0]
    assert (last.final, last.overflow, last.underflow, last.residual_count) == (1, 1, 0, 400)


def test_underflow_with_a_response_of_its_own() -> None:
    """Sense data do not fit on a Data-In; the sequence ends with F all the same."""
    reader = Reader(512, 1024)
    reader.peer.command(read10(0, 1), 2000)
    sc = reader.driver.last
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_sense_buf = b"\x70" + bytes(17)
    assert reader.driver.complete(sc, DATA[:300]) == 0
    (pdu, _), (response, sense) = reader.peer.receive()
    assert isinstance(pdu, DataIn) and (pdu.final, pdu.status_present) == (1, 0)
    assert isinstance(response, ScsiResponse)
    assert (response.underflow, response.residual_count, response.exp_data_sn) == (1, 1700, 1)
    assert sense == b"\0\x12\x70" + bytes(17)


@pytest.mark.parametrize("status", [0x04, 0x14])
def test_other_good_statuses_without_data(status: int) -> None:
    """Without data there is nothing to ride on: CONDITION MET and the like come in a response."""
    reader = Reader(512, 1024)
    reader.peer.command(read10(0, 1), 100)
    sc = reader.driver.last
    sc.sc_status = status
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0
    assert reader.peer.take(ScsiResponse)[0].status == status


def test_a_data_digest_is_of_what_is_sent() -> None:
    """What is queued with a digest is a copy: the driver's memory may change before the transport takes it."""
    reader = Reader(8192, 8192, ("DataDigest", "CRC32C"))
    memory = bytearray(DATA[:4096])
    reader.peer.command(read10(0, 8), 4096)
    connection = reader.stand.connection(reader.peer)
    reader.driver.complete(reader.driver.last, memory)  # type: ignore[arg-type]  # any memory will do
    reader.stand.module.directory.workers[0].run(0.0)
    memory[:] = bytes(4096)
    queued = b"".join(bytes(piece) for piece in connection.output)
    assert queued[48 : 48 + 4096] == DATA[:4096]
    assert queued[48 + 4096 :] == digest(DATA[:4096])
    assert reader.peer.take(DataIn)[1] == DATA[:4096]
