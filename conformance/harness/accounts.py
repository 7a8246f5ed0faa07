"""By which CHAP account cases authenticate themselves, and to which target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.credentials import account_of
from conformance.embedded import CHAP_ACCOUNT, CHAP_NODE

if TYPE_CHECKING:
    from conformance.harness.settings import Settings
    from initiator_sim.chap import Account


def protected(settings: Settings, iqn: str) -> tuple[str, Account | None]:
    """The target that demands CHAP, and the account for it: the embedded target's neighbour, or the foreign target.

    Raises:
        AccountError: the names that the user gave do not go together with the secrets.
    """
    if settings.foreign:
        return iqn, account_of(settings.user, settings.target_user)
    return iqn + CHAP_NODE, CHAP_ACCOUNT
