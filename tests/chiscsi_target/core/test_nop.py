"""Pings in both directions, and connections that fall silent."""

from __future__ import annotations

import pytest

from chiscsi_target.offload.terminator import Offload
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import DataIn, NopIn, Reject
from tests.chiscsi_target.peer import of_kind, read10
from tests.chiscsi_target.stand import Stand

TIMEOUT = ("PortalGroup", "1@127.0.0.1:3260,timeout=30")


@pytest.mark.parametrize("immediate", [0, 1])
def test_a_ping_is_echoed(immediate: int) -> None:
    peer = Stand().login()
    before, _ = peer.ping()
    answer, data = peer.ping(b"echo", immediate=immediate)
    assert (answer.target_transfer_tag, data) == (RESERVED_TAG, b"echo")
    assert answer.stat_sn == before.stat_sn + 1
    assert answer.exp_cmd_sn == before.exp_cmd_sn + 1 - immediate
    assert answer.max_cmd_sn == before.max_cmd_sn + 1 - immediate


def test_an_echo_is_cut_to_what_the_initiator_takes() -> None:
    peer = Stand().login(("MaxRecvDataSegmentLength", "512"))
    assert peer.ping(bytes(600))[1] == bytes(512)


def test_an_echo_of_an_offloaded_connection_is_as_long_as_the_ping() -> None:
    """It sends data in PDUs of 12288 octets (behaviour file, 5.6), but RFC 7143 11.18.3 knows the initiator's limit."""
    peer = Stand(("MaxRecvDataSegmentLength", "65536"), offload=Offload.ULP).login(
        ("MaxRecvDataSegmentLength", "65536")
    )
    data = bytes(range(256)) * 62
    assert peer.ping(data)[1] == data
    peer.command(read10(0, 31), len(data))
    first, *_ = of_kind(peer.receive(), DataIn)
    assert first.data_segment_length == 12288


def test_no_answer_wanted() -> None:
    peer = Stand().login()
    peer.send(peer.nop_out(immediate=1, initiator_task_tag=RESERVED_TAG))
    assert peer.silent()
    peer.send(peer.nop_out(initiator_task_tag=RESERVED_TAG))
    assert peer.take(Reject)[0].reason == 4


def test_an_idle_connection_is_pinged_and_then_reset() -> None:
    """Behaviour file, 6.4: after the portal group's time a ping, after as much again a reset."""
    stand = Stand(TIMEOUT)
    peer = stand.login()
    stand.shell.advance(29.9)
    assert peer.silent()
    stand.shell.advance(0.1)
    ping, _ = peer.take(NopIn)
    assert ping.initiator_task_tag == RESERVED_TAG and ping.target_transfer_tag != RESERVED_TAG
    stand.shell.advance(29.9)
    assert peer.silent()
    stand.shell.advance(0.1)
    assert peer.receive() == [] and peer.closed and stand.pipe(peer).was_reset
    assert stand.sessions == [] and stand.transitions("session")[-2:] == ["N5", "N6"]
    assert "connection reset: no answer to a ping within 30 s" in stand.log


def test_an_answered_ping_starts_the_time_anew() -> None:
    stand = Stand(TIMEOUT)
    peer = stand.login()
    for _ in range(3):
        stand.shell.advance(30)
        ping, _ = peer.take(NopIn)
        tags = {"initiator_task_tag": RESERVED_TAG, "target_transfer_tag": ping.target_transfer_tag}
        peer.send(peer.nop_out(immediate=1, **tags))
        assert peer.silent() and not stand.session(peer).transfer_tags


def test_a_busy_connection_is_not_pinged() -> None:
    stand = Stand(TIMEOUT)
    peer = stand.login()
    for _ in range(10):
        stand.shell.advance(20)
        assert peer.ping(b"busy")[1] == b"busy"


def test_a_ping_uses_up_no_stat_sn() -> None:
    stand = Stand(TIMEOUT)
    peer = stand.login()
    before, _ = peer.ping()
    stand.shell.advance(30)
    ping, _ = peer.take(NopIn)
    after, _ = peer.ping()
    assert ping.stat_sn == after.stat_sn == before.stat_sn + 1


def test_without_a_time_nobody_is_pinged() -> None:
    stand = Stand()
    peer = stand.login()
    stand.shell.advance(1e6)
    assert peer.silent()
