"""The catalogue: complete, typed, and plain about what is wrong with a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from conformance.requirements import CatalogueError, load_catalogue
from conformance.requirements.catalogue import read_chapter


def _entry(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": "7143-6.1-01",
        "section": "6.1",
        "level": "MUST",
        "binds": "target",
        "topic": "text",
        "observable": "initiator-test",
        "erl": 0,
        "text": "A rule.",
    }
    return entry | changes


def _write(path: Path, *entries: dict[str, Any], document: str = "RFC 7143") -> Path:
    content = {"document": document, "title": "Anything", "mends": [], "requirements": list(entries)}
    path.write_text(json.dumps(content))
    return path


def test_every_entry_that_the_project_began_with_is_there() -> None:
    catalogue = load_catalogue()
    assert len(catalogue) >= 1316
    assert {entry.document for entry in catalogue} == {"RFC 7143", "RFC 7144", "RFC 1994"}


def test_a_known_entry_reads_as_the_rfc_has_it() -> None:
    entry = load_catalogue()["7143-4.2.2.1-03"]
    assert (entry.section, entry.level, entry.binds, entry.erl) == ("4.2.2.1", "MUST NOT", "initiator", 0)
    assert entry.clause == "RFC 7143 section 4.2.2.1"
    assert not entry.seen_by_initiator


def test_identifiers_of_a_section_are_numbered_without_a_gap() -> None:
    numbers: dict[str, list[int]] = {}
    for entry in load_catalogue():
        section, _, number = entry.id.rpartition("-")
        numbers.setdefault(section, []).append(int(number))
    assert {
        section: found for section, found in numbers.items() if sorted(found) != list(range(1, len(found) + 1))
    } == {}


def test_the_catalogue_is_read_in_less_than_50_ms() -> None:
    directory = Path(load_catalogue.__code__.co_filename).parent
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for path in directory.glob("*.json"):
            read_chapter(path)
        best = min(best, time.perf_counter() - start)
    assert best < 0.05


def test_the_strictest_level_decides() -> None:
    catalogue = load_catalogue()
    by_level = {entry.level: entry.id for entry in catalogue}
    assert catalogue.strictest_level([by_level["MAY"], by_level["SHOULD"]]) == "SHOULD"
    assert catalogue.strictest_level([by_level["SHOULD NOT"], by_level["FORMAT"]]) == "FORMAT"
    assert catalogue.strictest_level([by_level["FORMAT"], by_level["MUST NOT"]]) == "MUST NOT"


@pytest.mark.parametrize(
    "entry, complaint",
    [
        (_entry(level="SHALL"), "7143-6.1-01: Invalid enum value 'SHALL'"),
        (_entry(erl=3), "7143-6.1-01: Invalid enum value 3"),
        (_entry(extra=1), "7143-6.1-01: Object contains unknown field `extra`"),
        (_entry(text=None), "7143-6.1-01: Expected `str`, got `null`"),
        (_entry(id="7143-6.2-01"), "7143-6.2-01: the identifier should read 7143-6.1-<number>"),
        (_entry(id="7144-6.1-01"), "7144-6.1-01: the identifier should read 7143-6.1-<number>"),
        (_entry(observable="no"), '7143-6.1-01: a reason belongs to observable "no"'),
        (_entry(reason="because"), '7143-6.1-01: a reason belongs to observable "no"'),
        ({"section": "6.1"}, "entry number 1: Object missing required field `id`"),
    ],
)
def test_an_entry_of_another_form_is_named_with_its_file(tmp_path: Path, entry: dict[str, Any], complaint: str) -> None:
    path = _write(tmp_path / "chapter.json", entry)
    with pytest.raises(CatalogueError) as raised:
        read_chapter(path)
    assert str(raised.value).startswith(f"chapter.json: {complaint}")


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "chapter.json").write_text("{")
    with pytest.raises(CatalogueError, match=r"^chapter\.json: "):
        read_chapter(tmp_path / "chapter.json")


def test_a_file_without_its_head_is_named(tmp_path: Path) -> None:
    (tmp_path / "chapter.json").write_text('{"requirements": []}')
    with pytest.raises(CatalogueError, match=r"^chapter\.json: head of the file: .*`document`"):
        read_chapter(tmp_path / "chapter.json")


def test_an_identifier_in_two_files_is_an_error(tmp_path: Path) -> None:
    _write(tmp_path / "a.json", _entry())
    _write(tmp_path / "b.json", _entry())
    with pytest.raises(CatalogueError, match=r"^b\.json: 7143-6\.1-01: this identifier is also in a\.json"):
        load_catalogue(tmp_path)


def test_a_directory_without_a_catalogue_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no requirement file"):
        load_catalogue(tmp_path)
