"""Access control lists: who may log in to a target, and what of it they see (behaviour file, 2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints

_CRITERIA = 3


@dataclass(slots=True, frozen=True)
class LunRights:
    """What may be done with some logical units; reading always may.

    Attributes:
        luns: their numbers in the target; empty for all of them.
        write: whether they may be written.
    """

    luns: tuple[int, ...] = ()
    write: bool = True


READ_WRITE_ALL = LunRights()
"""`ALL:RW`, which is also what an entry without a `lun` part grants (behaviour file, 6.6)."""


@dataclass(slots=True, frozen=True)
class AclEntry:
    """One entry of an access control list; an empty criterion matches everything.

    Attributes:
        initiators: InitiatorNames (`iname`).
        source_addresses: IP addresses of initiators (`sip`), as `str(ipaddress.ip_address(...))` writes them.
        target_addresses: IP addresses of the target's portals (`dip`), likewise.
        luns: what may be done with which logical units.
    """

    initiators: tuple[str, ...] = ()
    source_addresses: tuple[str, ...] = ()
    target_addresses: tuple[str, ...] = ()
    luns: tuple[LunRights, ...] = (READ_WRITE_ALL,)

    def matched(self, initiator: str, source: str, target: str) -> int | None:
        """How many of its criteria an initiator meets; None if it fails one.

        Args:
            initiator: its InitiatorName.
            source: the IP address that it comes from.
            target: the IP address that it came to.
        """
        count = 0
        for values, value in (
            (self.initiators, initiator),
            (self.source_addresses, source),
            (self.target_addresses, target),
        ):
            if values:
                if value not in values:
                    return None
                count += 1
        return count


UNRESTRICTED = AclEntry()
"""What holds where no list is looked at: everybody may do everything."""


@dataclass(slots=True, frozen=True)
class AccessControl:
    """Whether a target looks at its list, and the list.

    Attributes:
        enabled: ACL_Enable.
        entries: the entries, in the order of the configuration; with none, an enabled list lets nobody in.
    """

    enabled: bool = False
    entries: tuple[AclEntry, ...] = ()

    def entry_for(self, initiator: str, endpoints: chiscsi_tcp_endpoints) -> AclEntry | None:
        """The entry that decides about an initiator, None when it has no access; arguments as for `best_match`."""
        return best_match(self.entries, initiator, endpoints) if self.enabled else UNRESTRICTED


def best_match(entries: Sequence[AclEntry], initiator: str, endpoints: chiscsi_tcp_endpoints) -> AclEntry | None:
    """The entry that decides about an initiator: the one with most criteria met, of several the first.

    Args:
        entries: an access control list, in the order of the configuration.
        initiator: the InitiatorName.
        endpoints: the connection's two ends.

    Returns:
        None when no entry matches: the initiator has no access (behaviour file, 2.6).
    """
    source, target = _bare(endpoints.iaddr.ip), _bare(endpoints.taddr.ip)
    best, most = None, -1
    for entry in entries:
        count = entry.matched(initiator, source, target)
        if count == _CRITERIA:
            return entry
        if count is not None and count > most:
            best, most = entry, count
    return best


def _bare(ip: str) -> str:
    """An address without the zone that a link-local IPv6 address carries in text (RFC 4007 section 11)."""
    return ip.partition("%")[0]
