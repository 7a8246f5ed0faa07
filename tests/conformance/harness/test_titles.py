"""Titles from the names of functions."""

from __future__ import annotations

import pytest

from conformance.harness.titles import rule, title


@pytest.mark.parametrize(
    "name, expected",
    [
        ("test_command_beyond_max_cmd_sn_gets_no_answer", "Command beyond MaxCmdSN gets no answer"),
        ("test_r2t_sn_starts_at_zero", "R2TSN starts at zero"),
        ("test_initial_r2t_yes_forbids_data_out", "InitialR2T yes forbids Data-Out"),
        ("test_two_luns_share_no_data", "Two LUNs share no data"),
        ("test_data_pdu_in_order_is_or", "DataPDUInOrder is or"),
        ("test_login_with_csg_3_fails", "Login with CSG 3 fails"),
        ("test_iscsi_protocol_level_is_1", "iSCSIProtocolLevel is 1"),
        ("test_lunatic_isidore", "Lunatic isidore"),
    ],
)
def test_titles_use_the_spelling_of_the_rfc(name: str, expected: str) -> None:
    assert title(name) == expected


def test_a_rule_is_one_line() -> None:
    assert rule("> MUST silently\n    ignore\n") == "> MUST silently ignore"
    assert (
        rule("> MAY wait.\n    > MUST NOT\n    > sleep.\n\n    Unless asked.")
        == "> MAY wait. MUST NOT sleep. Unless asked."
    )
    assert rule(None) == ""
