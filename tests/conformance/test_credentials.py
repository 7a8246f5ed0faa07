"""Names from options, secrets from the environment; together or not at all."""

from __future__ import annotations

import pytest

from chiscsi_target.errors import ConfigurationError
from conformance.credentials import PASSWORD, TARGET_PASSWORD, AccountError, account_of
from conformance.serve_options import Disk, Options, describe

SECRET, OTHER = "secret-of-user1", "secret-of-disk1"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)
    monkeypatch.setenv(TARGET_PASSWORD, OTHER)


def test_without_names_there_is_no_account() -> None:
    assert account_of("", "") is None


def test_one_way_and_mutual() -> None:
    one_way, mutual = account_of("user", ""), account_of("user", "disk")
    assert one_way is not None and mutual is not None
    assert (one_way.name, one_way.secret, one_way.mutual) == ("user", SECRET.encode(), False)
    assert (mutual.target_name, mutual.target_secret, mutual.mutual) == ("disk", OTHER.encode(), True)
    assert "secret" not in repr(mutual)


@pytest.mark.parametrize(
    ("user", "target_user", "missing", "said"),
    [
        ("", "disk", "", "--target-user needs --user"),
        ("user", "", PASSWORD, PASSWORD),
        ("user", "disk", TARGET_PASSWORD, TARGET_PASSWORD),
    ],
)
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, user: str, target_user: str, missing: str, said: str
) -> None:
    if missing:
        monkeypatch.delenv(missing)
    with pytest.raises(AccountError, match=said):
        account_of(user, target_user)


def test_a_served_target_demands_what_was_given() -> None:
    disks = [Disk("mem", "1M")]
    open_to_all = describe(Options(disks=disks))
    assert open_to_all.chap.configured is False
    guarded = describe(Options(disks=disks, user="user", target_user="disk"))
    assert guarded.auth_methods == ("CHAP",)
    assert dict(guarded.chap.initiators) == {"user": SECRET.encode()}
    assert guarded.chap.target == ("disk", OTHER.encode())


@pytest.mark.parametrize(("secret", "target_secret"), [("short", OTHER), (SECRET, "short"), (SECRET, SECRET)])
def test_secrets_that_cannot_be_are_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, secret: str, target_secret: str
) -> None:
    monkeypatch.setenv(PASSWORD, secret)
    monkeypatch.setenv(TARGET_PASSWORD, target_secret)
    with pytest.raises(ConfigurationError) as caught:
        describe(Options(disks=[Disk("mem", "1M")], user="user", target_user="disk"))
    assert "secret-of" not in str(caught.value) and "'short'" not in str(caught.value)
