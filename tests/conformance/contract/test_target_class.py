"""The kit for target classes finds each mistake, by the rule that it breaks; the sample breaks none."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import (
    CHAP_FLAG_REMOTE_SECRET_VALID,
    chap_info,
    chiscsi_target_class,
    chiscsi_target_first_login_check_done,
    chiscsi_target_login_stage_check_done,
    chiscsi_tcp_endpoints,
)
from chiscsi_target.drivers.samples.target_class import ApiTarget
from conformance.contract import check_target_class

PATIENCE = 0.02


class ForgetsTheFirstCheck(ApiTarget):
    def fp_first_login_check(self, *_: Any) -> None:
        return


class ForgetsTheStageCheck(ApiTarget):
    def fp_login_stage_check(self, *_: Any) -> None:
        return


class AnswersTwice(ApiTarget):
    def fp_first_login_check(self, hndl: int, *rest: Any) -> None:
        chiscsi_target_first_login_check_done(hndl, 0, 0, 0)
        chiscsi_target_first_login_check_done(hndl, 0, 0, 0)


class AnswersForAnother(ApiTarget):
    def fp_login_stage_check(self, hndl: int, *rest: Any) -> None:
        chiscsi_target_login_stage_check_done(hndl + 1, 0, 0)
        chiscsi_target_login_stage_check_done(hndl, 0, 0)


class InventsAStatusClass(ApiTarget):
    def fp_first_login_check(self, hndl: int, *rest: Any) -> None:
        chiscsi_target_first_login_check_done(hndl, 7, 0, 0)


class RaisesAtLogin(ApiTarget):
    def fp_first_login_check(self, hndl: int, *rest: Any) -> None:
        raise KeyError("who?")


class RaisesAtTheEndOfASession(ApiTarget):
    def fp_session_removed(self, *_: Any) -> None:
        raise KeyError("which?")


class HidesWithoutANumber(ApiTarget):
    def fp_discovery_target_accessible(self, *_: Any) -> int:
        return None  # type: ignore[return-value]  # that is the mistake


class HasAShortSecret(ApiTarget):
    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        chap.remote_secret, chap.remote_secret_length = b"short", 5
        chap.flag |= CHAP_FLAG_REMOTE_SECRET_VALID


class ForgetsTheFlag(ApiTarget):
    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        chap.remote_secret, chap.remote_secret_length = b"initiator_sec1", 14


class RedirectsToWhereOneIs(ApiTarget):
    def fp_select_redirection_portal(self, target: str, initiator: str, endpoint: chiscsi_tcp_endpoints) -> int:
        return 0


class HasNoName(chiscsi_target_class):
    pass


MISTAKES: list[tuple[type[chiscsi_target_class], str]] = [
    (ForgetsTheFirstCheck, "login"),
    (ForgetsTheStageCheck, "login"),
    (AnswersTwice, "login"),
    (AnswersForAnother, "login"),
    (InventsAStatusClass, "login"),
    (RaisesAtLogin, "returns"),
    (RaisesAtTheEndOfASession, "returns"),
    (HidesWithoutANumber, "session"),
    (HasAShortSecret, "secrets"),
    (ForgetsTheFlag, "secrets"),
    (RedirectsToWhereOneIs, "session"),
    (HasNoName, "usable"),
]


@pytest.mark.parametrize("mistake, rule", MISTAKES, ids=[mistake.__name__ for mistake, _ in MISTAKES])
def test_a_mistake_is_found(mistake: type[chiscsi_target_class], rule: str) -> None:
    report = check_target_class(mistake, chap_name="initiator_id1", patience=PATIENCE)
    assert rule in report.rules, report


def test_the_sample_keeps_every_rule() -> None:
    report = check_target_class(
        lambda: ApiTarget(redirect_to="127.0.0.1:3261"), chap_name="initiator_id1", patience=PATIENCE
    )
    assert not report.findings, report
    assert not [one.name for one in report.scenarios if one.skipped]


def test_something_that_is_no_class_is_found() -> None:
    assert check_target_class(object, patience=PATIENCE).rules == {"usable"}  # type: ignore[arg-type]


def test_a_class_without_hooks_is_in_order() -> None:
    class Plain(chiscsi_target_class):
        class_name = "PLAIN"

    report = check_target_class(Plain, patience=PATIENCE)
    assert not report.findings, report
    assert [one.name for one in report.scenarios if one.skipped] == ["discovery", "secrets", "redirection"]
