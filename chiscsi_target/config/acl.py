"""The key ACL: `[iname=n1,n2...][;sip=a1,a2...][;dip=b1,b2...][;lun=LIST:PERM]` (behaviour file, 6.6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from chiscsi_target.config.values import iscsi_name, shown
from chiscsi_target.core.access import READ_WRITE_ALL, AclEntry, LunRights

KEY = "ACL"
_CRITERIA = ("iname", "sip", "dip")
_ALL = "ALL"
_PERMISSIONS = {"R": False, "RW": True, "WR": True, "W": True}
_HIGHEST_LUN = 0x3FFF  # what flat space addressing reaches (SAM-5, 4.7), and a storage driver may have
_NAME = iscsi_name()


def parse_acl(value: str) -> AclEntry:
    """The entry of an access control list that a value describes.

    Raises:
        ValueError: with a text that says what is wrong with it.
    """
    parts: dict[str, str] = {}
    for item in value.split(";"):
        name, separator, rest = item.strip().partition("=")
        if not separator or name not in (*_CRITERIA, "lun"):
            raise ValueError(f"{shown(item)} is none of iname=, sip=, dip= and lun=")
        if name in parts:
            raise ValueError(f"{name}= is given twice")
        parts[name] = rest
    if not any(name in parts for name in _CRITERIA):
        raise ValueError("at least one of iname=, sip= and dip= is needed")
    return AclEntry(
        initiators=tuple(_NAME.parse(name.strip()) for name in _items(parts, "iname")),
        source_addresses=tuple(_address(text.strip()) for text in _items(parts, "sip")),
        target_addresses=tuple(_address(text.strip()) for text in _items(parts, "dip")),
        luns=_rights(parts["lun"]) if "lun" in parts else (READ_WRITE_ALL,),
    )


def _items(parts: dict[str, str], name: str) -> Sequence[str]:
    return parts[name].split(",") if name in parts else ()


def _address(text: str) -> str:
    bare = text.removeprefix("[").removesuffix("]").partition("%")[0]  # a zone means something on one host only
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise ValueError(f"{shown(text)} is no IP address") from None


def _rights(text: str) -> tuple[LunRights, ...]:
    """Read `LIST:PERM[,LIST:PERM...]`, where each list has commas too: a permission ends it."""
    rights = []
    pending: list[str] = []
    for item in text.split(","):
        numbers, separator, permission = item.strip().partition(":")
        pending.append(numbers)
        if separator:
            if permission not in _PERMISSIONS:
                raise ValueError(f"lun= permission {shown(permission)} is none of {', '.join(_PERMISSIONS)}")
            rights.append(LunRights(_numbers(pending), _PERMISSIONS[permission]))
            pending = []
    if pending:
        raise ValueError(f"lun= {shown(','.join(pending))} has no permission, such as :RW, behind it")
    return tuple(rights)


def _numbers(items: Sequence[str]) -> tuple[int, ...]:
    if list(items) == [_ALL]:
        return ()
    numbers: list[int] = []
    for item in items:
        first, separator, last = item.partition("~")
        low, high = _number(first), _number(last) if separator else _number(first)
        if low > high:
            raise ValueError(f"lun= {shown(item)} ends below its beginning")
        numbers += range(low, high + 1)
    return tuple(numbers)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_HIGHEST_LUN)) or int(text) > _HIGHEST_LUN:
        raise ValueError(f"lun= {shown(text)} is neither ALL nor a number from 0 to {_HIGHEST_LUN}")
    return int(text)


def format_acl(entry: AclEntry) -> str:
    """The value of an entry; the right to read and write all is not mentioned."""
    values = (entry.initiators, entry.source_addresses, entry.target_addresses)
    parts = [f"{name}={','.join(items)}" for name, items in zip(_CRITERIA, values, strict=True) if items]
    if entry.luns != (READ_WRITE_ALL,):
        parts.append(f"lun={','.join(_format_rights(rights) for rights in entry.luns)}")
    return ";".join(parts)


def _format_rights(rights: LunRights) -> str:
    return f"{','.join(_runs(rights.luns)) or _ALL}:{'RW' if rights.write else 'R'}"


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    """Yield consecutive numbers as ranges `a~b`, others by themselves."""
    start = 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or numbers[end] != numbers[end - 1] + 1:
            first, last = numbers[start], numbers[end - 1]
            yield str(first) if first == last else f"{first}~{last}"
            start = end
