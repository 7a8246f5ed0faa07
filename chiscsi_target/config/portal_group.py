"""The key PortalGroup: `tag@ip[:port][,ip[:port]...][,timeout=SECONDS]` (behaviour file, 6.4)."""

from __future__ import annotations

import ipaddress

from chiscsi_target.api.endpoints import tcp_endpoint
from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.constants import ISCSI_PORT

KEY = "PortalGroup"
_MAX_16_BITS = 0xFFFF
_MAX_TIMEOUT = 24 * 3600


def parse_portal_group(value: str) -> list[Portal]:
    """The portals of a group.

    Raises:
        ConfigurationError: the value has another form.
    """
    tag_text, separator, rest = value.partition("@")
    if not separator:
        raise ConfigurationError(KEY, f"{value!r} has not the form tag@ip[:port]")
    tag = _number(tag_text, "portal group tag", _MAX_16_BITS)
    items = rest.split(",")
    timeout = 0
    if items[-1].startswith("timeout="):
        timeout = _number(items.pop().removeprefix("timeout="), "timeout", _MAX_TIMEOUT)
    if not items or not all(items):
        raise ConfigurationError(KEY, f"{value!r} names no portal")
    return [Portal(tag, parse_address(item), timeout) for item in items]


def parse_address(text: str) -> tcp_endpoint:
    """An IP address with an optional port; an IPv6 address stands in brackets.

    Raises:
        ConfigurationError: the text is no such address.
    """
    if text.startswith("["):
        host, separator, rest = text[1:].partition("]")
        port_text = rest.removeprefix(":")
        if not separator or (rest and not rest.startswith(":")):
            raise ConfigurationError(KEY, f"{text!r} is no address")
    else:
        host, _, port_text = text.partition(":")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ConfigurationError(KEY, f"{host!r} is no IP address") from None
    if (address.version == 6) != text.startswith("["):
        raise ConfigurationError(KEY, f"{text!r}: an IPv6 address, and no other, stands in brackets")
    return tcp_endpoint(str(address), _number(port_text, "port", _MAX_16_BITS) if port_text else ISCSI_PORT)


def _number(text: str, what: str, high: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > high:
        raise ConfigurationError(KEY, f"{what} {text!r} is not a number from 0 to {high}")
    return int(text)
