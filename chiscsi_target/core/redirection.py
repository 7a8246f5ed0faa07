"""Redirection: portal groups whose logins are sent on to other portals (guide 5.1.7; behaviour file, 2.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiscsi_target.api.endpoints import tcp_endpoint


class Redirection:
    """Where the logins to a target's portal groups are sent on to.

    Args:
        table: for each portal group that redirects, by its tag, the addresses of the portals it redirects to. A group
            that is not in the table serves its logins itself.
    """

    def __init__(self, table: Mapping[int, Sequence[tcp_endpoint]]) -> None:
        self._turns = {tag: cycle(addresses) for tag, addresses in table.items()}

    @property
    def on(self) -> bool:
        """Whether any portal group redirects."""
        return bool(self._turns)

    def redirects(self, tag: int) -> bool:
        """Whether a login to the portal group `tag` is sent on."""
        return tag in self._turns

    def next(self, tag: int) -> tcp_endpoint:
        """The portal that the next login to the group `tag` is sent on to: one after the other."""
        return next(self._turns[tag])

    def shown(self, tags: Iterable[int]) -> set[int]:
        """Those portal groups that SendTargets names: the ones redirected to are reached by redirection alone."""
        return {tag for tag in tags if not self.on or tag in self._turns}
