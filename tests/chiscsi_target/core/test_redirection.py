"""Where logins are sent on to: portals take turns, each redirecting group for itself (behaviour file, 2.5)."""

from __future__ import annotations

from chiscsi_target.api import tcp_endpoint
from chiscsi_target.core.redirection import Redirection

ONE, TWO, THREE = (tcp_endpoint("10.0.0.1", port) for port in (1, 2, 3))


def test_portals_take_turns() -> None:
    redirection = Redirection({1: [ONE, TWO, THREE], 2: [TWO]})
    assert [redirection.next(1) for _ in range(4)] == [ONE, TWO, THREE, ONE]
    assert [redirection.next(2) for _ in range(2)] == [TWO, TWO]
    assert redirection.next(1) == TWO


def test_groups_without_a_list_serve() -> None:
    redirection = Redirection({1: [ONE]})
    assert redirection.on and redirection.redirects(1) and not redirection.redirects(2)
    assert redirection.shown((1, 2)) == {1}


def test_without_lists_all_groups_are_shown() -> None:
    assert not Redirection({}).on and Redirection({}).shown((1, 2)) == {1, 2}
