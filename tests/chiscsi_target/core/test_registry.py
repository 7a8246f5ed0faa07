"""The books of sessions: handles that never come again, TSIHs that are never 0 and never in use twice."""

from __future__ import annotations

from chiscsi_target.core.registry import Registry
from tests.chiscsi_target.stand import NAME, Stand


def test_handles_never_come_again() -> None:
    registry = Registry()
    handles = [registry.next_handle() for _ in range(1000)]
    assert handles == list(range(1, 1001))


def test_a_tsih_is_never_0_and_never_in_use_twice() -> None:
    """Behaviour file, 1.7: the first is 2; 16 bits; when all are in use there is none."""
    registry = Registry()
    given = [registry.new_tsih() for _ in range(0xFFFF)]
    assert given[0] == 2 and set(given) == set(range(1, 0x10000))
    full = [registry.full]
    registry._tsihs.discard(77)
    full.append(registry.full)
    assert full == [True, False] and registry.new_tsih() == 77


def test_a_session_that_is_struck_out_is_unknown() -> None:
    stand = Stand()
    stand.login()
    (session,) = stand.sessions
    registry = stand.module.directory.registry
    registry.remove(session)
    assert registry.active() == [] and registry._tsihs == set()
    registry.remove(session)


def test_a_node_that_is_going_is_not_found() -> None:
    stand = Stand()
    registry = stand.module.directory.registry
    assert registry.node(NAME) is stand.node and registry.node("x") is None
    stand.node.offline = True
    assert registry.node(NAME) is None
