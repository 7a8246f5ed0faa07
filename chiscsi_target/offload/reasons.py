"""Why data were not placed: what a driver's author wants to know of every copied octet."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reason"]


class Reason(StrEnum):
    """Why the payload of a write went through host memory (guide, Requirement for DDP; behaviour file, 5.3)."""

    UNSOLICITED = "came unasked: immediate or unsolicited data have no tag"
    SHORT = "below the threshold: too short to be worth page pods"
    MEMORY = "the memory is neither made of pages nor able to do DMA"
    NOT_FULL_PAGES = "the buffers are not full pages, all of one size"
    NO_PODS = "no page pods were free"
    CRC_ONLY = "the adapter is set to digests only"
    NO_DDP = "the adapter has too few page pods to place data at all"
    MULTI_PHASE = "release 3.14 places no data of multi-phase commands"
    REFUSED = "the adapter did not take the tag that the initiator sent"
