"""Connections that end: FIN from either side, TIME-WAIT on our clock, aborts (RFC 9293 sections 3.6 and 3.10)."""

from __future__ import annotations

import pytest

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from initiator_sim.segments.packets import ACK, FIN, PSH, RST
from tests.chiscsi_target.offload.tcp.peer import Peer


def opened(settings: TcpSettings | None = None) -> Peer:
    peer = Peer(settings)
    peer.open()
    peer.messages = peer.messages[-1:]
    return peer


def acknowledge(peer: Peer, flags: str = "A") -> State:
    """Acknowledge our FIN, with these flags; returns the state."""
    peer.rcv = peer.rcv + 1 & 0xFFFFFFFF
    peer.send(flags)
    return peer.state()


def test_the_host_closes_first() -> None:
    """RFC 9293 figure 12."""
    peer = opened()
    (fin,) = peer.close()
    assert fin.flags == FIN | ACK
    assert peer.state() is State.FIN_WAIT_1
    assert acknowledge(peer) is State.FIN_WAIT_2
    (answer,) = peer.send("FA")
    assert answer.ack == peer.snd + 1
    assert peer.state() is State.TIME_WAIT
    assert peer.heard == ["CPL_PASS_ESTABLISH", "CPL_CLOSE_CON_RPL", "CPL_PEER_CLOSE"]
    assert peer.engine.tids == 0
    assert peer.wait(239.0) == []
    assert peer.state() is State.TIME_WAIT
    peer.wait(1.0)
    assert peer.engine.connections == {}
    assert peer.engine.timers == 0


def test_the_peer_closes_first() -> None:
    peer = opened()
    (answer,) = peer.send("FA")
    assert (answer.flags, answer.ack) == (ACK, peer.snd + 1)
    assert peer.state() is State.CLOSE_WAIT
    peer.snd += 1
    sent = peer.give(b"last words")
    assert [segment.data for segment in sent] == [b"last words"]
    peer.take(sent)
    (fin,) = peer.close()
    assert fin.flags == FIN | ACK
    assert peer.state() is State.LAST_ACK
    assert acknowledge(peer) is State.CLOSED
    assert peer.heard == ["CPL_PASS_ESTABLISH", "CPL_PEER_CLOSE", "CPL_CLOSE_CON_RPL"]
    assert peer.engine.timers == peer.engine.tids == 0


def test_both_close_at_once() -> None:
    """Figure 13."""
    peer = opened()
    peer.close()
    peer.send("FA")
    assert peer.state() is State.CLOSING
    peer.snd += 1
    assert acknowledge(peer) is State.TIME_WAIT
    assert peer.heard == ["CPL_PASS_ESTABLISH", "CPL_PEER_CLOSE", "CPL_CLOSE_CON_RPL"]


def test_fin_that_acknowledges_ours() -> None:
    """Figure 5, note 2."""
    peer = opened()
    peer.close()
    assert acknowledge(peer, "FA") is State.TIME_WAIT


def test_fin_follows_what_is_queued() -> None:
    peer = opened()
    peer.window = 0
    peer.send("A")
    peer.give(b"data")
    assert peer.close() == []
    peer.window = 1000
    (last,) = peer.send("A")
    assert (last.data, last.flags) == (b"data", FIN | ACK | PSH)


def test_octets_that_come_while_we_close_are_handed_over() -> None:
    peer = opened()
    peer.close()
    peer.stream(b"in FIN-WAIT-1")
    acknowledge(peer)
    peer.stream(b", in FIN-WAIT-2")
    assert peer.received == b"in FIN-WAIT-1, in FIN-WAIT-2"


def test_octets_behind_the_peers_fin_are_none() -> None:
    peer = opened()
    peer.send("FA", b"end")
    peer.snd += 4
    (answer,) = peer.send("A", b"more")
    assert answer.ack == peer.snd
    assert peer.received == b"end"


def test_a_lost_fin_is_sent_again() -> None:
    peer = opened()
    (fin,) = peer.close()
    assert peer.wait(1.0) == [fin]
    assert acknowledge(peer) is State.FIN_WAIT_2


def test_the_peers_fin_once_more_begins_time_wait_again() -> None:
    """The RFC: "Acknowledge it, and restart the 2 MSL timeout"; anything else does not."""
    peer = opened()
    peer.close()
    acknowledge(peer, "FA")
    peer.wait(200.0)
    (answer,) = peer.send("FA")
    assert answer.ack == peer.snd + 1
    peer.wait(200.0)
    assert peer.state() is State.TIME_WAIT
    peer.send("A", seq=peer.snd - 5 & 0xFFFFFFFF)
    peer.wait(40.0)
    assert peer.engine.connections == {}


def test_what_comes_in_time_wait_of_a_new_connection_is_challenged() -> None:
    peer = opened()
    peer.close()
    acknowledge(peer, "FA")
    (answer,) = peer.send("S", seq=peer.snd + 100_000 & 0xFFFFFFFF)
    assert answer.flags == ACK
    peer.send("R", seq=answer.ack)
    assert peer.engine.connections == {}
    assert "CPL_ABORT_REQ_RSS" not in peer.heard, "the host has let go of it"


def test_a_peer_that_does_not_close_is_given_up() -> None:
    peer = opened(TcpSettings(fin_wait_2=30.0))
    peer.close()
    acknowledge(peer)
    assert peer.wait(30.0) == []
    assert peer.messages[-1] == cpl.CPL_ABORT_REQ_RSS(peer.tid, cpl.CplError.FINWAIT2_TIMEDOUT)
    assert peer.engine.connections == {}


@pytest.mark.parametrize("ending", ["ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT", "CLOSING", "LAST-ACK"])
def test_the_host_aborts(ending: str) -> None:
    peer = opened()
    peer.give(b"never acknowledged")
    if ending in ("CLOSE-WAIT", "LAST-ACK"):
        peer.send("FA")
    if ending in ("FIN-WAIT-1", "CLOSING", "LAST-ACK"):
        peer.close()
    if ending == "CLOSING":
        peer.send("FA")
    assert peer.state() == ending
    (reset,) = peer.post(cpl.CPL_ABORT_REQ(peer.tid))
    assert reset.flags == RST | ACK
    assert peer.engine.connections == {}
    assert peer.heard[-1] == "CPL_ABORT_RPL_RSS"
    assert peer.engine.timers == 0


def test_the_host_hears_of_a_connection_no_more() -> None:
    """What it says of one that has ended meanwhile is ignored."""
    peer = opened()
    peer.send("R")
    peer.messages.clear()
    for message in (
        cpl.CPL_TX_DATA(0, b"x"),
        cpl.CPL_RX_DATA_ACK(0, 1),
        cpl.CPL_CLOSE_CON_REQ(0),
        cpl.CPL_ABORT_REQ(0),
    ):
        assert peer.post(message) == []
    assert peer.messages == []


def test_octets_behind_a_close_are_not_sent() -> None:
    peer = opened()
    peer.close()
    assert peer.give(b"too late") == []
    assert peer.close() == []
