"""What a contract kit found: findings by scenario, with the rule that was broken and the exchange that shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.contract.rules import Rule

_SHOWN = 24
"""Lines of an exchange that are printed: the newest."""


@dataclass(frozen=True, slots=True)
class ContractFinding:
    """One breach.

    Attributes:
        rule: what was broken.
        text: what the class did.
        scenario: while what was tried.
        exchange: PDUs, hooks and calls up to then, a line each.
    """

    rule: Rule
    text: str
    scenario: str
    exchange: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        """Rule, breach and exchange, over several lines."""
        head = textwrap.fill(f"{self.rule.name}: {self.text}", 118, subsequent_indent="    ")
        rule = textwrap.fill(f"rule: {self.rule.text} ({self.rule.source})", 114, subsequent_indent="    ")
        left_out = len(self.exchange) - _SHOWN
        lines = [head, f"    {rule}", f"    while: {self.scenario}"]
        lines += [f"      ... {left_out} earlier"] if left_out > 0 else []
        return "\n".join([*lines, *(f"      {line}" for line in self.exchange[-_SHOWN:])])


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """How one scenario went.

    Attributes:
        name, title: the scenario, as an identifier and in words.
        findings: what was found; empty when all was well.
        skipped: why it could not be tried, or empty.
    """

    name: str
    title: str
    findings: tuple[ContractFinding, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class ContractReport:
    """How a class fared.

    Attributes:
        subject: the class's name.
        scenarios: all scenarios, in the order in which they were tried.
    """

    subject: str
    scenarios: tuple[ScenarioResult, ...]

    @property
    def findings(self) -> tuple[ContractFinding, ...]:
        """Everything that was found."""
        return tuple(self._findings())

    @property
    def rules(self) -> frozenset[str]:
        """The names of the rules that were broken."""
        return frozenset(finding.rule.name for finding in self._findings())

    def _findings(self) -> Iterator[ContractFinding]:
        for scenario in self.scenarios:
            yield from scenario.findings

    def __str__(self) -> str:
        """The report as text: a line for each scenario, then each rule that was broken with its first finding."""
        lines = [f"{self.subject}: {len(self.findings)} findings in {len(self.scenarios)} scenarios"]
        for scenario in self.scenarios:
            count = len(scenario.findings)
            state = f"skipped ({scenario.skipped})" if scenario.skipped else f"{count} findings" if count else "kept"
            lines.append(f"  {scenario.name:<22} {state:<14} {scenario.title}")
        told: set[tuple[str, str]] = set()
        for finding in self._findings():
            if (finding.rule.name, finding.scenario) not in told:
                told.add((finding.rule.name, finding.scenario))
                lines += ["", str(finding)]
        return "\n".join(lines)
