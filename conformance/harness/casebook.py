"""What a conformance case is: one rule of the specification, an identifier for ever, and a function that checks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from conformance.requirements.catalogue import Level

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__conformance_case__"
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-\d{2,}\Z")


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """What a case says about itself.

    identifier: words and a number ("cmdsn-window-01"); never changes, never given to another case.
    requirements: identifiers of catalogue entries that the case checks.
    destructive: writes to a LUN. On a foreign target it runs only with --allow-data-loss.
    disturbs: other sessions feel it (a reset, CLEAR TASK SET): nothing else runs against that target meanwhile.
    needs: what the target has to offer, by name (`conformance.harness.needs`); else the verdict is unsupported.
    level: how binding the rule is; None takes the strictest level among the requirements.
    time_limit: seconds of wall clock before the case is given up as inconclusive; None takes the run's limit.
    source: where the rule stands when it is no requirement of an RFC: "guide, 7.3.5.1; behaviour file, 3.5".
    """

    identifier: str
    requirements: tuple[str, ...]
    destructive: bool = False
    disturbs: bool = False
    needs: tuple[str, ...] = ()
    level: Level | None = None
    time_limit: float | None = None
    source: str = ""


def case(
    identifier: str,
    *requirements: str,
    destructive: bool = False,
    disturbs: bool = False,
    needs: str | tuple[str, ...] = (),
    level: Level | None = None,
    time_limit: float | None = None,
    source: str = "",
) -> Callable[[F], F]:
    """Make a test function a conformance case. Its docstring states the rule; see :class:`CaseInfo` for the rest.

    A parametrised case gives each of its variants the identifier `<identifier>.<parameter id>`, so parameter ids are
    for ever as well. Identifiers are checked when the cases are collected: against the catalogue, and against
    each other.
    """
    needed = (needs,) if isinstance(needs, str) else needs
    info = CaseInfo(identifier, requirements, destructive, disturbs, needed, level, time_limit, source)

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, info)
        return function

    return mark


def case_info(function: object) -> CaseInfo | None:
    """What `function` says about itself as a case, or None when it is no case."""
    info = getattr(function, _ATTRIBUTE, None)
    return info if isinstance(info, CaseInfo) else None
