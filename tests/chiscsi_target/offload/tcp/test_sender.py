"""The sending half: whatever the windows are, every octet leaves once in order, and again when it has to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp.sender import Piece, Sender
from chiscsi_target.offload.tcp.settings import TcpSettings

MSS = 100


def make(window: int = 10_000, mss: int = MSS, buffer: int = 10_000, iss: int = 0xFFFFFFF0) -> Sender:
    sender = Sender(iss, TcpSettings(send_buffer=buffer), mss)
    sender.acknowledged(1)
    sender.window_said(0, 1, window)
    sender.congestion.window = 1 << 20
    return sender


def test_octets_are_cut_into_segments() -> None:
    sender = make()
    sender.queue(bytes(250))
    assert [(piece.position, len(piece.data), piece.fin) for piece in sender.pieces()] == [
        (1, 100, False),
        (101, 100, False),
        (201, 50, False),
    ]
    assert list(sender.pieces()) == []
    assert sender.flight == 250


def test_fin_follows_the_last_octet() -> None:
    sender = make()
    sender.queue(bytes(150))
    sender.closing = True
    assert [piece.fin for piece in sender.pieces()] == [False, True]
    assert sender.end == sender.nxt == 152
    sender.acknowledged(152)
    assert sender.fin_acknowledged
    assert not sender.unsent


def test_fin_alone() -> None:
    sender = make()
    sender.closing = True
    assert list(sender.pieces()) == [Piece(1, b"", True)]


def test_fin_takes_room_in_the_window() -> None:
    sender = make(window=50)
    sender.queue(bytes(50))
    sender.closing = True
    assert [piece.fin for piece in sender.pieces()] == [False]
    sender.acknowledged(51)
    sender.window_said(0, 51, 50)
    assert list(sender.pieces()) == [Piece(51, b"", True)]


def test_the_congestion_window_counts_too() -> None:
    sender = make()
    sender.congestion.window = 2 * MSS
    sender.queue(bytes(500))
    assert len(list(sender.pieces())) == 2
    sender.acknowledged(101)
    assert len(list(sender.pieces())) == 1


def test_the_silly_window_is_waited_out() -> None:
    """RFC 9293 section 3.8.6.2.1: less than a segment only if it is half of the largest window, or all there is."""
    sender = make(window=1000)
    sender.queue(bytes(1050))
    assert sum(len(piece.data) for piece in sender.pieces()) == 1000
    sender.acknowledged(1001)
    sender.window_said(1, 1001, 30)
    assert list(sender.pieces()) == []
    sender.window_said(2, 1001, 50)
    assert [len(piece.data) for piece in sender.pieces()] == [50]
    small = make(window=60)
    small.queue(bytes(200))
    assert [len(piece.data) for piece in small.pieces()] == [60], "a window that never was larger"


def test_a_probe_of_a_closed_window() -> None:
    sender = make(window=0)
    sender.queue(b"abc")
    assert list(sender.pieces()) == []
    assert sender.first() == Piece(1, b"a", False)
    assert sender.nxt == 2
    sender.closing = True
    assert sender.first() == Piece(1, b"a", False), "FIN is behind what the window does not take"
    sender.window_said(1, 1, 3)
    assert sender.first() == Piece(1, b"abc", False)
    sender.window_said(2, 1, 4)
    assert sender.first() == Piece(1, b"abc", True)


def test_fin_probes_a_closed_window() -> None:
    sender = make(window=0)
    sender.closing = True
    assert list(sender.pieces()) == []
    assert sender.first() == Piece(1, b"", True)


def test_old_segments_do_not_change_the_window() -> None:
    sender = make(window=1000)
    sender.window_said(5, 1, 500)
    for seq, ack in ((4, 1), (4, 9), (5, 0)):
        sender.window_said(seq, ack, 7)
        assert sender.window == 500
    sender.window_said(5, 1, 7)
    assert sender.window == 7
    assert sender.largest_window == 1000


def test_windows_are_scaled() -> None:
    sender = make()
    sender.shift = 3
    sender.window_said(9, 1, 1000)
    assert sender.window == 8000


@pytest.mark.parametrize("mss", [0, 1, 27])
def test_no_peer_has_segments_cut_too_small(mss: int) -> None:
    assert make(mss=mss).mss == 28


def test_room() -> None:
    sender = make(buffer=100)
    assert sender.room == 100
    sender.queue(bytes(70))
    list(sender.pieces())
    assert sender.room == 30
    assert sender.acknowledged(41) == 40
    assert sender.room == 70


@given(st.data())
def test_every_octet_arrives(data: st.DataObject) -> None:
    """A peer that takes what it likes, loses what it likes, and changes its window: what it has in the end is right."""
    sender = make(window=data.draw(st.integers(0, 300)), buffer=1 << 20, iss=data.draw(st.integers(0, 0xFFFFFFFF)))
    whole = bytes(range(256)) * 4
    queued, got = 0, bytearray()
    for clock in range(40):
        more = data.draw(st.integers(0, 200))
        sender.queue(whole[queued : queued + more])
        queued = min(queued + more, len(whole))
        if data.draw(st.booleans()):
            sender.start_over()
        for piece in [*sender.pieces(), *([sender.first()] if sender.flight else [])]:
            assert piece.data == whole[piece.position - 1 : piece.position - 1 + len(piece.data)]
            assert 0 < len(piece.data) <= MSS
            if data.draw(st.booleans()) and piece.position - 1 <= len(got):
                got[piece.position - 1 :] = max(piece.data, got[piece.position - 1 :], key=len)
        if data.draw(st.booleans()):
            ack = len(got) + 1
            sender.window_said(clock + 1, ack, data.draw(st.integers(0, 300)))
            sender.acknowledged(ack)
    sender.window_said(100, sender.una, 1 << 15)
    sender.start_over()
    rest = b"".join(piece.data for piece in sender.pieces())
    assert whole[: sender.una - 1] + rest == whole[:queued]


@given(st.integers(0, 0xFFFFFFFF), st.integers(-1000, 1000))
def test_positions_and_sequence_numbers(iss: int, ahead: int) -> None:
    sender = make(iss=iss)
    assert sender.position(sender.seq(1) + ahead & 0xFFFFFFFF) == 1 + ahead
