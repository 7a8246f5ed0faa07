"""The table of keys: complete, and consistent with the descriptions that it fills."""

from __future__ import annotations

from dataclasses import fields

from chiscsi_target.config.keys import TARGET_KEYS, Part
from chiscsi_target.config.target_config import TargetConfig
from chiscsi_target.core.chap_secrets import ChapConfig

# Behaviour file, 6.3: negotiated keys, names, and the module's own; AuthMethod as the guide has it (6.1.3.1).
DEFAULTS = {
    "MaxConnections": "1",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxOutstandingR2T": "1",
    "FirstBurstLength": "65536",
    "MaxBurstLength": "262144",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "20",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
    "ErrorRecoveryLevel": "0",
    "HeaderDigest": "None",
    "DataDigest": "None",
    "MaxRecvDataSegmentLength": "8192",
    "OFMarker": "No",
    "IFMarker": "No",
    "OFMarkInt": "2048",
    "IFMarkInt": "2048",
    "AuthMethod": "None,CHAP",
    "ACL_Enable": "No",
    "TargetSessionMaxCmd": "128",
    "TargetClass": "CHELSIO",
    "ShadowMode": "No",
    "RegisteriSNS": "Yes",
    "Auth_CHAP_ChallengeLength": "16",
    "Auth_CHAP_Policy": "Oneway",
}
WITHOUT_DEFAULT = {
    "TargetName",
    "TargetAlias",
    "PortalGroup",
    "TargetDevice",
    "ACL",
    "Auth_CHAP_Initiator",
    "Auth_CHAP_Target",
    "Auth_CHAP_Algorithms",
}
RFC_7143_AND_7144 = {"TaskReporting", "iSCSIProtocolLevel"}


def test_every_key_of_the_module_is_there_with_its_default() -> None:
    assert set(TARGET_KEYS) == set(DEFAULTS) | WITHOUT_DEFAULT | RFC_7143_AND_7144
    assert {name: TARGET_KEYS[name].format(TARGET_KEYS[name].default) for name in DEFAULTS} == DEFAULTS


def test_multiple_keys() -> None:
    multiple = {row.name for row in TARGET_KEYS.values() if row.multiple}
    assert multiple == {"PortalGroup", "TargetDevice", "ACL", "Auth_CHAP_Initiator"}


def test_every_row_has_a_place_in_the_description() -> None:
    description = TargetConfig()
    for row in TARGET_KEYS.values():
        if row.part is Part.NEGOTIATED:
            assert description.keys[row.name] == row.default
        else:
            owner = description.chap if row.part is Part.CHAP else description
            value = getattr(owner, row.attribute)
            assert (list(value) if row.multiple else value or None) == (row.default or ([] if row.multiple else None))


def test_every_field_of_the_description_has_a_row() -> None:
    attributes = {row.attribute for row in TARGET_KEYS.values()}
    of_chap = {field.name for field in fields(ChapConfig)} - {"algorithms", "own_order"}
    assert {field.name for field in fields(TargetConfig)} - {"keys", "chap"} | of_chap <= attributes


def test_secrets_are_hidden_where_there_are_some() -> None:
    for name in ("Auth_CHAP_Initiator", "Auth_CHAP_Target"):
        row = TARGET_KEYS[name]
        pair = row.parse('"id":"twelve-bytes"')
        assert row.format(pair) == '"id":"twelve-bytes"'
        assert row.format(pair, secrets=False) == '"id":"********"'
