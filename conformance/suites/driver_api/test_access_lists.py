"""Access lists: who is let in, and when the list is looked at (behaviour file, 2.1, 2.6, 2.7)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import LoginStatus, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.suites.driver_api.logins import CHECKS
from conformance.suites.driver_api.nodes import only, reconfigure

Make = Callable[..., DriverBench]

DENIED = LoginStatus.AUTHORIZATION_FAILURE
SOMEBODY = ("ACL", "iname=iqn.2026-01.example:somebody")
ENABLED = ("ACL_Enable", "Yes")


def _order(bench: DriverBench, order: str) -> None:
    """Have the access list looked at before anything else ("ACL"), or last ("CHAP")."""
    assert bench.module.set_global_variables([("iscsi_auth_order", order)]) == [], "the variable is refused"


@driver_case("drv-acl-01", "7143-11.13.5-01", behaviour="2.6")
@variants("order", ["ACL", "CHAP"])
def test_stranger_is_refused(make_bench: Make, order: str) -> None:
    """An initiator that no entry matches is refused with 2/2, whenever the list is looked at."""
    bench = make_bench(keys=[ENABLED, SOMEBODY])
    _order(bench, order)
    bench.initiator.session().attempt_login().expect(expect.login_failed(DENIED))
    bench.expect_no_hook("fp_session_added")


@driver_case("drv-acl-02", behaviour="2.6")
def test_empty_list_lets_nobody_in(make_bench: Make) -> None:
    """ACL_Enable=Yes without an entry means that nobody may log in."""
    bench = make_bench(keys=[ENABLED])
    bench.initiator.session().attempt_login().expect(expect.login_failed(DENIED))


@driver_case("drv-acl-03", behaviour="2.6")
@variants("keys", [[SOMEBODY], [("ACL_Enable", "No"), SOMEBODY]], ids=["absent", "no"])
def test_list_that_is_not_enabled_is_not_looked_at(make_bench: Make, keys: list[tuple[str, str]]) -> None:
    """Without ACL_Enable=Yes everybody is let in, with all rights."""
    bench = make_bench(keys=keys)
    bench.initiator.session().attempt_login().expect(expect.login_succeeded())
    _, sc = bench.begin_no_data()
    bench.expect_equal("rights", sc.sc_flag & 0x1800, 0x1800)


@driver_case("drv-acl-04", behaviour="2.6")
@variants("criteria", ["iname", "sip", "dip"])
def test_every_criterion_has_to_match(make_bench: Make, criteria: str) -> None:
    """An entry with a criterion that does not match gives no access, though the others match."""
    bench = make_bench()
    good = {"iname": bench.initiator.name, "sip": "127.0.0.1", "dip": "127.0.0.1"}
    wrong = {"iname": "iqn.2026-01.example:somebody", "sip": "192.0.2.1", "dip": "127.0.0.2"}
    entry = ";".join(f"{key}={(wrong if key == criteria else good)[key]}" for key in good)
    # The criterion on the portal has to name one of the target's, so it has one more.
    portals = ("PortalGroup", "1@127.0.0.1:0,127.0.0.2:0")
    assert reconfigure(bench, [portals, ENABLED, ("ACL", entry)]) == 0, "chiscsi_target_reconfig refuses"
    bench.initiator.session().attempt_login().expect(expect.login_failed(DENIED))


@driver_case("drv-acl-05", behaviour="2.6")
@variants("best", ["first", "last"])
def test_entry_with_most_criteria_decides(make_bench: Make, best: str) -> None:
    """Of several entries that match, the one with most criteria counts, wherever it stands in the list."""
    bench = make_bench()
    name = bench.initiator.name
    entries = [("ACL", f"iname={name};lun=ALL:R"), ("ACL", f"iname={name};sip=127.0.0.1;lun=ALL:RW")]
    ordered = entries if best == "last" else entries[::-1]
    assert reconfigure(bench, [ENABLED, *ordered]) == 0, "chiscsi_target_reconfig refuses"
    _, sc = bench.begin_no_data()
    bench.expect_equal("rights", sc.sc_flag & 0x1800, 0x1800)


@driver_case("drv-acl-06", behaviour="2.6")
def test_tie_goes_to_the_first_entry(make_bench: Make) -> None:
    """Of entries with equally many criteria, the first in configuration order counts."""
    bench = make_bench()
    entries = [("ACL", f"iname={bench.initiator.name};lun=ALL:R"), ("ACL", "sip=127.0.0.1;lun=ALL:RW")]
    assert reconfigure(bench, [ENABLED, *entries]) == 0, "chiscsi_target_reconfig refuses"
    _, sc = bench.begin_no_data()
    bench.expect_equal("rights", sc.sc_flag & 0x1800, 0x800)


@driver_case("drv-acl-07", guide="7.3.1.1", behaviour="2.1")
@variants("order", ["ACL", "CHAP"])
def test_when_the_list_is_looked_at(make_bench: Make, order: str) -> None:
    """iscsi_auth_order=ACL: before any hook is called. CHAP: when the login is about to end, after all hooks."""
    bench = make_bench(target_hooks=CHECKS, keys=[ENABLED, SOMEBODY])
    _order(bench, order)
    for hook in CHECKS:
        bench.when(hook, bench.answer_login)
    bench.initiator.session().attempt_login().expect(expect.login_failed(DENIED))
    if order == "ACL":
        bench.expect_no_hook(*CHECKS)
    else:
        bench.expect_hook("fp_first_login_check")
        bench.expect_hook("fp_login_stage_check")


@driver_case("drv-acl-08", behaviour="2.7")
@variants("value", ["All", "name"])
def test_discovery_follows_the_list(make_bench: Make, value: str) -> None:
    """A target is shown in discovery to those who may log in to it, and is hidden from the others."""
    bench = make_bench()
    assert reconfigure(bench, only(bench)) == 0, "chiscsi_target_reconfig refuses"
    asked = bench.name if value == "name" else "All"
    shown = [record.name for record in bench.initiator.discover().send_targets(asked)]
    hidden = [record.name for record in bench.second_initiator.discover().send_targets(asked)]
    bench.expect_equal("targets of one that has access, and of one that has not", (shown, hidden), ([bench.name], []))


@driver_case("drv-acl-09", guide="5.1.6", behaviour="2.7")
def test_hook_is_not_asked_about_a_target_that_is_named(make_bench: Make) -> None:
    """fp_discovery_target_accessible is called for SendTargets=All; a target that is named goes by the list alone."""
    bench = make_bench(target_hooks=["fp_discovery_target_accessible"])
    bench.when("fp_discovery_target_accessible", returns=0)
    session = bench.initiator.discover()
    bench.expect_equal("targets", [record.name for record in session.send_targets(bench.name)], [bench.name])
    bench.expect_no_hook("fp_discovery_target_accessible")
    bench.expect_equal("targets", session.send_targets("All"), [])
    bench.expect_hook("fp_discovery_target_accessible", target_name=bench.name)


@driver_case("drv-acl-10", guide="5.1.6")
def test_hook_is_told_which_connection_asks(make_bench: Make) -> None:
    """The handle that fp_discovery_target_accessible is given is another for each connection, and 0 for none."""
    bench = make_bench(target_hooks=["fp_discovery_target_accessible"])
    handles = []
    for initiator in (bench.initiator, bench.second_initiator):
        initiator.discover().send_targets("All")
        handles.append(bench.expect_hook("fp_discovery_target_accessible", target_name=bench.name).hndl)
    first, second = handles
    bench.expect_that(f"two handles that are not 0: {handles}", lambda: 0 != first != second != 0)
