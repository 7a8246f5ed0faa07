"""What is told of the messages between host and card, and to whom."""

from __future__ import annotations

from typing import cast

import pytest

from chiscsi_target.core.connection import Connection
from chiscsi_target.offload.journal import Journal
from chiscsi_target.offload.messages import ISCSI_DDP, DdpStatus
from chiscsi_target.offload.page_pods import PagePods
from chiscsi_target.offload.segmentation import SendRequest
from iscsi_wire.framing import Frame, Framer
from iscsi_wire.pdus import DataOut, NopOut
from iscsi_wire.records import OffloadRecord, Record

TID = 9


class Agenda:
    """As much of a worker as a journal looks at."""

    now = 2.5

    def __init__(self, *, listens: bool) -> None:
        self.records: list[Record] = []
        self.listener = self.records.append if listens else None


class Told:
    """A journal, and what it said: in records, and in a trace."""

    def __init__(self, *, listens: bool = True, traces: bool = False, digests: tuple[bool, bool] = (False, False)):
        self.agenda = Agenda(listens=listens)
        self.name = "host"
        self.framer = Framer(1000, *digests)
        self.lines: list[str] = []
        connection = cast(Connection, self)  # as much of one as a journal looks at
        self.journal = Journal(connection, TID, self.lines.append if traces else None)

    @property
    def messages(self) -> list[str]:
        return [record.text for record in self.agenda.records if isinstance(record, OffloadRecord)]


def frame(length: int, offset: int = 0, *, placed: bool = False, ahs: bytes = b"", final: int = 1) -> Frame:
    made = Frame(offset, DataOut.OPCODE, DataOut.make(final=final).encode(), ahs)
    made.data, made.placed = bytes(length), placed
    return made


@pytest.mark.parametrize("listens, traces", [(False, False), (True, False), (False, True), (True, True)])
def test_who_is_told(listens: bool, traces: bool) -> None:
    told = Told(listens=listens, traces=traces)
    told.journal.entered(header_digest=True, data_digest=False)
    told.journal.ready()
    assert told.journal.wanted == (listens or traces)
    assert [text.split()[0] for text in told.lines] == ["CPL_SET_TCB_FIELD", "CPL_SET_TCB_RPL"] * traces
    assert [text.split()[0] for text in told.messages] == ["CPL_SET_TCB_FIELD", "CPL_SET_TCB_RPL"] * listens
    for record in told.agenda.records:
        assert isinstance(record, OffloadRecord)
        assert (record.time, record.source, record.connection) == (2.5, "target", "host")
        assert record.text.startswith(record.message)


@pytest.mark.parametrize(
    "digests, ahs, length, on_wire, data_at",
    [
        ((False, False), b"", 100, 148, 48),
        ((True, True), b"", 97, 48 + 4 + 100 + 4, 52),
        ((True, False), bytes(8), 100, 48 + 8 + 4 + 100, 60),
        ((False, True), b"", 0, 48, None),
    ],
)
def test_a_pdu_that_was_not_placed(
    digests: tuple[bool, bool], ahs: bytes, length: int, on_wire: int, data_at: int | None
) -> None:
    """Its header, its data if it has any, and its end, at the places in the stream where they stood."""
    told = Told(digests=digests)
    told.journal.recovered(frame(length, 1000, ahs=ahs), DdpStatus(0))
    header, *data, end = told.messages
    assert f"pdu {on_wire} len {48 + len(ahs)} seq 0x3e8" in header and "DDP" not in header
    assert f"len {on_wire} status 0x0" in end
    if data_at is None:
        assert data == []
    else:
        assert f"len {length} seq {1000 + data_at:#x}" in data[0]


def test_a_pdu_that_was_placed() -> None:
    told = Told()
    told.journal.recovered(frame(100, placed=True), DdpStatus.PLACED)
    header, end = told.messages
    assert "pdu 148 DDP" in header and "status 0x10000 PLACED" in end


def test_positions_wrap() -> None:
    told = Told()
    told.journal.recovered(frame(16, (1 << 32) - 8), DdpStatus(0))
    assert "seq 0xfffffff8" in told.messages[0] and "seq 0x28" in told.messages[1]


def test_several_pdus_by_one_message() -> None:
    told = Told()
    told.journal.coalesced([frame(100, 0, placed=True, final=0), frame(200, 148, placed=True)])
    (text,) = told.messages
    assert text.startswith("CPL_RX_ISCSI_CMP") and "pdu 396 DDP" in text and "seq 0x94" in text


def test_as_many_octets_as_the_field_holds() -> None:
    told = Told()
    told.journal.coalesced([frame(15912, at * 15960, placed=True) for at in range(20)])
    assert f"pdu {ISCSI_DDP - 1} DDP" in told.messages[0]


def test_pods() -> None:
    told, pods = Told(), PagePods(64)
    held = pods.reserve(40)
    assert held is not None
    pods.write(held, TID, 0, 40 * 4096, 0, [4096 * page for page in range(40)])
    told.journal.pods_written(pods, held, 0, 10)
    told.journal.pods_written(pods, held, 4, 2)
    told.journal.pods_written(pods, held, 10, 0)
    told.journal.pods_written(pods, held, 0, 0)
    first, second = told.messages
    assert "pods 0+10 valid 10 scatter" in first and "pods 4+2 valid 2 immediate" in second


def test_what_is_sent() -> None:
    told = Told(digests=(True, False))
    several = SendRequest(4096, first=True, last=True)
    several.pdus, several.payload = 2, 8192
    told.journal.sent([SendRequest(0, first=False, last=True), several])
    assert [text.split()[0] for text in told.messages] == ["FW_OFLD_TX_DATA_WR"] * 2 + ["CPL_TX_DATA_ISO"]
    assert all("ULP_CRC_HEADER" in text for text in told.messages)


def test_any_pdu_is_told_of() -> None:
    """One of an unknown opcode too."""
    told = Told()
    told.journal.recovered(Frame(0, 0x3C, bytes((0x3C,)) + bytes(47)), DdpStatus(0))
    told.journal.recovered(Frame(0, 0, NopOut.make().encode()), DdpStatus.HDRCRC_ERR)
    assert "NOP-Out" in told.messages[2] and "HDRCRC_ERR" in told.messages[3]
