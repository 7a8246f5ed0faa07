"""What a case may need of a target, and how to find out whether the target offers it."""

from __future__ import annotations

from collections.abc import Callable

from conformance.harness.target import Target
from initiator_sim.outcomes import Unsupported


def _negotiates(key: str, attribute: str, wanted: Callable[[object], bool]) -> Callable[[Target], str]:
    def check(target: Target) -> str:
        value = getattr(target.declared, attribute)
        shown = {True: "Yes", False: "No"}.get(value, value) if isinstance(value, bool) else value
        return "" if wanted(value) else f"the target settles for {key}={shown}"

    return check


def _mutual(target: Target) -> str:
    account = target.protected[1]
    return "" if account and account.mutual else "no CHAP account of the target was given"


DRIVER_API = "storage-driver-api"
"""The need of cases about the storage-driver API."""
NEEDS: dict[str, Callable[[Target], str]] = {
    "header-digest": _negotiates("HeaderDigest", "header_digest", lambda value: value == "CRC32C"),
    "data-digest": _negotiates("DataDigest", "data_digest", lambda value: value == "CRC32C"),
    "immediate-data": _negotiates("ImmediateData", "immediate_data", bool),
    "unsolicited-data": _negotiates("InitialR2T", "initial_r2t", lambda value: value is False),
    "several-connections": _negotiates("MaxConnections", "max_connections", lambda value: value != 1),
    "several-r2ts": _negotiates("MaxOutstandingR2T", "max_outstanding_r2t", lambda value: value != 1),
    "recovery-level-1": _negotiates("ErrorRecoveryLevel", "error_recovery_level", lambda value: value != 0),
    "recovery-level-2": _negotiates("ErrorRecoveryLevel", "error_recovery_level", lambda value: value == 2),
    "discovery": lambda target: target.discovery_refused and f"no discovery session: {target.discovery_refused}",
    DRIVER_API: lambda target: "" if target.embedded else "its storage-driver API is not within reach",
    "chap": lambda target: "" if target.protected[1] else "no CHAP account was given for the target",
    "mutual-chap": _mutual,
    "two-luns": lambda target: "" if len(target.luns) > 1 else f"the target has one LUN, {target.luns[0]}",
}
"""By name: what says why the target lacks it, or an empty text when it does not."""


def require(target: Target, needs: tuple[str, ...]) -> None:
    """Go on only if the target offers everything that a case needs.

    Raises:
        Unsupported: it declares that it does not.
    """
    for need in needs:
        reason = NEEDS[need](target)
        if reason:
            raise Unsupported(reason)
