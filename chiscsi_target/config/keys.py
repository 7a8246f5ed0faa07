"""The keys of a target, as one table (behaviour file, 6.3): forms, ranges, defaults, and where each value goes.

Reading, writing and the reference page go by it; nothing else knows a key's name, but for the checks that relate
several keys. Ranges of negotiated keys are those of the wire's table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from chiscsi_target.config import acl, chap_pairs, portal_group, target_device, values
from chiscsi_target.config.pairs import MAX_VALUE
from chiscsi_target.config.setting import Setting
from chiscsi_target.config.values import Form
from chiscsi_target.core.chap_secrets import CHALLENGE_LENGTHS, POLICIES
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.chap import ALGORITHMS
from iscsi_wire.keys import KEYS


class Part(Enum):
    """Which part of a target's description a key is in."""

    NEGOTIATED = "what the target wants of each text key"
    TARGET = "the target itself"
    CHAP = "its CHAP data"


def _no_clash(values: Sequence[Any], value: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey(Setting):
    """One row of the table; a negotiated key's attribute is its name.

    Attributes:
        section: the behaviour file's section.
        part: what has the attribute.
        default: what holds without the key; None where it has to be given.
        multiple: whether it may be given several times; the values are kept in their order.
        limit: longest value in octets.
        clash: says why one more value cannot stand beside those that were given; such an error is an EDUP.
    """

    section: str = "6.3"
    part: Part = Part.TARGET
    default: Any = None
    multiple: bool = False
    limit: int = values.MAX_TEXT
    clash: Callable[[Sequence[Any], Any], str] = _no_clash

    def parse(self, text: str) -> Any:
        """Read a value.

        Raises:
            ConfigurationError: it is too long, has another form, or is out of range.
        """
        if len(text.encode()) > self.limit:
            raise ConfigurationError(self.name, f"{len(text.encode())} octets, and {self.limit} are allowed")
        return Setting.parse(self, text)  # a class with slots is made twice, and `super()` means the first


def _negotiated(name: str, default: Any, form: Form | None = None, note: str = "") -> ConfigKey:
    return ConfigKey(
        name=name,
        form=form or values.negotiated(KEYS[name]),
        part=Part.NEGOTIATED,
        attribute=name,
        default=default,
        note=note,
    )


def _refused(name: str, default: Any, refused: Callable[[Any], bool], reason: str) -> ConfigKey:
    return _negotiated(name, default, values.unsupported(values.negotiated(KEYS[name]), refused, reason))


def _in_order(name: str) -> ConfigKey:
    return _refused(name, True, lambda value: value is False, f"{name}=No NOT supported.")


def _marker(name: str) -> ConfigKey:
    form = values.unsupported(values.boolean(), lambda value: value is True, f"{name}=Yes NOT supported.")
    return _negotiated(name, False, form, "obsolete (RFC 7143, 13.25)")


_DIGESTS: Final = values.list_of("None", "CRC32C")
_INTERVAL: Final = values.number(1, 65535)
_ERROR_RECOVERY: Final = "ErrorRecoveryLevel > 0 NOT supported."

_ROWS: Final = (
    ConfigKey(
        name="TargetName",
        form=values.iscsi_name(),
        attribute="name",
        note="lower-cased; unique among the targets",
    ),
    ConfigKey(
        name="TargetAlias",
        form=values.text_without_comma(values.MAX_TEXT),
        attribute="alias",
        default="",
        note="unique among the targets",
    ),
    ConfigKey(
        name="TargetClass",
        form=values.text(values.MAX_TEXT),
        attribute="class_name",
        default="CHELSIO",
        note="a file's",
    ),
    _refused("ErrorRecoveryLevel", 0, lambda value: value > 0, _ERROR_RECOVERY),
    _negotiated("InitialR2T", True, note="always Yes where the LUN class is multi-phase"),
    _negotiated("ImmediateData", True, note="always No where the LUN class is multi-phase"),
    _in_order("DataPDUInOrder"),
    _in_order("DataSequenceInOrder"),
    _negotiated("MaxConnections", 1),
    _negotiated("MaxOutstandingR2T", 1),
    _negotiated("FirstBurstLength", 65536, note="not above MaxBurstLength"),
    _negotiated("MaxBurstLength", 262144),
    _negotiated("DefaultTime2Wait", 2),
    _negotiated("DefaultTime2Retain", 20),
    _negotiated("HeaderDigest", ("None",), _DIGESTS),
    _negotiated("DataDigest", ("None",), _DIGESTS),
    _negotiated("MaxRecvDataSegmentLength", 8192, note="declared"),
    _marker("OFMarker"),
    _marker("IFMarker"),
    _negotiated("OFMarkInt", 2048, _INTERVAL, "irrelevant without markers"),
    _negotiated("IFMarkInt", 2048, _INTERVAL, "irrelevant without markers"),
    _negotiated("TaskReporting", ("RFC3720",), note="RFC 7143, 13.23"),
    _negotiated("iSCSIProtocolLevel", 1, note="RFC 7144, 7.1.1"),
    _negotiated("AuthMethod", ("None", "CHAP"), values.list_of("None", "CHAP"), "`CHAP` alone demands it"),
    ConfigKey(
        name="Auth_CHAP_Policy",
        form=values.choice(*POLICIES),
        part=Part.CHAP,
        attribute="policy",
        default=POLICIES[0],
    ),
    ConfigKey(
        name="Auth_CHAP_ChallengeLength",
        form=values.number(CHALLENGE_LENGTHS.start, CHALLENGE_LENGTHS.stop - 1, CHALLENGE_LENGTHS.step),
        part=Part.CHAP,
        attribute="challenge_length",
        default=16,
    ),
    ConfigKey(
        name="Auth_CHAP_Algorithms",
        form=Form(
            chap_pairs.parse_algorithms,
            "list of " + ", ".join(f"`{algorithm.name}`" for algorithm in ALGORITHMS.values()),
            chap_pairs.format_algorithms,
        ),
        part=Part.CHAP,
        attribute="algorithms",
        note="not in the module; the target's order counts then, not the initiator's",
    ),
    ConfigKey(name="ACL_Enable", form=values.boolean(), attribute="acl_enable", default=False),
    ConfigKey(name="RegisteriSNS", form=values.boolean(), attribute="register_isns", default=True),
    ConfigKey(name="ShadowMode", form=values.boolean(), attribute="shadow_mode", default=False),
    ConfigKey(
        name="TargetSessionMaxCmd", form=values.number(1, 2048), attribute="max_commands", default=128, note="commands"
    ),
    ConfigKey(
        name=acl.KEY,
        form=Form(acl.parse_acl, "`[iname=n1,n2][;sip=a1,a2][;dip=b1,b2][;lun=LIST:PERM]`", acl.format_acl),
        section="6.6",
        attribute="acl",
        default=(),
        multiple=True,
        limit=MAX_VALUE,
        note="needs one of iname, sip and dip; dip is a portal's address",
    ),
    ConfigKey(
        name="Auth_CHAP_Target",
        form=chap_pairs.FORM,
        section="6.7",
        part=Part.CHAP,
        attribute="target",
        limit=MAX_VALUE,
        hide=chap_pairs.hide_chap_pair,
        note="the secret is no initiator's, at whatever target",
    ),
    ConfigKey(
        name="Auth_CHAP_Initiator",
        form=chap_pairs.FORM,
        section="6.7",
        part=Part.CHAP,
        attribute="initiators",
        default=(),
        multiple=True,
        limit=MAX_VALUE,
        clash=chap_pairs.clash,
        hide=chap_pairs.hide_chap_pair,
        note="neither ids nor secrets repeat; a secret has 12 to 16 octets, as text or in hexadecimal",
    ),
    ConfigKey(
        name=portal_group.KEY,
        form=Form(
            portal_group.parse_portal_group,
            "`tag@ip[:port][,ip[:port]...][,timeout=SECONDS][,[tag,tag...]]`",
            portal_group.format_portal_group,
        ),
        section="6.4",
        attribute="portal_groups",
        multiple=True,
        limit=MAX_VALUE,
        clash=portal_group.clash,
        note="neither tags nor portals repeat",
    ),
    ConfigKey(
        name=target_device.KEY,
        form=Form(target_device.parse_target_device, "`path[,CLASS][,option...]`", target_device.format_target_device),
        section="6.5",
        attribute="devices",
        default=(),
        multiple=True,
        limit=MAX_VALUE,
        note="logical units, numbered from 0; no line repeats",
    ),
)

TARGET_KEYS: Final[Mapping[str, ConfigKey]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every key of a target by its name, in the order in which a description is written (behaviour file, 6.8)."""
