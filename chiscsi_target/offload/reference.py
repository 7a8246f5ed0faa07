"""docs/reference/page-pods.md, drawn from what the code does: `python -m chiscsi_target.offload.reference`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable

from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload import messages
from chiscsi_target.offload.messages import DdpStatus, Message
from chiscsi_target.offload.page_pods import LEAST_PODS, PAGES_PER_POD, POD_SIZE, PagePods
from chiscsi_target.offload.tags import MOST_INDEX_BITS, MOST_OBJECTS, TagLayout, software_tag_of
from iscsi_wire.structure import FieldInfo
from iscsi_wire.terminator import PagePod

__all__ = ["drawing", "page", "pod_words", "tag_drawings"]

_SIZES = f"{', '.join(str(size // 1024) for size in PAGE_SIZES[:-1])} or {PAGE_SIZES[-1] // 1024}"

_MARKER = TagLayout(LEAST_PODS).marker.bit_length() - 1

_HEAD = f"""\
# Page pods and tags

How Chelsio's Terminator finds the memory that the payload of a transfer belongs to, as `chiscsi_target/offload/` does
it. The target writes down the pages of a WRITE's buffers in *page pods*, and sends the initiator an R2T whose Target
Transfer Tag names the first of them. A Data-Out repeats the tag, and the card places its payload without asking the
host. A host-side initiator does the same with Initiator Task Tags.

`.venv/bin/python -m chiscsi_target.offload.reference` writes this page.

## The page pod

{POD_SIZE} octets, big-endian, for {PAGES_PER_POD} pages; a transfer of more pages has several pods in a row, all with
the same header. The declaration is in `iscsi_wire/formats/page_pod.py`.

| octets | field | content |
| --- | --- | --- |
"""

_CONTENTS = {
    "vld_tid": "whether the pod is in use, and the connection that may place data by it",
    "pgsz_tag_clr": "index and colour of the transfer's first pod: the tag's bits below the marker; `page_size` is 0",
    "max_offset": "length of the transfer in octets",
    "page_offset": "where its first octet lies in the first page",
    "rsvd_16": "0",
    "addr_0": "address of the first page",
    "addr_4": "the first address of the next pod; 0 behind the last page",
}

_STATUS = {
    DdpStatus.PPOD_MISMATCH: "the transfer's pods do not belong together",
    DdpStatus.PLACED: "the payload is where it belongs",
    DdpStatus.LLIMIT_ERR: "the pod lies below the region",
    DdpStatus.PPOD_PARITY_ERR: "the pod could not be read",
    DdpStatus.PADDING_ERR: "the padding is wrong",
    DdpStatus.HDRCRC_ERR: "the header digest is wrong",
    DdpStatus.DATACRC_ERR: "the data digest is wrong",
    DdpStatus.INVALID_TAG: "the tag names no pod",
    DdpStatus.ULIMIT_ERR: "the pod lies above the region",
    DdpStatus.OFFSET_ERR: "the payload does not lie within the transfer",
    DdpStatus.COLOR_ERR: "the tag is of an earlier use of the pod",
    DdpStatus.TID_MISMATCH: "the pod is another connection's",
    DdpStatus.INVALID_PPOD: "the pod is not in use",
}

_REGION = f"""
Pages have {_SIZES} KiB: the connection's state holds which, by its place in this row. A device with fewer
than {LEAST_PODS} pods places nothing; of more pods, as many can be used as tags can name, the largest power of two.

A transfer gets a run of pods: next-fit with wrap, first among the entries that the worker has for itself (half of the
region, shared out), then among those that are for all. If no run is long enough, the command gets a tag of the other
kind, and the stack copies. Each time a pod becomes the first of a transfer, its colour grows by one; 63 is followed
by 0. When the last octet is in, or the command is over, the pods' first word becomes 0.

## Tags

For a region of {LEAST_PODS} pods. The marker, here bit {_MARKER}, tells the two kinds apart. It lies above the index,
which takes log2 of the number of pods, at most {MOST_INDEX_BITS} bits. R2TSN counts modulo 4, or has as many bits as
are free below bit 30.
"""


def page() -> str:
    """The whole page."""
    return "".join(
        [
            _HEAD,
            *(f"| {octets} | `{name}` | {content} |\n" for octets, name, content in _pod_rows()),
            *(f"\n`{name}`:\n\n{drawing(parts)}" for name, parts in pod_words().items()),
            _REGION,
            *(f"\n{title}:\n\n{drawing(parts)}" for title, parts in tag_drawings(TagLayout(LEAST_PODS)).items()),
            _example(),
            _messages(),
            _status(),
        ]
    )


def drawing(parts: Iterable[tuple[int, int, str]]) -> str:
    """A word as a code block: bit numbers over what the bits hold.

    Args:
        parts: highest bit, lowest bit and content, from the left.
    """
    cells = [(str(high) if high == low else f"{high}-{low}", label) for high, low, label in parts]
    widths = [max(map(len, cell)) + 2 for cell in cells]
    rule = "+".join(["", *("-" * width for width in widths), ""])
    rows = ("|".join(["", *map(str.center, each, widths), ""]) for each in zip(*cells, strict=True))
    return "".join(f"    {line}\n" for row in rows for line in (rule, row)) + f"    {rule}\n"


def pod_words() -> dict[str, list[tuple[int, int, str]]]:
    """The words of a pod that hold several fields, by name, with their parts."""
    words: dict[str, list[tuple[int, int, str]]] = {}
    for info in PagePod.FIELDS:
        if info.slot:
            high = 31 - (info.octet % 4 * 8 + info.bit)
            words.setdefault(info.slot, []).append((high, high - info.width + 1, info.name))
    return words


def tag_drawings(layout: TagLayout) -> dict[str, list[tuple[int, int, str]]]:
    """What each kind of tag holds where, found by asking `layout` for tags with all bits of one part set."""
    largest = 0x7FFFFFFF
    low = layout.non_ddp_tag(layout.pod_mask) & ~layout.marker
    high = layout.non_ddp_tag(largest & ~layout.pod_mask) & ~layout.marker
    above, below = "software tag, upper part", "software tag, lower part"
    ddp = {
        layout.ddp_tag(0, 0, 3): "R2TSN",
        layout.ddp_tag((1 << layout.index_bits) - 1, 0): "index",
        layout.ddp_tag(0, 63): "colour",
    }
    software = {software_tag_of(0, 3): "R2TSN", software_tag_of(MOST_OBJECTS - 1): "command object"}
    return {
        "A tag that names a pod": _parts(ddp),
        "Any other tag": _parts({high: above, layout.marker: "1", low: below}),
        "The software tag inside it": _parts(software),
    }


def _parts(masks: dict[int, str]) -> list[tuple[int, int, str]]:
    """Masks with their meaning, from the highest bit, and zeros between them; a mask of no bits is left out."""
    found: list[tuple[int, int, str]] = []
    free = 31
    for mask, label in sorted(((mask, label) for mask, label in masks.items() if mask), reverse=True):
        high, low = mask.bit_length() - 1, (mask & -mask).bit_length() - 1
        if high < free:
            found.append((free, high + 1, "0"))
        found.append((high, low, label))
        free = low - 1
    return found


def _pod_rows() -> Iterable[tuple[str, str, str]]:
    """Octets, name and content of what a pod stores; the pages between the first and the fifth are one row."""
    stored: dict[str, list[FieldInfo]] = {}
    for info in PagePod.FIELDS:
        stored.setdefault(info.slot or info.name, []).append(info)
    for name, infos in stored.items():
        first = infos[0].octet
        last = first + sum(info.width for info in infos) // 8 - 1
        number = name.removeprefix("addr_")
        yield f"{first}-{last}", name, _CONTENTS.get(name) or f"address of page {int(number) + 1}"


def _example() -> str:
    """A transfer with its pods, in hexadecimal, and its tags."""
    pods = PagePods(LEAST_PODS)
    pods.reserve(3 * PAGES_PER_POD)
    held = pods.reserve(5)
    assert held is not None
    pods.write(held, 5, 0, 18432, 512, [0x10000 * (1 + page) for page in range(5)])
    tags = [pods.layout.ddp_tag(held.index, held.colour, r2t_sn) for r2t_sn in range(2)]
    other = pods.layout.non_ddp_tag(software_tag_of(7, 1))
    dumps = "".join(
        f"\n    pod {index}   {pods.entry(index)[:24].hex(' ', 4)}\n{_addresses(pods.entry(index))}"
        for index in range(held.index, held.index + held.count)
    )
    return f"""
### An example

A WRITE of 18432 octets on the connection with tid 5, into five pages of 4 KiB of which the first begins 512 octets
late. Three pods are in use, so that it gets pods {held.index} and {held.index + 1}, for the first time.

    tag of R2TSN 0, of R2TSN 1                        {tags[0]:08x} {tags[1]:08x}
    without pods, of command object 7 and R2TSN 1     {other:08x}
{dumps}"""


def _addresses(entry: memoryview) -> str:
    return "".join(f"            {entry[at : at + 8].hex(' ', 4)}\n" for at in range(24, POD_SIZE, 8))


def _messages() -> str:
    rows = []
    for name in messages.__all__:
        kind = getattr(messages, name)
        if inspect.isclass(kind) and issubclass(kind, Message) and kind is not Message:
            way, _, use = (inspect.getdoc(kind) or "").splitlines()[0].partition(": ")
            rows.append(f"| `{name}` | {way[0].lower()}{way[1:]} | {use.rstrip('.')} |\n")
    return f"""
## Messages between host and card

`chiscsi_target/offload/messages.py` has their fields. Whoever listens to a run gets each as an `OffloadRecord`.

| message | way | use |
| --- | --- | --- |
{"".join(rows)}"""


def _status() -> str:
    bits = "".join(f"| {each.bit_length() - 1} | {each.name} | {_STATUS[each]} |\n" for each in reversed(DdpStatus))
    return f"""
The message that ends a PDU says what became of it, in `ddpvld`:

| bit | name | meaning |
| --- | --- | --- |
{bits}"""


if __name__ == "__main__":
    sys.stdout.write(page())
