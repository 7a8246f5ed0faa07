"""The event notifier (behaviour file, 1.8): who comes, who goes, who is turned away."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import chiscsi_event
from conformance.api import LogoutReason, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.playing import EINVAL

Make = Callable[..., DriverBench]
Notices = list[tuple[int, str]]


def notices_of(bench: DriverBench) -> Notices:
    """What a notifier that is registered now will have been told."""
    told: Notices = []

    def notice(number: chiscsi_event, text: str) -> None:
        told.append((int(number), text))

    bench.expect_equal("register", bench.module.chiscsi_event_notifier_register(notice), 0)
    return told


def expect_told(bench: DriverBench, told: Notices, *wanted: tuple[chiscsi_event, str]) -> None:
    """Require these events, in this order and no others."""
    bench.stage.settle()
    bench.expect_equal("events", told, [(int(number), text) for number, text in wanted])


def parties(bench: DriverBench) -> str:
    """The text of an event about the bench's initiator and target."""
    return f"Initiator={bench.initiator.name}, Target={bench.name}"


@driver_case("drv-event-01", behaviour="1.8")
def test_login_and_logout_are_told(bench: DriverBench) -> None:
    """A login that succeeds is event 1, a logout event 2, with the names of both ends."""
    told = notices_of(bench)
    session = bench.login()
    expect_told(bench, told, (chiscsi_event.LOGIN_SUCCESS, parties(bench)))
    session.logout()
    names = parties(bench)
    expect_told(bench, told, (chiscsi_event.LOGIN_SUCCESS, names), (chiscsi_event.LOGOUT_SUCCESS, names))


@driver_case("drv-event-02", behaviour="1.8")
def test_logout_that_is_not_possible_is_told(bench: DriverBench) -> None:
    """A logout for recovery is refused, and event 5."""
    session = bench.login()
    told = notices_of(bench)
    session.logout(LogoutReason.REMOVE_FOR_RECOVERY)
    expect_told(bench, told, (chiscsi_event.LOGOUT_FAILURE, parties(bench)))


@driver_case("drv-event-03", behaviour="1.8")
def test_login_that_fails_is_told(make_bench: Make) -> None:
    """A login that the driver refuses is event 4."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    told = notices_of(bench)
    bench.when("fp_first_login_check", lambda call: bench.answer_login(call, 3, 1))
    bench.initiator.session().attempt_login()
    expect_told(bench, told, (chiscsi_event.LOGIN_FAILURE, parties(bench)))


@driver_case("drv-event-04", behaviour="1.8, 2.3")
def test_authentication_that_fails_is_told(make_bench: Make) -> None:
    """An initiator that offers no CHAP where it is demanded is event 3."""
    bench = make_bench(keys={"AuthMethod": "CHAP", "Auth_CHAP_Initiator": '"me":"abcdefghijkl"'})
    told = notices_of(bench)
    bench.initiator.session().attempt_login()
    expect_told(bench, told, (chiscsi_event.AUTHENTICATION_FAILURE, parties(bench)))


@driver_case("drv-event-05", behaviour="1.8, 2.6")
def test_initiator_without_access_is_told(make_bench: Make) -> None:
    """An initiator that the access list does not let in is event 6."""
    bench = make_bench(keys={"ACL_Enable": "Yes"})
    told = notices_of(bench)
    bench.initiator.session().attempt_login()
    bench.stage.settle()
    assert (int(chiscsi_event.ACL_DENY), parties(bench)) in told, f"events {told}"


@driver_case("drv-event-06", behaviour="1.3, 1.4, 1.8")
def test_targets_that_come_and_go_are_told(bench: DriverBench) -> None:
    """A target that is added is event 7, one that is removed event 8, with its name."""
    told = notices_of(bench)
    name = f"{bench.name}.other"
    bench.expect_equal("chiscsi_target_add", bench.add_target(name), 0)
    bench.expect_equal("chiscsi_target_remove", bench.module.chiscsi_target_remove(None, name), 0)
    text = f"Node name={name}"
    expect_told(bench, told, (chiscsi_event.NODE_ADDED, text), (chiscsi_event.NODE_REMOVED, text))


@driver_case("drv-event-07", behaviour="1.8")
def test_callback_that_raises_harms_nobody(bench: DriverBench) -> None:
    """A callback that raises is logged; other callbacks are told, and the login goes on."""

    def raising(number: chiscsi_event, text: str) -> None:
        raise ValueError("no thanks")

    bench.expect_equal("register", bench.module.chiscsi_event_notifier_register(raising), 0)
    told = notices_of(bench)
    bench.login().nop()
    expect_told(bench, told, (chiscsi_event.LOGIN_SUCCESS, parties(bench)))
    bench.expect_log("no thanks")


@driver_case("drv-event-08", behaviour="1.8")
@variants("again", [True, False], ids=["twice", "never"])
def test_callbacks_are_registered_once(bench: DriverBench, again: bool) -> None:
    """A callback is registered once, and unregistered once: otherwise the result is -EINVAL."""

    def notice(number: chiscsi_event, text: str) -> None:
        """Take no notice."""

    module = bench.module
    if again:
        bench.expect_equal("first time", module.chiscsi_event_notifier_register(notice), 0)
        bench.expect_equal("second time", module.chiscsi_event_notifier_register(notice), EINVAL)
        bench.expect_equal("unregister", module.chiscsi_event_notifier_unregister(notice), 0)
    bench.expect_equal("unregister", module.chiscsi_event_notifier_unregister(notice), EINVAL)


@driver_case("drv-event-09", behaviour="1.8")
def test_unregistered_callbacks_are_told_nothing(bench: DriverBench) -> None:
    """After its removal a callback is not called any more."""
    told: Notices = []

    def notice(number: chiscsi_event, text: str) -> None:
        told.append((int(number), text))

    bench.module.chiscsi_event_notifier_register(notice)
    bench.module.chiscsi_event_notifier_unregister(notice)
    bench.login()
    expect_told(bench, told)
