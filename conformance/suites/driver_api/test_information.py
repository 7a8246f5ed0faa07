"""What a driver is told when it asks: targets, sessions and connections (guide 8.1 to 8.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import (
    ISCSI_AUTH_ORDER_ACL,
    ISCSI_AUTH_ORDER_CHAP,
    ISCSI_SESSION_TYPE_NORMAL,
    chiscsi_connection_info,
    chiscsi_iscsi_command_dump,
    chiscsi_session_info,
    chiscsi_target_info,
)
from chiscsi_target.quirks import Quirks
from conformance.api import variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.hooks import HookCall
from conformance.driver_bench.playing import EINVAL
from iscsi_wire.records import LogRecord

Make = Callable[..., DriverBench]

ENONAME, ENOTFOUND = -8, -9
INFORMATION = 2
NOBODY = "iqn.2026-11.org.example:nobody"


def told_of(bench: DriverBench) -> chiscsi_target_info:
    """What the module says of the bench's target."""
    info = chiscsi_target_info()
    bench.expect_equal("chiscsi_get_target_info", bench.module.chiscsi_get_target_info(bench.name, info), 0)
    return info


def sessions_of(bench: DriverBench, count: int = 8, initiator: str | None = None) -> list[chiscsi_session_info]:
    """The structures of the target's sessions."""
    found: list[chiscsi_session_info] = []
    bench.module.chiscsi_get_session_info(bench.name, initiator, count, found)
    return found


def only_session(bench: DriverBench) -> chiscsi_session_info:
    """The structure of the one session that there is."""
    found = sessions_of(bench)
    bench.expect_equal("number of sessions", len(found), 1)
    return found[0]


def connection_of(bench: DriverBench, session: chiscsi_session_info, index: int = 0) -> chiscsi_connection_info:
    """The structure of one of a session's connections."""
    info = chiscsi_connection_info()
    result = bench.module.chiscsi_get_connection_info(session.hndl, index, info)
    bench.expect_equal("chiscsi_get_connection_info", result, 0)
    return info


# Targets

CONFIGURED: dict[str, tuple[dict[str, str], Callable[[chiscsi_target_info], Any], Any]] = {
    "alias": ({"TargetAlias": "mine"}, lambda info: info.alias, "mine"),
    "connections": ({"MaxConnections": "3"}, lambda info: info.sess_keys.max_conns, 3),
    "r2t": ({"InitialR2T": "No"}, lambda info: info.sess_keys.initial_r2t, False),
    "immediate": ({"ImmediateData": "No"}, lambda info: info.sess_keys.immediate_data, False),
    "first-burst": ({"FirstBurstLength": "1024"}, lambda info: info.sess_keys.first_burst, 1024),
    "max-burst": ({"MaxBurstLength": "131072"}, lambda info: info.sess_keys.max_burst, 131072),
    "outstanding": ({"MaxOutstandingR2T": "5"}, lambda info: info.sess_keys.max_r2t, 5),
    "times": (
        {"DefaultTime2Wait": "7", "DefaultTime2Retain": "9"},
        lambda info: (info.sess_keys.time2wait, info.sess_keys.time2retain),
        (7, 9),
    ),
    "digests": ({"HeaderDigest": "CRC32C,None"}, lambda info: info.conn_keys.header_digest, ("CRC32C", "None")),
    "receive": ({"MaxRecvDataSegmentLength": "4096"}, lambda info: info.conn_keys.max_recv_data_segment, 4096),
    "group": ({"PortalGroup": "9@127.0.0.1:0"}, lambda info: info.conn_keys.portal_group_tag, 9),
    "commands": ({"TargetSessionMaxCmd": "33"}, lambda info: info.config_keys.sess_max_cmds, 33),
    "acl": ({"ACL_Enable": "Yes"}, lambda info: info.config_keys.acl_en, True),
    "isns": ({"RegisteriSNS": "No"}, lambda info: info.config_keys.isns_register, False),
    "chap": (
        {"AuthMethod": "CHAP", "Auth_CHAP_Initiator": '"me":"abcdefghijkl"'},
        lambda info: (info.chap.chap_en, info.chap.chap_required),
        (True, True),
    ),
    "mutual": ({"Auth_CHAP_Policy": "Mutual"}, lambda info: info.chap.mutual_chap_forced, True),
    "challenge": ({"Auth_CHAP_ChallengeLength": "64"}, lambda info: info.chap.challenge_length, 64),
}


@driver_case("drv-info-01", guide="8, 8.1")
@variants("key", list(CONFIGURED))
def test_target_is_described_as_configured(make_bench: Make, key: str) -> None:
    """chiscsi_get_target_info shows what the target was configured with."""
    keys, field, wanted = CONFIGURED[key]
    bench = make_bench(keys=keys)
    info = told_of(bench)
    bench.expect_equal("name", info.name, bench.name)
    bench.expect_equal(key, field(info), wanted)


@driver_case("drv-info-02", behaviour="1.8")
@variants("order", ["ACL", "CHAP"])
def test_order_of_authentication_is_a_number(bench: DriverBench, order: str) -> None:
    """auth_order is 1 when the access list comes first, and 2 when CHAP does."""
    bench.module.set_global_variables([("iscsi_auth_order", order)])
    wanted = ISCSI_AUTH_ORDER_ACL if order == "ACL" else ISCSI_AUTH_ORDER_CHAP
    bench.expect_equal("auth_order", told_of(bench).auth_order, wanted)


@driver_case("drv-info-03", behaviour="1.8")
@variants("name, result", [(None, ENONAME), (NOBODY, ENOTFOUND)], ids=["none", "unknown"])
def test_targets_that_do_not_exist_have_no_information(bench: DriverBench, name: str | None, result: int) -> None:
    """No name is -ENONAME, a name that no target has -ENOTFOUND."""
    found = bench.module.chiscsi_get_target_info(name, chiscsi_target_info())
    bench.expect_equal("chiscsi_get_target_info", found, result)


# Sessions


@driver_case("drv-info-04", guide="8.2")
def test_session_is_described_as_negotiated(make_bench: Make) -> None:
    """sess_keys are the results of the negotiation, not what the target would like."""
    bench = make_bench(keys={"MaxBurstLength": "65536", "MaxConnections": "4", "InitialR2T": "No"})
    bench.login(keys={"MaxBurstLength": "8192", "FirstBurstLength": "4096", "MaxConnections": "2", "InitialR2T": "Yes"})
    keys = only_session(bench).sess_keys
    found = (keys.max_burst, keys.first_burst, keys.max_conns, keys.initial_r2t)
    bench.expect_equal("max_burst, first_burst, max_conns, initial_r2t", found, (8192, 4096, 2, True))


@driver_case("drv-info-05", guide="8.2", behaviour="1.7, 1.8")
def test_session_is_described_by_its_identity(bench: DriverBench) -> None:
    """peer_name, isid, tsih, type and hndl are those of the login and of the hooks."""
    session = bench.session
    added = next(call for call in bench.hooks.calls if call.name == "fp_session_added")
    info = only_session(bench)
    found = (info.peer_name, info.isid, info.tsih, info.type, info.hndl, info.conn_cnt)
    wanted = (bench.initiator.name, session.isid, session.tsih, ISCSI_SESSION_TYPE_NORMAL, added.sess_hdl, 1)
    bench.expect_equal("peer_name, isid, tsih, type, hndl, conn_cnt", found, wanted)


@driver_case("drv-info-06", guide="8.2", behaviour="1.8")
def test_command_numbers_are_those_of_now(bench: DriverBench) -> None:
    """cmdsn is the last CmdSN received; expcmdsn and maxcmdsn are what the target last said on the wire."""
    for _ in range(3):
        task, sc = bench.begin_no_data()
        bench.executed(sc)
        header = task.wait().header
    info = only_session(bench)
    assert header is not None, "a command gets no status"
    found = (info.cmdsn, info.expcmdsn, info.maxcmdsn)
    wanted = (sc.sc_CmdSN, header.exp_cmd_sn, header.max_cmd_sn)
    bench.expect_equal("cmdsn, expcmdsn, maxcmdsn", found, wanted)


@driver_case("drv-info-07", guide="8.2", behaviour="1.8")
@variants("capped, results", [(False, (1, 2, 2)), (True, (1, 1, 2))], ids=["guide", "capped"])
def test_number_of_sessions(make_bench: Make, capped: bool, results: tuple[int, int, int]) -> None:
    """With fewer sessions than asked for their number is returned, else their total; in release 3.14 never more than
    was asked for.
    """
    bench = make_bench(quirks=Quirks(session_info_capped=capped))
    found: list[chiscsi_session_info] = []

    def ask(count: int) -> int:
        return bench.module.chiscsi_get_session_info(bench.name, None, count, found)

    bench.login()
    told = [ask(2)]
    bench.login(bench.second_initiator)
    told.append(ask(1))
    bench.expect_equal("structures filled", len(found), 1)
    told.append(ask(8))
    bench.expect_equal("results for 1 of 2, 2 of 1, 2 of 8", tuple(told), results)


@driver_case("drv-info-08", guide="8.2")
def test_sessions_of_one_initiator(bench: DriverBench) -> None:
    """With an initiator's name only its sessions are described."""
    bench.login()
    bench.login(bench.second_initiator)
    found = [info.peer_name for info in sessions_of(bench, initiator=bench.second_initiator.name)]
    bench.expect_equal("peer_name", found, [bench.second_initiator.name])
    bench.expect_equal("sessions of nobody", sessions_of(bench, initiator=NOBODY), [])


@driver_case("drv-info-09", behaviour="1.8")
@variants("wrong", ["no-room", "negative", "no-name", "unknown"])
def test_sessions_that_cannot_be_asked_for(bench: DriverBench, wrong: str) -> None:
    """Without room, without a target's name, and for a target that does not exist the result is -EINVAL."""
    bench.login()
    name = {"no-name": None, "unknown": NOBODY}.get(wrong, bench.name)
    count = {"no-room": 0, "negative": -1}.get(wrong, 1)
    found = bench.module.chiscsi_get_session_info(name, None, count, [])
    bench.expect_equal("chiscsi_get_session_info", found, EINVAL)


@driver_case("drv-info-10", behaviour="1.8")
def test_discovery_sessions_are_not_described(bench: DriverBench) -> None:
    """Only normal sessions are described, and only as long as they last."""
    bench.initiator.login(discovery=True)
    bench.expect_equal("sessions", sessions_of(bench), [])
    session = bench.login(bench.second_initiator)
    handle = only_session(bench).hndl
    session.logout()
    bench.stage.settle()
    result = bench.module.chiscsi_get_one_session_info(handle, chiscsi_session_info())
    bench.expect_equal("chiscsi_get_one_session_info after the logout", result, EINVAL)


@driver_case("drv-info-11", guide="8.2, 8.3", behaviour="9.1")
def test_driver_asks_inside_its_hook(bench: DriverBench) -> None:
    """In fp_session_added a driver can ask about the session, and about its first connection."""
    told: list[tuple[int, int, int]] = []

    def ask(call: HookCall) -> None:
        info, connection = chiscsi_session_info(), chiscsi_connection_info()
        result = bench.module.chiscsi_get_one_session_info(call.sess_hdl, info)
        again = bench.module.chiscsi_get_connection_info(call.sess_hdl, 0, connection)
        told.append((result, info.conn_cnt, again))

    bench.when("fp_session_added", ask)
    bench.login()
    bench.expect_equal("result, conn_cnt, result of the connection's", told, [(0, 1, 0)])


# Connections


@driver_case("drv-info-12", guide="8.3")
def test_connection_is_described_as_negotiated(make_bench: Make) -> None:
    """conn_keys are the results of the negotiation, and both ends are those of the connection."""
    bench = make_bench(keys={"HeaderDigest": "CRC32C,None", "MaxRecvDataSegmentLength": "12288"})
    _, sc = bench.begin_no_data(bench.login(keys={"HeaderDigest": "CRC32C", "MaxRecvDataSegmentLength": "2048"}))
    info = connection_of(bench, only_session(bench))
    keys = info.conn_keys
    found = (keys.header_digest, keys.data_digest, keys.max_recv_data_segment, keys.max_xmit_data_segment)
    bench.expect_equal("conn_keys", found, (("CRC32C",), ("None",), 12288, 2048))
    bench.expect_equal("tcp_endpoints", info.tcp_endpoints, sc.sc_ieps)


@driver_case("drv-info-13", behaviour="1.8")
@variants("quirk", [False, True], ids=["guide", "tid"])
def test_connections_are_told_apart(make_bench: Make, quirk: bool) -> None:
    """cid is the connection's CID; release 3.14 shows the number of the connection in the adapter."""
    bench = make_bench(keys={"MaxConnections": "2"}, quirks=Quirks(cid_is_tid=quirk))
    session = bench.login(keys={"MaxConnections": "2"})
    session.add_connection()
    bench.stage.settle()
    info = only_session(bench)
    bench.expect_equal("conn_cnt", info.conn_cnt, 2)
    found = [connection_of(bench, info, index) for index in (0, 1)]
    cids = [connection.cid for connection in found]
    wanted = (
        [connection.tid for connection in found] if quirk else [connection.cid for connection in session.connections]
    )
    bench.expect_equal("cid", cids, wanted)


@driver_case("drv-info-14", behaviour="1.8")
@variants("index", [1, -1], ids=["beyond", "negative"])
def test_connections_that_there_are_not(bench: DriverBench, index: int) -> None:
    """An index that is not below conn_cnt is -EINVAL."""
    bench.login()
    info = only_session(bench)
    result = bench.module.chiscsi_get_connection_info(info.hndl, index, chiscsi_connection_info())
    bench.expect_equal("chiscsi_get_connection_info", result, EINVAL)


@driver_case("drv-info-15", guide="8.3")
def test_status_numbers_are_those_of_now(bench: DriverBench) -> None:
    """statsn is the next StatSN of the connection; expstatsn, what the initiator expects."""
    task, sc = bench.begin_no_data()
    bench.executed(sc)
    header = task.wait().header
    assert header is not None, "the command gets no status"
    bench.session.nop()
    info = connection_of(bench, only_session(bench))
    found = (info.statsn, info.expstatsn)
    bench.expect_equal("statsn, expstatsn", found, (header.stat_sn + 2, header.stat_sn + 1))


# Commands


@driver_case("drv-info-16", guide="7.3.5.5", behaviour="1.8")
def test_command_is_written_to_the_log(bench: DriverBench) -> None:
    """chiscsi_iscsi_command_dump prints the whole command at information level."""
    _, sc = bench.begin_write(bytes(1024))
    before = len(bench.records)
    chiscsi_iscsi_command_dump(sc)
    lines = [record for record in bench.records[before:] if isinstance(record, LogRecord)]
    text = "\n".join(line.text for line in lines)
    bench.expect_equal("levels", {line.level for line in lines}, {INFORMATION})
    for name in ("sc_itt", "sc_CmdSN", "sc_cmd", "sc_flag", "sc_lun", "sc_xfer_len", "sc_status", "sc_sess", "sc_ieps"):
        assert f"{name} " in text, f"{name} is not in the dump"
