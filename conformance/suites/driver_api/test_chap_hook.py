"""fp_chap_info_get: a storage driver that knows names and secrets by itself (guide 5.1.4 and 7.3.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chiscsi_target.api import (
    CHAP_FLAG_LOCAL_NAME_VALID,
    CHAP_FLAG_LOCAL_SECRET_VALID,
    CHAP_FLAG_MUTUAL_REQUIRED,
    CHAP_FLAG_REMOTE_NAME_VALID,
    CHAP_FLAG_REMOTE_SECRET_VALID,
)
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.quirks import Quirks
from conformance.api import Account, LoginResult, LoginStatus, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.hooks import HookCall

Make = Callable[..., DriverBench]
Fill = Callable[[HookCall], None]

HOOK = "fp_chap_info_get"
ACCOUNT = Account("user", b"secret-of-user1", "disk", b"secret-of-disk1")
ONE_WAY = replace(ACCOUNT, target_secret=None)
_REMOTE = CHAP_FLAG_REMOTE_SECRET_VALID
_LOCAL = CHAP_FLAG_LOCAL_NAME_VALID | CHAP_FLAG_LOCAL_SECRET_VALID


def _knows(flags: int = _REMOTE, secret: bytes = ACCOUNT.secret, length: int | None = None) -> Fill:
    """What a driver does that knows the initiator's secret, and its own."""

    def fill(call: HookCall) -> None:
        call.chap.flag |= flags
        call.chap.remote_secret = secret
        call.chap.remote_secret_length = len(secret) if length is None else length
        assert ACCOUNT.target_secret is not None
        call.chap.local_name, call.chap.local_secret = ACCOUNT.target_name, ACCOUNT.target_secret
        call.chap.local_secret_length = len(ACCOUNT.target_secret)

    return fill


def _driven(make_bench: Make, fill: Fill | None, *hooks: str, quirks: Quirks | None = None) -> DriverBench:
    """A bench whose driver is asked for secrets, and does `fill`."""
    bench = make_bench(target_hooks=[HOOK, *hooks], keys={"AuthMethod": "CHAP"}, quirks=quirks or Quirks())
    bench.when(HOOK, fill)
    return bench


def _attempt(bench: DriverBench, account: Account = ONE_WAY) -> LoginResult:
    return bench.initiator.session().attempt_login(account=account)


@driver_case("drv-chap-01", "7143-12.1.3-06", guide="5.1.4, 7.3.1.3", behaviour="2.3")
def test_driver_is_asked_for_the_secret_of_a_name(make_bench: Make) -> None:
    """The hook is called once with the names and the CHAP_N that came; the secret that it fills in decides."""
    flags: list[int] = []

    def fill(call: HookCall) -> None:
        flags.append(call.chap.flag)
        _knows()(call)

    bench = _driven(make_bench, fill)
    _attempt(bench).expect(expect.login_succeeded())
    assert bench.count_hooks(HOOK) == 1, f"called {bench.count_hooks(HOOK)} times"
    call = bench.expect_hook(HOOK, initiator_name=bench.initiator.name, target_name=bench.name)
    assert call.chap.remote_name == ACCOUNT.name, f"remote_name {call.chap.remote_name!r}"
    assert flags == [CHAP_FLAG_REMOTE_NAME_VALID], f"flag {flags}"


@driver_case("drv-chap-02", guide="7.3.1.3", behaviour="2.3")
def test_driver_is_asked_when_the_response_has_come(make_bench: Make) -> None:
    """The hook is called when CHAP_N and CHAP_R are received, not before."""
    bench = _driven(make_bench, _knows())
    chap = bench.initiator.session().begin_chap(ONE_WAY)
    bench.expect_no_hook(HOOK)
    result = chap.answer()
    assert result.status == 0, f"{result}"
    bench.expect_hook(HOOK)


@driver_case("drv-chap-03", "7143-12.1.3-06", guide="7.3.1.3", behaviour="2.3")
def test_name_that_the_driver_does_not_know_is_refused(make_bench: Make) -> None:
    """Without CHAP_FLAG_REMOTE_SECRET_VALID there is no secret, whatever is in the field."""
    bench = _driven(make_bench, _knows(0))
    _attempt(bench).expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))
    bench.expect_no_hook("fp_session_added")


@driver_case("drv-chap-04", "7143-12.1.3-06", guide="5.1.4", behaviour="2.3")
@variants("length", [0, 11, 17, 255], ids=["none", "short", "long", "beyond-the-field"])
def test_secret_of_a_wrong_length_is_no_secret(make_bench: Make, length: int) -> None:
    """A secret has 12 to 16 octets; of another length it opens nothing, even if the initiator has it."""
    secret = bytes(range(1, 18))[: length if length <= 17 else 16]
    bench = _driven(make_bench, _knows(secret=secret, length=length))
    _attempt(bench, replace(ONE_WAY, secret=secret)).expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))


@driver_case("drv-chap-05", "7143-9.2.1-02", guide="5.1.4", behaviour="2.3")
@variants("length", [12, 15, 16], ids=["shortest", "usual", "longest"])
def test_length_says_where_the_secret_ends(make_bench: Make, length: int) -> None:
    """Of the field as many octets count as remote_secret_length says, nulls among them."""
    field = b"\x01\0ecret-of-user\0\xff"
    bench = _driven(make_bench, _knows(secret=field, length=length))
    _attempt(bench, replace(ONE_WAY, secret=field[:length])).expect(expect.login_succeeded())


@driver_case("drv-chap-06", guide="7.3.1.3", behaviour="2.3")
def test_hook_that_raises_refuses_one_login(make_bench: Make) -> None:
    """> In case of error, the Target Module will reject the login and terminate the connection.

    The log says what happened and where, in no words that might be secret, and the next login is asked for again.
    """
    bench = _driven(make_bench, None)
    bench.when(HOOK, raises=RuntimeError("secret-of-user1"))
    result = _attempt(bench)
    result.expect(expect.login_failed({LoginStatus.TARGET_ERROR}))
    result.login.connection.expect(expect.connection_closed(after=()))
    bench.expect_log("fp_chap_info_get raised RuntimeError")
    bench.expect_no_log("secret-of")
    bench.when(HOOK, _knows())
    _attempt(bench).expect(expect.login_succeeded())


@driver_case("drv-chap-07", "7143-12.1.3-07", guide="7.3.1.3", behaviour="2.3")
def test_driver_gives_the_target_its_name_and_secret(make_bench: Make) -> None:
    """With the local name and secret the target proves itself to an initiator that wants it."""
    bench = _driven(make_bench, _knows(_REMOTE | _LOCAL))
    _attempt(bench, ACCOUNT).expect(expect.login_succeeded())


@driver_case("drv-chap-08", "7143-12.1.3-07", guide="7.3.1.3", behaviour="2.3")
@variants("flags", [0, CHAP_FLAG_LOCAL_NAME_VALID, CHAP_FLAG_LOCAL_SECRET_VALID], ids=["nothing", "name", "secret"])
def test_target_without_name_or_secret_refuses_to_prove_itself(make_bench: Make, flags: int) -> None:
    """An initiator that wants proof gets "Authentication Failure" where LOCAL_NAME_VALID or LOCAL_SECRET_VALID miss."""
    bench = _driven(make_bench, _knows(_REMOTE | flags))
    _attempt(bench, ACCOUNT).expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))
    _attempt(bench).expect(expect.login_succeeded())


@driver_case("drv-chap-09", guide="7.3.1.3", behaviour="2.3")
def test_driver_may_demand_mutual_authentication(make_bench: Make) -> None:
    """With CHAP_FLAG_MUTUAL_REQUIRED an initiator that does not ask for proof is refused."""
    bench = _driven(make_bench, _knows(_REMOTE | _LOCAL | CHAP_FLAG_MUTUAL_REQUIRED))
    _attempt(bench).expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))
    _attempt(bench, ACCOUNT).expect(expect.login_succeeded())


@driver_case("drv-chap-10", guide="5.1.4", behaviour="2.3")
@variants("asked", [True, False], ids=["with-the-hook", "without-it"])
def test_configured_pairs_count_without_the_hook_only(make_bench: Make, asked: bool) -> None:
    """A driver with its own database is asked, and Auth_CHAP_Initiator is not looked at; else it is all there is."""
    keys = {"AuthMethod": "CHAP", "Auth_CHAP_Initiator": '"user":"secret-of-user1"'}
    bench = make_bench(target_hooks=[HOOK] if asked else [], keys=keys)
    result = _attempt(bench)
    result.expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}) if asked else expect.login_succeeded())


@driver_case("drv-chap-11", guide="5.1.4", behaviour="2.3")
def test_discovery_sessions_ask_no_driver(make_bench: Make) -> None:
    """Discovery sessions go by the DISC_ variables; the hook is not called."""
    bench = _driven(make_bench, _knows())
    settings = bench.module.directory.registry.globals
    settings.discovery_auth_methods = ("CHAP",)
    settings.discovery_chap = replace(settings.discovery_chap, initiators={ACCOUNT.name: ACCOUNT.secret})
    session = bench.initiator.session(discovery=True)
    session.attempt_login(account=ONE_WAY).expect(expect.login_succeeded())
    bench.expect_no_hook(HOOK)
    refused = bench.initiator.session(discovery=True).attempt_login(stages=(1,))
    refused.expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))


@driver_case("drv-chap-12", guide="7.3.1", behaviour="2.1, 2.2")
def test_hooks_of_a_login_come_in_order(make_bench: Make) -> None:
    """First check, security stage, secrets, operational stage, session: each once the one before was answered."""
    bench = _driven(make_bench, _knows(), "fp_first_login_check", "fp_login_stage_check")
    for hook in ("fp_first_login_check", "fp_login_stage_check"):
        bench.when(hook, bench.answer_login, "later")
    _attempt(bench).expect(expect.login_succeeded())
    names = [call.name for call in bench.hooks.calls]
    stages = ["fp_first_login_check", "fp_login_stage_check", HOOK, "fp_login_stage_check", "fp_session_added"]
    assert names == stages, f"called: {names}"


@driver_case("drv-chap-13", "7143-12.1.3-06", guide="7.3.1.3", behaviour="1.8, 2.3")
@variants("wrong", [True, False], ids=["wrong-response", "right-response"])
def test_failure_is_told_to_the_event_notifier(make_bench: Make, wrong: bool) -> None:
    """A failed authentication raises event 3, with the names of both sides and nothing secret."""
    bench = _driven(make_bench, _knows())
    events: list[tuple[int, str]] = []
    bench.module.directory.notifier.register(lambda number, text: events.append((number, text)))
    _attempt(bench, replace(ONE_WAY, secret=b"another-secret") if wrong else ONE_WAY)
    bench.advance(0)
    told = [text for number, text in events if number == chiscsi_event.AUTHENTICATION_FAILURE]
    wanted = [f"Initiator={bench.initiator.name}, Target={bench.name}"] if wrong else []
    assert told == wanted, f"event 3 with {told}"


@driver_case("drv-chap-14", "7143-12.1.3-06", guide="5.1.4", behaviour="2.3")
@variants("quirk", [True, False], ids=["release-3-14", "guide"])
def test_release_3_14_takes_secrets_as_strings(make_bench: Make, quirk: bool) -> None:
    """In release 3.14 a secret ends at the first null; by the guide its length is what remote_secret_length says."""
    fill = _knows(secret=ACCOUNT.secret + b"\0", length=len(ACCOUNT.secret) + 1)
    bench = _driven(make_bench, fill, quirks=Quirks(chap_secret_as_string=quirk))
    result = _attempt(bench)
    result.expect(expect.login_succeeded() if quirk else expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}))


@driver_case("drv-chap-15", "7143-12.1.3-02", behaviour="2.3")
@variants("quirk", [True, False], ids=["release-3-14", "registry"])
def test_release_3_14_means_sha1_by_algorithm_7(make_bench: Make, quirk: bool) -> None:
    """By the registry 7 is SHA-256. Release 3.14 computes SHA-1: an initiator by the registry does not get in."""
    bench = _driven(make_bench, _knows(), quirks=Quirks(chap_sha1_as_7=quirk))
    result = _attempt(bench, replace(ONE_WAY, algorithms=(7, 5)))
    result.expect(expect.login_failed({LoginStatus.AUTHENTICATION_FAILURE}) if quirk else expect.login_succeeded())
