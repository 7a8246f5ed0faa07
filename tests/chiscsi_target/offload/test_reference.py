"""The page about pods and tags is what the code does."""

from __future__ import annotations

import pytest

from chiscsi_target.offload.page_pods import PagePods
from chiscsi_target.offload.reference import drawing, page, pod_words, tag_drawings
from chiscsi_target.offload.tags import TagLayout, software_tag_of
from tests.tree import ROOT


def test_the_page_is_up_to_date() -> None:
    text = (ROOT / "docs/reference/page-pods.md").read_text(encoding="utf-8")
    assert text == page(), "run: python -m chiscsi_target.offload.reference > docs/reference/page-pods.md"


@pytest.mark.parametrize(
    "ppmax, ddp, other",
    [
        (
            1024,
            [(31, 19, "0"), (18, 17, "R2TSN"), (16, 16, "0"), (15, 6, "index"), (5, 0, "colour")],
            [(31, 17, "software tag, upper part"), (16, 16, "1"), (15, 0, "software tag, lower part")],
        ),
        (
            1 << 22,
            [(31, 30, "0"), (29, 29, "R2TSN"), (28, 28, "0"), (27, 6, "index"), (5, 0, "colour")],
            [(31, 29, "software tag, upper part"), (28, 28, "1"), (27, 0, "software tag, lower part")],
        ),
        (
            1 << 24,
            [(31, 30, "0"), (29, 6, "index"), (5, 0, "colour")],
            [(31, 31, "software tag, upper part"), (30, 30, "1"), (29, 0, "software tag, lower part")],
        ),
    ],
)
def test_the_drawings_of_tags(ppmax: int, ddp: list[tuple[int, int, str]], other: list[tuple[int, int, str]]) -> None:
    found = list(tag_drawings(TagLayout(ppmax)).values())
    assert found == [ddp, other, [(31, 18, "0"), (17, 16, "R2TSN"), (15, 15, "0"), (14, 0, "command object")]]


def test_the_drawings_of_a_pods_words_cover_every_bit_once() -> None:
    for parts in pod_words().values():
        assert [bit for high, low, _ in parts for bit in range(high, low - 1, -1)] == list(range(31, -1, -1))


def test_a_drawing() -> None:
    shown = ["+------+-----+", "| 31-1 |  0  |", "+------+-----+", "| rest | one |", "+------+-----+"]
    assert drawing([(31, 1, "rest"), (0, 0, "one")]) == "".join(f"    {line}\n" for line in shown)


def test_the_numbers_of_the_example_by_hand() -> None:
    """Pod 3 in its first colour is 3 << 6 | 1, R2TSN 1 is 1 << 17; object 7 is 7, and 1 << 17 beside the marker."""
    layout = PagePods(1024).layout
    assert (layout.ddp_tag(3, 1, 0), layout.ddp_tag(3, 1, 1)) == (0x000000C1, 0x000200C1)
    assert layout.non_ddp_tag(software_tag_of(7, 1)) == 0x00030007
    text = page()
    assert all(f" {tag}" in text for tag in ("000000c1", "000200c1", "00030007"))
    assert "    pod 3   01000005 000000c1 00004800 00000200 00000000 00000000\n" in text
