"""Offers, answers and what follows from both."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import ExpectationFailed, Parameters
from initiator_sim.negotiation import Negotiation
from initiator_sim.rules import RULES
from tests.initiator_sim.fakes import Bench

Pairs = list[tuple[str, str]]


@pytest.fixture
def pdu() -> Any:
    """Some PDU to blame."""
    return Bench().initiator.login().nop()


def negotiated(pdu: Any, offers: Pairs, answers: Pairs) -> Negotiation:
    negotiation = Negotiation(pdu.connection.rules)
    negotiation.sent(offers)
    negotiation.received(answers, pdu)
    return negotiation


@pytest.mark.parametrize(
    "offer, answer",
    [
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "65536")),
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "0x200")),
        (("DefaultTime2Wait", "2"), ("DefaultTime2Wait", "3600")),
        (("InitialR2T", "No"), ("InitialR2T", "Yes")),
        (("ImmediateData", "Yes"), ("ImmediateData", "No")),
        (("HeaderDigest", "CRC32C,None"), ("HeaderDigest", "None")),
        (("MaxBurstLength", "1"), ("MaxBurstLength", "70000")),  # wrong offers are not judged here
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "Reject")),
        (("FirstBurstLength", "65536"), ("FirstBurstLength", "Irrelevant")),
        (("X-a.b", "1"), ("X-a.b", "anything")),
    ],
)
def test_answers_within_the_offer(pdu: Any, offer: tuple[str, str], answer: tuple[str, str]) -> None:
    assert negotiated(pdu, [offer], [answer]).answered == dict([answer])


@pytest.mark.parametrize(
    "offer, answer, rule",
    [
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "65537"), "answer"),
        (("DefaultTime2Wait", "2"), ("DefaultTime2Wait", "1"), "answer"),
        (("InitialR2T", "Yes"), ("InitialR2T", "No"), "answer"),
        (("ImmediateData", "No"), ("ImmediateData", "Yes"), "answer"),
        (("HeaderDigest", "CRC32C"), ("HeaderDigest", "None"), "answer"),
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "511"), "text"),
        (("MaxBurstLength", "65536"), ("MaxBurstLength", "many"), "text"),
        (("InitialR2T", "No"), ("InitialR2T", "yes"), "text"),
    ],
)
def test_answers_outside_the_offer(pdu: Any, offer: tuple[str, str], answer: tuple[str, str], rule: str) -> None:
    with pytest.raises(ExpectationFailed) as caught:
        negotiated(pdu, [offer], [answer])
    assert caught.value.clause == RULES[rule].clause


def test_answers_to_a_key_sent_twice_are_not_judged(pdu: Any) -> None:
    negotiation = negotiated(pdu, [("MaxConnections", "1"), ("MaxConnections", "2")], [("MaxConnections", "9")])
    assert negotiation.missing() == []


def test_what_needs_an_answer_and_has_none(pdu: Any) -> None:
    offers = [
        ("InitiatorName", "iqn.2004-10.a:b"),
        ("MaxRecvDataSegmentLength", "8192"),
        ("MaxBurstLength", "512"),
        ("InitialR2T", "No"),
        ("ImmediateData", "No"),  # settled by the offer (RFC 7143, 6.2.2)
        ("DataPDUInOrder", "Yes"),
        ("HeaderDigest", "None"),
        ("MaxConnections", "0"),
        ("X-a.b", "1"),
    ]
    assert negotiated(pdu, offers, []).missing() == ["MaxBurstLength", "InitialR2T", "HeaderDigest"]


def test_results_take_effect(pdu: Any) -> None:
    parameters = Parameters()
    negotiated(
        pdu,
        [
            ("MaxRecvDataSegmentLength", "4096"),
            ("MaxBurstLength", "8192"),
            ("InitialR2T", "No"),
            ("ImmediateData", "No"),
            ("MaxOutstandingR2T", "4"),
            ("FirstBurstLength", "512"),
        ],
        [
            ("MaxRecvDataSegmentLength", "16384"),
            ("MaxBurstLength", "1024"),
            ("InitialR2T", "No"),
            ("MaxOutstandingR2T", "Reject"),
            ("FirstBurstLength", "Irrelevant"),
            ("TargetPortalGroupTag", "7"),
            ("TargetAlias", "disk"),
        ],
    ).settle(parameters)
    assert (parameters.max_recv_data_segment_length, parameters.target_max_recv_data_segment_length) == (4096, 16384)
    assert (parameters.max_burst_length, parameters.first_burst_length) == (1024, 65536)
    assert (parameters.initial_r2t, parameters.immediate_data, parameters.max_outstanding_r2t) == (False, False, 1)
    assert (parameters.target_portal_group_tag, parameters.target_alias) == (7, "disk")


def test_a_value_that_nobody_can_use_changes_nothing(pdu: Any) -> None:
    parameters = Parameters()
    negotiated(pdu, [], [("TargetPortalGroupTag", "seven")]).settle(parameters)
    assert parameters.target_portal_group_tag is None


@pytest.mark.parametrize(
    "offer, answer",
    [
        (("MaxConnections", "8"), "1"),
        (("MaxBurstLength", "4096"), "4096"),
        (("InitialR2T", "No"), "Yes"),
        (("ImmediateData", "Yes"), "Yes"),
        (("HeaderDigest", "CRC32C,None"), "CRC32C"),
        (("HeaderDigest", "None,CRC32C"), "None"),
        (("HeaderDigest", "Y-org.example.sum"), "Reject"),
        (("AuthMethod", "CHAP,None"), "None"),
        (("IFMarker", "Yes"), "Reject"),
        (("MaxBurstLength", "lots"), "Reject"),
        (("X-a.b", "1"), "NotUnderstood"),
    ],
)
def test_offers_of_the_target_are_answered(pdu: Any, offer: tuple[str, str], answer: str) -> None:
    negotiation = negotiated(pdu, [], [offer, ("TargetAlias", "disk")])
    assert negotiation.take_answers() == [(offer[0], answer)]
    assert negotiation.take_answers() == []
    negotiation.sent([(offer[0], answer)])
    assert negotiation.offered == {}
    parameters = Parameters()
    negotiation.settle(parameters)
    if answer not in ("Reject", "NotUnderstood"):
        assert parameters.values[offer[0]] == answer
