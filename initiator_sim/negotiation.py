"""What this side offers and declares, what the target answers, and what follows from both (RFC 7143, 6.2 and 13).

One `Negotiation` covers a login or a text exchange. It knows no key by name: everything comes from `iscsi_wire.keys`.
Offers that are wrong on purpose are sent, and answers to them are not judged here: that is the case's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS, Form, Key, Use, Value
from iscsi_wire.text import NONE, NOT_UNDERSTOOD, REJECT, RESERVED_VALUES

if TYPE_CHECKING:
    from initiator_sim.evidence import AnyReceived
    from initiator_sim.parameters import Parameters
    from initiator_sim.rules import Rules

Pairs: TypeAlias = list[tuple[str, str]]

_BOTH_DECLARE: Final = frozenset(
    key.name for key in KEYS.values() if key.declarative and key.initiator and key.target and key.name[0] != "X"
)
"""Keys that each side declares for itself, such as MaxRecvDataSegmentLength."""


class Negotiation:
    """The state of a negotiation on this side.

    Attributes:
        offered: what this side sent, by key; the last value if it sent a key twice.
        answered: what the target answered to that.
        declared: what the target sent of its own accord.
        to_answer: answers that this side still owes.
    """

    def __init__(self, rules: Rules) -> None:
        self.offered: dict[str, str] = {}
        self.answered: dict[str, str] = {}
        self.declared: dict[str, str] = {}
        self.to_answer: Pairs = []
        self._own_answers: dict[str, str] = {}
        self._twice: set[str] = set()
        self._rules = rules

    def sent(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note what was sent."""
        for key, value in pairs:
            if key in self._own_answers and key not in self.offered:
                continue
            if key in self.offered:
                self._twice.add(key)
            self.offered[key] = value

    def received(self, pairs: Iterable[tuple[str, str]], pdu: AnyReceived) -> None:
        """Take in what the target sent.

        Raises:
            ExpectationFailed: an answer lies outside what was offered.
        """
        for key, value in pairs:
            rule = KEYS.get(key)
            if key in self.offered and key not in _BOTH_DECLARE:
                self.answered[key] = value
                self._check_answer(rule, value, pdu)
                continue
            self.declared[key] = value
            if rule is None or not rule.declarative:
                answer = _own_answer(rule, value)
                self._own_answers[key] = answer
                self.to_answer.append((key, answer))

    def take_answers(self) -> Pairs:
        """Return the answers that this side owes, once."""
        owed, self.to_answer = self.to_answer, []
        return owed

    def _check_answer(self, rule: Key | None, answer: str, pdu: AnyReceived) -> None:
        if rule is None or rule.name in self._twice or answer in RESERVED_VALUES:
            return
        offer = _parsed(rule, self.offered[rule.name])
        if offer is None:
            return
        try:
            admitted = rule.declarative or rule.admits(offer, rule.parse_selection(answer))
        except TextError as fault:
            self._rules.broken("text", f"{rule.name}={answer}: {fault.message}", pdu, "data")
            return
        if not admitted:
            self._rules.broken("answer", f"{rule.name}={answer} to {self.offered[rule.name]}", pdu, "data")

    def missing(self) -> list[str]:
        """Return the keys whose offer leaves the result open and got no answer."""
        open_keys = []
        for name, value in self.offered.items():
            rule = KEYS.get(name)
            if name in self.answered or name in self._twice or rule is None or rule.declarative:
                continue
            offer = _parsed(rule, value)
            if offer is not None and not rule.answer_optional(offer):
                open_keys.append(name)
        return open_keys

    def settle(self, parameters: Parameters) -> None:
        """Put the results into `parameters`; what came to no result keeps its value."""
        for name, value in self.offered.items():
            rule = KEYS.get(name)
            if rule is not None and rule.declarative:
                _put(parameters, name, value)
            elif name in self.answered:
                _put(parameters, name, self.answered[name])
            elif rule is not None and (offer := _parsed(rule, value)) is not None and rule.answer_optional(offer):
                _put(parameters, name, value)
        for name, value in self.declared.items():
            if name == "MaxRecvDataSegmentLength":
                _put(parameters, "TargetMaxRecvDataSegmentLength", value)
            else:
                _put(parameters, name, self._own_answers.get(name, value))


def _put(parameters: Parameters, name: str, value: str) -> None:
    if value in RESERVED_VALUES:
        return
    try:
        parameters.put(name, value)
    except ValueError:
        # A value in a form that nobody can use changes nothing; judging it is the business of a case.
        return


def _parsed(rule: Key, value: str) -> Value | None:
    try:
        return rule.parse(value)
    except TextError:
        return None


def _own_answer(rule: Key | None, value: str) -> str:
    """Return this side's answer to a target's offer: its default, or what the result function makes of it."""
    if rule is None:
        return NOT_UNDERSTOOD
    offer = _parsed(rule, value)
    own: object = rule.default if rule.default is not None else NONE
    if rule.form is Form.LIST:
        # "MUST be implemented by every iSCSI initiator": both digests (RFC 7143, 13.1); else only what is offered.
        own = rule.values if rule.use is Use.INITIALIZE else (own,)
    result = None if offer is None else rule.select(offer, own)
    return REJECT if result is None else rule.format(result)
