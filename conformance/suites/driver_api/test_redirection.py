"""Redirection: logins that are sent on to another portal (guide 5.1.7; behaviour file, 2.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import tcp_endpoint
from conformance.api import LoginResult, LoginStatus, expect, variants
from conformance.driver_bench import DriverBench, HookCall, driver_case
from conformance.driver_bench.playing import EINVAL
from conformance.suites.driver_api.logins import CHECKS
from conformance.suites.driver_api.nodes import BUILT_IN, DISKS
from iscsi_wire.text import parse_pairs

Make = Callable[..., DriverBench]

SELECT = "fp_select_redirection_portal"
GROUPS = (("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@127.0.0.1:3261,127.0.0.1:3262"))


def _to(ip: str, port: int) -> Callable[[HookCall], None]:
    """Choose a portal."""

    def choose(call: HookCall) -> None:
        call.endpoint.taddr = tcp_endpoint(ip, port)

    return choose


def _moved(bench: DriverBench, **arguments: Any) -> str:
    """Where a login is sent on to."""
    result: LoginResult = bench.initiator.session().attempt_login(**arguments)
    result.expect(expect.login_failed(LoginStatus.TARGET_MOVED_TEMPORARILY))
    return dict(parse_pairs(result.replies[-1].data)).get("TargetAddress", "nowhere")


@driver_case("drv-redirect-01", guide="5.1.7", behaviour="2.5")
def test_driver_chooses_the_portal(make_bench: Make) -> None:
    """The login ends with 1/1; TargetAddress is what the hook wrote to the endpoint, without a portal group tag."""
    bench = make_bench(target_hooks=[SELECT], keys=GROUPS)
    bench.when(SELECT, _to("192.0.2.9", 860))
    bench.expect_equal("TargetAddress", _moved(bench), "192.0.2.9:860")
    bench.expect_hook(SELECT, target_name=bench.name, initiator_name=bench.initiator.name)


@driver_case("drv-redirect-02", guide="5.1.7", behaviour="2.5")
def test_address_of_a_portal_in_ipv6(make_bench: Make) -> None:
    """An IPv6 address stands in brackets."""
    bench = make_bench(target_hooks=[SELECT], keys=GROUPS)
    bench.when(SELECT, _to("2001:db8::9", 3260))
    bench.expect_equal("TargetAddress", _moved(bench), "[2001:db8::9]:3260")


@driver_case("drv-redirect-03", behaviour="2.1, 2.5")
def test_no_login_hook_is_called(make_bench: Make) -> None:
    """A login that is sent on is not shown to the driver's login hooks, and makes no session."""
    bench = make_bench(target_hooks=[SELECT, *CHECKS], keys=GROUPS)
    bench.when(SELECT, _to("192.0.2.9", 860))
    for hook in CHECKS:
        bench.when(hook, bench.answer_login)
    _moved(bench)
    bench.expect_no_hook(*CHECKS, "fp_session_added")


@driver_case("drv-redirect-04", guide="5.1.7", behaviour="2.5")
@variants("fault", ["absent", "negative", "raises", "nothing-chosen", "no-address"])
def test_without_a_portal_the_login_is_refused(make_bench: Make, fault: str) -> None:
    """A hook that is missing, fails, or leaves no portal behind refuses the login with 3/2."""
    bench = make_bench(target_hooks=[] if fault == "absent" else [SELECT], keys=GROUPS)
    if fault == "negative":
        bench.when(SELECT, _to("192.0.2.9", 860), returns=-9)
    elif fault == "raises":
        bench.when(SELECT, raises=RuntimeError("no portal at hand"))
    elif fault == "no-address":
        bench.when(SELECT, _to("somewhere", 860))
    result = bench.initiator.session().attempt_login()
    result.expect(expect.login_failed(LoginStatus.OUT_OF_RESOURCES))


@driver_case("drv-redirect-05", behaviour="2.5")
def test_portals_of_a_built_in_class_take_turns(make_bench: Make) -> None:
    """For the class CHELSIO, logins go to the portals of the listed groups, one after the other."""
    bench = make_bench(node=False)
    name = f"{bench.name}.disks"
    assert bench.add_target(name, [*GROUPS, *DISKS], BUILT_IN) == 0, "chiscsi_target_add refuses"
    places = [_moved(bench, keys={"TargetName": name}) for _ in range(3)]
    wanted = [f"127.0.0.1:{port}" for port in (3261, 3262, 3261)]
    bench.expect_equal("TargetAddress of three logins", places, wanted)


@driver_case("drv-redirect-06", behaviour="2.5")
def test_portals_that_are_redirected_to_are_not_shown(make_bench: Make) -> None:
    """SendTargets names the portals that redirect; the ones behind them are reached by redirection alone."""
    bench = make_bench(target_hooks=[SELECT], keys=GROUPS)
    (record,) = bench.initiator.discover().send_targets("All")
    found = [f"{address.host}:{address.port},{address.tag}" for address in record.addresses]
    bench.expect_equal("addresses", found, ["127.0.0.1:3260,1"])


@driver_case("drv-redirect-07", behaviour="2.5")
@variants(
    "keys",
    [
        [("PortalGroup", "1@127.0.0.1:3260,[7]")],
        [*GROUPS, ("PortalGroup", "3@127.0.0.1:3263")],
    ],
    ids=["unknown-tag", "unknown-portal"],
)
def test_redirection_that_leads_nowhere_is_refused(make_bench: Make, keys: list[tuple[str, str]]) -> None:
    """A tag in a list has to exist, and every portal has to redirect or be redirected to: -EINVAL."""
    bench = make_bench(node=False)
    registered = bench.module.chiscsi_target_lun_class_register(bench.lun_class, bench.target_class.class_name)
    bench.expect_equal("result of chiscsi_target_lun_class_register", registered, 0)
    bench.expect_equal("result of chiscsi_target_add", bench.add_target(bench.name, keys), EINVAL)


@driver_case("drv-redirect-08", guide="5.1.7", behaviour="2.5")
def test_shadow_listens_where_it_redirects(make_bench: Make) -> None:
    """With ShadowMode=Yes the portal groups without a list are on another machine, and not listened on here."""
    bench = make_bench(target_hooks=[SELECT], keys=[*GROUPS, ("ShadowMode", "Yes")])
    found = [str(portal.address) for portal in bench.stage.portals]
    bench.expect_equal("portals that are listened on", found, ["127.0.0.1:3260"])
