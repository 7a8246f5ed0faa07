"""The initiator as a whole: who it is, what it opens, what it leaves behind."""

from __future__ import annotations

import socket

import pytest

from initiator_sim import HarnessFault, Initiator, Settings
from initiator_sim.initiator import DEFAULT_NAME
from iscsi_wire.pdus import Isid, LoginRequest, NopOut
from iscsi_wire.text import parse_iscsi_name, parse_pairs
from tests.initiator_sim.fakes import Bench


def test_a_discovery_session_names_no_target() -> None:
    bench = Bench()
    assert [record.name for record in bench.initiator.discover().send_targets()] == ["iqn.2004-10.test:disk"]
    first = next(data for header, _, data in bench.peer.got if isinstance(header, LoginRequest))
    assert dict(parse_pairs(first)) == {
        "InitiatorName": DEFAULT_NAME,
        "SessionType": "Discovery",
        "AuthMethod": "None",
    }


def test_isids_are_random_format_and_never_alike() -> None:
    bench = Bench()
    one = Initiator(bench.connect, isid_seed=0x1ABCDEF)
    other = Initiator(bench.connect, isid_seed=2)
    isids = [initiator.session().isid for initiator in (one, one, other)]
    assert len(set(isids)) == 3
    assert isids[0] == bytes.fromhex("80abcdef0000")
    assert Isid.decode(isids[0]).t == 2
    assert one.session(isid=b"abcdef").isid == b"abcdef"


def test_the_default_name_is_an_iscsi_name() -> None:
    assert parse_iscsi_name(DEFAULT_NAME) == DEFAULT_NAME


def test_what_is_left_open_is_closed() -> None:
    bench = Bench()
    with bench.initiator as initiator:
        initiator.login()
        initiator.login().logout()
        initiator.connect()
    assert [peer.ended for peer in bench.peers] == [["close"]] * 3


def test_connections_are_told_apart_in_the_exchange() -> None:
    bench = Bench()
    names = [bench.initiator.login().connection.name, bench.initiator.connect().name]
    assert names == ["c0", "c1"]
    assert {record.connection for record in bench.initiator.exchange.records} == {"c0", "c1"}


def test_a_connection_by_itself_has_numbers_of_its_own() -> None:
    bench = Bench()
    connection = bench.initiator.connect()
    assert connection.send(NopOut).header.cmd_sn == 1
    assert connection.numbering is not bench.initiator.connect().numbering


def test_over_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        initiator = Initiator.tcp("127.0.0.1", server.getsockname()[1], "iqn.2004-10.a:b", timeout=2.5, lun=3)
        with initiator:
            connection = initiator.connect()
            accepted, _ = server.accept()
            with accepted:
                connection.send_raw(b"hello")
                assert accepted.recv(100) == b"hello"
    assert (initiator.settings.timeout, initiator.lun, initiator.target_name) == (2.5, 3, "iqn.2004-10.a:b")
    with pytest.raises(HarnessFault):
        initiator.connect()


def test_settings_belong_to_one_initiator() -> None:
    assert Settings().exchange is not Settings().exchange
