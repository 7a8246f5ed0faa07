"""Errors say where the fault lies, and keep the peer's faults apart from ours."""

from __future__ import annotations

import pickle

import pytest

from iscsi_wire.errors import DecodeError, FieldValueError, FramingError, TextError, WireError


def test_an_error_tells_its_place() -> None:
    error = TextError(7, "MaxBurstLength", "is no number")
    assert (error.offset, error.field, error.message) == (7, "MaxBurstLength", "is no number")
    assert str(error) == "MaxBurstLength at byte 7: is no number"
    assert str(WireError(3, "", "is odd")) == "byte 3: is odd"


@pytest.mark.parametrize("kind", [FramingError, DecodeError, TextError])
def test_errors_travel_between_processes(kind: type[WireError]) -> None:
    copy = pickle.loads(pickle.dumps(kind(1, "field", "message")))
    assert (type(copy), copy.offset, copy.field, copy.message) == (kind, 1, "field", "message")


def test_mistakes_travel_too() -> None:
    copy = pickle.loads(pickle.dumps(FieldValueError("field", "message")))
    assert (type(copy), copy.field, copy.message) == (FieldValueError, "field", "message")


def test_our_callers_mistake_is_no_fault_of_the_peer() -> None:
    error = FieldValueError("lun", "is too large")
    assert not isinstance(error, WireError)
    assert isinstance(error, ValueError)
    assert (str(error), error.field, error.message) == ("lun: is too large", "lun", "is too large")


def test_a_framing_error_brings_the_frames_before_it() -> None:
    assert FramingError(0, "", "").frames == []
