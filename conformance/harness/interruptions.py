"""What ends a case early without saying anything about the rule."""

from __future__ import annotations

from initiator_sim.outcomes import Inconclusive


class TargetGone(Inconclusive):
    """The target cannot be reached (any more)."""


class TimeLimit(Inconclusive):
    """A case took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not finished within the case's time limit of {seconds:g} s")
