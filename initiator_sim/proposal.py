"""What an ordinary initiator sends at login, and how a script changes it (RFC 7143 sections 6.3, 12 and 13)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from initiator_sim.login import OPERATIONAL, SECURITY
from initiator_sim.negotiation import Pairs
from iscsi_wire.keys import KEYS, Phase

OPERATIONAL_KEYS: Final[Mapping[str, str]] = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "MaxRecvDataSegmentLength": "262144",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "0",
    "ErrorRecoveryLevel": "0",
    "MaxConnections": "1",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxBurstLength": "262144",
    "FirstBurstLength": "65536",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
}
"""What is offered and declared unless a script says otherwise."""


def make_plan(
    identity: Mapping[str, str],
    *,
    stages: Sequence[int] = (SECURITY, OPERATIONAL),
    leading: bool = True,
    keys: Mapping[str, str] | None = None,
    omit: Collection[str] = (),
    extra: Sequence[tuple[str, str]] = (),
) -> list[tuple[int, Pairs]]:
    """Return the stages of a login with the keys of each.

    Args:
        identity: who wants to reach what: InitiatorName, SessionType, TargetName; sent in the first stage.
        stages: the stages to go through.
        leading: whether this is the first connection of a session; others send no leading-only keys, and a
            Discovery session sends no keys that mean nothing there.
        keys: values to send instead of the usual ones, and further keys.
        omit: keys not to send.
        extra: pairs to add at the end of the last stage, as they are: duplicates, unknown keys.
    """
    given = dict(keys or {})
    typed = {"SessionType": identity.get("SessionType", "Normal")}
    operational = {
        name: value
        for name, value in OPERATIONAL_KEYS.items()
        if (leading or not KEYS[name].leading_only) and not KEYS[name].irrelevant(typed)
    }
    plan: list[tuple[int, dict[str, str]]] = [
        (stage, {"AuthMethod": "None"} if stage == SECURITY else dict(operational)) for stage in stages
    ]
    if plan:
        names = {name: value for name, value in identity.items() if leading or not KEYS[name].leading_only}
        plan[0] = (plan[0][0], names | plan[0][1])
    for name, value in given.items():
        _place(plan, name)[name] = value
    chosen = [(stage, [pair for pair in pairs.items() if pair[0] not in omit]) for stage, pairs in plan]
    if chosen:
        chosen[-1][1].extend(extra)
    return chosen


def _place(plan: list[tuple[int, dict[str, str]]], name: str) -> dict[str, str]:
    """Return the pairs of the stage where a key belongs: where it is sent already, or may be sent."""
    for _, pairs in plan:
        if name in pairs:
            return pairs
    rule = KEYS.get(name)
    if rule is not None and Phase.OPERATIONAL not in rule.initiator:
        return plan[0][1]
    return plan[-1][1]
