from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import EVENT_KINDS, Case, Event, Field, Finding, Placement, Requirement
from reports.text import case_text, clock, decoded, flat, hex_dump, ladder, printable, step
from tests.reports.sample_run import sample_run

RUN = sample_run(36)
CATALOGUE = {entry.id: entry for entry in RUN.requirements}
FAILED = next(case for case in RUN.cases if case.title == "StatSN rises by one with each status")


def _case(*events: Event) -> Case:
    return Case("a", "A", "s", "fail", events=list(events))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.000 ms"), (0.00021, "0.210 ms"), (0.0124, "12.4 ms"), (0.9996, "1.00 s"), (1.5, "1.50 s")],
)
def test_durations_keep_three_figures(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m red", r"\x1b[31m red"),
        ("bell\x07 nul\0", r"bell\x07 nul\x00"),
        ("\x9b1m", r"\x9b1m"),  # the one-byte form of ESC [
        ("line\u2028end", r"line\u2028end"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # would be shown backwards
        ("\ud800", r"\ud800"),
        ("tab\tand\nline, ü → 漢", "tab\tand\nline, ü → 漢"),
    ],
)
def test_control_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_flat_text_is_one_line_without_control_characters(text: str) -> None:
    assert len(flat(text).splitlines()) <= 1
    assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in flat(text))


def test_an_arrow_points_away_from_its_sender() -> None:
    to_target = Event(0, 0.001, "pdu", "initiator", "target", title="NOP-Out", detail="ping")
    to_initiator = Event(1, 0.002, "pdu", "target", "initiator", title="NOP-In", detail="pong")
    _, first, second = ladder(_case(to_target, to_initiator), width=60).splitlines()
    assert first.startswith("     1.000 |-- NOP-Out  ping ---")
    assert first.endswith("--->|")
    assert second.startswith("     2.000 |<---")
    assert second.endswith("--- NOP-In  pong --|")


def test_what_a_side_reports_stands_at_its_lifeline() -> None:
    state = Event(0, 0.0, "state", "target", title="S3 → S4")
    call = Event(1, 0.0, "hook", "initiator", title="ready")
    card = Event(2, 0.0, "offload", "target", title="CPL_ISCSI_DATA", detail="len 512")
    _, right, left, third = ladder(_case(state, call, card), width=60).splitlines()
    assert third.endswith(" card: CPL_ISCSI_DATA  len 512 *|")
    assert right.endswith(" S3 → S4 *|")
    assert left.endswith("* call: ready".ljust(47) + "|")


def test_connections_are_named_only_when_there_are_several() -> None:
    one = Event(0, 0.0, "pdu", "initiator", "target", "c0", "NOP-Out")
    other = Event(1, 0.0, "pdu", "initiator", "target", "c1", "NOP-Out")
    assert "c0" not in ladder(_case(one))
    assert "[c0] NOP-Out" in ladder(_case(one, other))
    assert "[c1] NOP-Out" in ladder(_case(one, other))


def test_the_offending_event_is_marked_with_what_is_wrong_below() -> None:
    lines = ladder(FAILED).splitlines()
    marked = [line for line in lines if line.startswith("!")]
    assert "SCSI Response  GOOD StatSN=" in marked[0]
    assert "^ StatSN went from" in marked[1]
    assert len(marked) == 2


def test_what_became_of_a_write_stands_below_its_command() -> None:
    command = Event(0, 0.0, "pdu", "initiator", "target", title="SCSI Command", placement=Placement(3072, 1024, "late"))
    _, arrow, below = ladder(_case(command), width=84).splitlines()
    assert arrow.endswith("-->|")
    assert below == f"{'':11}|    {'█' * 15}{'░' * 5} 3,072 octets placed, 1,024 copied: {'late':<11}|"
    assert step(command) == "0.000 ms initiator → target: SCSI Command (3,072 octets placed, 1,024 copied: late)"


events = st.builds(
    Event,
    st.integers(0, 99),
    st.floats(0, 99),
    st.sampled_from(EVENT_KINDS),
    st.sampled_from(["initiator", "target"]),
    connection=st.text(max_size=4),
    title=st.text(max_size=200),
    detail=st.text(max_size=200),
    remark=st.text(max_size=300),
    marked=st.booleans(),
    placement=st.none() | st.builds(Placement, st.integers(0), st.integers(0), st.text(max_size=200)),
)


@given(st.lists(events, max_size=5), st.integers(40, 160))
def test_every_line_of_a_ladder_has_the_same_width_whatever_the_records_hold(made: list[Event], width: int) -> None:
    lines = ladder(_case(*made), width=width).split("\n")
    assert {len(line) for line in lines} == {max(width, 60)}


def test_a_decoded_pdu_shows_fields_with_their_places_and_all_bytes() -> None:
    event = next(event for event in FAILED.events if event.marked)
    lines = decoded(event).splitlines()
    assert lines[0] == "SCSI Response (target to initiator, c0, 2.9 ms)"
    assert any(line.startswith("  final ") and line.endswith("byte 1 bit 0  11.4") for line in lines)
    assert any(line.startswith("! stat_sn ") and "expected" in line and "bytes 24-27" in line for line in lines)
    assert lines[-3].startswith("  0000  21 80 00 00  00 00 00 00")


@pytest.mark.parametrize(
    ("offset", "bits", "place"),
    [(0, "2-7", "byte 0 bit 2-7"), (5, "0-23", "bytes 5-7"), (4, "0-7", "byte 4"), (-1, "", ""), (9, "", "byte 9")],
)
def test_the_place_of_a_field_is_bytes_where_it_fills_them(offset: int, bits: str, place: str) -> None:
    event = Event(0, 0.0, "pdu", "target", "initiator", fields=[Field("name", "1", "", offset, bits)])
    assert decoded(event, width=40).splitlines()[1] == (f"  name  1{place:>31}" if place else "  name  1")


@given(st.binary(max_size=200))
def test_a_hex_dump_loses_no_byte(data: bytes) -> None:
    assert bytes.fromhex("".join(line[6:56] for line in hex_dump(data.hex()))) == data


def test_the_text_of_a_case_holds_all_that_a_terminal_should_show() -> None:
    text = case_text(FAILED, CATALOGUE)
    wording = CATALOGUE["7143-4.2.2.2-01"].text
    for part in (FAILED.id, FAILED.expected, FAILED.observed, FAILED.clause, wording, ladder(FAILED), "! stat_sn"):
        assert part in text
    assert text.endswith(f"repeat: {FAILED.repeat_command}\n")


def test_a_requirement_outside_the_catalogue_is_still_named() -> None:
    case = Case("a", "A", "s", "pass", requirements=["7143-9-99"])
    assert "7143-9-99:" in case_text(case, {})
    assert "7143-9-99: MUST, 9: Be." in case_text(case, {"7143-9-99": Requirement("7143-9-99", "9", "MUST", "Be.")})


def test_a_harness_error_shows_where_our_own_code_failed() -> None:
    case = sample_run(54).cases[-1]
    assert case.verdict == "harness-error"
    assert "KeyError: 'c1'" in case_text(case, CATALOGUE)


def test_a_step_says_who_did_what_to_whom() -> None:
    event = Event(0, 0.0124, "hook", "target", "", "c1", "abort", "lun=0\n")
    assert step(event) == r"12.4 ms target [c1]: call abort lun=0\n"
    event = Event(0, 0.0, "pdu", "initiator", "target", "", "NOP-Out", "")
    assert step(event) == "0.000 ms initiator → target: NOP-Out"


def test_findings_stand_below_the_verdict() -> None:
    case = Case("a", "A", "s", "pass", findings=[Finding("double-completion", "itt 0x3: completed\x07 again")])
    assert "finding: double-completion: itt 0x3: completed\\x07 again" in case_text(case, {})
    case.findings[0].count = 4
    assert "again (4 times)" in case_text(case, {})
