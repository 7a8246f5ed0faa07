"""Why a packet was dropped without a word: the engine counts them by reason."""

from __future__ import annotations

from enum import StrEnum

from chiscsi_target.errors import ChiscsiError


class Drop(StrEnum):
    """The reasons, from the outside in."""

    IP_VERSION = "neither IPv4 nor IPv6"
    IP_LENGTH = "the IP header's lengths do not fit the packet"
    IP_CHECKSUM = "wrong checksum of the IPv4 header"
    FRAGMENT = "a fragment: the card puts none together"
    EXTENSION_HEADER = "an IPv6 extension header that cannot be followed"
    NOT_TCP = "another protocol than TCP"
    NOT_OURS = "for another address, or from one that is no host's"
    TCP_LENGTH = "the TCP header's length does not fit the segment"
    TCP_CHECKSUM = "wrong checksum of the TCP segment"
    TCP_OPTION = "an option's length is illegal"
    SYN_FIN = "SYN and FIN in one segment"
    NO_ROOM = "no connection is free"


class Dropped(ChiscsiError):
    """A packet that is dropped; `reason` says why."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(str(reason))
        self.reason = reason
