from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reports import evidence
from reports.evidence import chunks, pack
from reports.model import Case
from tests.reports.sample_run import sample_run


def _unpack(packed: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(packed)))


scalars = st.none() | st.integers() | st.text()
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=9)


@given(json_values)
def test_packing_loses_nothing_and_leaves_nothing_that_html_could_read(value: Any) -> None:
    packed = pack(value)
    assert _unpack(packed) == value
    assert packed.isascii()
    assert not set(packed) & set("<>&\"'")


def test_every_event_of_every_case_is_in_its_chunk() -> None:
    cases = sample_run(60).cases
    found = []
    for size, packed in chunks(cases):
        _, exchanges = _unpack(packed)
        assert len(exchanges) == size
        found += exchanges
    assert len(found) == len(cases)
    for case, exchange in zip(cases, found, strict=True):
        assert [event[5] for event in exchange] == [event.title for event in case.events]
        assert [event[9] for event in exchange] == [event.hex for event in case.events]


def test_fields_are_values_over_a_layout_that_pdus_of_a_type_share() -> None:
    case = next(case for case in sample_run(18).cases if case.title == "StatSN rises by one with each status")
    ((_, packed),) = chunks([case])
    layouts, (exchange,) = _unpack(packed)
    responses = [event for event in exchange if event[5] == "SCSI Response"]
    assert len({event[12] for event in responses}) == 1
    layout = layouts[responses[0][12]]
    place = [name for name, *_ in layout].index("stat_sn")
    assert layout[place] == ["stat_sn", 24, "0-31", "11.4"]
    value, meaning, marked = responses[1][13][place]
    assert (value, meaning, marked) == ("270", "expected 268", 1)


def test_a_chunk_ends_with_the_case_that_fills_it() -> None:
    cases = sample_run(60).cases
    sizes = [size for size, _ in chunks(cases)]
    events = [len(case.events) for case in cases]
    assert sum(sizes) == len(cases)
    assert sum(events[: sizes[0]]) >= evidence.EVENTS_PER_CHUNK > sum(events[: sizes[0] - 1])


def test_cases_without_an_exchange_keep_their_place() -> None:
    ((size, packed),) = chunks([Case("a", "A", "s", "pass"), Case("b", "B", "s", "pass")])
    assert (size, _unpack(packed)) == (2, [[], [[], []]])
    assert list(chunks([])) == []
