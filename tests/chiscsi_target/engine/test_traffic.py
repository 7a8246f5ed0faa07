"""Which connections count for which session and portal."""

from __future__ import annotations

from tests.chiscsi_target.stand import NAME, Stand


def through(stand: Stand, portal: int = 0) -> int:
    return stand.module.directory.traffic.through(stand.node.portals[portal]).read_bytes


def test_connections_count_for_the_portal_that_they_came_through() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,127.0.0.1:3261"))
    for portal, octets in ((0, 5), (1, 7)):
        peer = stand.login(portal=portal, isid=bytes((0x40, 0, 1, 0x37, 0, portal)))
        stand.connection(peer).counters.read_bytes = octets
    assert (through(stand), through(stand, 1)) == (5, 7)


def test_two_targets_behind_one_portal_are_counted_together() -> None:
    stand = Stand()
    other = stand.add(NAME + ".other")
    first = stand.login()
    second = stand.connect(isid=bytes.fromhex("400001370001"))
    second.login(other.name)
    stand.connection(first).counters.read_bytes = 5
    stand.connection(second).counters.read_bytes = 7
    assert through(stand) == 12


def test_a_connection_counts_from_its_login_on_and_for_ever() -> None:
    stand = Stand()
    silent = stand.connect()
    stand.connection(silent).counters.read_bytes = 99
    assert through(stand) == 0
    stand.pipe(silent).close()
    peer = stand.login()
    stand.connection(peer).counters.read_bytes = 5
    session = stand.session(peer)
    stand.pipe(peer).close()
    assert through(stand) == 5 and session.counters.sum().read_bytes == 5


def test_a_session_keeps_what_a_lost_connection_has_counted() -> None:
    stand = Stand(("MaxConnections", "2"))
    peer = stand.login(("MaxConnections", "2"))
    further = stand.join(peer)
    stand.connection(peer).counters.write_bytes = 1
    stand.connection(further).counters.write_bytes = 2
    session = stand.session(peer)
    stand.pipe(further).close()
    assert session.counters.sum().write_bytes == 3
    assert stand.module.directory.traffic.through(stand.node.portals[0]).write_bytes == 3


def test_a_reinstated_connection_counts_for_its_successor() -> None:
    stand = Stand(("MaxConnections", "2"))
    peer = stand.login(("MaxConnections", "2"))
    stand.connection(peer).counters.write_bytes = 1
    session = stand.session(peer)
    again = stand.join(peer, 0)
    stand.connection(again).counters.write_bytes = 2
    assert stand.session(again) is session
    assert session.counters.sum().write_bytes == 3
