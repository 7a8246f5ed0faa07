"""Faults of what came over the wire, and, on another branch, mistakes of the program that sends.

A peer's fault is a :class:`WireError`: it knows where in the input the fault lies. A value that no field
could hold is our caller's mistake, a :class:`FieldValueError`. No code catches both at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iscsi_wire.framing import Frame


class WireError(Exception):
    """Received bytes that have no meaning.

    Attributes:
        offset: position of the fault in bytes, from the start of what was being read.
        field: the field being read, by the RFC's name in snake case, or the key; empty when none is to blame.
        message: what is wrong, in a sentence without a full stop.
    """

    def __init__(self, offset: int, field: str, message: str) -> None:
        super().__init__(offset, field, message)
        self.offset = offset
        self.field = field
        self.message = message

    def __str__(self) -> str:
        """Return the message with the place."""
        place = f"{self.field} at byte {self.offset}" if self.field else f"byte {self.offset}"
        return f"{place}: {self.message}"


class FramingError(WireError):
    """The stream cannot be cut into PDUs any more (RFC 7143, 11.2).

    Attributes:
        frames: the frames that were complete before the fault; filled in by the framer.
    """

    def __init__(self, offset: int, field: str, message: str) -> None:
        super().__init__(offset, field, message)
        self.frames: list[Frame] = []


class PaddingError(FramingError):
    """Padding is not zero. It need not be (RFC 7143, 11.1); there are adapters that insist."""


class DecodeError(WireError):
    """A structure ends before its last field, or its lengths contradict each other."""


class TextError(WireError):
    """A data segment is no key=value text, or a value lacks the form its key asks for (RFC 7143, 6.1)."""


class FieldValueError(ValueError):
    """A value that the named field cannot hold, given by the program that builds the structure.

    Attributes:
        field: name of the field.
        message: what is wrong with the value.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        """Return the message with the field."""
        return f"{self.field}: {self.message}"
