"""Refusals of a login by the driver: each status on the wire, and which answer decides (guide 5.1.2, 5.1.3)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import OPERATIONAL, SECURITY, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.suites.driver_api.logins import CHECKS, send_first

Make = Callable[..., DriverBench]
STATUSES = [(2, 0), (2, 2), (2, 3), (2, 4), (2, 11), (3, 0), (3, 1), (3, 2)]


@driver_case("drv-refusal-01", "7143-11.13.5-01", guide="5.1.2, 7.3.1.1")
@variants("status", STATUSES, ids=[f"{major}-{minor}" for major, minor in STATUSES])
def test_first_checks_status_reaches_the_wire(make_bench: Make, status: tuple[int, int]) -> None:
    """Status-Class and Status-Detail of the Login Response are what the driver gave; T is 0, and there are no data."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, *status))
    result = bench.initiator.session().attempt_login()
    result.expect(expect.login_failed(status[0] << 8 | status[1]))
    header = result.header
    assert header is not None and not (header.transit or header.tsih or header.data_segment_length), f"{header}"


@driver_case("drv-refusal-02", "7143-11.13.5-01", guide="5.1.3, 7.3.1.2")
@variants("status", STATUSES, ids=[f"{major}-{minor}" for major, minor in STATUSES])
def test_stage_checks_status_reaches_the_wire(make_bench: Make, status: tuple[int, int]) -> None:
    """The same for a refusal by fp_login_stage_check."""
    bench = make_bench(target_hooks=["fp_login_stage_check"])
    bench.when("fp_login_stage_check", lambda call: bench.answer_login(call, *status))
    result = bench.initiator.session().attempt_login()
    result.expect(expect.login_failed(status[0] << 8 | status[1]))


@driver_case("drv-refusal-03", guide="7.3.1.2", behaviour="2.2")
def test_operational_stage_can_be_refused_alone(make_bench: Make) -> None:
    """A driver that lets the security stage pass can refuse the operational one."""
    bench = make_bench(target_hooks=["fp_login_stage_check"])
    bench.when("fp_login_stage_check", lambda call: bench.answer_login(call, 2 * call.login_stage, 0))
    result = bench.initiator.session().attempt_login(stages=(SECURITY, OPERATIONAL))
    result.expect(expect.login_failed(0x0200))
    assert bench.count_hooks("fp_login_stage_check") == 2, "the operational stage was not asked about"


@driver_case("drv-refusal-04", behaviour="2.2")
@variants("refusing", [0, 1], ids=["first", "stage"])
@variants("refusal_first", [True, False], ids=["then-accepted", "after-accepted"])
def test_acceptance_does_not_take_a_refusal_back(make_bench: Make, refusing: int, refusal_first: bool) -> None:
    """Of two answers, a refusal decides, whichever came first."""
    bench = make_bench(target_hooks=CHECKS)
    login = send_first(bench)
    calls = [bench.expect_hook(hook) for hook in CHECKS]
    order = [refusing, 1 - refusing] if refusal_first else [1 - refusing, refusing]
    for index in order:
        bench.answer_login(calls[index], *((2, 2) if index == refusing else (0, 0)))
    login.reply().expect(expect.login_failed(0x0202))


@driver_case("drv-refusal-05", behaviour="2.2")
def test_first_of_two_refusals_decides(make_bench: Make) -> None:
    """When both hooks refuse, the initiator is told what the driver said first."""
    bench = make_bench(target_hooks=CHECKS)
    login = send_first(bench)
    calls = [bench.expect_hook(hook) for hook in CHECKS]
    bench.answer_login(calls[1], 3, 2)
    bench.answer_login(calls[0], 2, 3)
    login.reply().expect(expect.login_failed(0x0302))


@driver_case("drv-refusal-06", guide="7.3.1.1", behaviour="2.2")
def test_refused_login_leaves_nothing_behind(make_bench: Make) -> None:
    """After a refusal the same initiator port may log in again, as a new session; no session was ever added."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, 2, 2))
    session = bench.initiator.session()
    session.attempt_login().expect(expect.login_failed(0x0202))
    bench.expect_no_hook("fp_session_added", "fp_session_removed")
    bench.when("fp_first_login_check", bench.answer_login)
    bench.initiator.session(isid=session.isid).attempt_login().expect(expect.login_succeeded())
    bench.expect_hook("fp_session_added", isid=session.isid)
