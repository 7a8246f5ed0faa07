"""Deviation profiles: what a known target is known to do wrong, and nothing else.

A profile is a TOML file:

    target = "tgt 1.0.85, Debian 12"

    [[deviation]]
    case = "cmdsn-window-01"
    message = "NOP-In came"
    class = "bug"
    reason = "tgt answers commands beyond MaxCmdSN"
    clause = "RFC 7143 section 4.2.2.1"

It is strict. A listed case that fails with `message` in what was observed is a known deviation. One that passes, or
fails in another way, is reported as failed: the profile no longer describes the target.

An entry may add `fatal = true`: the target does not survive the case, which is then run only where the target can be
restarted, and is a known deviation otherwise.

Some rules the scripted initiator checks on every PDU, whatever a case is about. A target that breaks such a rule
everywhere would fail every case for it, so a profile may tolerate the rule:

    [[tolerated]]
    rule = "reserved"
    class = "bug"
    reason = "byte 37 of every Login Response holds 1"
    clause = "RFC 7143 section 11.13"

A tolerated rule that nothing broke in a run of all cases makes the run fail, too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from initiator_sim.rules import RULES

DeviationClass = Literal["bug", "unimplemented", "disputed"]

PROFILES = Path(__file__).resolve().parent.parent / "targets"


class ProfileError(Exception):
    """A profile cannot be used; the message names file and entry."""


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"class_": "class"}):
    """One entry.

    case: identifier of a case; without a parameter's suffix it stands for every variant of the case.
    message: text that the observation contains when the target deviates as known.
    class_: bug, unimplemented, or disputed when the specification can be read in two ways.
    reason: what the target does, in words.
    clause: the sentence's place, "RFC 7143 section 4.2.2.1".
    fatal: the target does not survive the case. It then runs alone, and only where --revive can restart the target.
    """

    case: str
    message: str
    class_: DeviationClass
    reason: str
    clause: str
    fatal: bool = False

    def explains(self, observed: str) -> bool:
        """Whether this entry is about what was observed; white space does not count."""
        return " ".join(self.message.split()) in " ".join(observed.split())

    def __str__(self) -> str:
        return f"{self.class_}: {self.reason} ({self.clause})"


class Tolerated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"class_": "class"}):
    """A rule of `initiator_sim.rules` that the target breaks everywhere; the rest as in :class:`Deviation`."""

    rule: str
    class_: DeviationClass
    reason: str
    clause: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: str
    deviation: list[Deviation] = []
    tolerated: list[Tolerated] = []


@dataclass(frozen=True, slots=True)
class Profile:
    """The deviations of one target: by case, and the names of the rules that it breaks everywhere."""

    target: str
    source: str
    deviations: dict[str, tuple[Deviation, ...]]
    tolerated: frozenset[str] = frozenset()

    def of(self, case: str) -> tuple[Deviation, ...]:
        """Entries for a case or for one variant of it ("transfer-matrix-01.immediate"); the variant's own go first."""
        return self.deviations.get(case, ()) or self.deviations.get(case.partition(".")[0], ())

    def unknown_cases(self, known: Collection[str]) -> list[str]:
        """Identifiers in the profile that no case has; variants of a case count by the case's identifier too."""
        names = {*known, *(identifier.partition(".")[0] for identifier in known)}
        return [case for case in self.deviations if case not in names]


NO_PROFILE = Profile("", "", {})


def find_profile(name: str, directory: Path = PROFILES) -> Path:
    """The file of a profile that is shipped (by name) or lies elsewhere (by path).

    Raises:
        ProfileError: there is none.
    """
    if "/" not in name and not name.endswith(".toml"):
        shipped = directory / f"{name}.toml"
        if shipped.is_file():
            return shipped
        known = ", ".join(sorted(path.stem for path in directory.glob("*.toml"))) or "none"
        raise ProfileError(f"no target profile is called {name!r}; there are: {known}")
    if not Path(name).is_file():
        raise ProfileError(f"target profile {name}: no such file")
    return Path(name)


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: not TOML, or an entry is not of the form; file and entry are named.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"target profile {path}: {error}") from None
    _check_entries(path, content.get("deviation"))
    try:
        document = msgspec.convert(content, type=_Document)
    except msgspec.ValidationError as error:
        raise ProfileError(f"target profile {path}: {error}") from None
    unknown = [entry.rule for entry in document.tolerated if entry.rule not in RULES]
    if unknown:
        raise ProfileError(f"target profile {path}: no rule is called {unknown[0]!r}; there are: {', '.join(RULES)}")
    rules = frozenset(entry.rule for entry in document.tolerated)
    return Profile(document.target, str(path), _by_case(document.deviation), rules)


def _check_entries(path: Path, entries: object) -> None:
    """Find the entry at fault by its case, which a reader sees, not by its index."""
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        where = f"target profile {path}: deviation {number}"
        try:
            deviation = msgspec.convert(entry, type=Deviation)
        except msgspec.ValidationError as error:
            named = entry.get("case") if isinstance(entry, dict) else None
            raise ProfileError(f"{where}{f' ({named})' if named else ''}: {error}") from None
        if not all(map(str.strip, (deviation.case, deviation.message, deviation.reason, deviation.clause))):
            raise ProfileError(f"{where} ({deviation.case}): case, message, reason and clause say something")


def _by_case(deviations: Iterable[Deviation]) -> dict[str, tuple[Deviation, ...]]:
    found: dict[str, tuple[Deviation, ...]] = {}
    for deviation in deviations:
        found[deviation.case] = (*found.get(deviation.case, ()), deviation)
    return found
