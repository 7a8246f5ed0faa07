"""fp_session_added, fp_session_removed and chiscsi_target_session_abort (guide 5.1.5, 7.3.2 to 7.3.4)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import AsyncEvent, DataIn, Session, TaskManagementFunction, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern

Make = Callable[..., DriverBench]


def _log_out(bench: DriverBench, session: Session) -> None:
    session.logout()


def _close(bench: DriverBench, session: Session) -> None:
    session.connection.close()


def _reset(bench: DriverBench, session: Session) -> None:
    session.connection.reset()


def _spoil(bench: DriverBench, session: Session) -> None:
    session.connection.send_raw(b"\x3f" + bytes(47))


def _abort(bench: DriverBench, session: Session) -> None:
    handle = next(call.sess_hdl for call in bench.hooks.calls if call.name == "fp_session_added")
    assert bench.module.chiscsi_target_session_abort(handle) == 0, "chiscsi_target_session_abort refuses"


def _reinstate(bench: DriverBench, session: Session) -> None:
    bench.initiator.session(isid=session.isid).attempt_login()


def _remove_target(bench: DriverBench, session: Session) -> None:
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0, "chiscsi_target_remove refuses"


def _cold_reset(bench: DriverBench, session: Session) -> None:
    bench.when("fp_tmf_execute", bench.answer_tmf)
    session.task_management(TaskManagementFunction.TARGET_COLD_RESET)


ENDS = [_log_out, _close, _reset, _abort, _reinstate, _remove_target, _cold_reset]


@driver_case("drv-session-01", guide="5.1.5, 7.3.2", behaviour="1.7")
def test_new_session_is_announced_once(bench: DriverBench) -> None:
    """fp_session_added is called once, when the login is over, with the ISID and the names of both ends."""
    session = bench.initiator.session()
    session.attempt_login().expect(expect.login_succeeded())
    call = bench.expect_hook("fp_session_added")
    assert bytes(call.isid) == session.isid, f"isid {bytes(call.isid).hex()}"
    assert (call.initiator_name, call.target_name) == (bench.initiator.name, bench.name), str(call)
    session.nop()
    bench.expect_no_hook()


@driver_case("drv-session-02", guide="7.3.2, 7.3.5.1", behaviour="1.7")
def test_what_session_added_returns_comes_with_every_command(bench: DriverBench) -> None:
    """The result of fp_session_added is sc_tclass_sess_priv of the session's commands, and of no other session's."""
    bench.when("fp_session_added", returns="first")
    _, first = bench.begin_no_data(bench.session)
    bench.when("fp_session_added", returns="second")
    _, second = bench.begin_no_data(bench.other_session)
    found = (first.sc_tclass_sess_priv, second.sc_tclass_sess_priv)
    assert found == ("first", "second"), f"sc_tclass_sess_priv {found}"


@driver_case("drv-session-03", guide="7.3.6", behaviour="1.7")
def test_what_session_added_returns_comes_with_task_management(bench: DriverBench) -> None:
    """The result of fp_session_added is the first argument of fp_tmf_execute."""
    bench.when("fp_session_added", returns="mine")
    bench.when("fp_tmf_execute", bench.answer_tmf)
    bench.session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    bench.expect_hook("fp_tmf_execute", sess_tclass="mine")


@driver_case("drv-session-04", behaviour="1.7")
def test_handle_names_the_session_everywhere(bench: DriverBench) -> None:
    """The handle of fp_session_added is sc_sess of the commands and the handle of fp_session_removed."""
    _, sc = bench.begin_no_data()
    added = bench.hooks.calls[0]
    assert sc.sc_sess == added.sess_hdl, f"sc_sess {sc.sc_sess} of session {added.sess_hdl}"
    bench.executed(sc)
    bench.session.connection.close()
    bench.expect_hook("fp_session_removed", sess_hdl=added.sess_hdl)


@driver_case("drv-session-05", behaviour="1.7")
def test_handles_are_not_used_again(bench: DriverBench) -> None:
    """A handle names one session for ever: those that come later have others."""
    handles = []
    for _ in range(4):
        bench.initiator.login().connection.close()
        handles.append(bench.expect_hook("fp_session_added").sess_hdl)
        bench.expect_hook("fp_session_removed")
    assert len(set(handles)) == 4, f"handles {handles}"


@driver_case("drv-session-06", behaviour="1.7")
def test_discovery_session_is_not_announced(bench: DriverBench) -> None:
    """Discovery sessions belong to no driver: neither their beginning nor their end is announced."""
    session = bench.initiator.login(discovery=True)
    session.send_targets()
    session.logout()
    bench.expect_no_hook()


@driver_case("drv-session-07", guide="7.3.2", behaviour="1.7")
def test_further_connections_are_not_announced(make_bench: Make) -> None:
    """fp_session_added is for the leading connection; as long as one is left, the session is not removed."""
    bench = make_bench(keys={"MaxConnections": "2"})
    session = bench.login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    second.close()
    session.nop()
    bench.expect_no_hook()
    session.connection.close()
    bench.expect_hook("fp_session_removed")


@driver_case("drv-session-08", guide="7.3.3, 7.3.4", behaviour="1.4, 1.7, 4.2")
@variants("end", ENDS, ids=[end.__name__.strip("_").replace("_", "-") for end in ENDS])
def test_end_of_a_session_is_announced_once(bench: DriverBench, end: Callable[[DriverBench, Session], None]) -> None:
    """However a session ends, fp_session_removed is called once, with the handle and the names of its beginning."""
    session = bench.initiator.login()
    added = bench.expect_hook("fp_session_added")
    end(bench, session)
    removed = bench.expect_hook("fp_session_removed", sess_hdl=added.sess_hdl)
    assert removed.initiator_name == added.initiator_name, str(removed)
    assert removed.target_name == added.target_name, str(removed)
    bench.expect_no_hook("fp_session_removed")


@driver_case("drv-session-09", guide="7.3.3")
def test_protocol_error_ends_the_session(bench: DriverBench) -> None:
    """A protocol error on its only connection ends a session, and the driver is told."""
    session = bench.session
    session.connection.send_raw(b"\x43\x80" + bytes(46))
    session.connection.close()
    bench.expect_hook("fp_session_removed")


@driver_case("drv-session-10", guide="7.3.4", behaviour="1.7")
@variants("handle", [0, None, 0x7FFFFFFF], ids=["zero", "null", "unknown"])
def test_abort_of_no_session_is_refused(bench: DriverBench, handle: int | None) -> None:
    """chiscsi_target_session_abort returns -EINVAL for a handle that names no session, and harms none."""
    session = bench.session
    result = bench.module.chiscsi_target_session_abort(handle)  # type: ignore[arg-type]  # a null handle is the point
    assert result == EINVAL, f"result {result}"
    session.nop()
    bench.expect_no_hook()


@driver_case("drv-session-11", behaviour="1.7")
def test_login_handle_names_no_session(make_bench: Make) -> None:
    """The handle of the login hooks is the connection's: as a session's it is not valid."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", bench.answer_login)
    session = bench.session
    handle = next(call.hndl for call in bench.hooks.calls if call.name == "fp_first_login_check")
    result = bench.module.chiscsi_target_session_abort(handle)
    assert result == EINVAL, f"result {result}"
    session.nop()


@driver_case("drv-session-12", guide="7.3.4", behaviour="1.4")
def test_aborted_sessions_initiator_is_told(bench: DriverBench) -> None:
    """A session that the driver aborts is announced as dropped by an Asynchronous Message, then closed."""
    session = bench.session
    _abort(bench, session)
    session.expect(expect.async_message(AsyncEvent.SESSION_DROP))
    session.expect(expect.connection_closed())
    bench.expect_hook("fp_session_removed")


@driver_case("drv-session-13", guide="7.3.4", behaviour="1.7")
@variants("hook", ["fp_scsi_cmd_cdb_rcved", "fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", "fp_session_added"])
def test_session_can_be_aborted_inside_a_hook(bench: DriverBench, hook: str) -> None:
    """chiscsi_target_session_abort called inside a hook returns 0 at once; the end comes after the hook."""
    results: list[int] = []
    during: list[int] = []

    def abort(_: object) -> None:
        handle = next(call.sess_hdl for call in bench.hooks.calls if call.name == "fp_session_added")
        results.append(bench.module.chiscsi_target_session_abort(handle))
        during.append(sum(call.name == "fp_session_removed" for call in bench.hooks.calls))

    bench.when(hook, abort)
    session = bench.initiator.login()
    if hook != "fp_session_added":
        sc = bench.begin_read(4096, session)[1]
        if hook != "fp_scsi_cmd_cdb_rcved":
            bench.execute(sc, pattern(4096))
    session.connection.expect(expect.connection_closed(after=(DataIn,)))
    bench.expect_that("fp_session_removed is called", lambda: bench.count_hooks("fp_session_removed") == 1)
    assert (results, during) == ([0], [0]), f"results {results}, removed within the call: {during}"


@driver_case("drv-session-14", guide="5.1.5")
def test_raising_session_added_is_logged(bench: DriverBench) -> None:
    """fp_session_added that raises is logged; the session is there, and other sessions are not concerned."""
    bench.when("fp_session_added", raises=RuntimeError("no room for it"))
    session = bench.initiator.login()
    bench.expect_hook("fp_session_added")
    bench.expect_log("no room for it")
    session.nop()
    session.connection.close()
    bench.expect_hook("fp_session_removed")


@driver_case("drv-session-15", behaviour="2.4, 1.7")
def test_old_session_is_removed_before_its_successor_is_added(bench: DriverBench) -> None:
    """Session reinstatement: the driver is told that the old session is gone before the new one is announced."""
    old = bench.session
    bench.initiator.session(isid=old.isid).attempt_login().expect(expect.login_succeeded())
    names = [call.name for call in bench.hooks.waiting]
    assert names == ["fp_session_removed", "fp_session_added"], f"called: {names}"
