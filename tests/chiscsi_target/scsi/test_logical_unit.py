from __future__ import annotations

from chiscsi_target.api import chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.scsi.logical_unit import Device, LogicalUnit
from chiscsi_target.scsi.sense import COMMANDS_CLEARED_BY_ISCSI, REPORTED_LUNS_CHANGED, RESET_OCCURRED, Sense


def unit() -> LogicalUnit:
    return LogicalUnit(chiscsi_lun(chiscsi_target_lun_class(), 0, ""), Device("", 1, "", ""), ())


def taken(of: LogicalUnit, session: int) -> list[Sense]:
    found = []
    while sense := of.take_attention(session):
        found.append(sense)
    return found


def test_unit_attentions_come_in_the_order_of_their_events() -> None:
    made = unit()
    made.establish_attention(1, REPORTED_LUNS_CHANGED)
    made.establish_attention(1, COMMANDS_CLEARED_BY_ISCSI)
    assert taken(made, 1) == [REPORTED_LUNS_CHANGED, COMMANDS_CLEARED_BY_ISCSI]


def test_the_same_condition_is_reported_once() -> None:
    made = unit()
    for _ in range(3):
        made.establish_attention(1, REPORTED_LUNS_CHANGED)
    assert taken(made, 1) == [REPORTED_LUNS_CHANGED]


def test_a_reset_takes_the_place_of_what_was_before_it() -> None:
    made = unit()
    made.establish_attention(1, REPORTED_LUNS_CHANGED)
    made.establish_attention(1, RESET_OCCURRED)
    made.establish_attention(1, COMMANDS_CLEARED_BY_ISCSI)
    assert taken(made, 1) == [RESET_OCCURRED, COMMANDS_CLEARED_BY_ISCSI]


def test_each_session_has_its_own() -> None:
    made = unit()
    made.establish_attention(1, RESET_OCCURRED)
    assert (taken(made, 2), taken(made, 1)) == ([], [RESET_OCCURRED])


def test_nothing_is_left_behind_for_the_fast_path_to_look_at() -> None:
    made = unit()
    made.establish_attention(1, RESET_OCCURRED)
    taken(made, 1)
    assert made.attentions == {}
