"""Reading the requirement catalogue: typed, complete or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "FORMAT"]

_HERE = Path(__file__).resolve().parent

# From the strictest: what an RFC demands in so many words, what its formats and procedures imply, advice, permission.
_STRICTNESS: dict[Level, int] = {
    "MUST": 5,
    "MUST NOT": 5,
    "FORMAT": 4,
    "SHOULD": 2,
    "SHOULD NOT": 2,
    "MAY": 1,
}


class CatalogueError(Exception):
    """The catalogue cannot be used: names the file and the entry, and says what is wrong."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule.

    id: document, section and running number ("7143-4.2.2.1-12").
    section: clause of the document ("4.2.2.1").
    level: the RFC's word; FORMAT for what follows from a format or a described procedure without such a word.
    binds: who has to keep it.
    topic: what it is about ("cmdsn", "login").
    observable: how a test can see it: a scripted initiator, a scripted target, both, or not at all.
    erl: lowest ErrorRecoveryLevel at which it applies.
    text: the rule as a paraphrase.
    reason: why no test can see it, where none can.
    """

    id: str
    section: str
    level: Level
    binds: Literal["target", "initiator", "both", "implementation"]
    topic: str
    observable: Literal["initiator-test", "target-test", "both", "no"]
    erl: Literal[0, 1, 2]
    text: str
    reason: str = ""

    @property
    def document(self) -> str:
        """The document's name ("RFC 7143")."""
        return f"RFC {self.id.partition('-')[0]}"

    @property
    def clause(self) -> str:
        """The rule's place in words ("RFC 7143 section 4.2.2.1")."""
        return f"{self.document} section {self.section}"

    @property
    def seen_by_initiator(self) -> bool:
        """Whether a scripted initiator can check it: only such a rule can have a case in the target suites."""
        return self.observable in ("initiator-test", "both") and self.binds != "initiator"


class Chapter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the catalogue; `mends` lists what was changed in its entries since they were first written."""

    document: str
    title: str
    mends: list[str]
    requirements: list[Entry]


class Catalogue:
    """All entries, by identifier and in the order of the documents."""

    def __init__(self, chapters: Iterable[Chapter]) -> None:
        self.chapters = tuple(chapters)
        self._entries = {entry.id: entry for chapter in self.chapters for entry in chapter.requirements}

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._entries

    def __getitem__(self, identifier: str) -> Entry:
        return self._entries[identifier]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def strictest_level(self, identifiers: Iterable[str]) -> Level:
        """The strictest level among the entries named; MAY when none is."""
        levels = (self._entries[identifier].level for identifier in identifiers)
        return max(levels, key=_STRICTNESS.__getitem__, default="MAY")


def read_chapter(path: Path) -> Chapter:
    """Read one file of the catalogue.

    Raises:
        CatalogueError: the file is not JSON, or an entry is not of the form; file and entry are named.
    """
    content = path.read_bytes()
    try:
        chapter = msgspec.json.decode(content, type=Chapter)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{path.name}: {_culprit(content)}: {error}") from None
    except msgspec.DecodeError as error:
        raise CatalogueError(f"{path.name}: {error}") from None
    _check_identifiers(path, chapter)
    return chapter


def load_catalogue(directory: Path = _HERE) -> Catalogue:
    """The catalogue in `directory`, read once a process.

    Raises:
        CatalogueError: see :func:`read_chapter`; also for an identifier that stands in two places.
    """
    return _load(directory)


@cache
def _load(directory: Path) -> Catalogue:
    chapters: list[Chapter] = []
    seen: dict[str, str] = {}
    for path in sorted(directory.glob("*.json")):
        chapter = read_chapter(path)
        for entry in chapter.requirements:
            if entry.id in seen:
                raise CatalogueError(f"{path.name}: {entry.id}: this identifier is also in {seen[entry.id]}")
            seen[entry.id] = path.name
        chapters.append(chapter)
    if not chapters:
        raise CatalogueError(f"{directory}: no requirement file (*.json) here")
    return Catalogue(chapters)


def _check_identifiers(path: Path, chapter: Chapter) -> None:
    """An identifier says where its rule stands, so that it can be found without the catalogue."""
    for entry in chapter.requirements:
        number, _, rest = entry.id.partition("-")
        section, _, running = rest.rpartition("-")
        if f"RFC {number}" != chapter.document or section != entry.section or not running.isdigit():
            expected = f"{chapter.document.removeprefix('RFC ')}-{entry.section}-<number>"
            raise CatalogueError(f"{path.name}: {entry.id}: the identifier should read {expected}")
        if (entry.observable == "no") != bool(entry.reason):
            raise CatalogueError(f'{path.name}: {entry.id}: a reason belongs to observable "no", and to no other')


def _culprit(content: bytes) -> str:
    """The identifier of the first entry that is not of the form, or where the fault is instead."""
    document: Any = msgspec.json.decode(content)
    entries = document.get("requirements", []) if isinstance(document, dict) else []
    for position, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        try:
            msgspec.convert(entry, type=Entry)
        except msgspec.ValidationError:
            named = isinstance(entry, dict) and entry.get("id")
            return str(named or f"entry number {position}")
    return "head of the file"
