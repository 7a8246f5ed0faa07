"""Crafted TCP: iSCSI scripts over segments of their own, for targets that are reached by raw IP packets.

`Host` is the initiator's machine, `Client` one TCP connection of it and a `Transport`, `Link` the way to the target,
which may lose, duplicate and reorder. Time is the link's. Importing this package imports scapy.
"""

from __future__ import annotations

from initiator_sim.segments.capture import write_capture
from initiator_sim.segments.client import Client
from initiator_sim.segments.host import Host
from initiator_sim.segments.link import Crossing, Endpoint, Fate, Impairments, Link

__all__ = ["Client", "Crossing", "Endpoint", "Fate", "Host", "Impairments", "Link", "write_capture"]
