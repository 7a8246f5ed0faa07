"""chiscsi_target_reconfig: what changes under live sessions, and what does not (guide 6.1.3; behaviour file, 1.5)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import AsyncEvent, Initiator, LoginStatus, expect, variants
from conformance.driver_bench import DriverBench, HookCall, driver_case
from conformance.driver_bench.bench import CLASS
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.nodes import DISKS, EDUP, EFORMAT, ENONAME, disks, only, reconfigure
from iscsi_wire.scsi import Inquiry, Read10, ReadCapacity10, RequestSense, TestUnitReady, Write10

Make = Callable[..., DriverBench]

RESCAN = expect.check_condition(key=6, asc=0x3F, ascq=0x0E)
RESIZED = expect.check_condition(key=6, asc=0x2A, ascq=0x09)


@driver_case("drv-reconfig-01", guide="6.1.3", behaviour="1.5")
def test_session_without_access_is_closed(bench: DriverBench) -> None:
    """A live session that the new access list leaves out is told (event 3) and closed; one that it lets in goes on."""
    stays, goes = bench.session, bench.other_session
    bench.expect_equal("result", reconfigure(bench, only(bench)), 0)
    goes.expect(expect.async_message({AsyncEvent.SESSION_DROP}))
    goes.expect(expect.connection_closed())
    stays.nop()


@driver_case("drv-reconfig-02", guide="7.3.3", behaviour="1.5, 1.7")
def test_session_without_access_is_closed_in_order(bench: DriverBench) -> None:
    """Its commands are aborted, then it is announced as removed; what the driver holds is released when it lets go."""
    _, sc = bench.begin_read(4096, bench.other_session)
    bench.expect_equal("result", reconfigure(bench, only(bench)), 0)
    bench.expect_hook("fp_scsi_cmd_abort", sc=sc)
    bench.expect_hook("fp_session_removed")
    bench.expect_no_hook("fp_scsi_cmd_cleanup", sc=sc)
    bench.abort_done(sc)
    bench.expect_hook("fp_scsi_cmd_cleanup", sc=sc)


@driver_case("drv-reconfig-03", guide="6.1.3", behaviour="1.5")
def test_command_goes_on_while_its_target_is_changed(bench: DriverBench) -> None:
    """A command that the driver holds is completed as if nothing had been changed."""
    data = pattern(4096)
    task, sc = bench.begin_read(4096)
    bench.expect_equal("result", reconfigure(bench, [("TargetAlias", "changed"), *only(bench)]), 0)
    bench.expect_no_hook()
    bench.execute(sc, data)
    task.expect(expect.good(data=data))


@driver_case("drv-reconfig-04", guide="6.1.3", behaviour="1.5")
def test_keys_are_for_later_logins(bench: DriverBench) -> None:
    """Negotiated keys and the command window change for sessions that log in afterwards, and for no live one."""
    live = bench.session
    keys = [("MaxBurstLength", "8192"), ("FirstBurstLength", "4096"), ("TargetSessionMaxCmd", "5")]
    bench.expect_equal("result", reconfigure(bench, keys), 0)
    live.nop()
    kept = live.numbering.max_cmd_sn - live.numbering.exp_cmd_sn + 1
    later = bench.login(bench.second_initiator)
    window = later.numbering.max_cmd_sn - later.numbering.exp_cmd_sn + 1
    bench.expect_equal("windows of the live session and of a later one", (kept, window), (128, 5))
    bench.expect_equal("MaxBurstLength of a later one", later.parameters.max_burst_length, 8192)


@driver_case("drv-reconfig-05", guide="6.1.3", behaviour="1.5")
def test_what_is_left_out_goes_back_to_its_default(make_bench: Make) -> None:
    """The buffer describes the whole new configuration."""
    bench = make_bench(keys={"TargetSessionMaxCmd": "5"})
    bench.expect_equal("result", reconfigure(bench), 0)
    session = bench.session
    bench.expect_equal("window", session.numbering.max_cmd_sn - session.numbering.exp_cmd_sn + 1, 128)


@driver_case("drv-reconfig-06", guide="6.1.3", behaviour="1.5")
@variants("fault", ["unknown-key", "bad-value", "another-name", "twice", "malformed"])
def test_error_changes_nothing(bench: DriverBench, fault: str) -> None:
    """A description that cannot be is refused as a whole: sessions, portals and later logins are as before."""
    session = bench.session
    group = ("PortalGroup", "1@127.0.0.1:0")
    wrong = {
        "unknown-key": [("NoSuchKey", "1")],
        "bad-value": [("MaxConnections", "0")],
        "another-name": [],
        "twice": [group, group],
        "malformed": [],
    }[fault]
    buffer = bench.configuration(bench.name, [*wrong, ("TargetSessionMaxCmd", "5"), ("ACL_Enable", "Yes")])
    if fault == "another-name":
        buffer = buffer.replace(bench.name.encode(), f"{bench.name}.two".encode())
    if fault == "malformed":
        buffer += b"TargetAlias\0"
    wanted = {"twice": EDUP, "malformed": EFORMAT}.get(fault, EINVAL)
    result = bench.module.chiscsi_target_reconfig(None, bench.name, CLASS, buffer, len(buffer))
    bench.expect_equal("result", result, wanted)
    session.nop()
    later = bench.other_session
    bench.expect_equal("window", later.numbering.max_cmd_sn - later.numbering.exp_cmd_sn + 1, 128)


@driver_case("drv-reconfig-07", guide="6.1.3", behaviour="1.5")
@variants("what", ["no-name", "unknown-target", "unknown-class"])
def test_what_is_to_be_changed_has_to_exist(bench: DriverBench, what: str) -> None:
    """No name gives -ENONAME; a target or class that there is not, -EINVAL."""
    name = {"no-name": "", "unknown-target": f"{bench.name}.two"}.get(what, bench.name)
    buffer = bench.configuration(name or bench.name)
    class_name = "NOBODY" if what == "unknown-class" else CLASS
    result = bench.module.chiscsi_target_reconfig(None, name, class_name, buffer, len(buffer))
    bench.expect_equal("result", result, ENONAME if what == "no-name" else EINVAL)


@driver_case("drv-reconfig-08", behaviour="1.5, 6.4")
def test_time_out_of_a_portal_applies_to_live_connections(bench: DriverBench) -> None:
    """A portal group's new time-out holds for the connections that there are: an idle one is pinged."""
    session = bench.session
    bench.expect_equal("result", reconfigure(bench, [("PortalGroup", "1@127.0.0.1:0,timeout=30")]), 0)
    session.expect(expect.ping(timeout=31.0))


@driver_case("drv-reconfig-09", behaviour="1.5")
def test_connections_of_a_portal_that_goes_are_reset(make_bench: Make) -> None:
    """New portals listen at once, and the connections of removed ones are reset; those of others go on."""
    first, second, third = (("PortalGroup", f"{tag}@127.0.0.1:{3259 + tag}") for tag in (1, 2, 3))
    bench = make_bench(keys=[first, second])
    stays = bench.session
    elsewhere = Initiator(lambda: bench.connect(1), bench.name, settings=bench.initiator.settings, isid_seed=9)
    goes = bench.login(elsewhere)
    bench.expect_equal("result", reconfigure(bench, [first, third]), 0)
    found = [str(portal.address) for portal in bench.module.directory.registry.nodes[bench.name].portals]
    bench.expect_equal("portals", found, ["127.0.0.1:3260", "127.0.0.1:3262"])
    closed = goes.expect(expect.connection_closed())
    bench.expect_equal("the connection was reset", closed.reset, True)
    stays.nop()


@driver_case("drv-reconfig-10", guide="5.2.3", behaviour="1.5, 8.4")
@variants("change", ["size", "SN", "ID", "WWN"])
def test_unit_that_changed_is_announced_once(bench: DriverBench, change: str) -> None:
    """After a unit's size or identification changed, the session's next command gets 06/3f/0e, and none after it.

    A new size is told once more, by the unit that has it: 06/2a/09 (SBC-3, CAPACITY DATA HAS CHANGED).
    """
    name, session = disks(bench)
    changed = "first,MEM,size=3M" if change == "size" else f"first,MEM,size=1M,{change}=7"
    data = pattern(512)
    session.command(Write10.make(transfer_length=1), write=data).expect(expect.good())
    bench.expect_equal("result", reconfigure(bench, [("TargetDevice", changed), DISKS[1]], disks=name), 0)
    session.command(TestUnitReady(), lun=1).expect(RESCAN)
    if change == "size":
        session.command(TestUnitReady()).expect(RESIZED)
    session.command(TestUnitReady()).expect(expect.good())
    session.command(Read10.make(transfer_length=1), read=512).expect(expect.good(data=data))
    blocks = int.from_bytes(session.command(ReadCapacity10(), read=8).data[:4]) + 1
    bench.expect_equal("blocks", blocks, 6144 if change == "size" else 2048)


@driver_case("drv-reconfig-11", behaviour="8.4")
@variants("command", ["inquiry", "request-sense"])
def test_who_looks_again_is_told_no_more(bench: DriverBench, command: str) -> None:
    """INQUIRY passes and clears the condition; REQUEST SENSE passes with good status and clears it."""
    name, session = disks(bench)
    bench.expect_equal("result", reconfigure(bench, [("TargetDevice", "first,MEM,size=3M"), DISKS[1]], disks=name), 0)
    cdb = Inquiry.make(allocation_length=36) if command == "inquiry" else RequestSense.make(allocation_length=18)
    session.command(cdb, read=36 if command == "inquiry" else 18).expect(expect.good())
    session.command(TestUnitReady()).expect(RESIZED)
    for lun in (0, 1):
        session.command(TestUnitReady(), lun=lun).expect(expect.good())


@driver_case("drv-reconfig-12", behaviour="1.5")
@variants("list_of", ["more", "fewer", "another-order"])
def test_other_units_want_a_new_login(bench: DriverBench, list_of: str) -> None:
    """When order or number of the units change, live sessions are closed; a new login finds units and blocks."""
    name, session = disks(bench)
    data = pattern(512)
    session.command(Write10.make(transfer_length=1), write=data).expect(expect.good())
    devices = {
        "more": [*DISKS, ("TargetDevice", "third,MEM,size=1M")],
        "fewer": [DISKS[0]],
        "another-order": [DISKS[1], DISKS[0]],
    }[list_of]
    bench.expect_equal("result", reconfigure(bench, devices, disks=name), 0)
    session.expect(expect.async_message({AsyncEvent.SESSION_DROP}))
    session.expect(expect.connection_closed())
    again = bench.login(keys={"TargetName": name})
    lun = devices.index(DISKS[0])
    again.command(TestUnitReady(), lun=lun)
    again.command(Read10.make(transfer_length=1), read=512, lun=lun).expect(expect.good(data=data))


@driver_case("drv-reconfig-13", behaviour="1.5")
@variants("change", ["RO", "class"])
def test_what_cannot_change(bench: DriverBench, change: str) -> None:
    """LUN class and RO of a unit cannot change: -EINVAL, with a message, and nothing has changed."""
    name, session = disks(bench)
    device = "first,MEM,size=1M,RO" if change == "RO" else "first,FILE"
    bench.expect_equal("result", reconfigure(bench, [("TargetDevice", device), DISKS[1]], disks=name), EINVAL)
    bench.expect_log("change prohibited.")
    session.command(TestUnitReady()).expect(expect.good())


@driver_case("drv-reconfig-14", behaviour="1.5, 2.1")
def test_logins_are_turned_away_meanwhile(make_bench: Make) -> None:
    """A login that arrives while its target is being changed is answered with 3/2; one that comes later is let in."""
    hooks = ["fp_scsi_cmd_cdb_rcved", "fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_abort", "fp_tmf_execute"]
    bench = make_bench(lun_hooks=[*hooks, "fp_config_parse_options", "fp_attach", "fp_reattach"])
    statuses: list[int | None] = []

    def log_in(call: HookCall) -> None:
        statuses.append(bench.initiator.session().attempt_login().status)

    bench.when("fp_attach", log_in)
    bench.expect_equal("result", reconfigure(bench, [("TargetDevice", "new")]), 0)
    bench.expect_equal("status of a login in between", statuses, [LoginStatus.OUT_OF_RESOURCES])
    bench.session.nop()


@driver_case("drv-reconfig-15", guide="6.1.3", behaviour="1.5")
@variants("moment", ["before-buffers", "before-data", "between-data", "before-status"])
def test_write_goes_on_through_a_change(bench: DriverBench, moment: str) -> None:
    """A write takes its data and ends well though its target is changed, whenever that is."""
    data = pattern(8192)
    session = bench.login(keys={"MaxBurstLength": "4096", "FirstBurstLength": "4096"})
    task, sc = bench.begin_write(data, session)

    def change(now: str) -> None:
        if now == moment:
            bench.expect_equal("result", reconfigure(bench, [("TargetAlias", now), *only(bench)]), 0)

    change("before-buffers")
    buffers = bench.give_buffers(sc)
    r2t = task.next_r2t()
    change("before-data")
    task.serve(r2t)
    r2t = task.next_r2t()
    change("between-data")
    task.serve(r2t)
    bench.expect_hook("fp_scsi_cmd_data_xfer_status", sc=sc)
    change("before-status")
    bench.expect_equal("data in the driver's buffers", buffers.contents == data, True)
    bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-reconfig-16", guide="6.1.3", behaviour="1.5")
def test_many_changes_under_load(make_bench: Make) -> None:
    """Over TCP, with threads: one session's reads are answered right while the target is changed time and again."""
    data = pattern(4096)
    bench = make_bench(tcp=True)
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.execute(call.sc, data))
    session = bench.session
    portal = bench.module.directory.registry.nodes[bench.name].portals[0].address
    for count in range(10):
        reads = [session.start(Read10.make(transfer_length=8), read=4096) for _ in range(4)]
        keys = [("PortalGroup", f"1@{portal},timeout={60 + count}"), ("TargetAlias", f"change {count}")]
        bench.expect_equal("result", reconfigure(bench, [*keys, *(only(bench) if count % 2 else ())]), 0)
        for task in reads:
            task.expect(expect.good(data=data))
