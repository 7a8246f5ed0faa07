"""Rounds, samples and ratios. Nothing here knows what a load or a target is beyond its name."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Measured", "Sample", "interleaved", "measure"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a load: operations a second, and the processor time of both sides for one operation, in seconds.

    `elsewhere` is the share of the machine's processor time that neither of them used, and that was not idle.
    """

    rate: float
    client_cpu: float
    target_cpu: float
    elsewhere: float = 0.0


@dataclass(slots=True)
class Measured:
    """The samples of one load: `samples[target][round]`."""

    load: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def rates(self, target: str) -> list[float]:
        """Operations a second, round by round."""
        return [sample.rate for sample in self.samples[target]]

    def median(self, target: str) -> float:
        """The middle one of a target's rates."""
        return statistics.median(self.rates(target))

    def cpu(self, target: str) -> tuple[float, float]:
        """Medians of the processor time for one operation, in seconds: the client's and the target's."""
        samples = self.samples[target]
        client = statistics.median(sample.client_cpu for sample in samples)
        return client, statistics.median(sample.target_cpu for sample in samples)

    def elsewhere(self) -> float:
        """The median share of the machine that other programs had while this load was measured."""
        return statistics.median(sample.elsewhere for samples in self.samples.values() for sample in samples)

    def ratios(self, ours: str, others: Sequence[str]) -> list[float]:
        """Ours to the faster of the others, round by round: what one round did to one, it did to all."""
        rivals = zip(*(self.rates(other) for other in others), strict=True)
        return [mine / max(theirs) for mine, theirs in zip(self.rates(ours), rivals, strict=True)]

    def ratio(self, ours: str, others: Sequence[str]) -> float:
        """The middle one of the ratios."""
        return statistics.median(self.ratios(ours, others))

    def ceiling(self, ours: str, others: Sequence[str]) -> float:
        """The ratio that a target without any cost could reach.

        The client is one thread, so it cannot do more than one second of its own work a second.
        """
        return 1 / self.cpu(ours)[0] / max(self.median(other) for other in others)


def interleaved(targets: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Every target in every round, A B C then A B C; each round begins with another one.

    What changes in the machine while this runs then reaches all targets alike.
    """
    for number in range(rounds):
        first = number % len(targets)
        for target in (*targets[first:], *targets[:first]):
            yield number, target


def measure(
    load: str,
    targets: Sequence[str],
    rounds: int,
    run: Callable[[str], Sample],
    told: Callable[[int, str, Sample], None],
) -> Measured:
    """Run a load `rounds` times against each target; `told` hears of each sample as it comes."""
    measured = Measured(load, {target: [] for target in targets})
    for number, target in interleaved(targets, rounds):
        sample = run(target)
        measured.samples[target].append(sample)
        told(number, target, sample)
    return measured
