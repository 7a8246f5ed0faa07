"""What a row of the table of text keys can say, and the result functions (RFC 7143, 6.2 and 13).

Values are typed: ``bool`` for boolean-value, ``int`` for numerical-value, a tuple of ``str`` for an offered list
and one ``str`` for what was selected from it, ``bytes`` for binary-value, ``str`` for the rest. The rows are in
:mod:`iscsi_wire.keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

from iscsi_wire.errors import TextError
from iscsi_wire.text import (
    MAX_VALUE_LENGTH,
    REJECT,
    TargetAddress,
    format_binary,
    parse_binary,
    parse_boolean,
    parse_iscsi_name,
    parse_list,
    parse_local_name,
    parse_number,
    parse_range,
    parse_target_address,
    parse_text,
)

Value: TypeAlias = bool | int | str | bytes | tuple[str, ...] | tuple[int, int] | TargetAddress


class Form(Enum):
    """What a value looks like (RFC 7143, 6.1)."""

    BOOLEAN = "boolean-value"
    NUMBER = "numerical-value"
    RANGE = "numerical-range"
    LIST = "list-of-values"
    TEXT = "text-value"
    CHOICE = "one of the listed text-values"
    NAME = "iSCSI-name-value"
    LOCAL_NAME = "iSCSI-local-name-value"
    BINARY = "binary-value"
    ADDRESS = "domainname[:port][,portal-group-tag]"
    TARGETS = "All, an iSCSI-name-value, or nothing"


class Rule(Enum):
    """How a result comes about: the result function (RFC 7143, 13), or none."""

    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    AND = "AND"
    OR = "OR"
    LIST = "first of the list that the responder supports"
    DECLARE = "declarative"
    REQUEST = "answered as its section says"
    REJECT = "obsolete: answered Reject"


class Phase(Enum):
    """Where a key may be sent: the two negotiation stages of login, and the time after it."""

    SECURITY = "SecurityNegotiation"
    OPERATIONAL = "LoginOperationalNegotiation"
    FULL_FEATURE = "FullFeaturePhase"


class Scope(Enum):
    """What a value holds for (RFC 7143, 13)."""

    SESSION = "SW"
    CONNECTION = "CO"


class Use(Enum):
    """When a key may be used (RFC 7143, 13), without the addition Any-Stage."""

    LEADING = "LO"
    INITIALIZE = "IO"
    ALL = "ALL"
    FULL_FEATURE = "FFPO"
    SECURITY = "security negotiation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row of the table.

    Attributes:
        name: the key as sent.
        form: what its value looks like.
        rule: how the result comes about.
        section: clause that defines it; of RFC 7143 unless it names another document.
        use: the RFC's word for when it may be used.
        scope: whether it holds for the session or the connection.
        initiator, target: the phases in which that side may send it unasked; empty if it may not.
        default: value before any negotiation, or ``None`` if there is none.
        low, high: bounds of a number, both allowed.
        values: the values that RFC 7143 knows, for a list or a choice.
        open_values: whether others may be added by extensions (RFC 7143, 6.2).
        required_offers: values that every offer has to contain.
        max_length: most bytes of a value, of each value in a list, or of a binary value once decoded.
        irrelevant_when: settings under which the key means nothing; each is a set of values by key.
        repeatable: whether it may occur more than once in a negotiation.
        normal_only: whether it may not be used in a Discovery session.
        security_method: the AuthMethod that it belongs to, if any.
    """

    name: str
    form: Form
    rule: Rule
    section: str
    use: Use
    scope: Scope
    initiator: frozenset[Phase]
    target: frozenset[Phase]
    default: Value | None = None
    low: int = 0
    high: int = (1 << 64) - 1
    values: tuple[str, ...] = ()
    open_values: bool = False
    required_offers: tuple[str, ...] = ()
    max_length: int = MAX_VALUE_LENGTH
    irrelevant_when: tuple[Mapping[str, Value], ...] = field(default=(), hash=False)
    repeatable: bool = False
    normal_only: bool = False
    security_method: str = ""

    @property
    def leading_only(self) -> bool:
        """Whether only the leading connection of a session may carry it (use: LO)."""
        return self.use is Use.LEADING

    @property
    def declarative(self) -> bool:
        """Whether the key asks for no answer."""
        return self.rule is Rule.DECLARE

    def parse(self, value: str) -> Value:
        """Read a value that came over the wire, as offered, declared or answered.

        Raises:
            TextError: the value has the wrong form, or is out of bounds.
        """
        parsed: Value = _PARSERS[self.form](self, value)
        if isinstance(parsed, int) and self.form is Form.NUMBER and not self.low <= parsed <= self.high:
            raise TextError(0, self.name, f"{parsed} is not from {self.low} to {self.high}")
        if self.form is Form.CHOICE and parsed not in self.values:
            raise TextError(0, self.name, f"{value} is none of {', '.join(self.values)}")
        return parsed

    def parse_selection(self, value: str) -> Value:
        """Read an answer: as :meth:`parse`, except that of a list one item is selected."""
        if self.form is Form.LIST:
            return parse_text(value, self.name, max_length=self.max_length)
        return self.parse(value)

    def format(self, value: Value) -> str:
        """Return ``value`` as sent; a result taken from a list is a plain ``str``."""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, bytes):
            return format_binary(value)
        if isinstance(value, tuple) and not isinstance(value, TargetAddress):
            return ("~" if self.form is Form.RANGE else ",").join(str(item) for item in value)
        return str(value)

    def select(self, offer: Any, own: Any) -> Value | None:
        """Return what a responder answers, which is the result, or ``None`` if it has to answer Reject.

        Args:
            offer: what the other side offered; for a list, all its values.
            own: what this side wants; for a list, the values it supports.
        """
        return _SELECTIONS[self.rule](offer, own)

    def admits(self, offer: Any, answer: Any) -> bool:
        """Say whether the result function allows ``answer`` to ``offer`` (RFC 7143, 6.2.1, 6.2.2 and 13)."""
        return _ADMISSIONS[self.rule](offer, answer)

    def answer_optional(self, offer: Any) -> bool:
        """Say whether ``offer`` settles the result without an answer (RFC 7143, 6.2.2)."""
        return (self.rule is Rule.AND and offer is False) or (self.rule is Rule.OR and offer is True)

    def irrelevant(self, settings: Mapping[str, Any]) -> bool:
        """Say whether the key means nothing under ``settings``, typed values by key name."""
        return any(
            all(settings.get(name) == value for name, value in condition.items()) for condition in self.irrelevant_when
        )


_PARSERS: Final[dict[Form, Callable[[Key, str], Any]]] = {
    Form.BOOLEAN: lambda key, value: parse_boolean(value, key.name),
    Form.NUMBER: lambda key, value: parse_number(value, key.name),
    Form.RANGE: lambda key, value: parse_range(value, key.name),
    Form.LIST: lambda key, value: parse_list(value, key.name, max_length=key.max_length),
    Form.TEXT: lambda key, value: parse_text(value, key.name, max_length=key.max_length),
    Form.CHOICE: lambda key, value: parse_text(value, key.name, max_length=key.max_length),
    Form.NAME: lambda key, value: parse_iscsi_name(value, key.name),
    Form.LOCAL_NAME: lambda key, value: parse_local_name(value, key.name, max_length=key.max_length),
    Form.BINARY: lambda key, value: parse_binary(value, key.name, max_length=key.max_length),
    Form.ADDRESS: lambda key, value: parse_target_address(value, key.name),
    Form.TARGETS: lambda key, value: value if value in ("", "All") else parse_iscsi_name(value, key.name),
}

_SELECTIONS: Final[dict[Rule, Callable[[Any, Any], Value | None]]] = {
    Rule.MINIMUM: min,
    Rule.MAXIMUM: max,
    Rule.AND: lambda offer, own: bool(offer and own),
    Rule.OR: lambda offer, own: bool(offer or own),
    Rule.LIST: lambda offer, own: next((value for value in offer if value in own), None),
    Rule.DECLARE: lambda offer, own: offer,
    Rule.REQUEST: lambda offer, own: own,
    Rule.REJECT: lambda offer, own: None,
}

_ADMISSIONS: Final[dict[Rule, Callable[[Any, Any], bool]]] = {
    Rule.MINIMUM: lambda offer, answer: bool(answer <= offer),
    Rule.MAXIMUM: lambda offer, answer: bool(answer >= offer),
    Rule.AND: lambda offer, answer: bool(offer or not answer),
    Rule.OR: lambda offer, answer: bool(answer or not offer),
    Rule.LIST: lambda offer, answer: answer in offer,
    Rule.DECLARE: lambda offer, answer: False,
    Rule.REQUEST: lambda offer, answer: True,
    Rule.REJECT: lambda offer, answer: answer == REJECT or answer is False,  # 13.25: a marker key also "No"
}


@dataclass(frozen=True, slots=True)
class IntegrityRule:
    """A rule over several keys, checked when a negotiation ends (RFC 7143, 6.2).

    Attributes:
        keys: the keys it speaks of.
        section: its clause.
        text: the rule.
        holds: says whether typed values by key name keep it.
    """

    keys: tuple[str, ...]
    section: str
    text: str
    holds: Callable[[Mapping[str, Any]], bool]
