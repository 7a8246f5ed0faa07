"""The in-memory shell: no time passes unless somebody waits, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand


def test_the_clock_moves_only_when_somebody_waits() -> None:
    stand = Stand()
    peer = stand.login()
    assert stand.shell.now == 0.0
    assert stand.pipe(peer).receive(5.0) is None
    assert stand.shell.now == 5.0
    stand.shell.advance(2.5)
    assert stand.shell.now == 7.5
    peer.ping(b"no time")
    assert stand.shell.now == 7.5


def test_waiting_stops_at_what_comes() -> None:
    """A ping after 30 s ends a wait of 100 s there."""
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,timeout=30"))
    peer = stand.login()
    assert stand.pipe(peer).receive(100.0)
    assert stand.shell.now == 30.0


def test_the_ends_of_a_connection() -> None:
    stand = Stand()
    one, two = stand.connect(), stand.connect()
    assert stand.pipe(one).peer == "127.0.0.1:3260"
    assert stand.pipe(one).local != stand.pipe(two).local


@pytest.mark.parametrize("reset", [True, False])
def test_the_initiator_ends_a_connection(reset: bool) -> None:
    stand = Stand()
    pipe = stand.pipe(stand.login())
    for _ in range(2):
        if reset:
            pipe.reset()
        else:
            pipe.close()
    assert stand.sessions == []
    with pytest.raises(ConnectionResetError):
        pipe.send(b"x")


def test_the_target_ends_a_connection() -> None:
    stand = Stand()
    peer = stand.connect()
    peer.ask([])
    pipe = stand.pipe(peer)
    assert pipe.receive(0) == b"" and not pipe.was_reset
    with pytest.raises(ConnectionResetError):
        pipe.send(b"x")


def test_a_condition_that_never_comes_is_an_error() -> None:
    stand = Stand(driver=HoldingDriver())
    with pytest.raises(RuntimeError, match="nothing is left to do"):
        stand.module.wait_until(lambda: False)
    assert stand.module.chiscsi_target_remove(None, NAME) == 0


def test_several_workers() -> None:
    stand = Stand(workers=3)
    peers = [stand.login(isid=bytes((0x40, 0, 0, 0, 0, number))) for number in range(4)]
    for number, peer in enumerate(peers):
        assert peer.ping(bytes((number,)))[1] == bytes((number,))
