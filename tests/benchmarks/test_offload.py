from __future__ import annotations

from benchmarks.measure import Measured, Sample
from benchmarks.offload import CUT, ULP, config_text, cost_ratios
from chiscsi_target.config.config_file import parse_file


def test_a_file_that_the_target_reads() -> None:
    (target,) = parse_file(config_text(64, 15912).encode(), "it.conf").targets
    assert target.keys["MaxRecvDataSegmentLength"] == 15912
    assert len(target.devices) == 1


def test_costs_are_compared_within_a_round() -> None:
    samples = {ULP: [Sample(1, 1, 30), Sample(1, 1, 10)], CUT: [Sample(1, 1, 20), Sample(1, 1, 40)]}
    assert cost_ratios(Measured("load", samples), ULP, CUT) == [1.5, 0.25]
