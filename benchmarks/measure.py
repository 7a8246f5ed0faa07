"""Rounds, samples and ratios. Nothing here knows what a load or a target is beyond its name."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Measured", "interleaved", "measure"]


@dataclass(slots=True)
class Measured:
    """The samples of one load, in operations a second: `samples[target][round]`."""

    load: str
    samples: dict[str, list[float]] = field(default_factory=dict)

    def median(self, target: str) -> float:
        """The middle one of a target's samples."""
        return statistics.median(self.samples[target])

    def spread(self, target: str) -> tuple[float, float]:
        """The smallest and the largest one of a target's samples."""
        return min(self.samples[target]), max(self.samples[target])

    def ratios(self, ours: str, others: Sequence[str]) -> list[float]:
        """Ours to the faster of the others, round by round: what one round did to one, it did to all."""
        rivals = zip(*(self.samples[other] for other in others), strict=True)
        return [mine / max(theirs) for mine, theirs in zip(self.samples[ours], rivals, strict=True)]

    def ratio(self, ours: str, others: Sequence[str]) -> float:
        """The middle one of the ratios."""
        return statistics.median(self.ratios(ours, others))


def interleaved(targets: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Every target in every round, A B C then A B C; each round begins with another one.

    What changes in the machine while this runs then reaches all targets alike.
    """
    for number in range(rounds):
        first = number % len(targets)
        for target in (*targets[first:], *targets[:first]):
            yield number, target


def measure(
    load: str, targets: Sequence[str], rounds: int, run: Callable[[str], float], told: Callable[[int, str, float], None]
) -> Measured:
    """Run a load `rounds` times against each target; `told` hears of each sample as it comes."""
    measured = Measured(load, {target: [] for target in targets})
    for number, target in interleaved(targets, rounds):
        sample = run(target)
        measured.samples[target].append(sample)
        told(number, target, sample)
    return measured
