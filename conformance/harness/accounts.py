"""By which CHAP account cases authenticate themselves. Secrets come from the environment, not from arguments."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from conformance.embedded import CHAP_ACCOUNT, CHAP_NODE
from initiator_sim.chap import Account

if TYPE_CHECKING:
    from conformance.harness.settings import Settings

PASSWORD = "CHISCSI_PASSWORD"
"""The environment variable with the initiator's secret."""
TARGET_PASSWORD = "CHISCSI_TARGET_PASSWORD"
"""The environment variable with the target's secret."""


class AccountError(Exception):
    """Names and secrets that do not go together; the message says what is missing."""


def account_given(settings: Settings) -> Account | None:
    """The account that the user gave for a foreign target, or None.

    Raises:
        AccountError: names and secrets do not go together.
    """
    secret, target_secret = os.environ.get(PASSWORD), os.environ.get(TARGET_PASSWORD)
    if not settings.user:
        if settings.target_user:
            raise AccountError("--target-user needs --user: the target proves itself to somebody")
        return None
    if not secret:
        raise AccountError(f"--user {settings.user}: the secret is expected in the environment variable {PASSWORD}")
    if settings.target_user and not target_secret:
        raise AccountError(f"--target-user {settings.target_user}: its secret is expected in {TARGET_PASSWORD}")
    known = target_secret.encode() if settings.target_user and target_secret else None
    return Account(settings.user, secret.encode(), settings.target_user, known)


def protected(settings: Settings, iqn: str) -> tuple[str, Account | None]:
    """The target that demands CHAP, and the account for it: the embedded target's neighbour, or the foreign target."""
    if settings.foreign:
        return iqn, account_given(settings)
    return iqn + CHAP_NODE, CHAP_ACCOUNT
