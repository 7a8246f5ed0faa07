"""Where a target is: `iscsi://HOST[:PORT]/IQN[/LUN]`, as libiscsi and QEMU write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

ISCSI_PORT = 3260
"""The well-known TCP port (RFC 7143 section 4.2.7, IANA "iscsi-target")."""

_NAME = re.compile(r"(iqn\.\d{4}-\d{2}\.[^/\s]+|eui\.[0-9A-Fa-f]{16}|naa\.([0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))\Z")
_FORM = "iscsi://HOST[:PORT]/IQN[/LUN]"


class AddressError(ValueError):
    """The text is no target's address; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """host (a name, or an address without brackets), TCP port, the target's iSCSI name, and a LUN or None."""

    host: str
    port: int
    iqn: str
    lun: int | None = None

    @property
    def portal(self) -> str:
        """host:port, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        ending = "" if self.lun is None else f"/{self.lun}"
        return f"iscsi://{self.portal}/{self.iqn}{ending}"


def parse_address(text: str) -> Address:
    """Read a target's address.

    Raises:
        AddressError: not of the form; the message names the part that is wrong.
    """
    if not text.startswith("iscsi://"):
        raise AddressError(f"{text!r} is no target: expected {_FORM}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressError(f"{text!r} is no target: {error}") from None
    if not host:
        raise AddressError(f"{text!r} names no host: expected {_FORM}")
    if parts.username or parts.query or parts.fragment:
        raise AddressError(f"{text!r} has a part that an address does not have: expected {_FORM}")
    if port == 0:
        raise AddressError(f"{text!r}: nobody listens on TCP port 0")
    name, lun = _name_and_lun(text, unquote(parts.path).strip("/"))
    return Address(host, port or ISCSI_PORT, name, lun)


def _name_and_lun(text: str, path: str) -> tuple[str, int | None]:
    name, _, number = path.partition("/")
    if not name:
        raise AddressError(f"{text!r} names no target after the host: expected {_FORM}")
    if not _NAME.match(name.lower()):
        raise AddressError(f"{text!r}: {name!r} is no iSCSI name (iqn., eui. or naa., RFC 7143 section 4.2.7.3)")
    if not number:
        return name, None
    if not (number.isascii() and number.isdigit() and int(number) < 1 << 14):
        raise AddressError(f"{text!r}: {number!r} is no LUN: expected a number from 0 to 16383")
    return name, int(number)
