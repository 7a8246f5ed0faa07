"""The global variables, as one table (behaviour file, 6.2), and how they are set and told.

They are fields of `core.registry.Globals`, where those who need them read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.config import chap_pairs, values
from chiscsi_target.config.pairs import shown_key
from chiscsi_target.config.setting import Setting
from chiscsi_target.core.chap_secrets import POLICIES, ChapConfig
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.registry import Globals
from chiscsi_target.errors import ConfigurationError

Variables: TypeAlias = dict[str, Any]
"""Typed values by the names of their variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Setting):
    """One row of the table; its attribute is a field of `Globals`, or of its CHAP data.

    Attributes:
        of_chap: whether it is one of the CHAP data of discovery sessions.
    """

    of_chap: bool = False

    def value(self, settings: Globals) -> Any:
        """What the variable is set to; None if it is not set."""
        if self.attribute == "verbosity":
            return settings.verbosity.levels, settings.verbosity.areas
        if self.attribute == "initiators":
            return next(iter(settings.discovery_chap.initiators.items()), None)
        return getattr(settings.discovery_chap if self.of_chap else settings, self.attribute)


def _pair(name: str, attribute: str) -> Variable:
    return Variable(
        name=name,
        form=chap_pairs.FORM,
        attribute=attribute,
        of_chap=True,
        hide=chap_pairs.hide_chap_pair,
    )


_ROWS: Final = (
    Variable(
        name="iscsi_auth_order",
        form=values.choice("ACL", "CHAP"),
        attribute="auth_order",
        note="whether the access list is asked before CHAP or after it",
    ),
    Variable(
        name="iscsi_acl_order",
        form=values.choice("CONFIG", "ISNS"),
        attribute="acl_order",
        note="which access list is asked first",
    ),
    Variable(
        name="iscsi_target_vendor_id",
        form=values.ascii_text(8),
        attribute="vendor_id",
        note="vendor in INQUIRY data of built-in logical units",
    ),
    Variable(
        name="iscsi_login_complete_time",
        form=values.number(0, 3600),
        attribute="login_complete_time",
        note="seconds that a login may take; 0 for no limit",
    ),
    Variable(
        name="DISC_AuthMethod",
        form=values.list_of("None", "CHAP"),
        attribute="discovery_auth_methods",
        note="what discovery sessions may authenticate by; `CHAP` alone demands it",
    ),
    Variable(name="DISC_Auth_CHAP_Policy", form=values.choice(*POLICIES), attribute="policy", of_chap=True),
    _pair("DISC_Auth_CHAP_Target", "target"),
    _pair("DISC_Auth_CHAP_Initiator", "initiators"),
    Variable(
        name="iscsi_chelsio_ini_idstr",
        form=values.text(255),
        attribute="initiator_id",
        note="by what a Chelsio initiator's name is known; stored and shown",
    ),
    Variable(
        name="iscsi_offload_mode",
        form=values.choice("AUTO", "NIC", "ULP", "CRC"),
        attribute="offload_mode",
        note="of built-in targets; third-party ones are always ULP",
    ),
    Variable(
        name="iscsi_HA_mode",
        form=values.boolean(),
        attribute="ha_mode",
        note="a login to an unknown target is answered by a reset of the connection",
    ),
    Variable(
        name="iscsi_worker_policy",
        form=values.choice("RR", "QSET"),
        attribute="worker_policy",
        note="stored and shown",
    ),
    Variable(
        name="iscsi_perf_params",
        form=values.number(0, 0xFFFFFFFF),
        attribute="perf_params",
        note="stored and shown",
    ),
    Variable(
        name="iscsi_verbose_level",
        form=values.hex_pair(),
        attribute="verbosity",
        note="bits of the log levels and debug areas that are printed; errors and warnings always are",
    ),
    Variable(
        name="iscsi_test_mode",
        form=values.number(0, 0x1F),
        attribute="test_mode",
        note="stored and shown",
    ),
)

VARIABLES: Final[Mapping[str, Variable]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every variable by its name, in the order in which they are told (behaviour file, 6.8, `-g`)."""


def read_variable(name: str, text: str) -> Any:
    """The typed value of a variable.

    Raises:
        ConfigurationError: there is no such variable (its code is EKEY), or it cannot have this value.
    """
    row = VARIABLES.get(name)
    if row is None:
        known_as = shown_key(name)
        raise ConfigurationError(known_as, f"Unknown variable {known_as}.", ReturnCode.EKEY, complete=True)
    return row.parse(text)


def set_variables(settings: Globals, pairs: Pairs, others: Sequence[ChapConfig] = ()) -> list[ConfigurationError]:
    """Set variables from their texts; those that are right take effect whatever the others are.

    Args:
        settings: what they are set in.
        pairs: names and texts.
        others: the CHAP data of targets.

    Returns:
        What is wrong with the others, in their order.
    """
    faults: list[ConfigurationError] = []
    found: Variables = {}
    for name, text in pairs:
        try:
            found[name] = read_variable(name, text)
        except ConfigurationError as error:
            faults.append(error)
    try:
        apply_variables(settings, found, others)
    except ConfigurationError as error:
        faults.append(error)
    return faults


def apply_variables(settings: Globals, found: Mapping[str, Any], others: Sequence[ChapConfig] = ()) -> None:
    """Set variables to typed values. All but the CHAP data take effect even if those contradict each other.

    Args:
        settings: what they are set in.
        found: the values by the names of their variables.
        others: the CHAP data of targets.

    Raises:
        ConfigurationError: the CHAP data of discovery sessions contradict each other, or those of a target.
    """
    of_chap: dict[str, Any] = {}
    for name, value in found.items():
        row = VARIABLES[name]
        if row.attribute == "verbosity":
            settings.verbosity.levels, settings.verbosity.areas = value
        elif row.of_chap:
            of_chap[row.attribute] = dict([value]) if row.attribute == "initiators" else value
        else:
            setattr(settings, row.attribute, value)
    if of_chap:
        try:
            chap = replace(settings.discovery_chap, **of_chap)
            chap.check_apart(others)
            settings.discovery_chap = chap
        except ConfigurationError as error:
            raise ConfigurationError(f"DISC_{error.where}", error.message, error.code) from error


def variable_values(settings: Globals) -> Variables:
    """What the variables are set to, those that are not set left out."""
    found = {name: row.value(settings) for name, row in VARIABLES.items()}
    return {name: value for name, value in found.items() if value is not None}


DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(variable_values(Globals()))
"""What the variables are without any configuration."""
