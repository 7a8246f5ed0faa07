"""Global variables: the table, one wrong one among right ones, and what they do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import ReturnCode
from chiscsi_target.config.global_variables import (
    DEFAULTS,
    VARIABLES,
    read_variable,
    set_variables,
    variable_values,
)
from chiscsi_target.core.registry import Globals
from chiscsi_target.errors import ConfigurationError

EKEY = int(ReturnCode.EKEY)


def test_every_variable_is_there_with_its_default() -> None:
    """Behaviour file, 6.2."""
    assert {name: VARIABLES[name].format(value) for name, value in DEFAULTS.items()} == {
        "iscsi_login_complete_time": "300",
        "iscsi_auth_order": "CHAP",
        "iscsi_acl_order": "CONFIG",
        "iscsi_target_vendor_id": "CHISCSI",
        "iscsi_chelsio_ini_idstr": "cxgb4i",
        "DISC_AuthMethod": "None",
        "DISC_Auth_CHAP_Policy": "Oneway",
        "iscsi_offload_mode": "AUTO",
        "iscsi_HA_mode": "No",
        "iscsi_worker_policy": "RR",
        "iscsi_perf_params": "0",
        "iscsi_verbose_level": "0x0,0x0",
        "iscsi_test_mode": "0",
    }
    assert set(VARIABLES) - set(DEFAULTS) == {"DISC_Auth_CHAP_Initiator", "DISC_Auth_CHAP_Target"}


@pytest.mark.parametrize(
    "name, text, attribute, value",
    [
        ("iscsi_login_complete_time", "0", "login_complete_time", 0),
        ("iscsi_login_complete_time", "3600", "login_complete_time", 3600),
        ("iscsi_auth_order", "ACL", "auth_order", "ACL"),
        ("iscsi_acl_order", "ISNS", "acl_order", "ISNS"),
        ("iscsi_target_vendor_id", "ACME", "vendor_id", "ACME"),
        ("iscsi_chelsio_ini_idstr", "x" * 255, "initiator_id", "x" * 255),
        ("DISC_AuthMethod", "CHAP", "discovery_auth_methods", ("CHAP",)),
        ("iscsi_offload_mode", "ULP", "offload_mode", "ULP"),
        ("iscsi_HA_mode", "Yes", "ha_mode", True),
        ("iscsi_worker_policy", "QSET", "worker_policy", "QSET"),
        ("iscsi_perf_params", "0x10", "perf_params", 16),
        ("iscsi_test_mode", "31", "test_mode", 31),
    ],
)
def test_values(name: str, text: str, attribute: str, value: object) -> None:
    settings = Globals()
    assert set_variables(settings, [(name, text)]) == []
    assert getattr(settings, attribute) == value == VARIABLES[name].value(settings)


def test_verbosity_stays_the_same_object_so_that_everybody_sees_it_change() -> None:
    settings = Globals()
    verbosity = settings.verbosity
    assert set_variables(settings, [("iscsi_verbose_level", "0xf,0xc82000")]) == []
    assert settings.verbosity is verbosity and (verbosity.levels, verbosity.areas) == (0xF, 0xC82000)


def test_chap_of_discovery_sessions() -> None:
    settings = Globals()
    pairs = [
        ("DISC_Auth_CHAP_Policy", "Mutual"),
        ("DISC_Auth_CHAP_Initiator", '"you":"secret-of-yours"'),
        ("DISC_Auth_CHAP_Target", '"me":"secret-of-mine"'),
    ]
    assert set_variables(settings, pairs) == []
    chap = settings.discovery_chap
    assert (chap.mutual, dict(chap.initiators), chap.target) == (
        True,
        {"you": b"secret-of-yours"},
        ("me", b"secret-of-mine"),
    )
    assert set_variables(settings, [("DISC_Auth_CHAP_Initiator", '"we":"secret-of-ours1"')]) == []
    assert dict(settings.discovery_chap.initiators) == {"we": b"secret-of-ours1"}
    assert settings.discovery_chap.target == ("me", b"secret-of-mine")


@pytest.mark.parametrize(
    "name, text",
    [
        ("iscsi_login_complete_time", "3601"),
        ("iscsi_login_complete_time", "-1"),
        ("iscsi_auth_order", "acl"),
        ("iscsi_acl_order", ""),
        ("iscsi_target_vendor_id", "123456789"),
        ("iscsi_target_vendor_id", "\u00c4CME"),
        ("iscsi_chelsio_ini_idstr", "x" * 256),
        ("DISC_AuthMethod", "KRB5"),
        ("DISC_Auth_CHAP_Policy", "Both"),
        ("DISC_Auth_CHAP_Target", "me:secret-of-mine"),
        ("iscsi_offload_mode", "NONE"),
        ("iscsi_HA_mode", "1"),
        ("iscsi_worker_policy", "rr"),
        ("iscsi_perf_params", "0x100000000"),
        ("iscsi_verbose_level", "loud"),
        ("iscsi_test_mode", "32"),
    ],
)
def test_a_wrong_value_is_named_and_changes_nothing(name: str, text: str) -> None:
    settings = Globals()
    (fault,) = set_variables(settings, [(name, text)])
    assert (fault.where, fault.code) == (name, 0) and name in str(fault) and "secret-of" not in str(fault)
    assert variable_values(settings) == DEFAULTS


def test_an_unknown_variable_keeps_no_other_from_taking_effect() -> None:
    settings = Globals()
    faults = set_variables(settings, [("iscsi_auth_order", "ACL"), ("colour", "red"), ("iscsi_HA_mode", "Yes")])
    assert [(str(fault), fault.code) for fault in faults] == [("Unknown variable colour.", EKEY)]
    assert (settings.auth_order, settings.ha_mode) == ("ACL", True)


def test_secrets_that_contradict_each_other_change_no_chap_data_and_all_the_rest() -> None:
    settings = Globals()
    pairs = [
        ("DISC_Auth_CHAP_Initiator", '"you":"secret-of-both"'),
        ("DISC_Auth_CHAP_Target", '"me":"secret-of-both"'),
        ("iscsi_test_mode", "1"),
    ]
    (fault,) = set_variables(settings, pairs)
    assert fault.where == "DISC_Auth_CHAP_Target" and "secret-of" not in str(fault)
    assert (settings.discovery_chap, settings.test_mode) == (Globals().discovery_chap, 1)


@given(st.one_of(st.sampled_from(sorted(VARIABLES)), st.text(max_size=5)), st.text(max_size=40))
def test_nothing_but_a_configuration_error_comes_out(name: str, text: str) -> None:
    with suppress(ConfigurationError):
        value = read_variable(name, text)
        assert read_variable(name, VARIABLES[name].format(value)) == value
