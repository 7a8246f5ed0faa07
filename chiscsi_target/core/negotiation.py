"""The responder's half of a text negotiation (RFC 7143 section 6.2). No key's name is here: the table has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from chiscsi_target.errors import ProtocolViolation
from iscsi_wire.errors import TextError
from iscsi_wire.keys import INTEGRITY_RULES, KEYS, Key, Phase, Scope, Value, defaults
from iscsi_wire.text import IRRELEVANT, NOT_UNDERSTOOD, REJECT, RESERVED_VALUES

Pairs: TypeAlias = list[tuple[str, str]]
Own: TypeAlias = Value | Callable[[Mapping[str, Any]], Value]
"""What a node wants of a key; a function of what is settled already where one key bounds another."""


class NegotiationFailure(ProtocolViolation):
    """The negotiation cannot go on (section 7.12). During login it ends the login, later only the exchange."""


class Negotiation:
    """One side's settings, and how offers change them.

    Each negotiation (a login, or a Text exchange) is atomic: work on a `copy` and keep it if it succeeds.

    Attributes:
        own: what this side wants, by key; for a list, the values it supports in any order.
        settings: what holds, by key: defaults at first, then results.
        declared: what the other side declared, by key.
    """

    def __init__(self, own: Mapping[str, Own], *, leading: bool = True) -> None:
        self.own = own
        self.settings: dict[str, Any] = defaults()
        self.declared: dict[str, Any] = {}
        self._leading = leading
        self._seen: set[str] = set()

    def copy(self) -> Negotiation:
        """A negotiation that starts from the settings of this one and has seen no key."""
        other = Negotiation(self.own, leading=self._leading)
        other.settings = dict(self.settings)
        return other

    def for_further_connection(self) -> Negotiation:
        """What a connection that joins the session starts from: the session's results, and defaults of its own."""
        other = Negotiation(self.own, leading=False)
        for name, value in self.settings.items():
            if KEYS[name].scope is Scope.SESSION:
                other.settings[name] = value
        return other

    def answer(self, pairs: Iterable[tuple[str, str]], phase: Phase) -> Pairs:
        """Take the other side's keys; returns ours.

        Keys are treated in the order of the table, so that one that bounds another comes first.

        Raises:
            NegotiationFailure: a key is repeated, out of place, or declared with a value that cannot be used.
        """
        offers = list(pairs)
        for name, _ in offers:
            self._note(name)
        order = {name: index for index, name in enumerate(KEYS)}
        offers.sort(key=lambda pair: order.get(pair[0], len(order)))
        return [answer for name, value in offers if (answer := self._answer_one(name, value, phase)) is not None]

    def conclude(self) -> None:
        """Settle what nobody mentioned, and check the rules that relate several keys.

        Raises:
            NegotiationFailure: the results contradict each other.
        """
        for name, own in self.own.items():
            if callable(own) and name not in self._seen:
                key = KEYS[name]
                self.settings[name] = key.select(self.settings[name], own(self.settings))
        for rule in INTEGRITY_RULES:
            if any(KEYS[name].irrelevant(self.settings) for name in rule.keys):
                continue  # FirstBurstLength bounds nothing where no data come unasked (section 13.14)
            if not rule.holds(self.settings):
                raise NegotiationFailure(rule.text, rule.section)

    def _note(self, name: str) -> None:
        key = KEYS.get(name)
        if name in self._seen and not (key is not None and key.repeatable):
            raise NegotiationFailure(f"{name} is sent a second time", "6.3")
        self._seen.add(name)

    def _answer_one(self, name: str, value: str, phase: Phase) -> tuple[str, str] | None:
        key = KEYS.get(name)
        if key is None:
            return name, NOT_UNDERSTOOD
        if value in RESERVED_VALUES:
            raise NegotiationFailure(f"{name} is offered as {value}", "6.2")
        if phase not in key.initiator:
            raise NegotiationFailure(f"{name} does not belong in {phase.value}", key.section)
        if key.leading_only and not self._leading:
            raise NegotiationFailure(f"{name} belongs to the leading connection only", key.section)
        if key.irrelevant(self.settings):
            return name, IRRELEVANT
        if not key.declarative:
            return self._select(key, value)
        self._declare(key, value)
        return None

    def _declare(self, key: Key, value: str) -> None:
        try:
            self.declared[key.name] = key.parse(value)
        except TextError as error:
            raise NegotiationFailure(f"{key.name}: {error.message}", key.section) from error
        if key.name in self.settings and not key.target:
            self.settings[key.name] = self.declared[key.name]

    def _select(self, key: Key, value: str) -> tuple[str, str]:
        """Answer an offer; one that cannot be understood or accepted is answered Reject and changes nothing."""
        try:
            offer = key.parse(value)
        except TextError:
            return key.name, REJECT
        own = self.own.get(key.name, key.default)
        # A key that this side has no wish for cannot be agreed on.
        result = None if own is None else key.select(offer, own(self.settings) if callable(own) else own)
        if result is None:
            return key.name, REJECT
        self.settings[key.name] = result
        return key.name, key.format(result)
