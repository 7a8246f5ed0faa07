"""Debug lines: each record's area and words, what is printed of them, and that nothing else is."""

from __future__ import annotations

from typing import get_args

import pytest

from chiscsi_target.core.debug_lines import LINES, telling
from chiscsi_target.core.verbosity import Area
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.worker import Worker
from iscsi_wire.pdus import LoginRequest
from iscsi_wire.records import (
    CompletionRecord,
    FindingRecord,
    HookRecord,
    LogRecord,
    OffloadRecord,
    PduRecord,
    PlacementRecord,
    Record,
    StateRecord,
    TransportRecord,
)

HEADER = LoginRequest(initiator_task_tag=0x1234).encode()
TOLD: list[tuple[Record, Area, str]] = [
    (
        PduRecord(0.0, "target", "c", "in", HEADER, b"", b"CHAP_R=0x77", 0),
        Area.PDU_RX,
        "c: pdu in: Login Request, itt 0x1234, 11 octets",
    ),
    (
        PduRecord(0.0, "target", "c", "out", HEADER, b"", b"", 0),
        Area.PDU_TX,
        "c: pdu out: Login Request, itt 0x1234, 0 octets",
    ),
    (HookRecord(0.0, "target", "", "fp_flush", "lun 0", ""), Area.TARGET_API, "fp_flush: lun 0"),
    (CompletionRecord(0.0, "target", "c", "done", "itt 0x1", "0"), Area.TARGET_API, "c: done: itt 0x1"),
    (StateRecord(0.0, "target", "c", "connection", "S4", "T5", "S5"), Area.CONNECTION, "c: connection: T5: S4 -> S5"),
    (StateRecord(0.0, "target", "c", "session", "Q1", "N1", "Q2"), Area.SESSION, "c: session: N1: Q1 -> Q2"),
    (StateRecord(0.0, "target", "c", "command", "A", "e", "B"), Area.SCSI_COMMAND, "c: command: e: A -> B"),
    (TransportRecord(0.0, "target", "c", "reset"), Area.TRANSPORT, "c: transport reset"),
    (OffloadRecord(0.0, "target", "c", "CPL_RX", "tid 1"), Area.ULP, "c: CPL_RX: tid 1"),
    (PlacementRecord(0.0, "target", "c", 7, 512, 0, ""), Area.DDP, "c: itt 0x7: 512 placed, 0 copied"),
    (PlacementRecord(0.0, "target", "c", 7, 0, 9, "why"), Area.DDP, "c: itt 0x7: 0 placed, 9 copied, why"),
]


def printing(areas: int, levels: int = 0) -> tuple[Worker, list[str]]:
    lines: list[str] = []
    worker = Directory(complain=lines.append).login_worker
    worker.verbosity.levels, worker.verbosity.areas = levels, areas
    return worker, lines


@pytest.mark.parametrize("record, area, line", TOLD)
def test_a_record_is_told_where_its_area_is_asked_for(record: Record, area: Area, line: str) -> None:
    for areas, wanted in ((1 << area, [f"chiscsi: {line}"]), (0xFFFFFF & ~(1 << area), [])):
        worker, lines = printing(areas)
        tell = telling(worker, None)
        assert tell is not None
        tell(record)
        assert lines == wanted


def test_every_kind_of_record_is_a_line_but_those_that_the_log_has() -> None:
    assert set(get_args(Record)) - set(LINES) == {LogRecord, FindingRecord}


def test_who_listens_anyway_is_told_of_everything() -> None:
    heard: list[Record] = []
    worker, lines = printing(1 << Area.DDP)
    tell = telling(worker, heard.append)
    assert tell is not None
    records = [record for record, _, _ in TOLD] + [LogRecord(0.0, "target", "", 0, "text")]
    for record in records:
        tell(record)
    assert heard == records and len(lines) == 2


def test_without_an_area_nobody_listens_for_lines() -> None:
    """Bit 3 of the first number alone asks for no area (behaviour file, section 0)."""
    worker, _ = printing(0, levels=0xF)
    assert telling(worker, None) is None
    assert telling(worker, print) is print
