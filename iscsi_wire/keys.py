"""The one table of text keys: RFC 7143, sections 12 and 13, and RFC 7144, 7.1.1.

A row says everything that a negotiation has to know about a key, so that the engine that negotiates, and the
suites that judge it, contain no key's name. What the columns mean is in :mod:`iscsi_wire.key_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from iscsi_wire.key_rules import Form, IntegrityRule, Key, Phase, Rule, Scope, Use, Value
from iscsi_wire.text import NONE

__all__ = [
    "INTEGRITY_RULES",
    "KEYS",
    "PRIVATE",
    "Form",
    "IntegrityRule",
    "Key",
    "Phase",
    "Rule",
    "Scope",
    "Use",
    "Value",
    "defaults",
    "is_private",
]

_NEVER: Final[frozenset[Phase]] = frozenset()
_SECURITY: Final = frozenset({Phase.SECURITY})
_LOGIN: Final = frozenset({Phase.OPERATIONAL})
_ANY_STAGE: Final = frozenset({Phase.SECURITY, Phase.OPERATIONAL})
_FULL_FEATURE: Final = frozenset({Phase.FULL_FEATURE})
_ALL: Final = _LOGIN | _FULL_FEATURE
_EVERYWHERE: Final = _ANY_STAGE | _FULL_FEATURE

_DISCOVERY: Final = MappingProxyType({"SessionType": "Discovery"})
_NO_UNSOLICITED_DATA: Final = MappingProxyType({"InitialR2T": True, "ImmediateData": False})
_LENGTH: Final[dict[str, Any]] = {"low": 512, "high": (1 << 24) - 1}


def _operational(name: str, form: Form, rule: Rule, section: str, *, discovery: bool = False, **more: Any) -> Key:
    """Return a key that both sides negotiate on the leading connection (use: LO, scope: SW)."""
    more.setdefault("irrelevant_when", () if discovery else (_DISCOVERY,))
    more.setdefault("scope", Scope.SESSION)
    more.setdefault("use", Use.LEADING)
    return Key(name=name, form=form, rule=rule, section=section, initiator=_LOGIN, target=_LOGIN, **more)


def _digest(name: str) -> Key:
    return _operational(
        name,
        Form.LIST,
        Rule.LIST,
        "13.1",
        discovery=True,
        use=Use.INITIALIZE,
        scope=Scope.CONNECTION,
        default=NONE,
        values=("CRC32C", NONE),
        open_values=True,
    )


def _marker(name: str, form: Form) -> Key:
    return _operational(name, form, Rule.REJECT, "13.25", discovery=True, use=Use.INITIALIZE, scope=Scope.CONNECTION)


def _security(method: str, name: str, form: Form, rule: Rule, section: str, sender: str, **more: Any) -> Key:
    """Return a key of an authentication method; ``sender`` holds "I", "T" or both."""
    return Key(
        name=name,
        form=form,
        rule=rule,
        section=section,
        use=Use.SECURITY,
        scope=Scope.CONNECTION,
        initiator=_SECURITY if "I" in sender else _NEVER,
        target=_SECURITY if "T" in sender else _NEVER,
        security_method=method,
        **more,
    )


def _declared(
    name: str, form: Form, section: str, use: Use, initiator: frozenset[Phase], target: frozenset[Phase], **more: Any
) -> Key:
    more.setdefault("scope", Scope.SESSION)
    return Key(
        name=name,
        form=form,
        rule=Rule.DECLARE,
        section=section,
        use=use,
        initiator=initiator,
        target=target,
        **more,
    )


_ROWS: Final[Sequence[Key]] = (
    _security(
        "",
        "AuthMethod",
        Form.LIST,
        Rule.LIST,
        "12.1",
        "IT",
        values=("KRB5", "SRP", "CHAP", NONE),
        open_values=True,
    ),
    _security("KRB5", "KRB_AP_REQ", Form.BINARY, Rule.DECLARE, "12.1.1", "I", max_length=65536),
    _security("KRB5", "KRB_AP_REP", Form.BINARY, Rule.DECLARE, "12.1.1", "T", max_length=65536),
    _security("SRP", "SRP_U", Form.LOCAL_NAME, Rule.DECLARE, "12.1.2", "I"),
    _security("SRP", "TargetAuth", Form.BOOLEAN, Rule.DECLARE, "12.1.2", "I"),
    _security(
        "SRP",
        "SRP_GROUP",
        Form.LIST,
        Rule.LIST,
        "12.1.2",
        "IT",
        values=("SRP-768", "SRP-1024", "SRP-1280", "SRP-1536"),
        open_values=True,
        required_offers=("SRP-1536",),
    ),
    *(
        _security("SRP", name, Form.BINARY, Rule.DECLARE, "12.1.2", sender, max_length=1024)
        for name, sender in (("SRP_s", "T"), ("SRP_A", "I"), ("SRP_B", "T"), ("SRP_M", "I"), ("SRP_HM", "T"))
    ),
    _security(
        "CHAP",
        "CHAP_A",
        Form.LIST,
        Rule.LIST,
        "12.1.3",
        "IT",
        values=("5",),
        open_values=True,
        required_offers=("5",),
    ),
    _security("CHAP", "CHAP_I", Form.NUMBER, Rule.DECLARE, "12.1.3", "IT", high=255),
    _security("CHAP", "CHAP_C", Form.BINARY, Rule.DECLARE, "12.1.3", "IT", max_length=1024),
    _security("CHAP", "CHAP_N", Form.LOCAL_NAME, Rule.DECLARE, "12.1.3", "IT"),
    _security("CHAP", "CHAP_R", Form.BINARY, Rule.DECLARE, "12.1.3", "IT", max_length=1024),
    _digest("HeaderDigest"),
    _digest("DataDigest"),
    _operational("MaxConnections", Form.NUMBER, Rule.MINIMUM, "13.2", default=1, low=1, high=65535),
    Key(
        name="SendTargets",
        form=Form.TARGETS,
        rule=Rule.REQUEST,
        section="13.3",
        use=Use.FULL_FEATURE,
        scope=Scope.SESSION,
        initiator=_FULL_FEATURE,
        target=_NEVER,
    ),
    # The target sends TargetName only in answer to SendTargets, one for each target.
    _declared("TargetName", Form.NAME, "13.4", Use.INITIALIZE, _ANY_STAGE, _FULL_FEATURE),
    _declared("InitiatorName", Form.NAME, "13.5", Use.INITIALIZE, _ANY_STAGE, _NEVER),
    _declared("TargetAlias", Form.LOCAL_NAME, "13.6", Use.ALL, _NEVER, _EVERYWHERE),
    _declared("InitiatorAlias", Form.LOCAL_NAME, "13.7", Use.ALL, _EVERYWHERE, _NEVER),
    _declared("TargetAddress", Form.ADDRESS, "13.8", Use.ALL, _NEVER, _EVERYWHERE, repeatable=True),
    _declared("TargetPortalGroupTag", Form.NUMBER, "13.9", Use.INITIALIZE, _NEVER, _ANY_STAGE, high=65535),
    _operational("InitialR2T", Form.BOOLEAN, Rule.OR, "13.10", default=True),
    _operational("ImmediateData", Form.BOOLEAN, Rule.AND, "13.11", default=True),
    _declared(
        "MaxRecvDataSegmentLength",
        Form.NUMBER,
        "13.12",
        Use.ALL,
        _ALL,
        _ALL,
        scope=Scope.CONNECTION,
        default=8192,
        **_LENGTH,
    ),
    _operational("MaxBurstLength", Form.NUMBER, Rule.MINIMUM, "13.13", default=262144, **_LENGTH),
    _operational(
        "FirstBurstLength",
        Form.NUMBER,
        Rule.MINIMUM,
        "13.14",
        default=65536,
        irrelevant_when=(_DISCOVERY, _NO_UNSOLICITED_DATA),
        **_LENGTH,
    ),
    _operational("DefaultTime2Wait", Form.NUMBER, Rule.MAXIMUM, "13.15", discovery=True, default=2, high=3600),
    _operational("DefaultTime2Retain", Form.NUMBER, Rule.MINIMUM, "13.16", discovery=True, default=20, high=3600),
    _operational("MaxOutstandingR2T", Form.NUMBER, Rule.MINIMUM, "13.17", default=1, low=1, high=65535),
    _operational("DataPDUInOrder", Form.BOOLEAN, Rule.OR, "13.18", default=True),
    _operational("DataSequenceInOrder", Form.BOOLEAN, Rule.OR, "13.19", default=True),
    _operational("ErrorRecoveryLevel", Form.NUMBER, Rule.MINIMUM, "13.20", discovery=True, default=0, high=2),
    _declared(
        "SessionType",
        Form.CHOICE,
        "13.21",
        Use.LEADING,
        _ANY_STAGE,
        _NEVER,
        default="Normal",
        values=("Discovery", "Normal"),
    ),
    _operational(
        "TaskReporting",
        Form.LIST,
        Rule.LIST,
        "13.23",
        default="RFC3720",
        values=("RFC3720", "ResponseFence", "FastAbort"),
        required_offers=("RFC3720", "ResponseFence"),
    ),
    _operational("iSCSIProtocolLevel", Form.NUMBER, Rule.MINIMUM, "RFC 7144, 7.1.1", default=1, high=31),
    _marker("OFMarker", Form.BOOLEAN),
    _marker("IFMarker", Form.BOOLEAN),
    _marker("OFMarkInt", Form.RANGE),
    _marker("IFMarkInt", Form.RANGE),
    _declared("X#NodeArchitecture", Form.LIST, "13.26", Use.LEADING, _LOGIN, _LOGIN, open_values=True),
)

KEYS: Final[Mapping[str, Key]] = MappingProxyType({key.name: key for key in _ROWS})
"""Every key of RFC 7143 and RFC 7144, by name, in the order of the sections."""

PRIVATE: Final = Key(
    name="X-",
    form=Form.LOCAL_NAME,
    rule=Rule.REQUEST,
    section="13.22",
    use=Use.ALL,
    scope=Scope.SESSION,
    initiator=_ALL,
    target=_ALL,
    normal_only=True,
)
"""What holds for any key of the private extension format, whatever follows the X-."""

_PRIVATE_NAME: Final = re.compile(r"X-[A-Z0-9a-z.+@_-]+")


def is_private(name: str) -> bool:
    """Say whether ``name`` has the private extension format (RFC 7143, 13.22)."""
    return _PRIVATE_NAME.fullmatch(name) is not None


INTEGRITY_RULES: Final[tuple[IntegrityRule, ...]] = (
    IntegrityRule(
        ("FirstBurstLength", "MaxBurstLength"),
        "13.14",
        "FirstBurstLength MUST NOT exceed MaxBurstLength",
        lambda values: bool(values["FirstBurstLength"] <= values["MaxBurstLength"]),
    ),
    IntegrityRule(
        ("ErrorRecoveryLevel", "DataSequenceInOrder", "MaxOutstandingR2T"),
        "13.19",
        "if ErrorRecoveryLevel is not 0 and DataSequenceInOrder is Yes, MaxOutstandingR2T MUST be 1",
        lambda values: (
            not values["ErrorRecoveryLevel"]
            or not values["DataSequenceInOrder"]
            or bool(values["MaxOutstandingR2T"] == 1)
        ),
    ),
    IntegrityRule(
        ("SessionType", "ErrorRecoveryLevel"),
        "13.21",
        "ErrorRecoveryLevel MUST be 0 for Discovery sessions",
        lambda values: values["SessionType"] != "Discovery" or not values["ErrorRecoveryLevel"],
    ),
)


def defaults() -> dict[str, Value]:
    """Return a fresh set of settings: every key that has a default, with that typed value."""
    return {key.name: key.default for key in KEYS.values() if key.default is not None}
