"""Buffers that go back when the initiator has acknowledged, as in release 3.14; and by default, when they are sent."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_scsi_cmd_execution_status, chiscsi_scsi_command, chiscsi_sgvec
from chiscsi_target.quirks import Quirks
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import DataIn, NopIn, ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import LENGTH, Laboratory, send_data
from tests.chiscsi_target.peer import of_kind
from tests.chiscsi_target.scripted import HoldingDriver

ACKNOWLEDGED = Quirks(returned_when_acknowledged=True)
PAGE = 4096


def answer(lab: Laboratory, ping: NopIn) -> None:
    """Answer a ping of the target; the PDU acknowledges what has come."""
    tags = {"initiator_task_tag": RESERVED_TAG, "target_transfer_tag": ping.target_transfer_tag}
    lab.peer.send(lab.peer.nop_out(immediate=1, lun=ping.lun, **tags))


@pytest.mark.parametrize("quirks, returned", [(Quirks(), True), (ACKNOWLEDGED, False)])
def test_a_read(quirks: Quirks, returned: bool) -> None:
    """Behaviour file, 3.3: the next PDU of the initiator carries the ExpStatSN that acknowledges."""
    lab = Laboratory(quirks=quirks)
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    done = ["cdb_rcved", "data_xfer_status", "cleanup"]
    assert lab.driver.calls == (done if returned else done[:1])
    lab.peer.ping()
    assert lab.driver.calls == done


def test_an_idle_initiator_is_asked_after_two_seconds() -> None:
    lab = Laboratory(quirks=ACKNOWLEDGED)
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    lab.stand.shell.advance(1.9)
    assert lab.peer.silent()
    lab.stand.shell.advance(0.2)
    ping, _ = lab.peer.take(NopIn)
    assert lab.driver.calls == ["cdb_rcved"]
    answer(lab, ping)
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]
    lab.stand.shell.advance(10)
    assert lab.peer.silent()


def test_nobody_is_asked_by_default() -> None:
    lab = Laboratory()
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    lab.stand.shell.advance(10)
    assert lab.peer.silent()


def test_a_write_is_followed_by_a_ping() -> None:
    """Behaviour file, 3.4: the status of the newest command of a pass-through class."""
    lab = Laboratory(quirks=ACKNOWLEDGED)
    _, sc = lab.write()
    lab.driver.give(sc)
    r2t, _ = lab.peer.take(ReadyToTransfer)
    send_data(lab.peer, r2t)
    lab.driver.complete(sc)
    answers = lab.peer.receive()
    assert [type(pdu) for pdu, _ in answers] == [ScsiResponse, NopIn]
    assert "cleanup" not in lab.driver.calls
    answer(lab, of_kind(answers, NopIn)[0])
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def give(lab: Laboratory, sc: chiscsi_scsi_command, offset: int) -> None:
    assert chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(bytes(PAGE), PAGE)], 1, offset, PAGE) == 0


def test_the_phases_of_a_read() -> None:
    """Behaviour file, 3.3: a NOP-In with the offset as its tag; its answer gives the phases before it back."""
    lab = Laboratory(driver=HoldingDriver(multi_phase=True), quirks=ACKNOWLEDGED)
    _, sc = lab.read(3 * PAGE)
    give(lab, sc, 0)
    ping = of_kind(lab.peer.receive(), NopIn)[0]
    assert ping.target_transfer_tag == PAGE and lab.driver.returned == []
    answer(lab, ping)
    assert [(offset, length) for _, _, offset, length in lab.driver.returned] == [(0, PAGE)]
    give(lab, sc, PAGE)
    give(lab, sc, 2 * PAGE)
    answers = lab.peer.receive()
    lab.peer.ping()
    assert [offset for _, _, offset, _ in lab.driver.returned] == [0, PAGE, 2 * PAGE]
    assert lab.driver.calls[-1] == "cleanup" and of_kind(answers, DataIn)[-1].status_present


def test_by_default_a_phase_goes_back_with_its_last_octet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guide, 7.3.5.2: "the chunk of read data has been transmitted": the transport has taken all of it."""
    lab = Laboratory(driver=HoldingDriver(multi_phase=True))
    _, sc = lab.read(2 * PAGE)
    monkeypatch.setattr(lab.stand.pipe(lab.peer), "flush", lambda: None)
    give(lab, sc, 0)
    lab.stand.pump()
    connection = lab.stand.connection(lab.peer)
    queued = sum(map(len, connection.output))
    assert queued > PAGE
    connection.transmitted(queued - 1)
    lab.stand.pump()
    assert lab.driver.returned == []
    connection.transmitted(1)
    lab.stand.pump()
    assert [(offset, length) for _, _, offset, length in lab.driver.returned] == [(0, PAGE)]


def test_a_lost_connection_acknowledges_nothing_and_everything_goes_back() -> None:
    lab = Laboratory(quirks=ACKNOWLEDGED)
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.take(DataIn)
    assert lab.driver.calls == ["cdb_rcved"]
    lab.stand.pipe(lab.peer).close()
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]
