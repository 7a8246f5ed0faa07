"""The key PortalGroup: `tag@ip[:port][,ip[:port]...][,timeout=SECONDS][,[tag,tag...]]` (behaviour file, 6.4)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from chiscsi_target.api.endpoints import tcp_endpoint
from chiscsi_target.config.values import shown
from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.constants import ISCSI_PORT

KEY = "PortalGroup"
_MAX_16_BITS = 0xFFFF
_MAX_TIMEOUT = 24 * 3600
_DIGITS = 10
# Tags in brackets at the end; an IPv6 address in brackets has a colon.
_REDIRECTED = re.compile(r"(.*),\[([^:\[\]]*)\]", re.DOTALL)


@dataclass(slots=True, eq=False)
class PortalGroup:
    """A portal group as configured.

    Attributes:
        tag: portal group tag.
        portals: its portals, each with the group's tag and time-out.
        timeout: after how many seconds of silence a connection is pinged, and after as many more reset; 0 for never.
        redirect_to: tags of the groups that its logins are sent on to; empty if it serves them.
    """

    tag: int
    portals: list[Portal] = field(default_factory=list)
    timeout: int = 0
    redirect_to: tuple[int, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Groups are equal when they were configured alike; portals are things, and compare as such."""
        return isinstance(other, PortalGroup) and format_portal_group(self) == format_portal_group(other)

    def __hash__(self) -> int:
        return hash(self.tag)


def parse_portal_group(value: str) -> PortalGroup:
    """The portal group that a value describes.

    Raises:
        ConfigurationError: the value has another form.
    """
    tag_text, separator, rest = value.partition("@")
    if not separator:
        raise ConfigurationError(KEY, f"{shown(value)} has not the form tag@ip[:port]")
    tag = _number(tag_text, "portal group tag", _MAX_16_BITS)
    redirected = _REDIRECTED.fullmatch(rest)
    redirect_to: tuple[int, ...] = ()
    if redirected is not None:
        rest, tags = redirected.groups()
        redirect_to = tuple(_number(text, "portal group tag", _MAX_16_BITS) for text in tags.split(","))
    items = rest.split(",")
    timeout = 0
    if items[-1].startswith("timeout="):
        timeout = _number(items.pop().removeprefix("timeout="), "timeout", _MAX_TIMEOUT)
    if not items or not all(items):
        raise ConfigurationError(KEY, f"{shown(value)} names no portal")
    portals = [Portal(tag, parse_address(item), timeout) for item in items]
    return PortalGroup(tag, portals, timeout, redirect_to)


def format_portal_group(group: PortalGroup) -> str:
    """The value of a portal group, in full."""
    parts = [*(str(portal.address) for portal in group.portals), f"timeout={group.timeout}"]
    if group.redirect_to:
        parts.append(f"[{','.join(map(str, group.redirect_to))}]")
    return f"{group.tag}@{','.join(parts)}"


def clash(groups: Sequence[PortalGroup], group: PortalGroup) -> str:
    """Why a further group cannot stand beside these; empty if it can."""
    if any(group.tag == other.tag for other in groups):
        return f"portal group {group.tag} is given twice"
    taken = [str(portal.address) for other in groups for portal in other.portals]
    for portal in group.portals:
        # Port 0 becomes some free port, another one each time.
        if portal.address.port and str(portal.address) in taken:
            return f"portal {portal.address} is given twice"
        taken.append(str(portal.address))
    return ""


def parse_address(text: str) -> tcp_endpoint:
    """An IP address with an optional port; an IPv6 address stands in brackets.

    Raises:
        ConfigurationError: the text is no such address.
    """
    if text.startswith("["):
        host, separator, rest = text[1:].partition("]")
        colon, port_text = rest[:1], rest[1:]
        if not separator or colon not in ("", ":"):
            raise ConfigurationError(KEY, f"{shown(text)} is no address")
    else:
        host, colon, port_text = text.partition(":")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ConfigurationError(KEY, f"{shown(host)} is no IP address") from None
    if (address.version == 6) != text.startswith("["):
        raise ConfigurationError(KEY, f"{shown(text)}: an IPv6 address, and no other, stands in brackets")
    return tcp_endpoint(str(address), _number(port_text, "port", _MAX_16_BITS) if colon else ISCSI_PORT)


def _number(text: str, what: str, high: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) > high:
        raise ConfigurationError(KEY, f"{what} {shown(text)} is not a number from 0 to {high}")
    return int(text)
