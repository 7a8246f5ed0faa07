"""A thousand iSCSI sessions over a link that loses, reorders and duplicates: no octet is wrong, and nothing is left."""

from __future__ import annotations

import gc
import random
from collections import Counter

import pytest

from chiscsi_target.core.connection import Connection
from chiscsi_target.offload.tcp.connection import TcpConnection
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.shells.offloaded import Offloaded
from initiator_sim.segments import Fate, Impairments
from tests.chiscsi_target.shells.carded import SHORT_BURSTS, V4, V6, Carded

SESSIONS = 100
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_sessions_over_a_bad_link(seed: int) -> None:
    """Each a hundred sessions, in turn over IPv4 and IPv6, with and without digests; every other with placed data."""
    of_others = {id(found) for found in connections()}
    octets = random.Random(seed)
    link = Impairments(loss=0.05, reorder=0.05, duplicate=0.02, delay=0.0005, seed=seed)
    bench = Carded(link, seed, quiet=True, offload=Offload.ULP if seed & 1 else Offload.AUTO)
    for number in range(SESSIONS):
        digests = DIGESTS if number & 2 else {}
        bench.session(octets.randbytes(32 * 1024), V6 if number & 1 else V4, SHORT_BURSTS | digests)
    bench.rest()
    assert bench.left_over == {}
    assert bench.card.engine.dropped == Counter()
    fates = Counter(crossing.fate for crossing in bench.link.crossings)
    shares = {fate: count / len(bench.link.crossings) for fate, count in fates.items()}
    rates = {Fate.ARRIVED: 0.88, Fate.LOST: 0.05, Fate.OVERTAKEN: 0.05, Fate.DUPLICATED: 0.02}
    assert shares == pytest.approx(rates, abs=0.01)
    bench.clients.clear()
    assert [found for found in connections() if id(found) not in of_others] == []


def connections() -> list[object]:
    """Whatever connections there are in this process, those that other tests have left included."""
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, TcpConnection | Offloaded | Connection)]
