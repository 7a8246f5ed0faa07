"""The documents agree with the tree: links lead somewhere, and the commands and paths that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tree import PACKAGES, ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
FOLDERS = (*PACKAGES, "tests", "fixtures", "benchmarks", "docs", "scripts", ".ci")

LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```.*?^```$|^    [^\n]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"(?:`|^ {4}(?:\$ )?)make ([a-z][a-z-]*)", re.MULTILINE)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them: lower case, hyphens, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(document: Path) -> list[str]:
    """Links of a document that lead to no file or to no heading; addresses on the net are not followed."""
    dead = []
    prose = BLOCK.sub("", document.read_text(encoding="utf-8"))
    for link in LINK.findall(CODE.sub("", prose)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        path = document if not name else (document.parent / name).resolve()
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    assert dead_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_named_make_targets_exist(document: Path) -> None:
    assert set(MAKE.findall(document.read_text(encoding="utf-8"))) - TARGETS == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_named_paths_exist(document: Path) -> None:
    """In code spans, what begins like one of our folders is a path; `<...>` and `*` stand for many, and are not."""
    named = {
        span.split()[0].rstrip("/")
        for span in CODE.findall(document.read_text(encoding="utf-8"))
        if span.split()[0].startswith(tuple(f"{folder}/" for folder in FOLDERS))
    }
    missing = {path for path in named if not re.search(r"[<*{]|::", path) and not (ROOT / path).exists()}
    assert {path for path in missing if not path.startswith("reports/out")} == set()


def test_the_readme_fits_its_purpose() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(readme) <= 150
    first_screen = "\n".join(readme[:30])
    assert "make conform" in first_screen
    assert "make test" in first_screen
