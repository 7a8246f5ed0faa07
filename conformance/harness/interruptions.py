"""What ends a case early without saying anything about the rule."""

from __future__ import annotations

from initiator_sim.outcomes import ExpectationFailed, Inconclusive


class TargetGone(Inconclusive):
    """The target cannot be reached (any more)."""


class NotArranged(Inconclusive):
    """The exchange that a case builds on went wrong, before the point that its rule is about."""

    def __init__(self, failure: ExpectationFailed) -> None:
        super().__init__(failure.observed)
        self.failure = failure


class TimeLimit(Inconclusive):
    """A case took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not finished within the case's time limit of {seconds:g} s")
