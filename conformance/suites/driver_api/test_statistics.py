"""What the module counts: commands and octets of sessions, connections and portals (guide 8.4)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import chiscsi_connection_info, chiscsi_perf_info, chiscsi_session_info
from conformance.api import Session, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern

Make = Callable[..., DriverBench]

ENOTFOUND = -9
LENGTH = 4096
_FREE = {"ImmediateData": "Yes", "InitialR2T": "No", "FirstBurstLength": "2048"}


PORTAL = {"PortalGroup": "1@127.0.0.1:3260"}


def counted(info: chiscsi_perf_info) -> tuple[int, int, int, int]:
    """Read commands and octets, write commands and octets."""
    return info.read_cmd_cnt, info.read_bytes, info.write_cmd_cnt, info.write_bytes


def through_portal(bench: DriverBench) -> tuple[int, int, int, int]:
    """What went through the bench's portal."""
    info = chiscsi_perf_info()
    result = bench.module.chiscsi_get_perf_info(False, "127.0.0.1", 3260, info)
    bench.expect_equal("chiscsi_get_perf_info", result, 0)
    return counted(info)


def of_sessions(bench: DriverBench) -> list[chiscsi_session_info]:
    """The structures of all sessions."""
    found: list[chiscsi_session_info] = []
    bench.module.chiscsi_get_session_info(bench.name, None, 8, found)
    return found


def expect_counted(bench: DriverBench, wanted: tuple[int, int, int, int]) -> None:
    """Require these counts of the only session, of its only connection, and of the portal."""
    (session,) = of_sessions(bench)
    connection = chiscsi_connection_info()
    bench.module.chiscsi_get_connection_info(session.hndl, 0, connection)
    found = (counted(session.perf), counted(connection.perf), through_portal(bench))
    bench.expect_equal("read and written by session, connection, portal", found, (wanted, wanted, wanted))


def write(bench: DriverBench, session: Session | None = None, length: int = LENGTH) -> None:
    """One write to its end."""
    task, sc = bench.begin_write(pattern(length), session)
    bench.serve_write(task, sc)


@driver_case("drv-perf-01", guide="8.4", behaviour="1.8")
def test_reads_are_counted(make_bench: Make) -> None:
    """A read counts once, and its data by their octets."""
    bench = make_bench(keys=PORTAL)
    task, sc = bench.begin_read(LENGTH)
    bench.serve_read(task, sc, pattern(LENGTH))
    expect_counted(bench, (1, LENGTH, 0, 0))


@driver_case("drv-perf-02", guide="8.4", behaviour="1.8")
def test_writes_are_counted(make_bench: Make) -> None:
    """A write counts once, and its data by their octets."""
    bench = make_bench(keys=PORTAL)
    write(bench)
    expect_counted(bench, (0, 0, 1, LENGTH))


@driver_case("drv-perf-03", behaviour="1.8")
@variants("immediate, unsolicited", [(512, 0), (0, 2048), (512, 1536)], ids=["immediate", "unsolicited", "both"])
def test_unsolicited_data_are_counted(make_bench: Make, immediate: int, unsolicited: int) -> None:
    """Immediate data count always, and so do unsolicited data: each octet of a write once."""
    bench = make_bench(keys=PORTAL | _FREE)
    session = bench.login(keys=_FREE)
    task, sc = bench.begin_write(pattern(LENGTH), session, immediate_data=immediate, unsolicited=unsolicited)
    bench.serve_write(task, sc)
    expect_counted(bench, (0, 0, 1, LENGTH))


@driver_case("drv-perf-04", behaviour="1.8")
def test_commands_without_data_are_reads(make_bench: Make) -> None:
    """Commands without data count as reads."""
    bench = make_bench(keys=PORTAL)
    for _ in range(3):
        task, sc = bench.begin_no_data()
        bench.executed(sc)
        task.wait()
    expect_counted(bench, (3, 0, 0, 0))


@driver_case("drv-perf-05", behaviour="1.8")
def test_commands_are_counted_when_they_arrive(make_bench: Make) -> None:
    """A command counts when its PDU arrives, whatever becomes of it; data count when they move."""
    bench = make_bench(keys=PORTAL)
    bench.begin_read(LENGTH)
    bench.begin_write(pattern(LENGTH))
    expect_counted(bench, (1, 0, 1, 0))


@driver_case("drv-perf-06", behaviour="1.8")
def test_failed_commands_are_counted(make_bench: Make) -> None:
    """A read that ends with CHECK CONDITION counts, and nothing was read."""
    bench = make_bench(keys=PORTAL)
    task, sc = bench.begin_read(LENGTH)
    bench.fail(sc, 3, 0x11)
    task.wait()
    expect_counted(bench, (1, 0, 0, 0))


@driver_case("drv-perf-07", guide="8.4", behaviour="1.8")
def test_portal_counts_all_its_sessions(make_bench: Make) -> None:
    """A portal's counters are those of all sessions through it; each session has its own."""
    bench = make_bench(keys=PORTAL)
    write(bench, bench.session)
    write(bench, bench.other_session, 512)
    write(bench, bench.other_session, 512)
    each = [counted(info.perf) for info in of_sessions(bench)]
    bench.expect_equal("sessions", each, [(0, 0, 1, LENGTH), (0, 0, 2, 1024)])
    bench.expect_equal("portal", through_portal(bench), (0, 0, 3, LENGTH + 1024))


@driver_case("drv-perf-08", behaviour="1.8")
def test_counts_outlive_their_connection(make_bench: Make) -> None:
    """What a connection has moved stays in its session's counters when it ends, and in the portal's for good."""
    bench = make_bench(keys=PORTAL | {"MaxConnections": "2"})
    session = bench.login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    task, sc = bench.begin_write(pattern(LENGTH), session, connection=second)
    bench.serve_write(task, sc)
    second.close()
    bench.stage.settle()
    (info,) = of_sessions(bench)
    bench.expect_equal("session, with its second connection gone", counted(info.perf), (0, 0, 1, LENGTH))
    session.logout()
    bench.stage.settle()
    bench.expect_equal("portal, with the session gone", through_portal(bench), (0, 0, 1, LENGTH))


@driver_case("drv-perf-09", guide="8.4", behaviour="1.8")
@variants(
    "ipv6, address, result",
    [
        (False, None, EINVAL),
        (False, "nowhere", EINVAL),
        (True, "127.0.0.1", EINVAL),
        (False, "::1", EINVAL),
        (False, "192.0.2.1", ENOTFOUND),
        (True, "2001:db8::1", ENOTFOUND),
    ],
    ids=["none", "name", "no-ipv6", "no-ipv4", "elsewhere", "elsewhere-ipv6"],
)
def test_portals_that_there_are_not(bench: DriverBench, ipv6: bool, address: str | None, result: int) -> None:
    """No address, or one of the wrong kind, is -EINVAL; one where nobody listens is -ENOTFOUND."""
    found = bench.module.chiscsi_get_perf_info(ipv6, address, 0, chiscsi_perf_info())
    bench.expect_equal("chiscsi_get_perf_info", found, result)


@driver_case("drv-perf-10", guide="8.4")
def test_port_0_is_the_usual_one(make_bench: Make) -> None:
    """Without a port the portal at 3260 is meant; the address may be octets."""
    bench = make_bench(keys=PORTAL)
    write(bench)
    info = chiscsi_perf_info()
    result = bench.module.chiscsi_get_perf_info(False, bytes((127, 0, 0, 1)), 0, info)
    bench.expect_equal("chiscsi_get_perf_info", result, 0)
    bench.expect_equal("portal", counted(info), (0, 0, 1, LENGTH))
