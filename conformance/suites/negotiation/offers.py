"""What cases about keys share: the keys of one kind, from the one table, and what answers are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from conformance.api import LoginResult, Unsupported
from conformance.suites.login.steps import refused
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS, Form, Key, Phase, Rule
from iscsi_wire.text import IRRELEVANT, NOT_UNDERSTOOD, REJECT, format_pairs


def _negotiated(*forms: Form) -> list[str]:
    return [
        key.name
        for key in KEYS.values()
        if key.form in forms and Phase.OPERATIONAL in key.initiator and key.rule not in (Rule.DECLARE, Rule.REJECT)
    ]


NUMBERS: Final = _negotiated(Form.NUMBER)
"""Keys whose number is negotiated in the operational stage."""

BOOLEANS: Final = _negotiated(Form.BOOLEAN)
"""Keys whose Yes or No is negotiated in the operational stage."""

LISTS: Final = _negotiated(Form.LIST)
"""Keys of whose list of values one is chosen in the operational stage."""

OPERATIONAL_OFFERS: Final = {
    **{name: KEYS[name].format(KEYS[name].default or 0) for name in [*NUMBERS, *BOOLEANS]},
    **dict.fromkeys(LISTS, "None"),
    "TaskReporting": "RFC3720,ResponseFence",
    "MaxRecvDataSegmentLength": "8192",
}
"""One impeccable value for every key of the operational stage."""


def answers(result: LoginResult, name: str) -> list[str]:
    """Every value that the target sent for the key `name`."""
    return [value for key, value in result.pairs if key == name]


def sole_answer(result: LoginResult, name: str) -> str:
    """The answer to the key `name`, of which there has to be one."""
    found = answers(result, name)
    assert len(found) == 1, f"answers to {name}: {found or 'none'}"
    return found[0]


def relevant_answer(result: LoginResult, name: str) -> str:
    """The sole answer to a key that matters in this session.

    Raises:
        Unsupported: FirstBurstLength is answered with Irrelevant, which it is without unsolicited data (7143, 13.14).
    """
    answer = sole_answer(result, name)
    solicited = answers(result, "InitialR2T") == ["Yes"] and answers(result, "ImmediateData") == ["No"]
    if answer == IRRELEVANT and name == "FirstBurstLength" and solicited:
        raise Unsupported("the target wants no unsolicited data, so FirstBurstLength is irrelevant")
    return answer


def is_admissible(key: Key, text: str) -> bool:
    """Whether `text` is a value that the key can have at all."""
    try:
        key.parse_selection(text)
    except TextError:
        return False
    return True


def judge_improper_offer(result: LoginResult, name: str) -> None:
    """Judge what became of a proposal that is not admissible.

    RFC 7143, 6.2.2: it "MAY be answered with the constant "Reject"; otherwise, the acceptor MUST select an admissible
    value"; and a target that can do neither fails the login (7.12).
    """
    if not result.succeeded:
        result.expect(refused())
        return
    answer = relevant_answer(result, name)
    assert answer == REJECT or is_admissible(KEYS[name], answer), f"{name} is answered with {answer}"


def judge_protocol_error(result: LoginResult, name: str) -> None:
    """Judge what became of a key that may not be sent here: the login is refused, or that key alone."""
    if result.status != 0:
        result.expect(refused(or_closed=True))
        return
    found = answers(result, name)
    assert found and set(found) <= {REJECT, IRRELEVANT}, f"{name} is answered with {', '.join(found) or 'nothing'}"


def preference_is_respected(choose: Callable[[str], str | None], first: str, second: str) -> str:
    """Find out by offers whether a target goes by the initiator's order; returns what is wrong, or nothing.

    RFC 7143, 6.2.1 has it choose "the first value that it supports (and is allowed to use for the specific
    originator)". One that chooses `first` in either order may not be allowed to use `second`; then it does not choose
    that when nothing else is offered.

    Args:
        choose: offers a list, and returns what was chosen, or None if nothing was.
        first: a value.
        second: another.
    """
    forth, back = choose(f"{first},{second}"), choose(f"{second},{first}")
    seen = f"{first},{second} gives {forth}, {second},{first} gives {back}"
    if not {forth, back} <= {first, second}:
        return seen
    if (forth, back) == (second, first):
        return seen
    if forth != back:
        return ""
    other = second if forth == first else first
    alone = choose(other)
    return f"{seen}, and {other} alone gives {alone}" if alone == other else ""


def filler(size: int, stem: str = "X-org.chiscsi.filler.") -> list[tuple[str, str]]:
    """Return private keys that make up `size` octets of text, each with a value of at most 255 octets."""
    pairs: list[tuple[str, str]] = []
    while size:
        name = f"{stem}{len(pairs):04}"
        overhead = len(name) + 2
        value = min(size - overhead, 250)
        rest = size - overhead - value
        if 0 < rest <= overhead:
            value -= overhead + 1 - rest
        pairs.append((name, "v" * value))
        size -= overhead + value
    return pairs


def not_understood(result: LoginResult, names: Iterable[str]) -> list[str]:
    """Return those of `names` that were not answered with NotUnderstood, once."""
    return not_understood_in(result.pairs, names)


def not_understood_in(pairs: Sequence[tuple[str, str]], names: Iterable[str]) -> list[str]:
    """Return those of `names` for which `pairs` do not hold NotUnderstood, once."""
    return [name for name in names if [value for key, value in pairs if key == name] != [NOT_UNDERSTOOD]]


def length(pairs: Iterable[tuple[str, str]]) -> int:
    """The octets that `pairs` take up as text."""
    return len(format_pairs(pairs))
