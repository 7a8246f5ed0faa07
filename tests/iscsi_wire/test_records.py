"""Records stay true: they can not be changed, and whoever handles every kind of record can know that it does."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from iscsi_wire import records
from iscsi_wire.records import Listener, PduRecord, Record

KINDS = typing.get_args(Record)


def test_the_union_names_every_kind_of_record() -> None:
    defined = {value for value in vars(records).values() if isinstance(value, type) and dataclasses.is_dataclass(value)}
    assert defined == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_says_when_who_and_where(kind: type) -> None:
    names = [item.name for item in dataclasses.fields(kind)]
    assert names[:3] == ["time", "source", "connection"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_cannot_be_changed(kind: type) -> None:
    record = kind(*("" for _ in dataclasses.fields(kind)))
    for item in dataclasses.fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, item.name, None)
    with pytest.raises((AttributeError, TypeError)):
        record.more = 1


def test_any_callable_listens() -> None:
    heard: list[Record] = []
    listener: Listener = heard.append
    record = PduRecord(0.0, "target", "a", "in", bytes(48), b"", b"", 0)
    listener(record)
    assert heard == [record]
