"""Key=value text and the forms of values, as tables: what is read, and what is refused and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.errors import FieldValueError, TextError
from iscsi_wire.text import (
    TargetAddress,
    format_binary,
    format_pairs,
    is_key_name,
    parse_binary,
    parse_boolean,
    parse_iscsi_name,
    parse_large_number,
    parse_list,
    parse_local_name,
    parse_number,
    parse_pairs,
    parse_range,
    parse_target_address,
    parse_text,
    prepare_iscsi_name,
)


@pytest.mark.parametrize(
    "data, pairs",
    [
        (b"", []),
        (b"HeaderDigest=None\0", [("HeaderDigest", "None")]),
        (b"A=1\0A=2\0B=\0", [("A", "1"), ("A", "2"), ("B", "")]),
        (b"A==b=c\0", [("A", "=b=c")]),
        (b"X-com.example.a_b+c@d-e=x\0", [("X-com.example.a_b+c@d-e", "x")]),
        (
            b"X#NodeArchitecture=a,b\0iSCSIProtocolLevel=1\0",
            [("X#NodeArchitecture", "a,b"), ("iSCSIProtocolLevel", "1")],
        ),
        ("TargetAlias=Größe 1\0".encode(), [("TargetAlias", "Größe 1")]),
        (b"A" * 63 + b"=\0", [("A" * 63, "")]),
    ],
)
def test_pairs(data: bytes, pairs: list[tuple[str, str]]) -> None:
    assert parse_pairs(data) == pairs
    assert parse_pairs(memoryview(data)) == pairs
    assert format_pairs(pairs) == data


@pytest.mark.parametrize(
    "data, offset, field",
    [
        (b"A=1", 0, ""),  # RFC 7143, 6.1: "including the last or only pair"
        (b"A=1\0B=2", 4, ""),
        (b"\0", 0, ""),
        (b"A=1\0\0", 4, ""),
        (b"A=1\0novalue\0", 4, ""),
        (b"=1\0", 0, ""),
        (b"a=1\0", 0, "a"),
        (b"1A=1\0", 0, "1A"),
        (b"Has space=1\0", 0, "Has space"),
        (b"A=1\0B#x=1\0", 4, "B#x"),
        (b"A" * 64 + b"=1\0", 0, "A" * 63),
        (b"A=1\0B=x\xff\0", 7, "B"),
        (b"A=\xc3\0", 2, "A"),
        (b"\xc3\xa9=1\0", 0, "\ufffd\ufffd"),
    ],
)
def test_text_that_is_no_pairs(data: bytes, offset: int, field: str) -> None:
    with pytest.raises(TextError) as caught:
        parse_pairs(data)
    assert (caught.value.offset, caught.value.field) == (offset, field)


def fault_of(read: Callable[[Any], Any], value: Any) -> TextError | None:
    try:
        read(value)
    except TextError as fault:
        return fault
    return None


@given(st.binary(max_size=200) | st.text("AB=\0,x", max_size=30).map(str.encode))
def test_pairs_are_read_or_refused_within_the_data(data: bytes) -> None:
    fault = fault_of(parse_pairs, data)
    if fault is not None:
        assert 0 <= fault.offset < len(data)
    else:
        pairs = parse_pairs(data)
        assert format_pairs(pairs) == data
        assert all(is_key_name(key) for key, _ in pairs)


@pytest.mark.parametrize("pair", [("A=B", "1"), ("A\0", "1"), ("A", "1\0")])
def test_what_could_not_be_told_apart_is_not_written(pair: tuple[str, str]) -> None:
    with pytest.raises(FieldValueError):
        format_pairs([pair])


@pytest.mark.parametrize(
    "read, value, result",
    [
        (parse_boolean, "Yes", True),
        (parse_boolean, "No", False),
        (parse_number, "0", 0),
        (parse_number, "8192", 8192),
        (parse_number, "0x0", 0),
        (parse_number, "0X1fF", 0x1FF),
        (parse_number, "0x00000000000000000001", 1),
        (parse_number, "18446744073709551615", 2**64 - 1),
        (parse_number, "0xffffffffffffffff", 2**64 - 1),
        (parse_large_number, "0x010000000000000000", 2**64),
        (parse_large_number, "0bAQAA", 65536),
        (parse_range, "512~0x2000", (512, 8192)),
        (parse_range, "7~7", (7, 7)),
        (parse_binary, "0x0", b"\0"),
        (parse_binary, "0x123", b"\x01\x23"),
        (parse_binary, "0X00ab", b"\x00\xab"),
        (parse_binary, "0bAAEC", b"\x00\x01\x02"),
        (parse_binary, "0BAA==", b"\x00"),
        (parse_text, "", ""),
        (parse_text, "Az09.-+@_/[]:", "Az09.-+@_/[]:"),
        (parse_text, "x" * 255, "x" * 255),
        (parse_list, "CRC32C,None", ("CRC32C", "None")),
        (parse_list, "None", ("None",)),
        (parse_list, ",".join(["x" * 255] * 2), ("x" * 255,) * 2),
        (parse_local_name, "", ""),
        (parse_local_name, "Bob's disk, №1", "Bob's disk, №1"),
        (parse_iscsi_name, "iqn.1993-11.com.disk-vendor:diskarrays.sn.45678", None),
        (parse_iscsi_name, "iqn.2001-04.com.example", None),
        (parse_iscsi_name, "iqn.2008-11.org.linux-kvm", None),
        (parse_iscsi_name, "iqn.2001-04.com.example:a::b", None),
        (parse_iscsi_name, "iqn.2001-04.com.example:grün", None),
        (parse_iscsi_name, "eui.02004567A425678D", None),
        (parse_iscsi_name, "eui.02004567a425678d", None),
        (parse_iscsi_name, "naa.52004567BA64678D", None),
        (parse_iscsi_name, "naa.62004567BA64678D0123456789ABCDEF", None),
        (parse_iscsi_name, "iqn.2001-04.com.example:" + "x" * 199, None),
        (parse_target_address, "10.0.0.1:5003,1", TargetAddress("10.0.0.1", 5003, 1)),
        (parse_target_address, "10.0.0.1", TargetAddress("10.0.0.1", 3260, None)),
        (
            parse_target_address,
            "[1080:0:0:0:8:800:200C:417A],65",
            TargetAddress("1080:0:0:0:8:800:200C:417A", 3260, 65),
        ),
        (parse_target_address, "[1080::8:800:200C:417A]:5003,1", TargetAddress("1080::8:800:200C:417A", 5003, 1)),
        (
            parse_target_address,
            "computingcenter.example.com,23",
            TargetAddress("computingcenter.example.com", 3260, 23),
        ),
        (parse_target_address, "host:0xffff,0", TargetAddress("host", 65535, 0)),
    ],
)
def test_values(read: Callable[[str], Any], value: str, result: Any) -> None:
    assert read(value) == (value if result is None else result)


@pytest.mark.parametrize(
    "read, value, offset",
    [
        (parse_boolean, "yes", 0),
        (parse_boolean, "", 0),
        (parse_boolean, "Yes ", 0),
        (parse_number, "", 0),
        (parse_number, "-1", 0),
        (parse_number, "+1", 0),
        (parse_number, "007", 0),
        (parse_number, "1_000", 0),
        (parse_number, "1 ", 0),
        (parse_number, "1\n", 0),
        (parse_number, "\u0661", 0),  # a digit, but no ASCII one
        (parse_number, "0x", 0),
        (parse_number, "0x1g", 0),
        (parse_number, "1e3", 0),
        (parse_number, "18446744073709551616", 0),
        (parse_number, "0x10000000000000000", 0),
        (parse_number, "9" * 5000, 0),
        (parse_number, "0x" + "0" * 5000, 0),
        (parse_range, "5", 0),
        (parse_range, "8~5", 2),
        (parse_range, "1~2~3", 0),
        (parse_range, "~", 0),
        (parse_binary, "12", 0),
        (parse_binary, "", 0),
        (parse_binary, "0x", 0),
        (parse_binary, "0b", 0),
        (parse_binary, "0bA", 2),
        (parse_binary, "0bAA=A", 0),
        (parse_binary, "0bAA\n==", 0),
        (parse_binary, "0x" + "00" * 256, 0),
        (parse_binary, "0x" + "00" * 10000, 0),
        (parse_text, "a b", 1),
        (parse_text, "a,b", 1),
        (parse_text, "é", 0),
        (parse_text, "x" * 256, 255),
        (parse_list, "", 0),
        (parse_list, "a,,b", 2),
        (parse_list, "a,", 2),
        (parse_list, "ok,b c", 4),
        (parse_list, "ok," + "x" * 256, 258),
        (parse_local_name, "é\0b", 2),
        (parse_local_name, "é" * 128, 255),
        (parse_iscsi_name, "", 0),
        (parse_iscsi_name, "iqn.2001-04.com.Example", 16),
        (parse_iscsi_name, "iqn.2001-04.com.example:a b", 25),
        (parse_iscsi_name, "iqn.2001-04.com.example:a_b", 25),
        (parse_iscsi_name, "iqn.2001-13.com.example", 0),
        (parse_iscsi_name, "iqn.2001-00.com.example", 0),
        (parse_iscsi_name, "iqn.01-04.com.example", 0),
        (parse_iscsi_name, "iqn.2001-04.", 0),
        (parse_iscsi_name, "iqn.2001-04..com", 0),
        (parse_iscsi_name, "eui.02004567A425678", 12),
        (parse_iscsi_name, "eui.02004567a425678", 0),
        (parse_iscsi_name, "naa.52004567ba64678d0", 0),
        (parse_iscsi_name, "wwn.52004567ba64678d", 0),
        (parse_iscsi_name, "iqn.2001-04.com.example:" + "x" * 200, 223),
        (parse_iscsi_name, "iqn.2001-04.com.example:u\u0308", 0),  # not composed
        (parse_iscsi_name, "iqn.2001-04.com.example:\u3002", 24),
        (parse_iscsi_name, "iqn.2001-04.com.example:üÜ", 26),
        (parse_iscsi_name, "iqn.2001-04.com.example:\u00a0", 24),
        (parse_target_address, "", 0),
        (parse_target_address, "host:", 5),
        (parse_target_address, "host:port", 5),
        (parse_target_address, "host:65536", 5),
        (parse_target_address, "host,", 5),
        (parse_target_address, "host,-1", 5),
        (parse_target_address, "host,1,2", 5),
        (parse_target_address, "1080::8:800", 5),
        (parse_target_address, "[10.0.0.1]", 0),
        (parse_target_address, "[1080::8", 0),
        (parse_target_address, "ho st", 0),
        (parse_target_address, "-host", 0),
        (parse_target_address, "h" * 256, 0),
    ],
)
def test_values_of_the_wrong_form(read: Callable[[str, str], Any], value: str, offset: int) -> None:
    with pytest.raises(TextError) as caught:
        read(value, "TheKey")
    assert (caught.value.field, caught.value.offset) == ("TheKey", offset)


def test_a_binary_value_of_a_defined_length_may_be_decimal() -> None:
    assert parse_binary("258", length=2) == b"\x01\x02"
    for value in ("65536", "0x01", "0x010203", "0bAAEC"):
        with pytest.raises(TextError):
            parse_binary(value, length=2)


def test_a_binary_value_may_be_as_long_as_its_key_allows() -> None:
    assert parse_binary("0x" + "ab" * 1024, max_length=1024) == b"\xab" * 1024
    assert len(parse_binary(format_binary(bytes(1024), base64_constant=True), max_length=1024)) == 1024
    with pytest.raises(TextError, match="1025 bytes, and at most 1024"):
        parse_binary(format_binary(bytes(1025), base64_constant=True), max_length=1024)


@given(st.binary(min_size=1, max_size=255), st.booleans())
def test_a_binary_value_keeps_its_length(value: bytes, base64_constant: bool) -> None:
    assert parse_binary(format_binary(value, base64_constant=base64_constant)) == value


@given(st.text(max_size=40))
def test_no_value_makes_a_parser_raise_anything_else(value: str) -> None:
    for read in (parse_boolean, parse_number, parse_range, parse_binary, parse_text, parse_list, parse_iscsi_name):
        fault = fault_of(read, value)
        assert fault is None or 0 <= fault.offset <= len(value.encode()) + 1
    if fault_of(parse_target_address, value) is None:
        parsed = parse_target_address(value)
        assert parse_target_address(str(parsed)) == parsed


@pytest.mark.parametrize(
    "typed, prepared",
    [
        ("IQN.2001-04.COM.Example:Disk", "iqn.2001-04.com.example:disk"),
        ("iqn.2001-04.com.example:u\u0308", "iqn.2001-04.com.example:ü"),
        ("iqn.2001-04.com.exam\u00adple", "iqn.2001-04.com.example"),
    ],
)
def test_preparing_a_typed_name_gives_one_that_can_be_compared(typed: str, prepared: str) -> None:
    assert prepare_iscsi_name(typed) == prepared
    assert parse_iscsi_name(prepared) == prepared


def test_an_address_is_written_with_its_port() -> None:
    assert str(TargetAddress("10.0.0.1", 3260, 1)) == "10.0.0.1:3260,1"
    assert str(TargetAddress("::1", 3261)) == "[::1]:3261"
