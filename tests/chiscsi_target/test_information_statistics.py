"""What goes through portals, sessions and connections, as drivers see it; and asking while it goes."""

from __future__ import annotations

import threading

import pytest

from chiscsi_target.api import (
    ReturnCode,
    chiscsi_connection_info,
    chiscsi_get_connection_info,
    chiscsi_get_one_session_info,
    chiscsi_get_perf_info,
    chiscsi_get_target_info,
    chiscsi_perf_info,
    chiscsi_session_info,
    chiscsi_target_info,
)
from tests.chiscsi_target.asking import connection_of, moved, only_session, sessions_of
from tests.chiscsi_target.peer import read10, write10
from tests.chiscsi_target.stand import NAME, Stand

EINVAL, ENOTFOUND = (-int(code) for code in (ReturnCode.EINVAL, ReturnCode.ENOTFOUND))
# Portals


def test_what_went_through_a_portal() -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,[::1]:3261"))
    info = chiscsi_perf_info()
    assert chiscsi_get_perf_info(False, "127.0.0.1", 0, info) == 0
    assert chiscsi_get_perf_info(False, bytes((127, 0, 0, 1)), 3260, info) == 0
    assert chiscsi_get_perf_info(True, "::1", 3261, info) == 0
    assert chiscsi_get_perf_info(True, "0:0:0:0:0:0:0:1", 3261, info) == 0
    assert moved(info) == (0, 0, 0, 0)
    assert stand.node.portals


@pytest.mark.parametrize(
    "ipv6, address, port, result",
    [
        (False, None, 3260, EINVAL),
        (False, "", 3260, EINVAL),
        (False, "localhost", 3260, EINVAL),
        (False, b"\x7f\0\0", 3260, EINVAL),
        (True, "127.0.0.1", 3260, EINVAL),
        (False, "::1", 3261, EINVAL),
        (False, "127.0.0.1", 3261, ENOTFOUND),
        (False, "127.0.0.2", 0, ENOTFOUND),
        (True, "::1", 0, ENOTFOUND),
    ],
)
def test_a_portal_that_there_is_not(ipv6: bool, address: str | bytes | None, port: int, result: int) -> None:
    Stand(("PortalGroup", "1@127.0.0.1:3260,[::1]:3261"))
    assert chiscsi_get_perf_info(ipv6, address, port, chiscsi_perf_info()) == result


def test_what_a_session_moves_is_counted_where_it_went() -> None:
    """Six commands: the login's TEST UNIT READY, a read of 3 blocks, a write of 2, and one beyond the medium's end."""
    stand = Stand()
    peer = stand.login()
    peer.command(read10(0, 3), 1536)
    peer.receive()
    peer.command(write10(0, 2), 1024, bytes(1024), write=True)
    peer.receive()
    peer.execute(read10(4096, 1), 512)
    info = chiscsi_perf_info()
    assert chiscsi_get_perf_info(False, "127.0.0.1", 3260, info) == 0
    assert moved(info) == moved(only_session().perf) == (3, 1536, 1, 1024)
    assert moved(connection_of(only_session()).perf) == (3, 1536, 1, 1024)


def test_counters_have_32_bits_and_wrap() -> None:
    stand = Stand()
    peer = stand.login()
    stand.connection(peer).counters.read_bytes = 0xFFFFFF00
    peer.command(read10(0, 1), 512)
    peer.receive()
    assert only_session().perf.read_bytes == 0x100


def test_the_last_cmd_sn_may_wait_behind_a_hole() -> None:
    stand = Stand()
    peer = stand.login()
    expected = peer.cmd_sn
    peer.command("00", cmd_sn=expected + 2)
    info = only_session()
    assert (info.cmdsn, info.expcmdsn) == (expected + 2, expected)


def test_anybody_may_ask_while_sessions_come_and_go() -> None:
    stand = Stand(("MaxConnections", "2"))
    over, asked = threading.Event(), 0

    def ask() -> None:
        nonlocal asked
        info, connection, perf = chiscsi_target_info(), chiscsi_connection_info(), chiscsi_perf_info()
        while not over.is_set():
            assert chiscsi_get_target_info(NAME, info) == 0
            for session in sessions_of():
                chiscsi_get_one_session_info(session.hndl, chiscsi_session_info())
                chiscsi_get_connection_info(session.hndl, 0, connection)
            assert chiscsi_get_perf_info(False, "127.0.0.1", 0, perf) == 0
            asked += 1

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(40):
        peer = stand.login(("MaxConnections", "2"), isid=bytes((0x40, 0, 1, 0x37, 0, number)))
        further = stand.join(peer)
        further.execute("00", cmd_sn=peer.number())
        stand.pipe(peer).close()
        stand.pipe(further).close()
    over.set()
    asking.join()
    assert asked > 0
