"""Tags by which the Terminator finds the memory that a transfer's payload belongs into.

A Target Transfer Tag of an R2T, or an Initiator Task Tag, is 32 bits of our own choosing. The card reads one of them,
the marker: clear, the bits below it name a page pod; set, they are software's. For a region of 2**b pods:

              31 30   29 .. 7+b     6+b      5+b .. 6   5 .. 0
    DDP tag    0  0  |   R2TSN   |   0    |   index   | colour
    other     (software tag >> 6+b) |  1  | software tag below bit 6+b

The index is that of the transfer's first pod. The colour tells one use of a pod from the next, so that a late Data-Out
of the last transfer does no harm to this one.
"""

from __future__ import annotations

from typing import Final

from iscsi_wire.errors import FieldValueError

__all__ = ["COLOUR_BITS", "MOST_INDEX_BITS", "MOST_OBJECTS", "TagLayout", "software_tag_of"]

COLOUR_BITS: Final = 6
MOST_INDEX_BITS: Final = 24
MOST_OBJECTS: Final = 32768
"""Command objects that a software tag can tell apart."""

_TAG_BITS: Final = 30
"""Below the page selector in bits 31 and 30, which is 0: the connection's page size holds."""

_R2T_BITS: Final = 2
_R2T_SHIFT: Final = 16
_LARGEST_SOFTWARE_TAG: Final = 0x7FFFFFFF


class TagLayout:
    """Where the parts of a tag lie, which depends on how many page pods there are.

    Args:
        ppmax: entries of the pod region, at least one.

    Attributes:
        index_bits: b, the width of the index: log2 of `ppmax`, rounded down, and at most 24.
        marker: the bit that is clear in a DDP tag, as a mask.
        free_bits: how many bits lie between marker and page selector. With 23 index bits there are none, with 24 the
            marker itself is the lower bit of the selector.
        pod_mask: the bits below the marker: index and colour, as they also stand in the pod.

    Raises:
        FieldValueError: `ppmax` is less than one.
    """

    __slots__ = ("_above", "_not_ddp", "_r2t_bits", "_r2t_mask", "free_bits", "index_bits", "marker", "pod_mask")

    def __init__(self, ppmax: int) -> None:
        if ppmax < 1:
            raise FieldValueError("ppmax", f"a region of {ppmax} pods has no entry to name")
        self.index_bits = min(ppmax.bit_length() - 1, MOST_INDEX_BITS)
        self.marker = 1 << COLOUR_BITS + self.index_bits
        self.pod_mask = self.marker - 1
        self._above = COLOUR_BITS + self.index_bits + 1
        self.free_bits = max(_TAG_BITS - self._above, 0)
        self._r2t_mask = (1 << min(self.free_bits, _R2T_BITS)) - 1
        self._r2t_bits = tuple(number << self._above for number in range(self._r2t_mask + 1))
        self._not_ddp = self.marker | 0xFFFFFFFF & ~((1 << _TAG_BITS) - 1)

    def ddp_tag(self, index: int, colour: int, r2t_sn: int = 0) -> int:
        """The tag by which the card finds a transfer's pods.

        Args:
            index: the transfer's first pod.
            colour: that pod's colour, 0 to 63.
            r2t_sn: R2TSN of the R2T that carries the tag. It stands in the free bits modulo four, or modulo what they
                hold if there are fewer than two.

        Raises:
            FieldValueError: index or colour do not fit in their bits.
        """
        if not 0 <= index < 1 << self.index_bits:
            raise FieldValueError("index", f"{index} does not fit in {self.index_bits} bits")
        if not 0 <= colour < 1 << COLOUR_BITS:
            raise FieldValueError("colour", f"{colour} does not fit in {COLOUR_BITS} bits")
        return (r2t_sn & self._r2t_mask) << self._above | index << COLOUR_BITS | colour

    def ddp_tags(self, index: int, colour: int) -> list[int]:
        """All tags of a transfer, whichever R2T carries them.

        Raises:
            FieldValueError: as `ddp_tag`.
        """
        first = self.ddp_tag(index, colour)
        return [first | bits for bits in self._r2t_bits]

    def non_ddp_tag(self, software_tag: int) -> int:
        """The tag that carries `software_tag` past the card: opened at the marker, which is set.

        Raises:
            FieldValueError: the software tag is negative, or has bit 31 set, for which no bit would be left.
        """
        if not 0 <= software_tag <= _LARGEST_SOFTWARE_TAG:
            raise FieldValueError("software_tag", f"{software_tag:#x} does not fit in 31 bits")
        low = software_tag & self.pod_mask
        return (software_tag - low) << 1 | self.marker | low

    def software_tag(self, tag: int) -> int:
        """The software tag inside a tag of `non_ddp_tag`.

        Raises:
            FieldValueError: the marker is clear, or `tag` has more than 32 bits.
        """
        if not 0 <= tag <= 0xFFFFFFFF or not tag & self.marker:
            raise FieldValueError("tag", f"{tag:#x} holds no software tag")
        low = tag & self.pod_mask
        return (tag & ~(self.marker | self.pod_mask)) >> 1 | low

    def is_ddp(self, tag: int) -> bool:
        """Whether the card would look for a pod: marker and page selector are clear."""
        return not tag & self._not_ddp

    def index(self, tag: int) -> int:
        """The first pod of a DDP tag."""
        return (tag & self.pod_mask) >> COLOUR_BITS

    def colour(self, tag: int) -> int:
        """The colour of a DDP tag."""
        return tag & (1 << COLOUR_BITS) - 1


def software_tag_of(object_index: int, r2t_sn: int = 0) -> int:
    """The software tag of a command object.

    Args:
        object_index: which of the command objects, 0 to 32767.
        r2t_sn: R2TSN of the R2T that carries the tag; it counts modulo four.

    Raises:
        FieldValueError: there is no such object.
    """
    if not 0 <= object_index < MOST_OBJECTS:
        raise FieldValueError("object_index", f"{object_index} is not below {MOST_OBJECTS}")
    return (r2t_sn & (1 << _R2T_BITS) - 1) << _R2T_SHIFT | object_index
