"""Options of a SYN: those that scapy writes, malformed ones by table, and anything at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from chiscsi_target.offload.tcp.drops import Drop, Dropped
from chiscsi_target.offload.tcp.options import Options, build_options, parse_options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], Options()),
        ([("MSS", 1460)], Options(mss=1460)),
        ([("MSS", 0)], Options()),
        ([("WScale", 7), ("SAckOK", b"")], Options(window_scale=7, sack_permitted=True)),
        ([("WScale", 0)], Options(window_scale=0)),
        ([("WScale", 15)], Options(window_scale=14)),
        ([("NOP", None), ("Timestamp", (1, 0)), ("EOL", None), ("MSS", 1)], Options(timestamps=True)),
        ([(253, b"experiment"), ("MSS", 536)], Options(mss=536)),  # an unknown one is passed over
        ([("SAck", (1, 2)), ("MSS", 99)], Options(mss=99)),
        ([("MSS", 1), ("MSS", 2)], Options(mss=2)),
    ],
)
def test_what_scapy_writes_is_read(options: list[object], expected: Options) -> None:
    assert parse_options(bytes(TCP(options=options))[20:]) == expected


@pytest.mark.parametrize("octets", ["02", "0200", "0201", "020405", "01010103", "fd63aabb", "0103ff"])
def test_illegal_lengths(octets: str) -> None:
    with pytest.raises(Dropped) as dropped:
        parse_options(bytes.fromhex(octets))
    assert dropped.value.reason is Drop.TCP_OPTION


@pytest.mark.parametrize("octets", ["0203aa", "0305aabbcc", "0403aa", "080400aa"])
def test_a_known_option_of_another_length_says_nothing(octets: str) -> None:
    assert parse_options(bytes.fromhex(octets)) == Options()


@given(st.binary(max_size=40))
def test_whatever_comes_is_read_or_dropped(octets: bytes) -> None:
    with suppress(Dropped):
        found = parse_options(octets)
        assert found.mss is None or 0 < found.mss < 65536
        assert found.window_scale is None or 0 <= found.window_scale <= 14


@pytest.mark.parametrize("scale", [None, 0, 14])
def test_what_is_built_is_read_by_scapy(scale: int | None) -> None:
    octets = build_options(1460, scale)
    read = TCP(bytes(TCP(dataofs=5 + len(octets) // 4))[:20] + octets).options
    assert dict(read).get("MSS") == 1460
    assert dict(read).get("WScale") == scale
