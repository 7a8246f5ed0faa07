"""Alterations of a correct PDU, each of one thing, to be combined at will.

A script hands them to `send`: `session.send(NopOut, xor(1, 0x80), split(20, 48))`. Whatever the order, they work in
stages (`initiator_sim.draft.Stage`): content first, then the digests are computed over the altered content, then
digests, octets and cuts are altered. Within a stage they work in the order given. The string of a mutation is what the
exchange shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from initiator_sim.draft import PAD, Image, Mutation, Stage
from initiator_sim.fields import put_field
from initiator_sim.outcomes import HarnessFault

Part: TypeAlias = Literal["header", "ahs", "data", "padding"]


@dataclass(frozen=True, slots=True)
class Alteration:
    """A mutation made of a stage, a description and the function that does it."""

    stage: Stage
    text: str
    function: Callable[[Image], None]

    def apply(self, image: Image) -> None:
        """See `Mutation.apply`."""
        self.function(image)

    def __str__(self) -> str:
        return self.text


def set_fields(**values: int | bytes) -> Mutation:
    """Set header fields by name to values that their bits can hold; the digests fit the new header."""

    def change(image: Image) -> None:
        for name, value in values.items():
            put_field(image.header, name, value)

    return Alteration(Stage.CONTENT, "set " + ", ".join(f"{k}={_show(v)}" for k, v in values.items()), change)


def data_segment_length(value: int) -> Mutation:
    """Announce `value` octets of data, whatever follows."""
    return set_fields(data_segment_length=value)


def total_ahs_length(value: int) -> Mutation:
    """Announce `value` words of additional header segments, whatever follows."""
    return set_fields(total_ahs_length=value)


def xor(offset: int, mask: int | bytes, part: Part = "header") -> Mutation:
    """Flip the bits of `mask` from `offset` on in one part of the PDU; the digests fit the result."""
    octets = bytes([mask]) if isinstance(mask, int) else mask

    def change(image: Image) -> None:
        old = bytes(getattr(image, part))
        _require(0 <= offset <= len(old) - len(octets), f"{part} has {len(old)} octets, none at {offset}")
        new = bytes(a ^ b for a, b in zip(old[offset:], octets, strict=False))
        setattr(image, part, type(getattr(image, part))(old[:offset] + new + old[offset + len(octets) :]))

    return Alteration(Stage.CONTENT, f"xor {part}[{offset}] with {octets.hex()}", change)


def xor_octets(offset: int, mask: int | bytes) -> Mutation:
    """Flip the bits of `mask` from `offset` on in the finished PDU, digests included: nothing is mended."""
    octets = bytes([mask]) if isinstance(mask, int) else mask

    def change(image: Image) -> None:
        _require(
            0 <= offset <= len(image.octets) - len(octets),
            f"the PDU has {len(image.octets)} octets, none at {offset}",
        )
        for index, value in enumerate(octets, offset):
            image.octets[index] ^= value

    return Alteration(Stage.OCTETS, f"xor octets[{offset}] with {octets.hex()}", change)


def replace_data(data: bytes) -> Mutation:
    """Send another data segment with its padding, announced with the length of the old one."""

    def change(image: Image) -> None:
        image.data, image.padding = data, PAD[len(data) & 3]

    return Alteration(Stage.CONTENT, f"data segment replaced by {len(data)} octets", change)


def padding(octets: bytes) -> Mutation:
    """Send `octets` in place of the data segment's padding; b"" leaves it out."""

    def change(image: Image) -> None:
        image.padding = octets

    return Alteration(Stage.CONTENT, f"padding {octets.hex() or 'left out'}", change)


def wrong_header_digest(mask: int = 0xFFFFFFFF) -> Mutation:
    """Flip the bits of `mask` in the header digest, which has to be in force."""
    return _wrong_digest("header_digest", mask)


def wrong_data_digest(mask: int = 0xFFFFFFFF) -> Mutation:
    """Flip the bits of `mask` in the data digest, which has to be in force on a PDU with data."""
    return _wrong_digest("data_digest", mask)


def without_digest(which: Literal["header_digest", "data_digest"]) -> Mutation:
    """Leave out one digest."""
    return Alteration(Stage.DIGEST, f"without {which}", lambda image: setattr(image, which, b""))


def _wrong_digest(which: Literal["header_digest", "data_digest"], mask: int) -> Mutation:
    def change(image: Image) -> None:
        right = getattr(image, which)
        _require(bool(right), f"this PDU has no {which}")
        setattr(image, which, (int.from_bytes(right, "little") ^ mask).to_bytes(4, "little"))

    return Alteration(Stage.DIGEST, f"wrong {which}", change)


def truncate(length: int) -> Mutation:
    """Send only the first `length` octets of the PDU; a negative `length` leaves out so many at the end."""

    def change(image: Image) -> None:
        del image.octets[length:]

    return Alteration(Stage.OCTETS, f"truncated to {length} octets", change)


def pad(octets: bytes | int) -> Mutation:
    """Send `octets` (or so many zero octets) after the end of the PDU."""
    extra = bytes(octets)
    return Alteration(Stage.OCTETS, f"{len(extra)} octets after the end", lambda image: image.octets.extend(extra))


def split(*offsets: int) -> Mutation:
    """Cut the PDU into separate sends at `offsets`; a negative one counts from the end."""

    def change(image: Image) -> None:
        image.cuts += [offset if offset >= 0 else len(image.octets) + offset for offset in offsets]

    return Alteration(Stage.SEGMENTS, f"split at {', '.join(map(str, offsets))}", change)


def split_every(size: int) -> Mutation:
    """Cut the PDU into separate sends of `size` octets each."""
    _require(size > 0, "a piece has at least one octet")
    return Alteration(
        Stage.SEGMENTS,
        f"split every {size} octets",
        lambda image: image.cuts.extend(range(size, len(image.octets), size)),
    )


def _show(value: int | bytes) -> str:
    return hex(value) if isinstance(value, int) else value.hex()


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise HarnessFault(f"mutation: {message}")
