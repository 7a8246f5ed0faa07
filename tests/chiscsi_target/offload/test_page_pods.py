from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.page_pods import PagePods, PodHeader, Reservation
from iscsi_wire.errors import FieldValueError
from iscsi_wire.terminator import PagePod

PAGES = [0x1_0000_1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000]


def reserved(pods: PagePods, pages: int, pool: int = 0) -> Reservation:
    """A reservation that is granted."""
    found = pods.reserve(pages, pool)
    assert found is not None
    return found


def octets(pods: PagePods, index: int) -> str:
    """A pod in words of four octets."""
    return pods.entry(index).hex(" ", 4)


# Region of 1024 entries. Twelve pages take entries 0 to 2, so five pages take entries 3 and 4.
# vld_tid: valid 1 << 24, tid 0x2A5          -> 010002a5
# pgsz_tag_clr: 3 << 6 = 0xC0, first colour 1 -> 000000c1 in both pods, since it is the tag's
# max_offset: 18432 = 0x4800; page_offset: 512 = 0x200; eight reserved octets
HEADER = "010002a5 000000c1 00004800 00000200 00000000 00000000"
# Four addresses and, fifth, the first of the next pod; behind the last page, zeros.
FIRST = "00000001 00001000 00000000 00002000 00000000 00003000 00000000 00004000 00000000 00005000"
SECOND = "00000000 00005000" + 8 * " 00000000"


def test_two_pods_by_hand() -> None:
    pods = PagePods(1024)
    reserved(pods, 12)
    held = reserved(pods, 5)
    pods.write(held, 0x2A5, 0, 18432, 512, PAGES[:5])
    assert octets(pods, 3) == f"{HEADER} {FIRST}"
    assert octets(pods, 4) == f"{HEADER} {SECOND}"
    assert bytes(pods.entry(3, 2)) == bytes(pods.entry(3)) + bytes(pods.entry(4))
    assert (held.index, held.count, held.colour, held.pages) == (3, 2, 1, 5)
    assert (held.tid, held.page_size, held.written) == (0x2A5, 4096, 5)
    assert bytes(pods.entry(5)) == bytes(64)


def test_a_pod_reads_by_its_declaration() -> None:
    pods = PagePods(1024)
    pods.write(reserved(pods, 1), 0xFFFFFF, 3, 65536, 0, [0xFFFF_FFFF_FFFF_0000])
    pod = PagePod.decode(pods.entry(0))
    assert (pod.valid, pod.tid, pod.index, pod.colour, pod.page_size) == (1, 0xFFFFFF, 0, 1, 0)
    assert (pod.max_offset, pod.page_offset, pod.addr_0, pod.addr_1) == (65536, 0, 0xFFFF_FFFF_FFFF_0000, 0)
    assert (pod.pi_extract, pod.pi_type, pod.pi_check, pod.pi_report) == (0, 0, 0, 0)


@pytest.mark.parametrize("cuts", [(3, 9), (4, 9), (5, 9), (1, 4, 9), (2, 3, 9), (1, 2, 3, 4, 5, 6, 7, 8, 9)])
def test_pages_that_become_known_later_give_the_same_pods(cuts: tuple[int, ...]) -> None:
    pods, whole = PagePods(1024), PagePods(1024)
    held, at_once = reserved(pods, 9), reserved(whole, 9)
    whole.write(at_once, 7, 1, 70000, 100, PAGES)
    known = 0
    for upto in cuts:
        pods.write(held, 7, 1, 70000, 100, PAGES[known:upto], known)
        known = upto
        unknown = range(held.index + -(-known // 4), held.index + held.count)
        assert [pods.header(index).valid for index in unknown] == [False] * len(unknown)
    assert [octets(pods, index) for index in range(3)] == [octets(whole, index) for index in range(3)]


def test_an_unknown_page_has_no_address_yet() -> None:
    """The pods held other addresses before."""
    pods = PagePods(8, reserve_factor=0)
    before = reserved(pods, 32)
    pods.write(before, 1, 0, 32 * 4096, 0, range(4096, 33 * 4096, 4096))
    pods.release(before)
    held = reserved(pods, 32)
    pods.write(held, 2, 0, 9 * 4096, 0, PAGES[:4])
    assert PagePod.decode(pods.entry(0)).addr_4 == 0
    pods.write(held, 2, 0, 9 * 4096, 0, PAGES[4:6], 4)
    assert PagePod.decode(pods.entry(0)).addr_4 == 0x5000
    second = PagePod.decode(pods.entry(1))
    assert (second.addr_0, second.addr_1, second.addr_2, second.addr_3, second.addr_4) == (0x5000, 0x6000, 0, 0, 0)
    assert not pods.header(2).valid


def test_pods_can_be_written_again_from_the_first_page_on() -> None:
    pods = PagePods(1024)
    held = reserved(pods, 5)
    pods.write(held, 7, 0, 5 * 4096, 0, PAGES[:2])
    pods.write(held, 7, 0, 5 * 4096, 0, PAGES[:5])
    assert [pods.address(0, page) for page in range(5)] == PAGES[:5]
    assert held.written == 5


def test_release_makes_every_pod_invalid() -> None:
    pods = PagePods(1024)
    held = reserved(pods, 9)
    pods.write(held, 7, 0, 9 * 4096, 0, PAGES)
    assert [pods.header(index).vld_tid for index in range(3)] == [0x0100_0007] * 3
    assert pods.release(held)
    assert [pods.header(index).vld_tid for index in range(3)] == [0] * 3
    assert (pods.in_use, pods.peak) == (0, 3)


def test_a_second_release_has_no_effect() -> None:
    pods = PagePods(4, reserve_factor=0)
    first = reserved(pods, 16)
    assert pods.release(first)
    second = reserved(pods, 16)
    pods.write(second, 9, 0, 4096, 0, PAGES[:1])
    assert not pods.release(first)
    assert (pods.in_use, pods.header(0).valid) == (4, True)


def test_a_release_into_another_region_has_no_effect() -> None:
    pods, other = PagePods(1024), PagePods(1024)
    held = reserved(other, 3)
    reserved(pods, 3)
    assert not pods.release(held)
    assert (pods.in_use, other.in_use) == (1, 1)


def test_what_a_received_tag_finds() -> None:
    pods = PagePods(1024)
    reserved(pods, 12)
    held = reserved(pods, 2)
    pods.write(held, 0x2A5, 0, 8192 - 512, 512, PAGES[:2])
    tag = pods.layout.ddp_tag(held.index, held.colour, 3)
    found = pods.look_up(tag)
    assert found == PodHeader(0x0100_02A5, 0xC1, 7680, 512)
    assert (found.valid, found.tid, found.colour) == (True, 0x2A5, 1)
    assert found.pgsz_tag_clr == tag & pods.layout.pod_mask
    assert pods.look_up(tag | pods.layout.marker) is None
    assert pods.look_up(tag | 1 << 31) is None


def test_the_octets_are_the_truth() -> None:
    pods = PagePods(1024)
    held = reserved(pods, 2)
    pods.write(held, 5, 0, 8192, 0, PAGES[:2])
    pods.entry(0)[0:4] = bytes.fromhex("00000006")
    pods.entry(0)[32:40] = bytes.fromhex("00000000 0000abcd")
    found = pods.look_up(pods.layout.ddp_tag(0, 1))
    assert found is not None
    assert (found.valid, found.tid, pods.address(0, 1)) == (False, 6, 0xABCD)


def test_entries_below_the_lower_limit_are_nobodys() -> None:
    pods = PagePods(1024, llimit=100)
    assert reserved(pods, 1).index == 100
    assert pods.look_up(pods.layout.ddp_tag(99, 1)) is None
    assert pods.look_up(pods.layout.ddp_tag(100, 1)) is not None
    assert (pods.below(99), pods.below(100), pods.above(1023), pods.above(1024)) == (True, False, False, True)


def test_a_region_that_is_no_power_of_two_ends_where_tags_do() -> None:
    """1500 entries: 10 bits of index, so that 1024 can be named; half of them, 512, are the pool's."""
    pods = PagePods(1500)
    assert reserved(pods, 512 * 4).index == 0
    assert reserved(pods, 512 * 4).index == 512
    assert pods.reserve(1) is None


@pytest.mark.parametrize("ppmax, enabled", [(1023, False), (1024, True)])
def test_a_small_region_places_nothing(ppmax: int, enabled: bool) -> None:
    assert PagePods(ppmax).enabled is enabled


def test_page_sizes_are_four_orders_of_4_kib() -> None:
    assert [4096 << order for order in (0, 1, 2, 4)] == list(PAGE_SIZES)


FITTING: dict[str, Any] = {
    "tid": 5,
    "page_size_index": 0,
    "transfer_length": 8192,
    "page_offset": 0,
    "addresses": PAGES[:2],
    "first_page": 0,
}


@pytest.mark.parametrize(
    "field, value",
    [
        ("tid", 1 << 24),
        ("tid", -1),
        ("page_size_index", 4),
        ("page_size_index", -1),
        ("page_offset", 4096),
        ("page_offset", -1),
        ("transfer_length", 8193),
        ("transfer_length", 0),
        ("addresses", PAGES[:3]),
        ("addresses", []),
        ("addresses", [4096, 1 << 64]),
        ("addresses", [-1]),
    ],
)
def test_what_cannot_be_written(field: str, value: object) -> None:
    pods = PagePods(1024)
    held = reserved(pods, 2)
    pods.write(held, **FITTING)
    before = octets(pods, 0)
    with pytest.raises(FieldValueError) as caught:
        pods.write(held, **FITTING | {field: value})
    assert (caught.value.field, octets(pods, 0), held.written) == (field, before, 2)


def test_no_page_is_left_out() -> None:
    pods = PagePods(1024)
    held = reserved(pods, 9)
    pods.write(held, 5, 0, 8192, 0, PAGES[:2])
    for addresses, first_page in ((PAGES[3:5], 3), (PAGES[:1], 0), (PAGES[:1], -1)):
        with pytest.raises(FieldValueError, match="do not go on from 2 of 9"):
            pods.write(held, 5, 0, 8192, 0, addresses, first_page)


def test_only_held_pods_are_written() -> None:
    pods = PagePods(1024)
    held = reserved(pods, 2)
    pods.release(held)
    with pytest.raises(FieldValueError, match="not held"):
        pods.write(held, **FITTING)
    assert bytes(pods.entry(0)) == bytes(64)


@pytest.mark.parametrize("index, count", [(-1, 1), (1024, 1), (1023, 2), (0, 0), (5, -1)])
def test_there_is_no_entry_beyond_the_region(index: int, count: int) -> None:
    with pytest.raises(FieldValueError, match="the region has 1024 entries"):
        PagePods(1024).entry(index, count)


@pytest.mark.parametrize(
    "arguments, field",
    [
        ({"ppmax": 0}, "ppmax"),
        ({"ppmax": 64, "llimit": 64}, "llimit"),
        ({"ppmax": 64, "llimit": -1}, "llimit"),
        ({"ppmax": 64, "pools": 0}, "pools"),
        ({"ppmax": 64, "reserve_factor": -1}, "reserve_factor"),
    ],
)
def test_what_is_no_region(arguments: dict[str, int], field: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        PagePods(**arguments)
    assert caught.value.field == field


@pytest.mark.parametrize("pages, pool, field", [(0, 0, "pages"), (-1, 0, "pages"), (1, 2, "pool"), (1, -1, "pool")])
def test_what_cannot_be_reserved(pages: int, pool: int, field: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        PagePods(1024, pools=2).reserve(pages, pool)
    assert caught.value.field == field
