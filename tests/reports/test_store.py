from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Case, Event, Field
from reports.store import StoreError, append_case, merge_cases, read_cases, read_run, write_run
from tests.reports.sample_run import HOSTILE, sample_run


def _case(identifier: str, suite: str = "s") -> Case:
    return Case(identifier, f"title of {identifier}", suite, "pass")


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    cases = sample_run(20).cases
    for case in cases:
        append_case(tmp_path / "cases.jsonl", case)
    assert read_cases(tmp_path / "cases.jsonl") == cases


# A text that a device sent may hold anything that JSON can say, line ends above all.
@given(st.text())
def test_any_text_survives_in_one_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("store") / "cases.jsonl"
    event = Event(0, 0.0, "log", "target", detail=text, fields=[Field(text, text)])
    case = Case("a", text, "s", "fail", observed=text, events=[event])
    append_case(path, case)
    assert path.read_bytes().count(b"\n") == 1
    assert read_cases(path) == [case]


def test_bytes_that_are_no_utf_8_cost_only_their_own_place(tmp_path: Path) -> None:
    text = b"X-key=\xff\xfe".decode("utf-8", "surrogateescape")
    case = Case("a", "A", "s", "fail", observed=text, events=[Event(0, 0.0, "log", "target", title=text)])
    append_case(tmp_path / "cases.jsonl", case)
    (case,) = read_cases(tmp_path / "cases.jsonl")
    assert case.observed == case.events[0].title == r"X-key=\udcff\udcfe"


def test_writers_that_share_a_file_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"

    def write(worker: int) -> None:
        for number in range(25):
            append_case(path, Case(f"{worker}-{number}", "x" * 20_000, "s", "pass"))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({case.id for case in read_cases(path)}) == 100


def test_workers_files_are_merged_in_the_order_of_collection(tmp_path: Path) -> None:
    for name, identifiers in {"gw1.jsonl": "db", "gw0.jsonl": "ace"}.items():
        for identifier in identifiers:
            append_case(tmp_path / name, _case(identifier))
    merged = merge_cases([tmp_path / "gw1.jsonl", tmp_path / "gw0.jsonl"], order=["e", "d", "c", "b", "a"])
    assert [case.id for case in merged] == ["e", "d", "c", "b", "a"]


def test_cases_outside_the_order_come_last_by_suite_and_identifier(tmp_path: Path) -> None:
    for case in (_case("z", "one"), _case("b", "two"), _case("a", "two"), _case("last", "one")):
        append_case(tmp_path / "gw0.jsonl", case)
    assert [case.id for case in merge_cases([tmp_path / "gw0.jsonl"], order=["b"])] == ["b", "last", "z", "a"]


def test_a_case_that_two_workers_report_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    append_case(tmp_path / "gw0.jsonl", _case("a"))
    append_case(tmp_path / "gw1.jsonl", _case("b"))
    append_case(tmp_path / "gw1.jsonl", _case("a"))
    with pytest.raises(StoreError, match=r"gw1\.jsonl:2: case 'a' is also in .*gw0\.jsonl:1"):
        merge_cases([tmp_path / "gw0.jsonl", tmp_path / "gw1.jsonl"])


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON\n",
        b"[]\n",
        b'{"id": "a"}\n',
        b'{"id": "a", "title": 7, "suite": "s", "verdict": "pass"}\n',
        b'{"id": "a", "title": "\xff", "suite": "s", "verdict": "pass"}\n',
    ],
)
def test_a_bad_line_is_reported_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "cases.jsonl"
    append_case(path, _case("a"))
    with path.open("ab") as file:
        file.write(b"\n" + line)
    with pytest.raises(StoreError, match=r"cases\.jsonl:3: not a case") as caught:
        read_cases(path)
    assert (caught.value.path, caught.value.line) == (path, 3)


def test_a_line_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    append_case(path, _case("a"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="cut short"):
        read_cases(path)


def test_a_run_is_read_back_whole(tmp_path: Path) -> None:
    run = sample_run(40)
    write_run(tmp_path / "results.json", run)
    assert read_run(tmp_path / "results.json") == run
    assert HOSTILE in "".join(case.observed for case in run.cases)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_file_that_is_no_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"cases": []}')
    with pytest.raises(StoreError, match=r"results\.json: not a run") as caught:
        read_run(path)
    assert caught.value.line == 0
