"""The information calls, as a driver makes them: return codes, live values in every field, quirks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial

import pytest

from chiscsi_target.api import (
    ISCSI_AUTH_ORDER_ACL,
    ISCSI_AUTH_ORDER_CHAP,
    ISCSI_SESSION_TYPE_NORMAL,
    ReturnCode,
    chiscsi_connection_info,
    chiscsi_event_notifier_register,
    chiscsi_event_notifier_unregister,
    chiscsi_get_connection_info,
    chiscsi_get_one_session_info,
    chiscsi_get_perf_info,
    chiscsi_get_session_info,
    chiscsi_get_target_info,
    chiscsi_perf_info,
    chiscsi_session_info,
    chiscsi_target_info,
    iscsi_session_settings,
)
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import DataOut, ReadyToTransfer, Reject
from tests.chiscsi_target.asking import connection_of, only_session, sessions_of
from tests.chiscsi_target.peer import INITIATOR, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

EINVAL, ENONAME, ENOTFOUND = (-int(code) for code in (ReturnCode.EINVAL, ReturnCode.ENONAME, ReturnCode.ENOTFOUND))
OTHER_ISID = bytes.fromhex("400001370001")
FREE = {
    "InitialR2T": "No",
    "MaxConnections": "4",
    "MaxOutstandingR2T": "2",
    "FirstBurstLength": "4096",
    "MaxBurstLength": "16384",
    "DefaultTime2Wait": "1",
    "DefaultTime2Retain": "5",
    "MaxRecvDataSegmentLength": "65536",
    "HeaderDigest": "CRC32C,None",
}


# Targets


def test_a_target_is_described_by_its_configuration() -> None:
    stand = Stand(("TargetAlias", "disks"), ("TargetSessionMaxCmd", "17"), *FREE.items())
    info = chiscsi_target_info()
    assert chiscsi_get_target_info(NAME, info) == 0
    assert (info.name, info.alias, info.hndl) == (NAME, "disks", stand.node.handle)
    assert info.sess_keys == iscsi_session_settings(
        initial_r2t=False,
        immediate_data=True,
        erl=0,
        data_pdu_in_order=True,
        data_sequence_in_order=True,
        max_conns=4,
        max_r2t=2,
        first_burst=4096,
        max_burst=16384,
        time2wait=1,
        time2retain=5,
    )
    assert info.sess_keys.initiatial_r2t is False
    keys = info.conn_keys
    assert (keys.header_digest, keys.data_digest) == (("CRC32C", "None"), ("None",))
    assert (keys.portal_group_tag, keys.max_recv_data_segment, keys.max_xmit_data_segment) == (1, 65536, 8192)
    assert info.config_keys.sess_max_cmds == 17


def test_a_multi_phase_target_shows_what_it_forces() -> None:
    Stand(("InitialR2T", "No"), driver=HoldingDriver(multi_phase=True))
    info = chiscsi_target_info()
    assert chiscsi_get_target_info(NAME, info) == 0
    assert (info.sess_keys.initial_r2t, info.sess_keys.immediate_data) == (True, False)


@pytest.mark.parametrize("name, result", [(None, ENONAME), ("", ENONAME), (NAME + "x", ENOTFOUND)])
def test_a_target_that_there_is_not(name: str | None, result: int) -> None:
    Stand()
    info = chiscsi_target_info()
    assert chiscsi_get_target_info(name, info) == result
    assert info == chiscsi_target_info()


def test_the_order_of_authentication_is_the_global_variables() -> None:
    stand = Stand()
    info = chiscsi_target_info()
    for order, number in (("CHAP", ISCSI_AUTH_ORDER_CHAP), ("ACL", ISCSI_AUTH_ORDER_ACL)):
        stand.module.directory.registry.globals.auth_order = order
        assert chiscsi_get_target_info(NAME, info) == 0
        assert info.auth_order == number


# Sessions


def test_a_session_is_described_as_it_is_now() -> None:
    stand = Stand(*FREE.items())
    peer = stand.login(("MaxBurstLength", "8192"), ("FirstBurstLength", "512"), ("InitialR2T", "No"))
    info = only_session()
    session = stand.session(peer)
    assert (info.peer_name, info.peer_alias, info.type) == (INITIATOR, "", ISCSI_SESSION_TYPE_NORMAL)
    assert (info.isid, info.tsih, info.hndl) == (peer.isid, session.tsih, session.handle)
    keys = info.sess_keys
    assert (keys.max_burst, keys.first_burst, keys.initial_r2t, keys.max_conns) == (8192, 512, False, 1)
    assert info.conn_cnt == 1
    for _ in range(3):
        peer.execute("00")
    later = only_session()
    assert (later.cmdsn, later.expcmdsn, later.maxcmdsn) == (
        peer.cmd_sn - 1,
        peer.cmd_sn,
        session.window.max_cmd_sn,
    )
    assert later.cmdsn == info.cmdsn + 3
    alone = chiscsi_session_info()
    assert chiscsi_get_one_session_info(info.hndl, alone) == 0
    assert alone == later


def test_the_structures_can_be_copied_as_dictionaries() -> None:
    stand = Stand()
    stand.login()
    session = only_session()
    assert asdict(session)["hndl"] is session.hndl
    assert asdict(connection_of(session))["tcp_endpoints"]["taddr"] == {"ip": "127.0.0.1", "port": 3260}


def zeros(info: chiscsi_connection_info) -> set[str]:
    """The fields that are 0, or False."""
    return {field.name for field in fields(info) if getattr(info, field.name) == 0}


def test_every_field_of_a_session_and_a_connection_has_a_live_value() -> None:
    Stand(*FREE.items()).login()
    session = only_session()
    empty = {"peer_alias"}
    assert {field.name for field in fields(session) if getattr(session, field.name) in ("", b"", 0)} == empty
    of_offload = {"iso_cnt", "lro_cnt", "ddp_pass", "ddp_fail"}
    of_offload |= {"placed_bytes", "copied_bytes", "ppods_in_use", "ppods_peak"}
    assert zeros(connection_of(session)) == of_offload | {"offloaded", "cid"}


def test_every_field_of_an_offloaded_connection_has_a_live_value() -> None:
    """Of a write of 8 KiB, a quarter comes with it, a quarter by the R2T's tag, an eighth by one of another colour."""
    stand = Stand(*FREE.items(), offload=Offload.ULP)
    limits = {"MaxBurstLength": "4096", "FirstBurstLength": "2048", "MaxRecvDataSegmentLength": "2048"}
    peer = stand.login(*limits.items())
    assert zeros(connection_of(only_session())) >= {"placed_bytes", "copied_bytes", "ppods_in_use", "ppods_peak"}
    peer.command(read10(0, 16), 8192)
    assert sum(len(data) for _, data in peer.receive()) == 8192
    command = peer.command(write10(0, 16), 8192, bytes(2048), write=True)
    r2t, _ = peer.take(ReadyToTransfer)
    assert (r2t.buffer_offset, r2t.desired_data_transfer_length) == (2048, 4096)
    out = partial(
        DataOut,
        initiator_task_tag=command.initiator_task_tag,
        lun=command.lun,
        exp_stat_sn=peer.exp_stat_sn,
    )
    pieces = [
        out(target_transfer_tag=r2t.target_transfer_tag, data_sn=number, buffer_offset=2048 + number * 1024)
        for number in (0, 1)
    ]
    peer.pipe.send(b"".join(peer.octets(each, bytes(1024)) for each in pieces))
    peer.send(out(target_transfer_tag=r2t.target_transfer_tag ^ 1, data_sn=2, buffer_offset=4096), bytes(1024))
    assert peer.take(Reject)
    info = connection_of(only_session())
    assert zeros(info) == {"cid"}
    assert (info.placed_bytes, info.copied_bytes) == (2048, 2048 + 1024)
    assert (info.ddp_pass, info.ddp_fail, info.iso_cnt, info.lro_cnt) == (2, 1, 2, 1)
    assert (info.ppods_in_use, info.ppods_peak) == (1, 1)


def test_sessions_are_found_by_initiator_in_the_order_of_their_coming() -> None:
    stand = Stand()
    first = stand.login()
    stranger = stand.connect(initiator="iqn.2026-11.org.example:stranger")
    stranger.login(NAME)
    second = stand.login(isid=OTHER_ISID)
    handles = [stand.session(peer).handle for peer in (first, stranger, second)]
    assert [info.hndl for info in sessions_of()] == handles
    assert [info.hndl for info in sessions_of(INITIATOR)] == [handles[0], handles[2]]
    assert sessions_of("iqn.2026-11.org.example:nobody") == []


@pytest.mark.parametrize("capped, results", [(False, [1, 3, 3, 3]), (True, [1, 2, 3, 3])])
def test_how_many_sessions_there_are(capped: bool, results: list[int]) -> None:
    """With fewer sessions than there is room for their number is returned, else the total, unless it is capped."""
    stand = Stand()
    stand.module.directory.quirks = Quirks(session_info_capped=capped)
    info: list[chiscsi_session_info] = [chiscsi_session_info()] * 4
    stand.login()
    assert chiscsi_get_session_info(NAME, None, 2, info) == results[0] == len(info)
    stand.login(isid=OTHER_ISID)
    stand.login(isid=bytes.fromhex("400001370002"))
    assert [chiscsi_get_session_info(NAME, None, count, info) for count in (2, 3, 4)] == results[1:]
    assert len(info) == 3
    chiscsi_get_session_info(NAME, None, 2, info)
    assert len(info) == 2


@pytest.mark.parametrize("name, count", [(None, 1), ("", 1), (NAME + "x", 1), (NAME, 0), (NAME, -1)])
def test_sessions_that_cannot_be_asked_for(name: str | None, count: int) -> None:
    Stand().login()
    assert chiscsi_get_session_info(name, None, count, []) == EINVAL


def test_discovery_sessions_and_sessions_of_others_are_not_shown() -> None:
    stand = Stand()
    other = stand.add(NAME + ".other")
    stand.connect().login("", session_type="Discovery")
    stand.connect(isid=OTHER_ISID).login(other.name)
    assert sessions_of() == []


def test_a_session_that_is_over_is_not_there() -> None:
    stand = Stand()
    peer = stand.login()
    handle = only_session().hndl
    stand.pipe(peer).close()
    assert sessions_of() == []
    assert chiscsi_get_one_session_info(handle, chiscsi_session_info()) == EINVAL
    assert chiscsi_get_connection_info(handle, 0, chiscsi_connection_info()) == EINVAL
    assert chiscsi_get_one_session_info(0, chiscsi_session_info()) == EINVAL


# Connections


def test_a_connection_is_described_as_it_is_now() -> None:
    stand = Stand(*FREE.items())
    peer = stand.login(("MaxRecvDataSegmentLength", "1024"), ("HeaderDigest", "CRC32C"))
    info = connection_of(only_session())
    target = stand.connection(peer)
    assert (info.tcp_endpoints.iaddr, info.tcp_endpoints.taddr) == (target.endpoints.iaddr, target.endpoints.taddr)
    keys = info.conn_keys
    assert (keys.header_digest, keys.data_digest) == (("CRC32C",), ("None",))
    assert (keys.portal_group_tag, keys.max_recv_data_segment, keys.max_xmit_data_segment) == (1, 65536, 1024)
    assert (info.cid, info.statsn, info.hndl, info.tid) == (0, target.stat_sn, target.handle, target.handle)
    assert info.expstatsn == target.exp_stat_sn
    peer.execute("00")
    assert connection_of(only_session()).statsn == info.statsn + 1


@pytest.mark.parametrize("quirk", [False, True])
def test_connections_are_numbered_and_named_by_cid_or_tid(quirk: bool) -> None:
    stand = Stand(*FREE.items())
    stand.module.directory.quirks = Quirks(cid_is_tid=quirk)
    peer = stand.login(("MaxConnections", "4"))
    further = stand.join(peer, 7)
    session = only_session()
    assert session.conn_cnt == 2
    infos = [connection_of(session, index) for index in (0, 1)]
    handles = [stand.connection(each).handle for each in (peer, further)]
    assert [info.tid for info in infos] == handles
    assert [info.cid for info in infos] == (handles if quirk else [0, 7])
    for index in (2, -1):
        assert chiscsi_get_connection_info(session.hndl, index, chiscsi_connection_info()) == EINVAL


def test_a_driver_asks_inside_its_hook_and_sees_the_first_connection() -> None:
    """The sample driver does so in `fp_session_added`: behaviour file, 9.1."""
    seen: list[tuple[chiscsi_session_info, chiscsi_connection_info]] = []

    class Curious(NotingClass):
        def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> object:
            session = chiscsi_session_info()
            assert chiscsi_get_one_session_info(sess_hdl, session) == 0
            seen.append((session, connection_of(session)))
            return None

    stand = Stand(driver=HoldingDriver(), target_class=Curious())
    peer = stand.login()
    ((session, connection),) = seen
    assert (session.hndl, session.conn_cnt, connection.hndl) == (
        stand.session(peer).handle,
        1,
        stand.connection(peer).handle,
    )


# Nobody to ask


@pytest.mark.parametrize(
    "call",
    [
        lambda: chiscsi_get_target_info(NAME, chiscsi_target_info()),
        lambda: chiscsi_get_session_info(NAME, None, 1, []),
        lambda: chiscsi_get_one_session_info(1, chiscsi_session_info()),
        lambda: chiscsi_get_connection_info(1, 0, chiscsi_connection_info()),
        lambda: chiscsi_get_perf_info(False, "127.0.0.1", 0, chiscsi_perf_info()),
        lambda: chiscsi_event_notifier_register(print),
        lambda: chiscsi_event_notifier_unregister(print),
    ],
)
def test_without_a_stack_there_is_no_information(call: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chiscsi_target.api.stack._Newest.reference", None)
    assert call() == EINVAL
