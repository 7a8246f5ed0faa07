"""What a login has to show: by configuration, by the driver, in discovery sessions, and as release 3.14 has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import (
    CHAP_FLAG_LOCAL_NAME_VALID,
    CHAP_FLAG_LOCAL_SECRET_VALID,
    CHAP_FLAG_MUTUAL_REQUIRED,
    CHAP_FLAG_REMOTE_NAME_VALID,
    CHAP_FLAG_REMOTE_SECRET_VALID,
    chap_info,
)
from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.quirks import Quirks
from iscsi_wire.chap import MD5, SHA1, Algorithm
from iscsi_wire.constants import LoginStatus
from iscsi_wire.records import HookRecord, PduRecord
from iscsi_wire.text import format_binary, parse_binary
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import INITIATOR, Pairs, Peer
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

USER, DISK = b"secret-of-user1", b"secret-of-disk1"
CHAP = (("AuthMethod", "CHAP"),)
PAIRS = (("Auth_CHAP_Initiator", '"user":"secret-of-user1"'), ("Auth_CHAP_Target", '"disk":"secret-of-disk1"'))
REMOTE = CHAP_FLAG_REMOTE_SECRET_VALID
LOCAL = CHAP_FLAG_LOCAL_NAME_VALID | CHAP_FLAG_LOCAL_SECRET_VALID


class Asked(NotingClass):
    """A target class that fills in `chap_info` by a function."""

    def __init__(self, fill: Callable[[chap_info], object]) -> None:
        super().__init__()
        self.fill = fill
        self.asked: list[tuple[str, str, str, int]] = []

    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        self.asked.append((initiator_name, target_name, chap.remote_name, chap.flag))
        self.fill(chap)


def knows(flag: int = REMOTE, length: int = len(USER), secret: Any = USER) -> Callable[[chap_info], None]:
    def fill(chap: chap_info) -> None:
        chap.flag |= flag
        chap.remote_secret, chap.remote_secret_length = secret, length
        chap.local_name, chap.local_secret, chap.local_secret_length = "disk", DISK, len(DISK)

    return fill


def asked_stand(fill: Callable[[chap_info], object], quirks: Quirks | None = None) -> tuple[Stand, Asked]:
    target_class = Asked(fill)
    stand = Stand(*CHAP, driver=HoldingDriver(), target_class=target_class)
    for worker in (stand.module.directory.login_worker, *stand.module.directory.workers):
        worker.quirks = quirks or Quirks()
    return stand, target_class


def challenge(peer: Peer, target: str = NAME, session_type: str = "", algorithms: str = "5") -> dict[str, str]:
    """Begin a login with CHAP; returns what the target sends with its challenge."""
    names = peer.names(target, session_type)
    response, answers = peer.ask([*names, ("AuthMethod", "CHAP")], csg=0, nsg=None)
    assert status_of(response) == 0 and ("AuthMethod", "CHAP") in answers, answers
    response, answers = peer.ask([("CHAP_A", algorithms)], csg=0, nsg=None)
    assert status_of(response) == 0
    return dict(answers)


def proof(sent: dict[str, str], secret: bytes = USER, algorithm: Algorithm = MD5) -> Pairs:
    response = algorithm.response(int(sent["CHAP_I"]), secret, parse_binary(sent["CHAP_C"], max_length=1024))
    return [("CHAP_N", "user"), ("CHAP_R", format_binary(response))]


def prove(peer: Peer, *more: tuple[str, str], **how: Any) -> int:
    """A login with CHAP up to the response to CHAP_R; returns its status."""
    response, _ = peer.ask([*proof(challenge(peer), **how), *more], csg=0, nsg=1)
    return status_of(response)


# By configuration


def test_configured_pairs() -> None:
    stand = Stand(*CHAP, *PAIRS)
    assert prove(stand.connect()) == 0
    assert prove(stand.connect(), secret=b"another-secret") == LoginStatus.AUTHENTICATION_FAILURE


def test_a_policy_that_demands_mutual_authentication() -> None:
    stand = Stand(*CHAP, *PAIRS, ("Auth_CHAP_Policy", "Mutual"))
    assert prove(stand.connect()) == LoginStatus.AUTHENTICATION_FAILURE
    assert prove(stand.connect(), ("CHAP_I", "1"), ("CHAP_C", "0x0102")) == 0


def test_the_length_of_the_challenge() -> None:
    stand = Stand(*CHAP, *PAIRS, ("Auth_CHAP_ChallengeLength", "1024"))
    assert len(parse_binary(challenge(stand.connect())["CHAP_C"], max_length=1024)) == 1024


@pytest.mark.parametrize(
    ("methods", "offer", "answer"),
    [
        ("CHAP,None", "CHAP,None", "CHAP"),
        ("CHAP,None", "None,CHAP", "None"),
        ("CHAP,None", "None", "None"),
        ("None", "CHAP,None", "None"),
        ("CHAP", "None,CHAP", "CHAP"),
    ],
)
def test_the_initiators_order_counts(methods: str, offer: str, answer: str) -> None:
    stand = Stand(("AuthMethod", methods), *PAIRS)
    peer = stand.connect()
    _, answers = peer.ask([*peer.names(NAME), ("AuthMethod", offer)], csg=0, nsg=None)
    assert dict(answers)["AuthMethod"] == answer


@pytest.mark.parametrize(
    ("keys", "offer", "status"),
    [
        (CHAP + PAIRS, [("AuthMethod", "None")], LoginStatus.AUTHENTICATION_FAILURE),
        (CHAP + PAIRS, [("AuthMethod", "SRP")], LoginStatus.INITIATOR_ERROR),
        (CHAP + PAIRS, [], LoginStatus.AUTHENTICATION_FAILURE),
        (CHAP, [("AuthMethod", "CHAP")], LoginStatus.INITIATOR_ERROR),
        ((("AuthMethod", "CHAP,None"),), [("AuthMethod", "CHAP")], LoginStatus.INITIATOR_ERROR),
    ],
    ids=["none", "srp", "nothing", "nobody-configured", "nobody-configured-nothing-demanded"],
)
def test_no_method_in_common(keys: Pairs, offer: Pairs, status: int) -> None:
    peer = Stand(*keys).connect()
    response, _ = peer.ask([*peer.names(NAME), *offer], csg=0, nsg=1)
    assert status_of(response) == status


def test_without_data_chap_is_not_chosen() -> None:
    peer = Stand(("AuthMethod", "CHAP,None")).connect()
    _, answers = peer.ask([*peer.names(NAME), ("AuthMethod", "CHAP,None")], csg=0, nsg=None)
    assert dict(answers)["AuthMethod"] == "None"


def test_a_node_can_have_algorithms_of_its_own() -> None:
    stand = Stand(*CHAP, *PAIRS)
    stand.node.chap = ChapConfig(initiators={"user": USER}, algorithms=(8, 5), own_order=True)
    assert challenge(stand.connect(), algorithms="5,8")["CHAP_A"] == "8"
    stand.module.directory.registry.globals.chap_algorithms = (6,)
    stand.node.chap = ChapConfig(initiators={"user": USER})
    assert challenge(stand.connect(), algorithms="5,6")["CHAP_A"] == "6"


# By the driver's hook


def test_the_driver_is_asked_for_the_initiator() -> None:
    stand, target_class = asked_stand(knows())
    stand.node.chap = ChapConfig(initiators={"user": b"configured-secret"[:16]})
    assert prove(stand.connect()) == 0
    assert target_class.asked == [(INITIATOR, NAME, "user", CHAP_FLAG_REMOTE_NAME_VALID)]


def test_configured_pairs_do_not_count_beside_the_hook() -> None:
    stand, _ = asked_stand(lambda chap: None)
    stand.node.chap = ChapConfig(initiators={"user": USER})
    assert prove(stand.connect()) == LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.parametrize(
    "fill",
    [knows(0), knows(length=11), knows(length=17), knows(secret=USER[:12], length=15), knows(secret=b"", length=0)],
    ids=["not-valid", "short", "long", "shorter-than-it-says", "empty"],
)
def test_a_secret_that_cannot_be_used(fill: Callable[[chap_info], None]) -> None:
    stand, _ = asked_stand(fill)
    assert prove(stand.connect()) == LoginStatus.AUTHENTICATION_FAILURE


def test_the_length_says_where_a_secret_ends() -> None:
    stand, _ = asked_stand(knows(secret=USER + b"!", length=len(USER)))
    assert prove(stand.connect()) == 0


@pytest.mark.parametrize(
    "fill",
    [
        lambda chap: (_ for _ in ()).throw(RuntimeError("secret-of-user1")),
        knows(secret=None),
        knows(secret="secret-of-user1"),
        knows(length="15"),  # type: ignore[arg-type]  # what a driver might do
    ],
    ids=["raises", "no-secret", "text", "length-in-words"],
)
def test_a_hook_that_fails_is_a_target_error(fill: Callable[[chap_info], object]) -> None:
    stand, _ = asked_stand(fill)
    peer = stand.connect()
    assert prove(peer) == LoginStatus.TARGET_ERROR
    assert peer.receive() == [] and peer.closed
    assert "secret-of" not in stand.log and "fp_chap_info_get" in stand.log
    assert prove(stand.connect()) == LoginStatus.TARGET_ERROR  # the target lives


def test_mutual_authentication_by_the_hook() -> None:
    stand, _ = asked_stand(knows(REMOTE | LOCAL))
    peer = stand.connect()
    sent = challenge(peer)
    _, answers = peer.ask([*proof(sent), ("CHAP_I", "9"), ("CHAP_C", "0xabcd")], csg=0, nsg=1)
    assert answers == [("CHAP_N", "disk"), ("CHAP_R", format_binary(MD5.response(9, DISK, b"\xab\xcd")))]


def test_a_name_may_be_octets() -> None:
    """Guide, 5.1.4: `unsigned char local_name[256]`, which ends with a null."""

    def fill(chap: chap_info) -> None:
        knows(REMOTE | LOCAL)(chap)
        chap.local_name = b"disk".ljust(256, b"\0")

    peer = asked_stand(fill)[0].connect()
    _, answers = peer.ask([*proof(challenge(peer)), ("CHAP_I", "9"), ("CHAP_C", "0xabcd")], csg=0, nsg=1)
    assert dict(answers)["CHAP_N"] == "disk"


@pytest.mark.parametrize("flags", [0, CHAP_FLAG_LOCAL_NAME_VALID, CHAP_FLAG_LOCAL_SECRET_VALID])
def test_a_hook_without_the_targets_side(flags: int) -> None:
    stand, _ = asked_stand(knows(REMOTE | flags))
    mutual = (("CHAP_I", "9"), ("CHAP_C", "0xabcd"))
    assert prove(stand.connect(), *mutual) == LoginStatus.AUTHENTICATION_FAILURE
    assert prove(stand.connect()) == 0


def test_a_hook_that_demands_mutual_authentication() -> None:
    stand, _ = asked_stand(knows(REMOTE | LOCAL | CHAP_FLAG_MUTUAL_REQUIRED))
    assert prove(stand.connect()) == LoginStatus.AUTHENTICATION_FAILURE
    assert prove(stand.connect(), ("CHAP_I", "9"), ("CHAP_C", "0xabcd")) == 0


def test_the_hooks_call_is_recorded_without_secrets() -> None:
    stand, _ = asked_stand(knows(REMOTE | LOCAL))
    assert prove(stand.connect()) == 0
    (call,) = [record for record in stand.of_type(HookRecord) if record.name == "fp_chap_info_get"]
    assert (call.arguments, call.result) == (f"{INITIATOR}, {NAME}, remote_name 'user'", "flag 15")
    everything = "".join(repr(record) for record in stand.records if not isinstance(record, PduRecord))
    assert "secret-of" not in everything
    assert not any(USER in record.data or DISK in record.data for record in stand.of_type(PduRecord))


# Discovery


def test_discovery_goes_by_its_own_variables() -> None:
    stand, target_class = asked_stand(knows())
    settings = stand.module.directory.registry.globals
    stand.connect().login("", session_type="Discovery")  # nothing is demanded
    settings.discovery_auth_methods = ("CHAP",)
    settings.discovery_chap = ChapConfig(initiators={"user": USER}, target=("discovery", DISK))
    peer = stand.connect()
    response, _ = peer.ask(peer.names("", "Discovery"))
    assert status_of(response) == LoginStatus.AUTHENTICATION_FAILURE
    for target in ("", NAME):
        peer = stand.connect()
        response, _ = peer.ask(proof(challenge(peer, target, "Discovery")), csg=0, nsg=3)
        assert (status_of(response), response.nsg) == (0, 3)
    assert target_class.asked == []


# Release 3.14


@pytest.mark.parametrize(("quirk", "algorithm", "taken"), [(True, SHA1, "7"), (False, MD5, "5")], ids=["on", "off"])
def test_sha1_as_algorithm_7(quirk: bool, algorithm: Algorithm, taken: str) -> None:
    stand, _ = asked_stand(knows(), Quirks(chap_sha1_as_7=quirk))
    stand.node.chap = ChapConfig(algorithms=(5, 6))
    peer = stand.connect()
    sent = challenge(peer, algorithms="7,5")
    assert sent["CHAP_A"] == taken
    assert status_of(peer.ask(proof(sent, algorithm=algorithm), csg=0, nsg=1)[0]) == 0


@pytest.mark.parametrize(("quirk", "begins"), [(True, "0b"), (False, "0x")])
def test_challenges_in_base64(quirk: bool, begins: str) -> None:
    stand, _ = asked_stand(knows(), Quirks(chap_base64_challenge=quirk))
    peer = stand.connect()
    sent = challenge(peer)
    assert sent["CHAP_C"].startswith(begins)
    assert status_of(peer.ask(proof(sent), csg=0, nsg=1)[0]) == 0


@pytest.mark.parametrize("quirk", [True, False])
def test_secrets_that_end_at_a_null(quirk: bool) -> None:
    stand, _ = asked_stand(knows(secret=USER + b"\0", length=0), Quirks(chap_secret_as_string=quirk))
    assert (prove(stand.connect()) == 0) is quirk


def test_algorithms_of_a_configuration_come_in_its_order() -> None:
    stand = Stand(*CHAP, *PAIRS, ("Auth_CHAP_Algorithms", "SHA-256,MD5"))
    assert challenge(stand.connect(), algorithms="5,6,7")["CHAP_A"] == "7"
    assert challenge(stand.connect(), algorithms="6,5")["CHAP_A"] == "5"
