"""The two login hooks: when they are called, with what, and how a login waits for their answers (guide 7.3.1)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import OPERATIONAL, SECURITY, Closed, expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.suites.driver_api.logins import CHECKS, expect_still_waiting, send_first

Make = Callable[..., DriverBench]


@driver_case("drv-login-01", guide="7.3.1.1", behaviour="2.2")
@variants("hook", CHECKS, ids=["first", "stage"])
@variants("how", HOW)
def test_accepted_login_goes_on(make_bench: Make, how: How, hook: str) -> None:
    """The driver may answer a login hook inside the hook, later, or from another thread: with 0/0 the login goes on."""
    bench = make_bench(target_hooks=[hook])
    bench.when(hook, bench.answer_login, how)
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())
    bench.expect_hook(hook)
    bench.expect_hook("fp_session_added")


@driver_case("drv-login-02", guide="5.1.2, 7.3.1.1", behaviour="2.1")
def test_first_check_is_told_who_logs_in_to_what(make_bench: Make) -> None:
    """fp_first_login_check gets the names of both ends and the TCP 4-tuple, and is called once."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", bench.answer_login)
    session = bench.login()
    assert bench.count_hooks("fp_first_login_check") == 1, "called more than once"
    call = bench.hooks.calls[0]
    assert call.initiator_name == bench.initiator.name, f"initiator_name {call.initiator_name}"
    assert call.target_name == bench.name, f"target_name {call.target_name}"
    words = next(str(getattr(record, "event", "")) for record in session.connection.exchange.records)
    assert words == f"connected {call.endpoint.iaddr} -> {call.endpoint.taddr}", f"endpoint {call.endpoint}"


@driver_case("drv-login-03", guide="7.3.1.2", behaviour="2.2")
def test_stage_check_is_called_for_each_stage(make_bench: Make) -> None:
    """A login that starts in the security stage is checked there, and again on transit to the operational stage."""
    bench = make_bench(target_hooks=["fp_login_stage_check"])
    bench.when("fp_login_stage_check", bench.answer_login)
    bench.initiator.session().attempt_login(stages=(SECURITY, OPERATIONAL)).expect(expect.login_succeeded())
    stages = [call.login_stage for call in bench.hooks.calls if call.name == "fp_login_stage_check"]
    assert stages == [0, 1], f"called for the stages {stages}"


@driver_case("drv-login-04", guide="7.3.1.2", behaviour="2.1")
def test_stage_check_of_a_login_without_security_stage(make_bench: Make) -> None:
    """A login that starts in the operational stage is checked for that one."""
    bench = make_bench(target_hooks=["fp_login_stage_check"])
    bench.when("fp_login_stage_check", bench.answer_login)
    bench.initiator.session().attempt_login(stages=(OPERATIONAL,)).expect(expect.login_succeeded())
    stages = [call.login_stage for call in bench.hooks.calls if call.name == "fp_login_stage_check"]
    assert stages == [1], f"called for the stages {stages}"


@driver_case("drv-login-05", guide="7.3.1.1, 7.3.1.2", behaviour="2.2")
@variants("hook", CHECKS, ids=["first", "stage"])
def test_login_waits_for_the_driver(make_bench: Make, hook: str) -> None:
    """Until the driver answers, nothing is said to the initiator; then the login goes on where it was."""
    bench = make_bench(target_hooks=[hook])
    login = send_first(bench)
    call = bench.expect_hook(hook)
    expect_still_waiting(bench, login, 60)
    bench.answer_login(call)
    login.reply().expect(expect.login_succeeded())


@driver_case("drv-login-06", guide="7.3.1", behaviour="2.2")
@variants("first", [0, 1], ids=["first", "stage"])
def test_one_answer_of_two_does_not_let_a_login_go_on(make_bench: Make, first: int) -> None:
    """A login that begins with the operational stage waits for both hooks at once, in whichever order they answer."""
    bench = make_bench(target_hooks=CHECKS)
    login = send_first(bench)
    calls = [bench.expect_hook(hook) for hook in CHECKS]
    bench.answer_login(calls[first])
    expect_still_waiting(bench, login)
    bench.answer_login(calls[1 - first])
    login.reply().expect(expect.login_succeeded())


@driver_case("drv-login-07", guide="7.3.1", behaviour="2.2")
def test_waiting_login_reads_nothing(make_bench: Make) -> None:
    """PDUs that arrive while a hook is unanswered stay unread: the stage check of a second request comes afterwards."""
    bench = make_bench(target_hooks=CHECKS)
    bench.when("fp_login_stage_check", bench.answer_login)
    login = send_first(bench, SECURITY)
    call = bench.expect_hook("fp_first_login_check")
    bench.expect_hook("fp_login_stage_check", login_stage=0)
    login.request(csg=OPERATIONAL)
    bench.expect_no_hook()
    bench.answer_login(call)
    login.reply()
    login.reply().expect(expect.login_succeeded())


@driver_case("drv-login-08", guide="7.3.1.1")
def test_waiting_login_holds_up_nobody_else(make_bench: Make) -> None:
    """A login whose hook is unanswered concerns nobody but itself: another initiator logs in and is served."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    waiting = send_first(bench)
    held = bench.expect_hook("fp_first_login_check")
    bench.when("fp_first_login_check", bench.answer_login)
    task, sc = bench.begin_no_data(bench.other_session)
    bench.executed(sc)
    task.expect(expect.good())
    bench.answer_login(held)
    waiting.reply().expect(expect.login_succeeded())


@driver_case("drv-login-09", guide="7.3.1.1", behaviour="2.2")
@variants("asked, window", [(0, 128), (1, 1), (16, 16), (128, 128), (200, 200)])
def test_drivers_max_cmd_is_the_command_window(make_bench: Make, asked: int, window: int) -> None:
    """max_cmd is the session's command window: MaxCmdSN is ExpCmdSN + max_cmd - 1; 0 stands for 128."""
    bench = make_bench(target_hooks=["fp_first_login_check"], keys={"TargetSessionMaxCmd": "2048"})
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, max_cmd=asked))
    header = bench.initiator.session().attempt_login().expect(expect.login_succeeded()).header
    assert header is not None
    size = header.max_cmd_sn - header.exp_cmd_sn + 1
    assert size == window, f"a window of {size} commands"


@driver_case("drv-login-10", behaviour="2.2")
def test_max_cmd_is_limited_by_the_node(make_bench: Make) -> None:
    """The command window is the lesser of the driver's max_cmd and the node's TargetSessionMaxCmd."""
    bench = make_bench(target_hooks=["fp_first_login_check"], keys={"TargetSessionMaxCmd": "32"})
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, max_cmd=100))
    header = bench.initiator.session().attempt_login().expect(expect.login_succeeded()).header
    assert header is not None
    size = header.max_cmd_sn - header.exp_cmd_sn + 1
    assert size == 32, f"a window of {size} commands"


@driver_case("drv-login-11", guide="7.3.1.1", behaviour="2.1")
@variants("hook", CHECKS, ids=["first", "stage"])
def test_login_time_includes_the_drivers(make_bench: Make, hook: str) -> None:
    """The time limit of a login goes on while a hook is unanswered: then the connection is reset without a response."""
    bench = make_bench(target_hooks=[hook], login_time=10)
    login = send_first(bench)
    bench.expect_hook(hook)
    expect_still_waiting(bench, login, 8)
    login.connection.expect(expect.connection_closed(reset=True, after=(), timeout=4))
    bench.expect_no_hook("fp_session_added")


@driver_case("drv-login-12", guide="7.3.1.1", behaviour="2.2")
@variants("hook", CHECKS, ids=["first", "stage"])
@variants("reset", [False, True], ids=["closed", "reset"])
def test_answer_for_a_lost_connection_is_ignored(make_bench: Make, hook: str, reset: bool) -> None:
    """When the connection is lost while the driver decides, its answer changes nothing: no session comes of it."""
    bench = make_bench(target_hooks=[hook])
    login = send_first(bench)
    call = bench.expect_hook(hook)
    (login.connection.reset if reset else login.connection.close)()
    bench.answer_login(call)
    bench.expect_no_hook()
    bench.when(hook, bench.answer_login)
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())


@driver_case("drv-login-13", behaviour="2.2")
@variants("hook", CHECKS, ids=["first", "stage"])
def test_answer_for_an_unknown_handle_is_ignored(make_bench: Make, hook: str) -> None:
    """An answer under a handle that no login has is ignored, with a line in the log."""
    bench = make_bench(target_hooks=CHECKS)
    for name in CHECKS:
        bench.when(name, bench.answer_login)
    session = bench.session
    call = next(call for call in bench.hooks.calls if call.name == hook)
    call.arguments["hndl"] = 0x7FFFFFFF
    bench.answer_login(call, 2, 0)
    session.nop()
    bench.expect_log(f"{0x7FFFFFFF}")


@driver_case("drv-login-14", behaviour="2.2")
@variants("hook", CHECKS, ids=["first", "stage"])
def test_second_answer_is_ignored(make_bench: Make, hook: str) -> None:
    """Each call of a hook is answered once; a second answer does not stand for another hook's."""
    bench = make_bench(target_hooks=CHECKS)
    login = send_first(bench)
    calls = {name: bench.expect_hook(name) for name in CHECKS}
    bench.answer_login(calls[hook])
    bench.answer_login(calls[hook])
    expect_still_waiting(bench, login)
    bench.answer_login(next(call for name, call in calls.items() if name != hook))
    login.reply().expect(expect.login_succeeded())


@driver_case("drv-login-15", behaviour="2.2")
@variants("status_class", [1, 4, 255])
def test_other_status_class_is_taken_as_success(make_bench: Make, status_class: int) -> None:
    """A driver can refuse with class 2 or 3 only; any other class gets a warning and is taken as 0."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, status_class, 1))
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())
    bench.expect_log(f"class {status_class}")


@driver_case("drv-login-16", guide="7.3.1.1", behaviour="2.1")
def test_discovery_login_is_not_checked(make_bench: Make) -> None:
    """The login hooks are for normal sessions: a discovery session belongs to no target class."""
    bench = make_bench(target_hooks=CHECKS)
    bench.initiator.session(discovery=True).attempt_login().expect(expect.login_succeeded())
    bench.expect_no_hook()


@driver_case("drv-login-17", guide="7.3.1.1", behaviour="2.1")
@variants("keys", [{"TargetName": "iqn.2026-11.org.example:nobody"}], ids=["unknown-target"])
def test_driver_is_not_asked_about_what_is_refused_anyway(make_bench: Make, keys: dict[str, str]) -> None:
    """A login to a target that does not exist is refused before any hook is called."""
    bench = make_bench(target_hooks=CHECKS)
    bench.initiator.session().attempt_login(keys=keys).expect(expect.login_failed(0x0203))
    bench.expect_no_hook()


@driver_case("drv-login-18", guide="7.3.1.1")
def test_further_connection_is_not_checked(make_bench: Make) -> None:
    """fp_first_login_check is for requests that establish a session; a further connection of one joins without."""
    bench = make_bench(target_hooks=["fp_first_login_check"], keys={"MaxConnections": "2"})
    bench.when("fp_first_login_check", bench.answer_login)
    session = bench.login(keys={"MaxConnections": "2"})
    session.add_connection()
    bench.expect_no_hook("fp_first_login_check", "fp_session_added")


@driver_case("drv-login-19", guide="7.3.1.1")
def test_hook_is_called_for_the_whole_request(make_bench: Make) -> None:
    """A first request that goes on by its C bit is complete with its last PDU: only then is the driver asked."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", bench.answer_login)
    login = bench.initiator.session().begin_login()
    keys = "".join(f"{key}={value}\0" for key, value in bench.initiator.identity().items()).encode()
    login.request(csg=OPERATIONAL, transit=0, nsg=0, data=keys[:20], continue_=1)
    login.reply()
    bench.expect_no_hook()
    login.request(csg=OPERATIONAL, data=keys[20:])
    login.reply().expect(expect.login_succeeded())
    bench.expect_hook("fp_first_login_check", initiator_name=bench.initiator.name)


@driver_case("drv-login-20", guide="5.1.2")
@variants("hook", CHECKS, ids=["first", "stage"])
def test_raising_hook_refuses_its_login_alone(make_bench: Make, hook: str) -> None:
    """A hook that raises is an error of the target (status 3/0) for its own login, and for no other."""
    bench = make_bench(target_hooks=[hook])
    bench.when(hook, raises=RuntimeError("the driver is broken"))
    bench.initiator.session().attempt_login().expect(expect.login_failed(0x0300))
    bench.expect_log("the driver is broken")
    bench.when(hook, bench.answer_login)
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())


@driver_case("drv-login-21", guide="5.1", behaviour="1.1")
def test_absent_hooks_are_skipped(bench: DriverBench) -> None:
    """A target class without login hooks has nothing to wait for: the login goes through at once."""
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())
    bench.expect_hook("fp_session_added")
    bench.expect_no_hook()


@driver_case("drv-login-22", "7143-11.13.5-01", guide="7.3.1.1", behaviour="2.2")
@variants("how", HOW)
@variants("hook", CHECKS, ids=["first", "stage"])
def test_refused_connection_is_closed(make_bench: Make, hook: str, how: How) -> None:
    """A refusal reaches the initiator however it was given, and then the connection is closed; no session is added."""
    bench = make_bench(target_hooks=[hook])
    bench.when(hook, lambda call: bench.answer_login(call, 3, 1), how)
    login = send_first(bench)
    login.reply().expect(expect.login_failed(0x0301))
    ending = login.connection.receive()
    assert isinstance(ending, Closed), f"after the refusal: {ending}"
    bench.expect_hook(hook)
    bench.expect_no_hook()
