from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.limits import ISO_PAYLOAD
from chiscsi_target.offload.messages import CPL_TX_DATA_ISO, FW_OFLD_TX_DATA_WR, UlpSubmode
from chiscsi_target.offload.segmentation import Segmentation, SendRequest
from iscsi_wire.pdus import DataIn, ScsiResponse

LARGEST = 12288


def data_in(itt: int, offset: int, *, final: bool = False) -> bytes:
    return DataIn.make(initiator_task_tag=itt, buffer_offset=offset, final=int(final)).encode()


def burst(itt: int, lengths: list[int], start: int = 0) -> list[tuple[bytes, int]]:
    """The Data-In of one burst: header and length of each."""
    found, offset = [], start
    for number, length in enumerate(lengths, 1):
        found.append((data_in(itt, offset, final=number == len(lengths)), length))
        offset += length
    return found


def requests(pdus: list[tuple[bytes, int]]) -> list[SendRequest]:
    segmentation = Segmentation()
    return [request for header, length in pdus for request in segmentation.sent(header, length)]


def shown(made: list[SendRequest]) -> list[tuple[int, int, int, bool, bool]]:
    return [(each.pdus, each.payload, each.longest, each.first, each.last) for each in made]


@pytest.mark.parametrize(
    "lengths, expected",
    [
        ([100], [(1, 100, 100, True, True)]),
        ([8192, 8192, 100], [(3, 16484, 8192, True, True)]),
        ([LARGEST] * 6, [(5, 61440, LARGEST, True, False), (1, LARGEST, LARGEST, False, True)]),
        # The card makes all of one length: a short one ends its request.
        ([100, 200], [(1, 100, 100, True, False), (1, 200, 200, False, True)]),
        ([200, 100, 200], [(2, 300, 200, True, False), (1, 200, 200, False, True)]),
        ([0, 0], [(1, 0, 0, True, False), (1, 0, 0, True, True)]),
    ],
)
def test_bursts(lengths: list[int], expected: list[tuple[int, int, int, bool, bool]]) -> None:
    assert shown(requests(burst(1, lengths))) == expected


def test_what_comes_between_is_a_request_of_its_own() -> None:
    response = ScsiResponse.make().encode()
    pdus = [(data_in(1, 0), 4096), (response, 0), (data_in(1, 4096, final=True), 4096)]
    assert [each[0] for each in shown(requests(pdus))] == [1, 1, 1]


def test_two_transfers_do_not_share_a_request() -> None:
    pdus = [(data_in(1, 0), 4096), (data_in(2, 4096), 4096), (data_in(2, 8192, final=True), 4096)]
    assert shown(requests(pdus)) == [(1, 4096, 4096, True, False), (2, 8192, 4096, True, True)]


def test_each_burst_has_a_first_request() -> None:
    """RFC 7143 section 13.13: a transfer may have several bursts, each up to an F bit."""
    pdus = [(data_in(1, at * 40960, final=at % 2 == 1), 40960) for at in range(4)]
    ends = [(first, last) for *_, first, last in shown(requests(pdus))]
    assert ends == [(True, False), (False, True)] * 2


def test_a_response_ends_the_bursts_of_its_task() -> None:
    """Its tag may be another's soon."""
    response = ScsiResponse.make(initiator_task_tag=1).encode()
    pdus = [(data_in(1, 0), 4096), (response, 0), (data_in(1, 8192, final=True), 4096)]
    assert [each[3] for each in shown(requests(pdus))] == [True, False, True]


def test_a_gap_is_not_bridged() -> None:
    pdus = [(data_in(1, 0), 4096), (data_in(1, 8192, final=True), 4096)]
    assert [each[0] for each in shown(requests(pdus))] == [1, 1]


def test_only_requests_of_several_are_counted() -> None:
    segmentation = Segmentation()
    for header, length in burst(1, [4096] * 3) + burst(2, [4096]) + burst(3, [4096] * 2):
        segmentation.sent(header, length)
    assert segmentation.requests == 2


def test_how_the_card_is_told() -> None:
    (several,), (alone,) = requests(burst(1, [4096, 100])), requests(burst(1, [100]))
    both = UlpSubmode.ULP_CRC_HEADER | UlpSubmode.ULP_CRC_DATA
    work, segments = several.messages(9, both)
    assert isinstance(work, FW_OFLD_TX_DATA_WR) and isinstance(segments, CPL_TX_DATA_ISO)
    assert (segments.tid, segments.pdus, segments.mpdu, segments.burst_size) == (9, 2, 4096, 4196)
    assert segments.hdrcrc and segments.pldcrc and segments.first and segments.last
    assert len(alone.messages(9, UlpSubmode(0))) == 1


@given(
    bursts=st.lists(
        st.tuples(st.integers(1, 3), st.lists(st.sampled_from([0, 512, 4096, 8192, LARGEST]), min_size=1, max_size=12)),
        max_size=6,
    )
)
def test_no_request_crosses_a_burst_nor_holds_too_much(bursts: list[tuple[int, list[int]]]) -> None:
    pdus = [pdu for itt, lengths in bursts for pdu in burst(itt, lengths)]
    made = requests(pdus)
    assert sum(each.pdus for each in made) == len(pdus)
    assert sum(each.payload for each in made) == sum(length for _, length in pdus)
    rest = list(pdus)
    for request in made:
        mine, rest = rest[: request.pdus], rest[request.pdus :]
        finals = [header[1] & 0x80 != 0 for header, _ in mine]
        assert not any(finals[:-1]) and request.last == finals[-1]
        assert request.payload <= ISO_PAYLOAD or request.pdus == 1
        assert {length for _, length in mine[:-1]} <= {request.longest} and mine[-1][1] <= request.longest
        assert len({header[16:20] for header, _ in mine}) == 1
        if request.pdus > 1:
            (_, told) = request.messages(1, UlpSubmode(0))
            assert isinstance(told, CPL_TX_DATA_ISO) and told.pdus == request.pdus
