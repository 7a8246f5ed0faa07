from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.messages import CPL_SET_TCB_FIELD
from chiscsi_target.offload.page_pods import PagePods
from chiscsi_target.offload.work_requests import enter_ulp_mode, pod_writes
from iscsi_wire.errors import FieldValueError


@pytest.mark.parametrize(
    "page_size_index, header_digest, data_digest, val",
    [
        (0, False, False, 0x002),  # type 2
        (0, True, False, 0x012),  # 1 << 4
        (3, False, True, 0x322),  # 3 << 8, 2 << 4
        (1, True, True, 0x132),
    ],
)
def test_a_connection_becomes_one_of_iscsi(
    page_size_index: int, header_digest: bool, data_digest: bool, val: int
) -> None:
    request = enter_ulp_mode(5, page_size_index, header_digest=header_digest, data_digest=data_digest)
    assert request == CPL_SET_TCB_FIELD(5, word=0, mask=0xFFF, val=val)


@pytest.mark.parametrize("page_size_index", [-1, 4])
def test_there_are_four_page_sizes(page_size_index: int) -> None:
    with pytest.raises(FieldValueError, match="there are 4"):
        enter_ulp_mode(5, page_size_index)


@pytest.mark.parametrize(
    "count, parts",
    [
        (1, [(20, 1, True)]),  # (first pod, pods, immediate)
        (3, [(20, 3, True)]),
        (4, [(20, 4, False)]),
        (16, [(20, 16, False)]),
        (17, [(20, 16, False), (36, 1, False)]),
        (40, [(20, 16, False), (36, 16, False), (52, 8, False)]),
    ],
)
def test_how_many_pods_a_work_request_writes(count: int, parts: list[tuple[int, int, bool]]) -> None:
    writes = list(pod_writes(5, 20, bytes(64 * count)))
    # An address and a length count 32 octets, and a pod has 64.
    assert [(each.lock_addr / 2, each.dlen / 2, each.immediate) for each in writes] == parts
    assert {each.tid for each in writes} == {5}


@given(pages=st.integers(min_value=1, max_value=200), before=st.integers(min_value=0, max_value=100))
def test_the_writes_make_the_region_again(pages: int, before: int) -> None:
    pods = PagePods(1024)
    if before:
        pods.reserve(before)
    held = pods.reserve(pages)
    assert held is not None
    pods.write(held, 5, 0, pages * 4096, 0, range(4096, 4096 * (pages + 1), 4096))
    copy = bytearray(1024 * 64)
    for each in pod_writes(5, held.index, pods.entry(held.index, held.count)):
        copy[each.lock_addr * 32 : (each.lock_addr + each.dlen) * 32] = each.data
    assert copy == pods.entry(0, 1024)
