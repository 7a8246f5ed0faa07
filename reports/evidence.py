"""Exchanges made small enough that a page of thousands of cases opens at once.

All PDUs of a type have the same fields in the same places, so each chunk of cases holds every such layout once and a
PDU only its values. A chunk is JSON, deflated, in base64: the page inflates it when one of its cases is opened, and
no string of a target ever stands in the page's source.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from reports.model import Case, Event, Field
from reports.store import to_json

__all__ = ["chunks", "pack"]

EVENTS_PER_CHUNK = 400
"""Small enough to inflate and parse within a frame, large enough that equal strings compress well."""


def pack(value: Any) -> str:
    """Anything that JSON can hold, as base64 of its deflated JSON text."""
    return base64.b64encode(zlib.compress(to_json(value), 9)).decode("ascii")


def chunks(cases: Iterable[Case]) -> Iterator[tuple[int, str]]:
    """The exchanges of the cases, in order: (how many cases the chunk holds, the packed chunk)."""
    layouts: dict[tuple[Any, ...], int] = {}
    exchanges: list[list[list[Any]]] = []
    events = 0
    for case in cases:
        exchanges.append([_event(event, layouts) for event in case.events])
        events += len(case.events)
        if events >= EVENTS_PER_CHUNK:
            yield len(exchanges), pack([list(layouts), exchanges])
            layouts, exchanges, events = {}, [], 0
    if exchanges:
        yield len(exchanges), pack([list(layouts), exchanges])


def _event(event: Event, layouts: dict[tuple[Any, ...], int]) -> list[Any]:
    """An event as the page's script takes it apart (`unpackEvent` in templates/data.js); the order is the contract."""
    layout = tuple((field.name, field.offset, field.bits, field.section) for field in event.fields)
    return [
        event.kind,
        event.time,
        event.source,
        event.destination,
        event.connection,
        event.title,
        event.detail,
        event.remark,
        int(event.marked),
        event.hex,
        event.length,
        event.data_preview,
        layouts.setdefault(layout, len(layouts)),
        [_value(field) for field in event.fields],
        event.placement and [event.placement.placed, event.placement.copied, event.placement.reason],
    ]


def _value(field: Field) -> str | list[Any]:
    if field.marked:
        return [field.value, field.meaning, 1]
    return [field.value, field.meaning] if field.meaning else field.value
