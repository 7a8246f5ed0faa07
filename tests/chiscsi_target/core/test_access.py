"""Who is let in: the matching rule as a table (behaviour file, 2.6)."""

from __future__ import annotations

import pytest

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.core.access import READ_WRITE_ALL, AclEntry, LunRights, best_match

ANNA, OTTO = "iqn.2026-01.example:anna", "iqn.2026-01.example:otto"


def _endpoints(source: str = "10.0.0.1", target: str = "10.0.0.2") -> chiscsi_tcp_endpoints:
    return chiscsi_tcp_endpoints(tcp_endpoint(source, 40000), tcp_endpoint(target, 3260))


def entry(iname: str = "", sip: str = "", dip: str = "") -> AclEntry:
    """An entry whose criteria are comma-separated lists."""
    initiators, sources, targets = (tuple(filter(None, part.split(","))) for part in (iname, sip, dip))
    return AclEntry(initiators, sources, targets)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], None, id="nobody is let in by an empty list"),
        pytest.param([entry(ANNA)], 0, id="by name"),
        pytest.param([entry(OTTO)], None, id="another's name"),
        pytest.param([entry(f"{OTTO},{ANNA}")], 0, id="one of several names"),
        pytest.param([entry(sip="10.0.0.1")], 0, id="by source address"),
        pytest.param([entry(sip="10.0.0.9")], None, id="another source address"),
        pytest.param([entry(dip="10.0.0.2")], 0, id="by portal"),
        pytest.param([entry(dip="10.0.0.1")], None, id="another portal"),
        pytest.param([entry(ANNA, "10.0.0.9")], None, id="each criterion that is there must match"),
        pytest.param([entry(ANNA), entry(ANNA, "10.0.0.1")], 1, id="most criteria"),
        pytest.param([entry(ANNA, "10.0.0.1"), entry(ANNA)], 0, id="most criteria, first"),
        pytest.param([entry(ANNA), entry(sip="10.0.0.1")], 0, id="a tie goes to the first"),
        pytest.param([entry(sip="10.0.0.1"), entry(ANNA)], 0, id="a tie goes to the first, whatever it names"),
        pytest.param([entry(ANNA), entry(ANNA, "10.0.0.1", "10.0.0.2"), entry(ANNA)], 1, id="all three"),
        pytest.param([entry(OTTO), entry(), entry(ANNA)], 2, id="an empty entry matches, with nothing"),
        pytest.param([entry(OTTO), entry()], 1, id="an empty entry lets everybody in"),
        pytest.param([entry(ANNA.upper())], None, id="names are compared as they are"),
    ],
)
def test_best_match(entries: list[AclEntry], expected: int | None) -> None:
    assert best_match(entries, ANNA, _endpoints()) is (None if expected is None else entries[expected])


def test_best_match_without_zone() -> None:
    entries = [entry(sip="fe80::1", dip="fe80::2")]
    assert best_match(entries, ANNA, _endpoints("fe80::1%eth0", "fe80::2%eth0")) is entries[0]


def test_rights_default() -> None:
    assert entry(ANNA).luns == (READ_WRITE_ALL,) == (LunRights((), write=True),)
