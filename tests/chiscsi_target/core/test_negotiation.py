"""The responder's half of every key of the table, and the rules that relate several."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.negotiation import Negotiation, NegotiationFailure, Pairs
from iscsi_wire.errors import TextError
from iscsi_wire.keys import INTEGRITY_RULES, KEYS, Form, Key, Phase, Rule, Scope
from iscsi_wire.text import NOT_UNDERSTOOD, REJECT, RESERVED_VALUES

OPERATIONAL = Phase.OPERATIONAL
NEGOTIATED = [key for key in KEYS.values() if key.rule in (Rule.MINIMUM, Rule.MAXIMUM, Rule.AND, Rule.OR)]
LISTS = [key for key in KEYS.values() if key.rule is Rule.LIST and OPERATIONAL in key.initiator]
OFFERED = [key for key in KEYS.values() if OPERATIONAL in key.initiator]


def own(*pairs: tuple[str, str]) -> Any:
    known = [("TargetName", "iqn.2026-11.org.example:disk"), ("PortalGroup", "1@127.0.0.1")]
    return parse_target([*known, *pairs]).own


def negotiation(*pairs: tuple[str, str], leading: bool = True, **settings: Any) -> Negotiation:
    made = Negotiation(own(*pairs), leading=leading)
    made.settings |= {"SessionType": "Normal"} | settings
    return made


def ids(key: Any) -> str:
    return key.name if isinstance(key, Key) else str(key)


# Every key


@pytest.mark.parametrize("key", NEGOTIATED, ids=ids)
@given(data=st.data())
def test_results_are_those_of_the_table(key: Key, data: st.DataObject) -> None:
    """Whatever is offered: the answer is one that the result function allows, and it is what holds from then on."""
    offer = data.draw(st.booleans() if key.form is Form.BOOLEAN else st.integers(key.low, min(key.high, 1 << 24)))
    made = negotiation()
    made.settings["ImmediateData"] = True
    ((name, answer),) = made.answer([(key.name, key.format(offer))], OPERATIONAL)
    value = key.parse(answer)
    assert name == key.name and key.admits(offer, value)
    assert made.settings[key.name] == value
    made.conclude()


@pytest.mark.parametrize("key", LISTS, ids=ids)
def test_lists(key: Key) -> None:
    """The first of the offered values that the target has, wherever unknown ones stand."""
    has = negotiation().own[key.name]
    assert isinstance(has, tuple)
    for value in has:
        made = negotiation()
        answers = made.answer([(key.name, f"Unknown-1,{value},{key.values[-1]},Other")], OPERATIONAL)
        assert answers == [(key.name, value)] and made.settings[key.name] == value
    made = negotiation()
    assert made.answer([(key.name, "Unknown-1,Other")], OPERATIONAL) == [(key.name, REJECT)]
    assert made.settings[key.name] == key.default


@pytest.mark.parametrize("key", [key for key in OFFERED if key.rule is Rule.REJECT], ids=ids)
def test_obsolete_keys_are_rejected(key: Key) -> None:
    for value in ("Yes", "No", "2048~2048", "nonsense"):
        assert negotiation().answer([(key.name, value)], OPERATIONAL) == [(key.name, REJECT)]


@pytest.mark.parametrize("key", [key for key in OFFERED if key.rule is Rule.DECLARE], ids=ids)
def test_declarations_are_not_answered(key: Key) -> None:
    value = {"SessionType": "Normal", "MaxRecvDataSegmentLength": "65536"}.get(key.name, "iqn.2026-11.org.example:a")
    made = negotiation()
    assert made.answer([(key.name, value)], OPERATIONAL) == []
    assert key.format(made.declared[key.name]) == value


@pytest.mark.parametrize("key", NEGOTIATED, ids=ids)
@pytest.mark.parametrize("value", ["", "maybe", "-1", "99999999999999999999", "1,2", "0x"])
def test_an_offer_that_cannot_be_read_is_rejected(key: Key, value: str) -> None:
    with pytest.raises(TextError):
        key.parse(value)
    made = negotiation()
    before = dict(made.settings)
    assert made.answer([(key.name, value)], OPERATIONAL) == [(key.name, REJECT)]
    assert made.settings == before


@pytest.mark.parametrize("key", OFFERED, ids=ids)
@pytest.mark.parametrize("value", sorted(RESERVED_VALUES))
def test_answers_may_not_be_offered(key: Key, value: str) -> None:
    with pytest.raises(NegotiationFailure):
        negotiation().answer([(key.name, value)], OPERATIONAL)


@pytest.mark.parametrize("key", KEYS.values(), ids=ids)
@pytest.mark.parametrize("phase", Phase)
def test_keys_have_their_phases(key: Key, phase: Phase) -> None:
    made = negotiation()
    try:
        made.answer([(key.name, "Anything")], phase)
        complaint = ""
    except NegotiationFailure as failure:
        complaint = str(failure)
    assert ("does not belong in" in complaint) == (phase not in key.initiator)


@pytest.mark.parametrize("key", [key for key in OFFERED if key.leading_only], ids=ids)
def test_leading_only_keys(key: Key) -> None:
    with pytest.raises(NegotiationFailure, match="leading connection only"):
        negotiation(leading=False).answer([(key.name, "1")], OPERATIONAL)


@pytest.mark.parametrize("key", [key for key in OFFERED if key.irrelevant_when], ids=ids)
def test_irrelevant_keys(key: Key) -> None:
    for condition in key.irrelevant_when:
        made = negotiation()
        made.settings |= condition
        assert made.answer([(key.name, "512")], OPERATIONAL) == [(key.name, "Irrelevant")]


@pytest.mark.parametrize("name", ["X-com.example.key", "Y#private", "Nonsense", "X#digest"])
def test_unknown_keys_are_not_understood(name: str) -> None:
    assert negotiation().answer([(name, "anything")], OPERATIONAL) == [(name, NOT_UNDERSTOOD)]


# Several keys


def test_a_key_comes_once() -> None:
    made = negotiation()
    made.answer([("MaxBurstLength", "512")], OPERATIONAL)
    with pytest.raises(NegotiationFailure, match="a second time"):
        made.answer([("MaxBurstLength", "512")], OPERATIONAL)


def test_a_copy_has_seen_nothing_and_changes_nothing() -> None:
    made = negotiation()
    made.answer([("MaxBurstLength", "8192")], OPERATIONAL)
    copy = made.copy()
    assert copy.answer([("MaxBurstLength", "1024")], OPERATIONAL) == [("MaxBurstLength", "1024")]
    assert (made.settings["MaxBurstLength"], copy.settings["MaxBurstLength"]) == (8192, 1024)


def test_a_further_connection_begins_with_the_sessions_results_and_its_own_defaults() -> None:
    made = negotiation(("HeaderDigest", "CRC32C"))
    made.answer([("MaxBurstLength", "8192"), ("HeaderDigest", "CRC32C")], OPERATIONAL)
    further = made.for_further_connection()
    assert further.settings["MaxBurstLength"] == 8192
    for name, value in further.settings.items():
        if KEYS[name].scope is Scope.CONNECTION:
            assert value == KEYS[name].default


ORDERS: list[Pairs] = [
    [("MaxBurstLength", "4096"), ("FirstBurstLength", "8192")],
    [("FirstBurstLength", "8192"), ("MaxBurstLength", "4096")],
]


@pytest.mark.parametrize("pairs", ORDERS)
def test_first_burst_length_stays_within_max_burst_length(pairs: Pairs) -> None:
    """In whichever order they are offered (RFC 7143, 13.14)."""
    made = negotiation()
    assert dict(made.answer(pairs, OPERATIONAL)) == {"MaxBurstLength": "4096", "FirstBurstLength": "4096"}
    made.conclude()


def test_a_bound_key_that_nobody_mentions_is_settled_at_the_end() -> None:
    made = negotiation()
    made.answer([("MaxBurstLength", "4096")], OPERATIONAL)
    made.conclude()
    assert made.settings["FirstBurstLength"] == 4096


@pytest.mark.parametrize("rule", INTEGRITY_RULES, ids=lambda rule: rule.section)
def test_integrity_rules(rule: Any) -> None:
    """Results that contradict each other end the negotiation, with the rule's clause."""
    wrong: dict[str, dict[str, Any]] = {
        "13.14": {"FirstBurstLength": 1 << 20, "MaxBurstLength": 512},
        "13.19": {"ErrorRecoveryLevel": 1, "DataSequenceInOrder": True, "MaxOutstandingR2T": 2},
        "13.21": {"SessionType": "Discovery", "ErrorRecoveryLevel": 1},
    }
    made = Negotiation({})
    made.settings |= {"SessionType": "Normal", "ImmediateData": True} | wrong[rule.section]
    assert not rule.holds(made.settings)
    with pytest.raises(NegotiationFailure) as caught:
        made.conclude()
    assert caught.value.clause == rule.section


def test_a_rule_about_a_key_that_means_nothing_does_not_hold_anything_up() -> None:
    """FirstBurstLength bounds nothing where no data come unasked."""
    made = negotiation(InitialR2T=True, ImmediateData=False, MaxBurstLength=512, FirstBurstLength=65536)
    made.own = {}
    made.conclude()
