from __future__ import annotations

import pytest

from chiscsi_target.offload.page_pods import LEAST_PODS, PagePods
from chiscsi_target.offload.terminator import Offload, Terminator
from chiscsi_target.offload.ulp_connection import UlpConnection
from iscsi_wire.framing import Framer
from tests.chiscsi_target.offload.ground import Offloaded, data_out, make, pattern
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

LIMIT = ("MaxRecvDataSegmentLength", "262144")
NO_LIMIT = 262144


def login(built_in: bool, offload: Offload) -> tuple[Stand, Peer]:
    stand = Stand(LIMIT, driver=None if built_in else HoldingDriver(), offload=offload)
    return stand, stand.login(LIMIT)


@pytest.mark.parametrize(
    "offload, ulp, received, sent",
    [
        (Offload.OFF, False, NO_LIMIT, NO_LIMIT),
        (Offload.AUTO, False, NO_LIMIT, NO_LIMIT),
        (Offload.NIC, False, 16384, 16384),
        (Offload.ULP, True, 15912, 12288),
        (Offload.CRC, True, 15912, 12288),
    ],
)
def test_sessions_of_built_in_targets(offload: Offload, ulp: bool, received: int, sent: int) -> None:
    stand, peer = login(True, offload)
    connection = stand.connection(peer)
    assert isinstance(connection.ulp, UlpConnection) == ulp
    assert peer.settings["MaxRecvDataSegmentLength"] == str(received)
    assert (connection.framer.max_data_segment_length, connection.max_send_data) == (received, sent)


@pytest.mark.parametrize("offload", list(Offload))
def test_sessions_of_third_party_targets_are_always_in_ulp_mode(offload: Offload) -> None:
    stand, peer = login(False, offload)
    connection = stand.connection(peer)
    offloaded = offload is not Offload.OFF
    assert isinstance(connection.ulp, UlpConnection) == offloaded
    assert connection.framer.max_data_segment_length == (15912 if offloaded else NO_LIMIT)


def test_discovery_stays_with_the_host() -> None:
    stand = Stand(offload=Offload.ULP)
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    assert stand.connection(peer).ulp is None
    assert type(stand.connection(peer).framer) is Framer


def test_the_global_variable_decides_for_sessions_to_come() -> None:
    stand = Stand(offload=Offload.AUTO)
    settings = stand.module.directory.registry.globals
    first = stand.login()
    settings.offload_mode = "ULP"
    second = stand.login(isid=bytes.fromhex("400000000002"))
    assert [stand.connection(peer).ulp is not None for peer in (first, second)] == [False, True]


def test_what_was_declared_counts_although_the_variable_changes_during_the_login() -> None:
    stand = Stand(LIMIT, offload=Offload.AUTO)
    peer = stand.connect()
    _, answers = peer.ask(peer.names(NAME), nsg=None)
    assert ("MaxRecvDataSegmentLength", "262144") in answers
    stand.module.directory.registry.globals.offload_mode = "ULP"
    peer.ask([])
    connection = stand.connection(peer)
    assert connection.ulp is not None and connection.framer.max_data_segment_length == NO_LIMIT


def test_tids_are_given_again_the_one_that_was_free_longest_first() -> None:
    ground = Offloaded()
    stand, card = ground.stand, ground.card

    def another(number: int) -> Peer:
        return stand.login(isid=bytes.fromhex("4000000000") + bytes((number,)))

    def tid(peer: Peer) -> int:
        ulp = stand.connection(peer).ulp
        assert isinstance(ulp, UlpConnection) and card.connections[ulp.tid] is ulp
        return ulp.tid

    peers = [ground.peer, another(2), another(3)]
    assert [tid(peer) for peer in peers] == [1, 2, 3]
    for peer in (peers[1], peers[0]):
        stand.pipe(peer).close()
    assert list(card.connections) == [3]
    assert [tid(another(number)) for number in (4, 5, 6)] == [2, 1, 4]


def test_a_card_with_few_pods_places_nothing() -> None:
    """Behaviour file, 5.1: fewer than 1024 are not worth it."""
    for pods, placed in ((LEAST_PODS - 1, 0), (LEAST_PODS, 8192)):
        ground = Offloaded(page_pods=pods)
        _, sc = ground.write(8192)
        ground.give(sc, make(ground.space, "page", 8192))
        (r2t,) = ground.r2ts()
        for octets in data_out(ground.peer, r2t, pattern(8192)):
            ground.peer.pipe.send(octets)
        ground.driver.complete(sc)
        ground.peer.receive()
        assert ground.placement()[0] == placed


def test_each_worker_has_pods_of_its_own() -> None:
    card = Terminator(lambda: Offload.ULP, 4096, pools=2)
    assert isinstance(card.pods, PagePods)
    first, second, third = (card.reserve(4, tid) for tid in (1, 2, 3))
    assert first is not None and second is not None and third is not None
    assert abs(first.index - second.index) > 100 and third.index == first.index + 1
