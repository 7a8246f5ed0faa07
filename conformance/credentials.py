"""CHAP names from options, secrets from the environment: the arguments of a program are for everybody to see."""

from __future__ import annotations

import os

from initiator_sim.chap import Account

PASSWORD = "CHISCSI_PASSWORD"
"""The environment variable with the initiator's secret."""
TARGET_PASSWORD = "CHISCSI_TARGET_PASSWORD"
"""The environment variable with the target's secret."""


class AccountError(Exception):
    """Names and secrets that do not go together; the message says what is missing."""


def account_of(user: str, target_user: str) -> Account | None:
    """The account whose names are given as `--user` and `--target-user`; None without names.

    Raises:
        AccountError: names and secrets do not go together.
    """
    secret, target_secret = os.environ.get(PASSWORD, ""), os.environ.get(TARGET_PASSWORD, "")
    if not user:
        if target_user:
            raise AccountError("--target-user needs --user: the target proves itself to somebody")
        return None
    if not secret:
        raise AccountError(f"--user {user}: the secret is expected in the environment variable {PASSWORD}")
    if target_user and not target_secret:
        raise AccountError(f"--target-user {target_user}: the secret is expected in the variable {TARGET_PASSWORD}")
    return Account(user, secret.encode(), target_user, target_secret.encode() if target_user else None)
