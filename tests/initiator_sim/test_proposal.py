"""What is offered at login, and how a script changes it."""

from __future__ import annotations

import pytest

from initiator_sim.login import OPERATIONAL, SECURITY
from initiator_sim.proposal import OPERATIONAL_KEYS, make_plan
from iscsi_wire.keys import INTEGRITY_RULES, KEYS, defaults

NORMAL = {"InitiatorName": "iqn.2004-10.a:i", "SessionType": "Normal", "TargetName": "iqn.2004-10.a:t"}
DISCOVERY = {"InitiatorName": "iqn.2004-10.a:i", "SessionType": "Discovery"}


def keys_of(plan: list[tuple[int, list[tuple[str, str]]]]) -> dict[int, list[str]]:
    return {stage: [key for key, _ in pairs] for stage, pairs in plan}


def test_the_usual_offers_are_legal() -> None:
    parsed = {name: KEYS[name].parse(value) for name, value in OPERATIONAL_KEYS.items()}
    assert all(rule.holds(defaults() | parsed) for rule in INTEGRITY_RULES)


def test_a_normal_session() -> None:
    plan = keys_of(make_plan(NORMAL))
    assert plan == {SECURITY: [*NORMAL, "AuthMethod"], OPERATIONAL: list(OPERATIONAL_KEYS)}


def test_a_discovery_session_offers_what_means_something_there() -> None:
    plan = keys_of(make_plan(DISCOVERY))
    assert "MaxBurstLength" not in plan[OPERATIONAL]
    assert {"HeaderDigest", "MaxRecvDataSegmentLength", "ErrorRecoveryLevel"} <= set(plan[OPERATIONAL])


def test_a_further_connection_sends_no_leading_only_keys() -> None:
    plan = keys_of(make_plan(NORMAL, leading=False, stages=(OPERATIONAL,)))
    assert plan == {
        OPERATIONAL: ["InitiatorName", "TargetName", "HeaderDigest", "DataDigest", "MaxRecvDataSegmentLength"]
    }


@pytest.mark.parametrize(
    "name, stage",
    [
        ("TargetName", SECURITY),
        ("AuthMethod", SECURITY),
        ("CHAP_A", SECURITY),
        ("HeaderDigest", OPERATIONAL),
        ("TaskReporting", OPERATIONAL),
        ("X-unknown.key", OPERATIONAL),
        ("InitiatorAlias", OPERATIONAL),
    ],
)
def test_a_key_goes_where_it_belongs(name: str, stage: int) -> None:
    plan = make_plan(NORMAL, keys={name: "value"})
    assert [at for at, pairs in plan if (name, "value") in pairs] == [stage]
    assert sum(key == name for _, pairs in plan for key, _ in pairs) == 1


def test_keys_can_be_left_out() -> None:
    plan = keys_of(make_plan(NORMAL, omit={"TargetName", "HeaderDigest"}))
    assert "TargetName" not in plan[SECURITY]
    assert "HeaderDigest" not in plan[OPERATIONAL]


def test_pairs_can_be_added_as_they_are() -> None:
    plan = make_plan(NORMAL, extra=[("MaxConnections", "2"), ("MaxConnections", "3")])
    assert plan[-1][1][-2:] == [("MaxConnections", "2"), ("MaxConnections", "3")]


def test_no_stages_no_plan() -> None:
    assert make_plan(NORMAL, stages=(), extra=[("a", "b")]) == []
