"""The arithmetic of the benchmarks: which target meets which load when, and what is made of the samples."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.loads import LOADS
from benchmarks.measure import Measured, Sample, interleaved, measure
from benchmarks.picture import draw
from benchmarks.results import Results, write


def samples(*rates: float, client_cpu: float = 0.0001) -> list[Sample]:
    return [Sample(rate, client_cpu, 0.0002) for rate in rates]


MEASURED = Measured(
    "load",
    {"chiscsi": samples(300, 100, 260), "tgt": samples(100, 50, 130), "istgt": samples(50, 100, 65)},
)


def test_every_round_has_every_target_once_and_begins_with_another() -> None:
    order = list(interleaved(["a", "b", "c"], 4))
    assert [target for _, target in order] == list("abcbcacababc")
    assert [number for number, _ in order] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_a_ratio_compares_within_a_round_and_with_the_faster_other() -> None:
    assert MEASURED.ratios("chiscsi", ["tgt", "istgt"]) == [3.0, 1.0, 2.0]
    assert MEASURED.ratio("chiscsi", ["tgt", "istgt"]) == 2.0
    assert MEASURED.median("chiscsi") == 260


def test_the_ceiling_is_what_the_client_can_ask_for() -> None:
    assert MEASURED.ceiling("chiscsi", ["tgt", "istgt"]) == pytest.approx(10_000 / 100)


def test_samples_are_told_as_they_come() -> None:
    told: list[tuple[int, str]] = []
    measured = measure("load", ["a", "b"], 2, lambda _: Sample(1.0, 0.1, 0.1), lambda n, t, _: told.append((n, t)))
    assert told == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]
    assert measured.rates("a") == [1.0, 1.0]


def test_a_floor_and_a_limit_that_were_missed_are_named() -> None:
    results = Results([(LOADS[0], MEASURED)], program={"start_seconds": 0.1, "idle_mebibytes": 61.0})
    assert results.failures() == ["idle target, MiB resident: 61.00, less than 60.0 wanted"]
    slow = Measured("load", {name: samples(100) for name in ("chiscsi", "tgt", "istgt")})
    assert Results([(LOADS[0], slow)]).failures() == [f"{LOADS[0].title}: 1.00 times the faster other, 2.0 wanted"]


def test_a_busy_machine_is_told(tmp_path: Path) -> None:
    quiet, busy = ([Sample(1.0, 0.1, 0.1, share)] for share in (0.05, 0.2))
    assert not Results([(LOADS[0], Measured("load", {"tgt": quiet}))]).disturbed()
    results = Results([(LOADS[0], Measured("load", {"tgt": busy}))])
    assert results.disturbed()
    assert "busy machine" in write(results, tmp_path)[1].read_text()


def test_results_are_written_as_json_markdown_and_picture(tmp_path: Path) -> None:
    data, text, picture = write(Results([(LOADS[0], MEASURED)], {"chiscsi": "0.1"}), tmp_path / "results")
    (load,) = json.loads(data.read_text())["loads"]
    assert load["ratio"] == 2.0
    assert load["samples"]["tgt"][2]["rate"] == 130
    assert "| 4 KiB random reads, depth 32 | 260 | 100 | 65 | 2.00 | 1.00 to 3.00 | 2.0 | 100.0 |" in text.read_text()
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_the_longest_bar_of_a_group_is_twice_as_long_as_one_of_half_the_value() -> None:
    root = ElementTree.fromstring(draw([("<group>", {"tgt": 50.0, "chiscsi": 100.0})]))
    bars = [float(bar.get("width", "")) for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("x")]
    assert bars[1] == pytest.approx(2 * bars[0])
