"""Keys and the attributes that hold them."""

from __future__ import annotations

from dataclasses import fields

import pytest

from initiator_sim import Parameters
from initiator_sim.parameters import attribute_name
from iscsi_wire.keys import KEYS


@pytest.mark.parametrize(
    "key, value, attribute, expected",
    [
        ("MaxOutstandingR2T", "0x10", "max_outstanding_r2t", 16),
        ("InitialR2T", "No", "initial_r2t", False),
        ("DataPDUInOrder", "No", "data_pdu_in_order", False),
        ("DefaultTime2Retain", "0", "default_time2retain", 0),
        ("HeaderDigest", "CRC32C", "header_digest", "CRC32C"),
        ("TargetPortalGroupTag", "3", "target_portal_group_tag", 3),
        ("iSCSIProtocolLevel", "2", "iscsi_protocol_level", 2),
    ],
)
def test_a_key_sets_its_attribute(key: str, value: str, attribute: str, expected: object) -> None:
    parameters = Parameters()
    parameters.put(key, value)
    assert getattr(parameters, attribute) == expected
    assert parameters.values == {key: value}


def test_every_negotiated_default_is_the_rfcs() -> None:
    parameters = Parameters()
    names = {attribute_name(key.name): key for key in KEYS.values() if key.default is not None}
    named = {item.name for item in fields(Parameters)}
    assert names.keys() - named == {"session_type"}
    assert {name: getattr(parameters, name) for name in names if name in named} == {
        name: key.default for name, key in names.items() if name in named
    }


def test_keys_without_an_attribute_are_kept_as_text() -> None:
    parameters = Parameters()
    parameters.put("X-vendor.key", "17")
    assert parameters.values["X-vendor.key"] == "17"


def test_a_number_has_to_be_one() -> None:
    with pytest.raises(ValueError, match="many"):
        Parameters().put("MaxBurstLength", "many")
