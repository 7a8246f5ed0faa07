"""A PDU about to be sent: a correct one, and what a script wants to be wrong with it (RFC 7143 section 11.1).

A `Draft` holds header, additional header segments and data, and the mutations to apply. `image()` lays it out as on
the wire, in parts that mutations can reach, and `Image.chunks()` are the octets to send. Numbers and tags are filled
in by `initiator_sim.connection`; lengths, padding and digests here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from iscsi_wire.constants import BHS_LENGTH
from iscsi_wire.digest import digest
from iscsi_wire.pdus import Pdu, decode_header

H = TypeVar("H", bound=Pdu)

PAD = (b"", b"\0\0\0", b"\0\0", b"\0")
"""Padding by length modulo four (RFC 7143, 11.1: padding bytes SHOULD be sent as 0)."""


class Stage(IntEnum):
    """When a mutation works: whatever the order they are given in, mutations run stage by stage."""

    CONTENT = 0
    """On header, AHS, data and padding: the digests are computed afterwards, so they are right."""
    DIGEST = 1
    """On the digests."""
    OCTETS = 2
    """On the octets of the finished PDU: nothing is mended afterwards."""
    SEGMENTS = 3
    """On the places where the octets are cut into separate sends."""


class Mutation(Protocol):
    """One alteration of a PDU; its string says which."""

    @property
    def stage(self) -> Stage:
        """When it works."""
        ...

    def apply(self, image: Image) -> None:
        """Alter `image` in this one respect."""
        ...


@dataclass(slots=True)
class Image:
    """A PDU laid out for the wire.

    `header` (48 octets), `ahs` and `data` without digests; `padding` follows the data; `header_digest` and
    `data_digest` are empty where none is in force. After stage DIGEST everything is joined into `octets`. `cuts` are
    positions in `octets` at which a new send begins.
    """

    header: bytearray
    ahs: bytes
    data: bytes
    padding: bytes
    header_digest: bytes = b""
    data_digest: bytes = b""
    octets: bytearray = field(default_factory=bytearray)
    cuts: list[int] = field(default_factory=list)

    def compute_digests(self, header_digest: bool, data_digest: bool) -> None:
        """Compute the digests in force; a PDU without data has no data digest (RFC 7143, 11.2.3)."""
        if header_digest:
            self.header_digest = digest(self.header, self.ahs)
        if data_digest and (self.data or self.padding):
            self.data_digest = digest(self.data, self.padding)

    def join(self) -> None:
        """Join the parts into `octets`."""
        parts = (self.header, self.ahs, self.header_digest, self.data, self.padding, self.data_digest)
        self.octets = bytearray().join(parts)

    def chunks(self) -> list[bytes]:
        """Return the octets in the pieces that are sent separately; empty pieces are left out."""
        octets = bytes(self.octets)
        places = [0, *sorted({cut for cut in self.cuts if 0 < cut < len(octets)}), len(octets)]
        return [octets[start:end] for start, end in pairwise(places) if end > start]


@dataclass(slots=True)
class Draft(Generic[H]):
    """A PDU to be sent: its header with all fields filled in, and what follows the header.

    Attributes:
        header: the header; its lengths are set from `ahs` and `data` unless `fixed_lengths` names them.
        data: the data segment without padding.
        ahs: additional header segments, each padded.
        mutations: what shall be wrong.
        fixed_lengths: `data_segment_length`, `total_ahs_length`, where the script gave them itself.
        altered: the header as it was sent, if mutations altered it.
    """

    header: H
    data: bytes = b""
    ahs: bytes = b""
    mutations: tuple[Mutation, ...] = ()
    fixed_lengths: frozenset[str] = frozenset()
    altered: H | None = None

    @property
    def as_sent(self) -> H:
        """The header as the target saw it, mutations of its content included; the unaltered one before it is sent."""
        return self.header if self.altered is None else self.altered

    def note_alteration(self, octets: bytes) -> None:
        """Take in the header as it was sent, unless it has become another PDU's."""
        seen = decode_header(octets)
        if isinstance(seen, type(self.header)):
            self.altered = seen

    def set_lengths(self) -> None:
        """Set the header's lengths from what follows it (RFC 7143, 11.2.1.5 and 11.2.1.6)."""
        header = self.header
        if not self.fixed_lengths:
            header.lengths = len(self.ahs) >> 2 << 24 | len(self.data)
            return
        if "data_segment_length" not in self.fixed_lengths:
            header.data_segment_length = len(self.data)
        if "total_ahs_length" not in self.fixed_lengths:
            header.total_ahs_length = len(self.ahs) >> 2

    def plain(self, header_digest: bool, data_digest: bool) -> bytes:
        """Return the octets of the unaltered PDU, with the digests in force."""
        self.set_lengths()
        header = self.header.encode()
        data = self.data
        if not (self.ahs or data or header_digest):
            return header
        padding = PAD[len(data) & 3]
        parts = [header, self.ahs, digest(header, self.ahs) if header_digest else b"", data, padding]
        if data_digest and data:
            parts.append(digest(data, padding))
        return b"".join(parts)

    def image(self, header_digest: bool, data_digest: bool) -> Image:
        """Return the PDU laid out with every mutation applied."""
        self.set_lengths()
        image = Image(bytearray(self.header.encode()), self.ahs, self.data, PAD[len(self.data) & 3])
        apply(image, self.mutations, Stage.CONTENT)
        image.compute_digests(header_digest, data_digest)
        apply(image, self.mutations, Stage.DIGEST)
        image.join()
        apply(image, self.mutations, Stage.OCTETS)
        apply(image, self.mutations, Stage.SEGMENTS)
        assert len(image.header) == BHS_LENGTH
        return image


def apply(image: Image, mutations: Iterable[Mutation], stage: Stage) -> None:
    """Apply those of `mutations` that belong to `stage`, in the order given."""
    for mutation in mutations:
        if mutation.stage is stage:
            mutation.apply(image)
