"""Wrong buffers, made of right ones: one way for each mistake that a driver can make in its buffer setup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from chiscsi_target.api import chiscsi_sgvec

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import SgList

__all__ = ["WRONG_BUFFERS", "Given"]

_BLOCK: Final = 512


class Given(NamedTuple):
    """What a call hands over: list or memory, number of vectors, offset and length in octets."""

    buf: SgList | None
    sgcnt: int
    offset: int
    length: int


def _vectors(given: Given) -> list[chiscsi_sgvec]:
    """The vectors of a call, copied, so that the driver's own stay as they are."""
    buf = given.buf
    if buf is None:
        return []
    if isinstance(buf, bytes | bytearray | memoryview):
        return [chiscsi_sgvec(buf, len(buf))]
    return [_copy(vector) for vector in buf[: given.sgcnt]]


def _copy(vector: chiscsi_sgvec, length: int | None = None) -> chiscsi_sgvec:
    size = vector.sg_length if length is None else length
    return chiscsi_sgvec(vector.sg_addr, size, vector.sg_page, vector.sg_offset, vector.sg_dma_addr, vector.sg_flag)


def _short(given: Given) -> Given:
    *head, last = _vectors(given)
    vectors = [*head, _copy(last, last.sg_length - 1)]
    return Given(vectors, len(vectors), given.offset, given.length - 1)


def _long(given: Given) -> Given:
    vectors = [*_vectors(given), chiscsi_sgvec(bytearray(_BLOCK), _BLOCK)]
    return Given(vectors, len(vectors), given.offset, given.length + _BLOCK)


def _overlapping(given: Given) -> Given:
    """Show the first half of the first vector twice."""
    first, *rest = _vectors(given)
    half = first.sg_length // 2
    vectors = [_copy(first, half), _copy(first, first.sg_length - half), *rest]
    return Given(vectors, len(vectors), given.offset, given.length)


def _zero_length(given: Given) -> Given:
    vectors = [*_vectors(given), chiscsi_sgvec(bytearray(_BLOCK), 0)]
    return Given(vectors, len(vectors), given.offset, given.length)


def _wrong_offset(given: Given) -> Given:
    return given._replace(offset=given.offset + _BLOCK)


def _no_buffer(given: Given) -> Given:
    return given._replace(buf=None, sgcnt=0)


def _where_there_are_some(spoil: Callable[[Given], Given]) -> Callable[[Given], Given]:
    """Leave calls without data as they are: there is nothing to spoil."""
    return lambda given: spoil(given) if given.buf is not None and given.length else given


WRONG_BUFFERS: Final[Mapping[str, Callable[[Given], Given]]] = {
    name: _where_there_are_some(spoil)
    for name, spoil in {
        "short": _short,
        "long": _long,
        "overlapping": _overlapping,
        "zero-length": _zero_length,
        "wrong-offset": _wrong_offset,
        "no-buffer": _no_buffer,
    }.items()
}
"""By the name of the fault: makes wrong arguments of right ones."""
