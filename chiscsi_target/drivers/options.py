"""The options of a `TargetDevice` line that the built-in drivers share: `size=256MB,RO,PROD=Archive,SN=0001`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.api import (
    LARGEST_TASK_SET,
    LU_FLAG_NONEXCL,
    LU_FLAG_NOWCACHE,
    LU_FLAG_REMOVABLE,
    LU_FLAG_RO,
    LU_FLAG_SYNC,
    LU_FLAG_THICK,
    ReturnCode,
)
from chiscsi_target.drivers.null import drop_data

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_lun

__all__ = [
    "DEFAULT_SIZE",
    "OPTION_NAMES",
    "Option",
    "flag",
    "kept_protection",
    "parse_options",
    "parse_size",
    "protection_information",
    "settle_size",
    "size_of_unit",
]

Option: TypeAlias = "Callable[[chiscsi_lun, str], None]"
"""Applies an option's value, empty for an option that has none; raises ValueError with the reason that it cannot."""

_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_SIZE: Final = re.compile(r"([0-9]+) ?(?:([KMGTP])(?:i?B)?|B)?", re.IGNORECASE | re.ASCII)
_LARGEST: Final = 1 << 63
DEFAULT_SIZE: Final = 16 << 20
"""Octets of a unit whose line may say its size, and does not."""
BLOCK_SIZES: Final = (512, 4096)
_EMULATED: Final = "512E"
"""Blocks of 512 octets on a medium that has them in eights."""
_EIGHT_BLOCKS: Final = 3


def parse_size(text: str) -> int:
    """Octets of a size such as `512`, `256M`, `16MB`, `2GiB`; a unit is a power of 1024.

    Raises:
        ValueError: with a text that says what a size looks like.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write octets, or a number with K, M, G, T or P, such as 256M")
    size = int(match[1]) * _UNITS[(match[2] or "").upper()]
    if not 0 < size < _LARGEST:
        raise ValueError(f"a size of {text} is out of range: it must be from 1 octet to 8192P less one")
    return size


def size_of_unit(lu: chiscsi_lun, value: str) -> None:
    """The option SIZE, of classes whose units are as large as their line says."""
    lu.size = parse_size(value)


def settle_size(lu: chiscsi_lun, ebuf: bytearray) -> int:
    """Give such a unit the default size if its line says none.

    Returns:
        0, or -EINVAL with the reason in `ebuf` if the size is not one of whole blocks.
    """
    lu.size = lu.size or DEFAULT_SIZE
    if lu.size % (1 << lu.sect_shift):
        ebuf += f"size {lu.size} is not a multiple of the block size {1 << lu.sect_shift}".encode()
        return -ReturnCode.EINVAL
    return 0


def flag(bit: int) -> Option:
    """An option without value that sets a bit of `lu.flags`."""

    def apply(lu: chiscsi_lun, value: str) -> None:
        if value:
            raise ValueError("takes no value")
        lu.flags |= bit

    return apply


def _identification(attribute: str, length: int) -> Option:
    def apply(lu: chiscsi_lun, value: str) -> None:
        if not value or len(value) > length or not (value.isascii() and value.isprintable()):
            raise ValueError(f"takes 1 to {length} printable ASCII characters")
        setattr(lu, attribute, value)

    return apply


def _block_size(lu: chiscsi_lun, value: str) -> None:
    emulated = value.upper() == _EMULATED
    size = 512 if emulated else parse_size(value)
    if size not in BLOCK_SIZES:
        raise ValueError("takes 512, 512e or 4096")
    lu.sect_shift = size.bit_length() - 1
    lu.physical_block_exponent = _EIGHT_BLOCKS if emulated else 0


def _thin(lu: chiscsi_lun, value: str) -> None:
    """THIN: storage that is not needed is given back, as is the rule where the medium can do that."""
    if value:
        raise ValueError("takes no value")
    lu.flags &= ~LU_FLAG_THICK


def _task_set(lu: chiscsi_lun, value: str) -> None:
    """TASKS: how many commands the unit takes at a time."""
    if not (value.isascii() and value.isdigit()) or not 0 < int(value) <= LARGEST_TASK_SET:
        raise ValueError(f"takes a number from 1 to {LARGEST_TASK_SET}")
    lu.task_set_limit = int(value)


def _pass_through(lu: chiscsi_lun, value: str) -> None:
    """PSMODE: what becomes of commands that the target does not know."""
    if value in ("1", "2"):
        raise ValueError(f"{value} is not supported: there is no SCSI device behind the unit to pass commands to")
    if value != "0":
        raise ValueError("takes 0, 1 or 2")


def protection_information(lu: chiscsi_lun, value: str) -> None:
    """The option PI: every block has protection information of a type; not for classes that could not keep it."""
    if value not in ("1", "2", "3"):
        raise ValueError("takes 1, 2 or 3, the type of protection information")
    lu.protection = int(value)


def kept_protection(lu: chiscsi_lun, lu_new: chiscsi_lun) -> str:
    """Why a unit's new description cannot follow the old one, as tuples are what they are; empty when it can."""
    kept = (lu.protection, lu.sect_shift) == (lu_new.protection, lu_new.sect_shift)
    if kept or not (lu.protection or lu_new.protection):
        return ""
    return "PI, and the block size of a unit with it, cannot change while the unit is in use"


def _protection(lu: chiscsi_lun, value: str) -> None:
    raise ValueError("is not supported: no protection information is kept")


_COMMON: Final[Mapping[str, Option]] = {
    "RO": flag(LU_FLAG_RO),
    "REMOVABLE": flag(LU_FLAG_REMOVABLE),
    "THICK": flag(LU_FLAG_THICK),
    "THIN": _thin,
    "BLOCK": _block_size,
    "PROD": _identification("prod_id", 16),
    "ID": _identification("scsi_id", 24),
    "SN": _identification("scsi_sn", 16),
    "WWN": _identification("scsi_wwn", 32),
    "NONEXCL": flag(LU_FLAG_NONEXCL),
    # Without a write cache, a write is on stable storage when its status is sent.
    "NOWCACHE": flag(LU_FLAG_NOWCACHE | LU_FLAG_SYNC),
    "NULLRW": drop_data,
    "TASKS": _task_set,
    "PSMODE": _pass_through,
    "DIX": _protection,
    "DIF": _protection,
}
OPTION_NAMES: Final = frozenset(_COMMON) | {"SYNC", "DIRECT", "DSYNC", "PI"}
"""All that may stand behind the size or the path of a disk, in upper case."""
_KNOWN_AND_REFUSED: Final = ("DIX", "DIF")


def parse_options(lu: chiscsi_lun, text: str, ebuf: bytearray, own: Mapping[str, Option]) -> int:
    """Apply the comma-separated options of a `TargetDevice` line to a logical unit.

    Args:
        lu: the logical unit.
        text: what follows the class's name.
        ebuf: where the reason of a failure goes.
        own: the driver's own options by upper-case name; all drivers have the common ones.

    Returns:
        0, or -EINVAL.
    """
    options = {**_COMMON, **own}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        option = options.get(name.strip().upper())
        if option is None:
            names = sorted(set(options).difference(_KNOWN_AND_REFUSED))
            ebuf += f"unknown option {name!r}: there are {', '.join(names)}".encode()
            return -ReturnCode.EINVAL
        try:
            option(lu, value.strip())
        except ValueError as error:
            ebuf += f"option {name}: {error}".encode()
            return -ReturnCode.EINVAL
    return 0
