"""The script's CHAP with our target: what it sends by itself, what can be changed, and what it does not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.shells.memory import MemoryTarget
from chiscsi_target.target_module import TargetModule
from initiator_sim import Account, Chap, ExpectationFailed, HarnessFault, Initiator, Settings, expect
from iscsi_wire.chap import ALGORITHMS
from iscsi_wire.constants import LoginStatus
from iscsi_wire.text import parse_binary

IQN = "iqn.2026-11.org.example:disk"
ACCOUNT = Account("user", b"secret-of-user1", "disk", b"secret-of-disk1")
ONE_WAY = replace(ACCOUNT, target_secret=None)


def target(methods: str = "CHAP") -> Initiator:
    module = TargetModule()
    shell = MemoryTarget(module)
    pairs = [("TargetName", IQN), ("PortalGroup", "1@127.0.0.1:3260"), ("TargetDevice", "disk,MEM,size=1M")]
    pairs += [("AuthMethod", methods), ("Auth_CHAP_Initiator", '"user":"secret-of-user1"')]
    node = module.add_target(parse_target([*pairs, ("Auth_CHAP_Target", '"disk":"secret-of-disk1"')]))
    sharing = Settings(clock=lambda: shell.now)
    return Initiator(lambda: shell.connect(node.portals[0]), IQN, settings=sharing, account=ONE_WAY)


@pytest.fixture
def initiator() -> Initiator:
    return target()


@pytest.fixture
def chap(initiator: Initiator) -> Chap:
    return initiator.session().begin_chap(ACCOUNT)


@pytest.mark.parametrize("number", list(ALGORITHMS))
@pytest.mark.parametrize("base64", [False, True])
@pytest.mark.parametrize("account", [ONE_WAY, ACCOUNT], ids=["one-way", "mutual"])
def test_an_ordinary_login(initiator: Initiator, account: Account, base64: bool, number: int) -> None:
    session = initiator.login(account=replace(account, base64=base64, algorithms=(number,)))
    assert session.parameters.values["CHAP_A"] == str(number)
    assert (session.parameters.values["CHAP_N"] == "disk") is account.mutual


def test_the_initiators_account_is_taken(initiator: Initiator) -> None:
    assert initiator.session().attempt_login().succeeded
    assert initiator.session().attempt_login(keys={"AuthMethod": "None"}).status == LoginStatus.AUTHENTICATION_FAILURE


def test_a_target_that_wants_nothing_gets_nothing() -> None:
    initiator = target("None")
    result = initiator.session().attempt_login()
    assert result.succeeded and "CHAP_A" not in result.keys


def test_the_security_stage_alone(initiator: Initiator) -> None:
    assert initiator.session().attempt_login(stages=(0,)).succeeded


def test_step_by_step(chap: Chap) -> None:
    assert len(chap.challenge) == 16 and chap.identifier in range(256)
    result = chap.answer()
    assert result.status == 0 and list(result.keys) == ["CHAP_N", "CHAP_R"]
    right = chap.algorithm.response(chap.own_identifier, b"secret-of-disk1", chap.own_challenge)
    assert parse_binary(result.keys["CHAP_R"]) == right
    chap.login.step(csg=1, transit=1).expect(expect.login_succeeded())


@pytest.mark.parametrize(
    "answer",
    [
        lambda chap: chap.answer(secret=b"another-secret"),
        lambda chap: chap.answer(CHAP_N="nobody"),
        lambda chap: chap.answer(CHAP_R=chap.text(chap.response(identifier=chap.identifier ^ 1))),
        lambda chap: chap.answer(CHAP_R=chap.text(chap.response(challenge=b"another"))),
        lambda chap: chap.answer(CHAP_C=chap.text(chap.challenge)),
    ],
)
def test_what_proves_nothing(chap: Chap, answer: Callable[[Chap], object]) -> None:
    answer(chap)
    assert chap.login.replies[-1].header.status_class == LoginStatus.AUTHENTICATION_FAILURE >> 8


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"omit": {"CHAP_R"}}, LoginStatus.MISSING_PARAMETER),
        ({"extra": [("CHAP_A", "5")]}, LoginStatus.INITIATOR_ERROR),
        ({"mutual": False, "omit": {"CHAP_N"}}, LoginStatus.MISSING_PARAMETER),
        ({"step": {"data": b""}}, LoginStatus.MISSING_PARAMETER),
        ({"step": {"csg": 1}}, LoginStatus.INITIATOR_ERROR),
    ],
)
def test_what_does_not_fit(chap: Chap, how: dict[str, object], status: int) -> None:
    arguments: dict[str, object] = how
    assert Chap.answer(chap, **arguments).status == status  # type: ignore[arg-type]  # one of each kind


def test_a_target_with_another_secret_or_name_is_left(initiator: Initiator) -> None:
    for wrong in (replace(ACCOUNT, target_secret=b"another-secret"), replace(ACCOUNT, target_name="another")):
        session = initiator.session()
        with pytest.raises(ExpectationFailed, match="CHAP_R is the hash"):
            session.login(account=wrong)
        assert session.connection.ended


def test_a_challenge_needs_an_account(initiator: Initiator) -> None:
    initiator.account = None
    with pytest.raises(HarnessFault):
        initiator.session().begin_chap()


def test_no_secret_is_shown(initiator: Initiator) -> None:
    session = initiator.login(account=ACCOUNT)
    shown = [repr(ACCOUNT), str(ACCOUNT), repr(vars(session)), repr(initiator.exchange.records)]
    assert not any("secret-of" in text for text in shown)
    with pytest.raises(ExpectationFailed) as caught:
        initiator.login(account=replace(ACCOUNT, secret=b"secret-of-nobody"))
    assert "secret-of" not in str(caught.value)
