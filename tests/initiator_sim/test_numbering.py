"""CmdSN, the window and tags, around the ends of their ranges too."""

from __future__ import annotations

import pytest

from initiator_sim.numbering import Numbering
from iscsi_wire.constants import RESERVED_TAG


def test_tags_skip_the_reserved_value_and_0() -> None:
    numbering = Numbering(next_tag=RESERVED_TAG - 1)
    assert [numbering.take_tag() for _ in range(3)] == [RESERVED_TAG - 1, 1, 2]


def test_only_non_immediate_commands_use_a_number_up() -> None:
    numbering = Numbering(cmd_sn=0xFFFFFFFF)
    assert [numbering.take_cmd_sn(True), numbering.take_cmd_sn(False), numbering.take_cmd_sn(False)] == [
        0xFFFFFFFF,
        0xFFFFFFFF,
        0,
    ]


@pytest.mark.parametrize(
    "exp_cmd_sn, max_cmd_sn, window",
    [
        (11, 25, (11, 25)),
        (10, 19, (10, 20)),  # MaxCmdSN does not shrink (RFC 7143, 4.2.2.1)
        (9, 25, (10, 25)),
        (12, 10, (10, 20)),  # MaxCmdSN below ExpCmdSN - 1: both are ignored
        (21, 20, (21, 20)),  # a closed window
    ],
)
def test_the_window_only_moves_forward(exp_cmd_sn: int, max_cmd_sn: int, window: tuple[int, int]) -> None:
    numbering = Numbering(exp_cmd_sn=10, max_cmd_sn=20)
    numbering.update(exp_cmd_sn, max_cmd_sn)
    assert (numbering.exp_cmd_sn, numbering.max_cmd_sn) == window


def test_the_window_crosses_zero() -> None:
    numbering = Numbering(cmd_sn=0xFFFFFFFF, exp_cmd_sn=0xFFFFFFFE, max_cmd_sn=0xFFFFFFFF)
    states = [numbering.open]
    numbering.take_cmd_sn(False)
    states.append(numbering.open)
    numbering.update(0, 3)
    states.append(numbering.open)
    assert states == [True, False, True]


def test_only_what_was_sent_can_be_acknowledged() -> None:
    numbering = Numbering(cmd_sn=5)
    assert numbering.possible(1000)
    numbering.start(5, 10)
    assert (numbering.possible(5), numbering.possible(6)) == (True, False)
    numbering.sent(7)
    numbering.sent(5)
    assert (numbering.possible(8), numbering.possible(9)) == (True, False)
    numbering.known = False
    assert numbering.possible(9)
