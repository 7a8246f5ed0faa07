"""The link: virtual time, fates by a seed, and everything to be looked at."""

from __future__ import annotations

from collections import Counter

import pytest

from initiator_sim import HarnessFault
from initiator_sim.segments import Crossing, Fate, Impairments, Link


class End:
    """Notes what comes and when; sends what it is told to; `answers` everything, without end."""

    def __init__(self) -> None:
        self.to_send: list[bytes] = []
        self.came: list[tuple[float, bytes]] = []
        self.next_timer = float("inf")
        self.answers = False

    def packet_arrived(self, octets: bytes, now: float) -> None:
        self.came.append((now, octets))
        if self.answers:
            self.to_send.append(octets)

    def output(self) -> list[bytes]:
        output, self.to_send = self.to_send, []
        return output

    def handle_timer(self, now: float) -> None:
        self.came.append((now, b"timer"))
        self.next_timer = float("inf")


def joined(impairments: Impairments | None = None, keep: int | None = None) -> tuple[End, End, Link]:
    here, there = End(), End()
    return here, there, Link(here, there, impairments, keep)


def test_a_link_that_does_nothing() -> None:
    here, there, link = joined()
    here.to_send = [b"1", b"2"]
    there.to_send = [b"3"]
    link.settle()
    assert there.came == [(0.0, b"1"), (0.0, b"2")]
    assert here.came == [(0.0, b"3")]
    assert list(link.crossings) == [
        Crossing(0.0, "to target", b"1", Fate.ARRIVED),
        Crossing(0.0, "to target", b"2", Fate.ARRIVED),
        Crossing(0.0, "to initiator", b"3", Fate.ARRIVED),
    ]


def test_time_passes_only_when_it_is_let() -> None:
    here, there, link = joined(Impairments(delay=0.5))
    here.to_send = [b"1"]
    link.settle()
    assert there.came == [] and link.under_way == 1
    there.next_timer = 0.25
    assert not link.step(0.2)
    assert link.now == 0.0
    link.pass_time(2.0)
    assert there.came == [(0.25, b"timer"), (0.5, b"1")]
    assert link.now == 2.0


def test_waiting_stops_when_the_condition_holds() -> None:
    here, there, link = joined(Impairments(delay=1.0))
    here.to_send = [b"1"]
    assert link.run_until(lambda: bool(there.came), 5.0)
    assert link.now == 1.0
    assert not link.run_until(lambda: False, 5.0)
    assert link.now == 6.0


@pytest.mark.parametrize(
    ("fate", "arrivals"),
    [
        (Fate.LOST, [(1.0, b"2")]),
        (Fate.OVERTAKEN, [(1.0, b"2"), (1.1, b"1")]),
        (Fate.DUPLICATED, [(1.0, b"1"), (1.0, b"2"), (1.1, b"1")]),
    ],
)
def test_a_script_decides(fate: Fate, arrivals: list[tuple[float, bytes]]) -> None:
    here, there, link = joined(Impairments(delay=1.0, reorder_by=0.1))
    link.fate = lambda direction, octets: fate if octets == b"1" else None
    here.to_send = [b"1", b"2"]
    link.pass_time(2.0)
    assert [(round(time, 9), octets) for time, octets in there.came] == arrivals


def fates(seed: int) -> list[Fate]:
    here, _, link = joined(Impairments(loss=0.1, duplicate=0.2, reorder=0.3, seed=seed))
    here.to_send = [bytes([number % 256]) for number in range(5000)]
    link.pass_time(1.0)
    return [crossing.fate for crossing in link.crossings]


def test_rates_and_seeds() -> None:
    shares = {fate: count / 5000 for fate, count in Counter(fates(1)).items()}
    expected = {Fate.LOST: 0.1, Fate.DUPLICATED: 0.2, Fate.OVERTAKEN: 0.3, Fate.ARRIVED: 0.4}
    assert shares == pytest.approx(expected, abs=0.02)
    assert fates(1) == fates(1)
    assert fates(1) != fates(2)


def test_only_so_many_are_kept() -> None:
    here, _, link = joined(keep=2)
    here.to_send = [b"1", b"2", b"3"]
    link.settle()
    assert [crossing.octets for crossing in link.crossings] == [b"2", b"3"]


def test_two_that_answer_each_other_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("initiator_sim.segments.link._TOO_MANY", 100)
    here, there, link = joined()
    here.answers = there.answers = True
    here.to_send = [b"1"]
    with pytest.raises(HarnessFault, match="without end"):
        link.settle()


def test_reading_impairments() -> None:
    assert Impairments.read("") == Impairments()
    assert Impairments.read("loss=0.05,reorder=0.5,duplicate=0.1,delay=2,reorder_by=0.5,seed=9") == Impairments(
        0.05, 0.1, 0.5, 2.0, 0.5, 9
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("luck=1", "'luck' is none of delay, duplicate, loss"),
        ("loss", "'loss' is no number"),
        ("loss=much", "'loss=much' is no number"),
        ("seed=1.5", "'seed=1.5' is no number"),
        ("loss=1", "less than 1"),
        ("loss=-0.1", "less than 1"),
        ("loss=nan", "less than 1"),
        ("delay=-1", "a time is at least 0"),
        ("reorder_by=inf", "a time is at least 0"),
    ],
)
def test_impairments_that_cannot_be(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Impairments.read(text)
