"""The table of keys, row by row against the clauses of RFC 7143 and RFC 7144."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.errors import TextError
from iscsi_wire.keys import (
    INTEGRITY_RULES,
    KEYS,
    PRIVATE,
    Form,
    Phase,
    Rule,
    Scope,
    Use,
    defaults,
    is_private,
)
from iscsi_wire.text import is_key_name

LOGIN, FULL = {Phase.OPERATIONAL}, {Phase.FULL_FEATURE}
ANY, NONE = {Phase.SECURITY, Phase.OPERATIONAL}, set[Phase]()

# Key, clause, use, scope, result function, default, phases of the initiator, phases of the target: section 13 retold.
ROWS: list[tuple[str, str, str, str, Rule, Any, set[Phase], set[Phase]]] = [
    ("HeaderDigest", "13.1", "IO", "CO", Rule.LIST, "None", LOGIN, LOGIN),
    ("DataDigest", "13.1", "IO", "CO", Rule.LIST, "None", LOGIN, LOGIN),
    ("MaxConnections", "13.2", "LO", "SW", Rule.MINIMUM, 1, LOGIN, LOGIN),
    ("SendTargets", "13.3", "FFPO", "SW", Rule.REQUEST, None, FULL, NONE),
    ("TargetName", "13.4", "IO", "SW", Rule.DECLARE, None, ANY, FULL),
    ("InitiatorName", "13.5", "IO", "SW", Rule.DECLARE, None, ANY, NONE),
    ("TargetAlias", "13.6", "ALL", "SW", Rule.DECLARE, None, NONE, ANY | FULL),
    ("InitiatorAlias", "13.7", "ALL", "SW", Rule.DECLARE, None, ANY | FULL, NONE),
    ("TargetAddress", "13.8", "ALL", "SW", Rule.DECLARE, None, NONE, ANY | FULL),
    ("TargetPortalGroupTag", "13.9", "IO", "SW", Rule.DECLARE, None, NONE, ANY),
    ("InitialR2T", "13.10", "LO", "SW", Rule.OR, True, LOGIN, LOGIN),
    ("ImmediateData", "13.11", "LO", "SW", Rule.AND, True, LOGIN, LOGIN),
    ("MaxRecvDataSegmentLength", "13.12", "ALL", "CO", Rule.DECLARE, 8192, LOGIN | FULL, LOGIN | FULL),
    ("MaxBurstLength", "13.13", "LO", "SW", Rule.MINIMUM, 262144, LOGIN, LOGIN),
    ("FirstBurstLength", "13.14", "LO", "SW", Rule.MINIMUM, 65536, LOGIN, LOGIN),
    ("DefaultTime2Wait", "13.15", "LO", "SW", Rule.MAXIMUM, 2, LOGIN, LOGIN),
    ("DefaultTime2Retain", "13.16", "LO", "SW", Rule.MINIMUM, 20, LOGIN, LOGIN),
    ("MaxOutstandingR2T", "13.17", "LO", "SW", Rule.MINIMUM, 1, LOGIN, LOGIN),
    ("DataPDUInOrder", "13.18", "LO", "SW", Rule.OR, True, LOGIN, LOGIN),
    ("DataSequenceInOrder", "13.19", "LO", "SW", Rule.OR, True, LOGIN, LOGIN),
    ("ErrorRecoveryLevel", "13.20", "LO", "SW", Rule.MINIMUM, 0, LOGIN, LOGIN),
    ("SessionType", "13.21", "LO", "SW", Rule.DECLARE, "Normal", ANY, NONE),
    ("TaskReporting", "13.23", "LO", "SW", Rule.LIST, "RFC3720", LOGIN, LOGIN),
    ("iSCSIProtocolLevel", "RFC 7144, 7.1.1", "LO", "SW", Rule.MINIMUM, 1, LOGIN, LOGIN),
    ("X#NodeArchitecture", "13.26", "LO", "SW", Rule.DECLARE, None, LOGIN, LOGIN),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_operational_keys(row: tuple[str, str, str, str, Rule, Any, set[Phase], set[Phase]]) -> None:
    key = KEYS[row[0]]
    assert (
        key.name,
        key.section,
        key.use.value,
        key.scope.value,
        key.rule,
        key.default,
        set(key.initiator),
        set(key.target),
    ) == row


@pytest.mark.parametrize(
    "name, senders",
    {
        "AuthMethod": "IT",
        "KRB_AP_REQ": "I",
        "KRB_AP_REP": "T",
        "SRP_U": "I",
        "TargetAuth": "I",
        "SRP_GROUP": "IT",
        "SRP_s": "T",
        "SRP_A": "I",
        "SRP_B": "T",
        "SRP_M": "I",
        "SRP_HM": "T",
        "CHAP_A": "IT",
        "CHAP_I": "IT",
        "CHAP_C": "IT",
        "CHAP_N": "IT",
        "CHAP_R": "IT",
    }.items(),
)
def test_security_keys(name: str, senders: str) -> None:
    key = KEYS[name]
    assert (key.use, key.scope) == (Use.SECURITY, Scope.CONNECTION)
    assert key.initiator == ({Phase.SECURITY} if "I" in senders else set())
    assert key.target == ({Phase.SECURITY} if "T" in senders else set())


def test_only_the_keys_of_section_12_may_be_used_in_security_negotiation() -> None:
    allowed = {name for name, key in KEYS.items() if Phase.SECURITY in key.initiator | key.target}
    listed = {"SessionType", "InitiatorName", "TargetName", "TargetAddress", "InitiatorAlias", "TargetAlias"}
    methods = {name for name, key in KEYS.items() if key.section.startswith("12.")}
    assert allowed == listed | methods | {"TargetPortalGroupTag"}


def test_obsolete_keys_are_rejected_and_not_misunderstood() -> None:
    obsolete = {"OFMarker": Form.BOOLEAN, "IFMarker": Form.BOOLEAN, "OFMarkInt": Form.RANGE, "IFMarkInt": Form.RANGE}
    assert {name: key.form for name, key in KEYS.items() if key.rule is Rule.REJECT} == obsolete
    for name in obsolete:
        assert KEYS[name].select(True, True) is None
        assert KEYS[name].admits(True, "Reject")
    assert KEYS["IFMarker"].admits(True, False)  # "MAY alternatively respond with a "No" value"
    assert not KEYS["IFMarkInt"].admits((2048, 8192), (2048, 8192))


def test_the_table_holds_nothing_else() -> None:
    operational = {row[0] for row in ROWS}
    assert operational <= set(KEYS)
    assert {KEYS[name].section.split(".")[0] for name in set(KEYS) - operational} == {"12", "13"}
    assert all(is_key_name(name) and key.name == name for name, key in KEYS.items())


@pytest.mark.parametrize(
    "name, low, high",
    [
        ("MaxConnections", 1, 65535),
        ("TargetPortalGroupTag", 0, 65535),
        ("MaxRecvDataSegmentLength", 512, 2**24 - 1),
        ("MaxBurstLength", 512, 2**24 - 1),
        ("FirstBurstLength", 512, 2**24 - 1),
        ("DefaultTime2Wait", 0, 3600),
        ("DefaultTime2Retain", 0, 3600),
        ("MaxOutstandingR2T", 1, 65535),
        ("ErrorRecoveryLevel", 0, 2),
        ("iSCSIProtocolLevel", 0, 31),
        ("CHAP_I", 0, 255),
    ],
)
def test_bounds(name: str, low: int, high: int) -> None:
    key = KEYS[name]
    assert [key.parse(str(low)), key.parse(hex(high))] == [low, high]
    for outside in (low - 1, high + 1):
        with pytest.raises(TextError) as caught:
            key.parse(str(outside))
        assert caught.value.field == name


@pytest.mark.parametrize(
    "name, value, parsed",
    [
        ("HeaderDigest", "CRC32C,None", ("CRC32C", "None")),
        ("InitialR2T", "No", False),
        ("SessionType", "Discovery", "Discovery"),
        ("InitiatorName", "iqn.1992-04.com.os-vendor.plan9:cdrom.12345", "iqn.1992-04.com.os-vendor.plan9:cdrom.12345"),
        ("TargetAlias", "Web Server 3 Disk 20", "Web Server 3 Disk 20"),
        ("SendTargets", "All", "All"),
        ("SendTargets", "", ""),
        ("SendTargets", "iqn.2001-04.com.example", "iqn.2001-04.com.example"),
        ("IFMarkInt", "2048~8192", (2048, 8192)),
        ("CHAP_C", "0x0102", b"\x01\x02"),
        ("X#NodeArchitecture", "ExampleOS/v1234,CPU_Arch/i686", ("ExampleOS/v1234", "CPU_Arch/i686")),
    ],
)
def test_values_are_typed_and_written_as_they_were_read(name: str, value: str, parsed: Any) -> None:
    assert KEYS[name].parse(value) == parsed
    assert KEYS[name].format(parsed) == value


@pytest.mark.parametrize(
    "name, value",
    [
        ("SessionType", "discovery"),
        ("SessionType", "Other"),
        ("ImmediateData", "1"),
        ("SendTargets", "all"),
        ("CHAP_C", "0x" + "00" * 1025),
        ("CHAP_N", "x" * 256),
        ("HeaderDigest", ""),
        ("TargetName", "disk1"),
    ],
)
def test_values_that_a_key_does_not_take(name: str, value: str) -> None:
    with pytest.raises(TextError) as caught:
        KEYS[name].parse(value)
    assert caught.value.field == name


def test_a_selection_from_a_list_is_one_value() -> None:
    key = KEYS["DataDigest"]
    assert key.parse_selection("CRC32C") == "CRC32C"
    with pytest.raises(TextError):
        key.parse_selection("CRC32C,None")
    assert KEYS["MaxBurstLength"].parse_selection("512") == 512


@pytest.mark.parametrize(
    "name, offer, own, result",
    [
        ("MaxBurstLength", 1024, 512, 512),
        ("MaxBurstLength", 512, 1024, 512),
        ("DefaultTime2Wait", 2, 5, 5),
        ("ImmediateData", True, False, False),
        ("ImmediateData", True, True, True),
        ("InitialR2T", False, False, False),
        ("InitialR2T", False, True, True),
        ("HeaderDigest", ("None", "CRC32C"), ("CRC32C", "None"), "None"),
        ("HeaderDigest", ("Y-x", "CRC32C"), ("CRC32C", "None"), "CRC32C"),
        ("HeaderDigest", ("Y-x",), ("CRC32C", "None"), None),
    ],
)
def test_results(name: str, offer: Any, own: Any, result: Any) -> None:
    assert KEYS[name].select(offer, own) == result


def test_what_this_side_selects_the_other_side_admits() -> None:
    @given(st.sampled_from([key for key in KEYS.values() if key.form is Form.NUMBER]), st.data())
    def numbers(key: Any, data: st.DataObject) -> None:
        values = st.integers(key.low, min(key.high, 2**32))
        offer, own = data.draw(values), data.draw(values)
        if not key.declarative:
            assert key.admits(offer, key.select(offer, own))

    @given(st.sampled_from(["InitialR2T", "ImmediateData"]), st.booleans(), st.booleans())
    def booleans(name: str, offer: bool, own: bool) -> None:
        assert KEYS[name].admits(offer, KEYS[name].select(offer, own))
        if KEYS[name].answer_optional(offer):
            assert KEYS[name].select(offer, own) is offer

    numbers()
    booleans()


@pytest.mark.parametrize(
    "name, offer, answer",
    [
        ("MaxBurstLength", 512, 513),
        ("DefaultTime2Wait", 5, 4),
        ("ImmediateData", False, True),
        ("InitialR2T", True, False),
        ("HeaderDigest", ("None",), "CRC32C"),
        ("MaxRecvDataSegmentLength", 512, 512),  # declarative: nothing to answer
        ("IFMarker", True, True),
    ],
)
def test_answers_that_the_result_function_forbids(name: str, offer: Any, answer: Any) -> None:
    assert not KEYS[name].admits(offer, answer)


def test_answers_are_optional_in_two_cases_only() -> None:
    optional = {(name, offer) for name, key in KEYS.items() for offer in (True, False) if key.answer_optional(offer)}
    assert optional == {
        ("ImmediateData", False),
        ("InitialR2T", True),
        ("DataPDUInOrder", True),
        ("DataSequenceInOrder", True),
    }


def test_keys_that_mean_nothing_in_a_discovery_session() -> None:
    assert {name for name, key in KEYS.items() if key.irrelevant({"SessionType": "Discovery"})} == {
        "MaxConnections",
        "InitialR2T",
        "ImmediateData",
        "MaxBurstLength",
        "FirstBurstLength",
        "MaxOutstandingR2T",
        "DataPDUInOrder",
        "DataSequenceInOrder",
        "TaskReporting",
        "iSCSIProtocolLevel",
    }


def test_first_burst_length_means_nothing_without_unsolicited_data() -> None:
    key = KEYS["FirstBurstLength"]
    assert key.irrelevant({"InitialR2T": True, "ImmediateData": False})
    assert not key.irrelevant({"InitialR2T": True, "ImmediateData": True})
    assert not key.irrelevant(defaults())


def test_integrity_rules() -> None:
    def broken(**changes: Any) -> set[str]:
        return {rule.section for rule in INTEGRITY_RULES if not rule.holds(defaults() | changes)}

    assert broken() == set()
    assert broken(FirstBurstLength=1024, MaxBurstLength=512) == {"13.14"}
    assert broken(ErrorRecoveryLevel=1, MaxOutstandingR2T=2) == {"13.19"}
    assert broken(ErrorRecoveryLevel=1, MaxOutstandingR2T=2, DataSequenceInOrder=False) == set()
    assert broken(ErrorRecoveryLevel=1, SessionType="Discovery") == {"13.21"}
    assert all(set(rule.keys) <= set(defaults()) for rule in INTEGRITY_RULES)


def test_private_keys() -> None:
    assert is_private("X-com.example.bar.foo.do_something")
    for name in ("X-", "X#NodeArchitecture", "MaxConnections", "X-a b", "x-com.example"):
        assert not is_private(name)
    assert PRIVATE.normal_only
    assert PRIVATE.initiator == PRIVATE.target == {Phase.OPERATIONAL, Phase.FULL_FEATURE}


def test_flags_that_follow_from_the_columns() -> None:
    assert KEYS["MaxConnections"].leading_only
    assert not KEYS["HeaderDigest"].leading_only
    assert KEYS["TargetAlias"].declarative
    assert [name for name, key in KEYS.items() if key.repeatable] == ["TargetAddress"]
    assert KEYS["TaskReporting"].required_offers == ("RFC3720", "ResponseFence")
