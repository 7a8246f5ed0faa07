from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import (
    LU_FLAG_NONEXCL,
    LU_FLAG_NOWCACHE,
    LU_FLAG_NULLRW,
    LU_FLAG_REMOVABLE,
    LU_FLAG_RO,
    LU_FLAG_SYNC,
    LU_FLAG_THICK,
    ReturnCode,
    chiscsi_lun,
    chiscsi_target_lun_class,
)
from chiscsi_target.drivers.options import flag, parse_options, parse_size

SIZES = [
    ("1", 1),
    ("512", 512),
    ("4096B", 4096),
    ("64K", 64 << 10),
    ("16MB", 16 << 20),
    ("256M", 256 << 20),
    ("256m", 256 << 20),
    ("2GB", 2 << 30),
    ("2 GiB", 2 << 30),
    (" 3T ", 3 << 40),
    ("8191P", 8191 << 50),
]


@pytest.mark.parametrize("text, octets", SIZES)
def test_sizes_are_octets_or_powers_of_1024(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "M", "-1M", "1.5G", "0x100", "16 M B", "12X", "1e3", "٣M", "16MB,RO", "1MBs"])
def test_what_is_not_a_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size: .* such as 256M"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0", "0G", "8192P", "99999999999G"])
def test_sizes_that_no_medium_can_have_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_size(text)


def parsed(text: str) -> tuple[int, chiscsi_lun, str]:
    lu, ebuf = chiscsi_lun(chiscsi_target_lun_class(), 0, "disk"), bytearray()
    result = parse_options(lu, text, ebuf, {"FAST": flag(0x10000)})
    return result, lu, ebuf.decode()


def test_options_fill_the_logical_unit() -> None:
    result, lu, _ = parsed("RO, prod=Archive Disk,SN=0001,ID=id-1,WWN=3000000000000001,BLOCK=4K,fast")
    assert result == 0
    assert lu.flags == LU_FLAG_RO | 0x10000
    assert (lu.prod_id, lu.scsi_sn, lu.scsi_id, lu.scsi_wwn) == ("Archive Disk", "0001", "id-1", "3000000000000001")
    assert (lu.sect_shift, lu.physical_block_exponent) == (12, 0)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ("REMOVABLE", LU_FLAG_REMOVABLE),
        ("thick", LU_FLAG_THICK),
        ("thin", 0),
        ("THICK,THIN", 0),
        ("THIN,THICK", LU_FLAG_THICK),
    ],
)
def test_kinds_of_media(options: str, flags: int) -> None:
    result, lu, _ = parsed(options)
    assert (result, lu.flags) == (0, flags)


@pytest.mark.parametrize(
    ("options", "shift", "exponent"),
    [("BLOCK=512", 9, 0), ("BLOCK=512e", 9, 3), ("BLOCK=4096", 12, 0), ("BLOCK=512E,BLOCK=4096", 12, 0)],
)
def test_block_sizes(options: str, shift: int, exponent: int) -> None:
    result, lu, _ = parsed(options)
    assert (result, lu.sect_shift, lu.physical_block_exponent) == (0, shift, exponent)


def test_flags_that_all_drivers_have() -> None:
    result, lu, _ = parsed("NONEXCL,NOWCACHE,PSMODE=0")
    assert (result, lu.flags) == (0, LU_FLAG_NONEXCL | LU_FLAG_NOWCACHE | LU_FLAG_SYNC)
    result, lu, _ = parsed("nullrw,NULLRW")
    assert (result, lu.flags, type(lu.lun_class).__name__) == (0, LU_FLAG_NULLRW, "NullReadWrite")


@pytest.mark.parametrize("options, limit", [("", 8192), ("TASKS=1", 1), ("tasks=8192", 8192)])
def test_the_largest_task_set(options: str, limit: int) -> None:
    assert parsed(options)[1].task_set_limit == limit


def test_no_options_leave_it_as_it_is() -> None:
    result, lu, text = parsed("")
    assert (result, lu.flags, lu.sect_shift, text) == (0, 0, 9, "")


@pytest.mark.parametrize(
    "options, reason",
    [
        (
            "ROO",
            "unknown option 'ROO': there are BLOCK, FAST, ID, NONEXCL, NOWCACHE, NULLRW, PROD, PSMODE, REMOVABLE, RO, ",
        ),
        ("NULLRW=1", "option NULLRW: takes no value"),
        ("PSMODE=1", "option PSMODE: 1 is not supported: there is no SCSI device behind the unit"),
        ("PSMODE=2", "option PSMODE: 2 is not supported"),
        ("PSMODE=3", "option PSMODE: takes 0, 1 or 2"),
        ("DIX", "option DIX: is not supported: no protection information is kept"),
        ("dif", "option dif: is not supported"),
        ("RO=1", "option RO: takes no value"),
        ("THIN=1", "option THIN: takes no value"),
        ("BLOCK=1024", "option BLOCK: takes 512, 512e or 4096"),
        ("BLOCK", "option BLOCK: '' is not a size"),
        ("PROD=seventeen letters", "option PROD: takes 1 to 16 printable ASCII characters"),
        ("SN=", "option SN: takes 1 to 16 printable ASCII characters"),
        ("ID=ü", "option ID: takes 1 to 24 printable ASCII characters"),
        ("SN=a\tb", "option SN: takes 1 to 16"),
        *(
            ("TASKS" + bad, "option TASKS: takes a number from 1 to 8192")
            for bad in ("", "=0", "=8193", "=-1", "=٣", "=1K")
        ),
    ],
)
def test_a_wrong_option_is_named_with_the_reason(options: str, reason: str) -> None:
    result, _, text = parsed(options)
    assert result == -ReturnCode.EINVAL
    assert text.startswith(reason)


@given(st.one_of(st.text(), st.text("ROSNIDWPBLCK=,size0123456789MGkX ", max_size=40)))
def test_any_text_is_taken_or_refused_with_a_reason(text: str) -> None:
    result, _, reason = parsed(text)
    assert (result, bool(reason)) in ((0, False), (-ReturnCode.EINVAL, True))
