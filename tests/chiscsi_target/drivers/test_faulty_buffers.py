"""Wrong buffers are wrong in one way each, and leave the driver's own vectors alone."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.drivers.faulty_buffers import WRONG_BUFFERS, Given


def lengths(given: Given) -> list[int]:
    assert isinstance(given.buf, list) and len(given.buf) == given.sgcnt
    return [vector.sg_length for vector in given.buf]


@pytest.mark.parametrize(
    "name, vectors, length",
    [
        ("short", [512, 511], 1023),
        ("long", [512, 512, 512], 1536),
        ("overlapping", [256, 256, 512], 1024),
        ("zero-length", [512, 512, 0], 1024),
    ],
)
def test_vectors(name: str, vectors: list[int], length: int) -> None:
    own = [chiscsi_sgvec(bytearray(512), 512), chiscsi_sgvec(bytearray(512), 512)]
    wrong = WRONG_BUFFERS[name](Given(own, 2, 0, 1024))
    assert (lengths(wrong), wrong.length, wrong.offset) == (vectors, length, 0)
    assert [vector.sg_length for vector in own] == [512, 512]


def test_linear_buffers_become_vectors() -> None:
    assert lengths(WRONG_BUFFERS["zero-length"](Given(bytes(1024), 0, 0, 1024))) == [1024, 0]


def test_offset_and_absence() -> None:
    given = Given([chiscsi_sgvec(bytearray(512), 512)], 1, 0, 512)
    assert WRONG_BUFFERS["wrong-offset"](given).offset == 512
    assert WRONG_BUFFERS["no-buffer"](given) == Given(None, 0, 0, 512)


@pytest.mark.parametrize("name", WRONG_BUFFERS)
def test_a_call_without_data_cannot_be_spoiled(name: str) -> None:
    given = Given(None, 0, 0, 0)
    assert WRONG_BUFFERS[name](given) == given
