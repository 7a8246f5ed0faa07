"""The description of a target: what a configuration says of it, judged by the table of keys (behaviour file, 6.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.config.cross_checks import CHECKS
from chiscsi_target.config.keys import TARGET_KEYS, ConfigKey, Part
from chiscsi_target.config.pairs import shown_key
from chiscsi_target.config.portal_group import PortalGroup
from chiscsi_target.config.target_device import TargetDevice
from chiscsi_target.core.access import AclEntry
from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.core.negotiation import Own, Pairs
from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.key_rules import Rule
from iscsi_wire.keys import KEYS

DEFAULT_CLASS: Final[str] = TARGET_KEYS["TargetClass"].default


def _negotiated() -> dict[str, Any]:
    return {row.name: row.default for row in TARGET_KEYS.values() if row.part is Part.NEGOTIATED}


@dataclass(slots=True)
class TargetConfig:
    """A target as configured.

    Attributes:
        name, alias: TargetName and TargetAlias.
        class_name: its target class.
        keys: what it wants of each negotiated text key.
        portal_groups: its portal groups.
        devices: its logical units, in the order of their numbers.
        max_commands: TargetSessionMaxCmd.
        acl_enable: whether `acl` is asked who may log in.
        acl: its access control list.
        shadow_mode: whether portal groups without redirection are on another machine.
        register_isns: whether an iSNS server is told of it.
        chap: its CHAP data.
    """

    name: str = ""
    alias: str = ""
    class_name: str = DEFAULT_CLASS
    keys: dict[str, Any] = field(default_factory=_negotiated)
    portal_groups: list[PortalGroup] = field(default_factory=list)
    devices: list[TargetDevice] = field(default_factory=list)
    max_commands: int = 128
    acl_enable: bool = False
    acl: list[AclEntry] = field(default_factory=list)
    shadow_mode: bool = False
    register_isns: bool = True
    chap: ChapConfig = field(default_factory=ChapConfig)

    @property
    def portals(self) -> list[Portal]:
        """The portals of all groups."""
        return [portal for group in self.portal_groups for portal in group.portals]

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """What an initiator may authenticate by; CHAP alone demands it."""
        methods: tuple[str, ...] = self.keys["AuthMethod"]
        return methods

    @property
    def own(self) -> Mapping[str, Own]:
        """What the target wants of each key in a negotiation.

        FirstBurstLength stays within MaxBurstLength's result (section 13.14), and obsolete keys are answered by the
        wire's table alone.
        """
        first_burst = self.keys["FirstBurstLength"]
        return {
            **{name: value for name, value in self.keys.items() if KEYS[name].rule is not Rule.REJECT},
            "FirstBurstLength": lambda settings: min(first_burst, settings["MaxBurstLength"]),
        }

    def values(self, row: ConfigKey) -> list[Any]:
        """The values that a key has in this description; none where there is nothing to say."""
        if row.part is Part.NEGOTIATED:
            return [self.keys[row.attribute]]
        value = getattr(self.chap if row.part is Part.CHAP else self, row.attribute)
        if not row.multiple:
            return [] if value in (None, "") else [value]
        return list(value.items() if isinstance(value, Mapping) else value)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a description, and which of its pairs (by its index) says so; None if one is missing."""

    error: ConfigurationError
    index: int | None = None


def parse_target(pairs: Pairs) -> TargetConfig:
    """Read a target's pairs.

    Raises:
        ConfigurationError: a key is unknown, repeated, or has a value that it cannot have; or something is missing.
    """
    config, faults = examine_target(pairs)
    if faults:
        raise faults[0].error
    return config


def examine_target(pairs: Pairs) -> tuple[TargetConfig, list[Fault]]:
    """Read a target's pairs, and find all that is wrong with them.

    Returns:
        The description, which is of use only without faults, and the faults: those of single pairs in their order,
        then those that relate several.
    """
    faults: list[Fault] = []
    given: dict[str, list[Any]] = {}
    places: dict[str, list[int]] = {}
    for index, (key, text) in enumerate(pairs):
        places.setdefault(key, []).append(index)
        try:
            given.setdefault(key, []).append(_read(key, text, given.get(key, [])))
        except ConfigurationError as error:
            faults.append(Fault(error, index))
    faulty = {pairs[fault.index][0] for fault in faults if fault.index is not None}
    try:
        config = _build(given)
    except ConfigurationError as error:
        faults.append(Fault(error, next(iter(places.get(error.where, ())), None)))
        return TargetConfig(), faults
    return config, [*faults, *_relate(config, places, faulty)]


def _relate(config: TargetConfig, places: Mapping[str, Sequence[int]], faulty: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong between keys that are right by themselves; `places` are the indices of each key's pairs."""
    for keys, check in CHECKS:
        if any(key in faulty for key in keys):
            continue
        # A key that was not given has its default: then the one that does not go with it was.
        others = [index for key in keys for index in places.get(key, ())]
        for key, number, error in check(config):
            where = places.get(key) or others
            yield Fault(error, where[number] if number < len(where) else None)


def _read(key: str, text: str, earlier: Sequence[Any]) -> Any:
    row = TARGET_KEYS.get(key)
    if row is None:
        raise ConfigurationError(shown_key(key), f"unrecognized key {shown_key(key)}.", complete=True)
    if earlier and not row.multiple:
        raise ConfigurationError(key, "is given more than once")
    value = row.parse(text)
    reason = row.clash(earlier, value)
    if reason:
        raise ConfigurationError(key, reason, ReturnCode.EDUP)
    return value


def _build(given: Mapping[str, list[Any]]) -> TargetConfig:
    """The description of these values, with defaults for the rest.

    Raises:
        ConfigurationError: CHAP's data contradict each other.
    """
    parts: dict[Part, dict[str, Any]] = {part: {} for part in Part}
    for row in TARGET_KEYS.values():
        found = given.get(row.name)
        if found:
            parts[row.part][row.attribute] = found if row.multiple else found[0]
        elif row.part is Part.NEGOTIATED:
            parts[row.part][row.attribute] = row.default
    chap = parts[Part.CHAP]
    chap["initiators"] = dict(chap.get("initiators", ()))
    chap["own_order"] = "algorithms" in chap
    return TargetConfig(keys=parts[Part.NEGOTIATED], chap=ChapConfig(**chap), **parts[Part.TARGET])
