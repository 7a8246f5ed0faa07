"""What a failure tells: the exchange as a ladder, the PDU decoded, the field marked."""

from __future__ import annotations

import pytest

from initiator_sim import ExpectationFailed, HarnessFault, Inconclusive, ScriptOutcome, Unsupported, expect
from initiator_sim.display import describe, preview, summary
from initiator_sim.exchange import Exchange
from initiator_sim.mutations import split
from iscsi_wire.constants import RESERVED_TAG, Opcode
from iscsi_wire.pdus import LoginRequest, NopIn, NopOut, Pdu, Reject, ScsiCommand, TaskManagementRequest, UnknownPdu
from iscsi_wire.records import LogRecord, PduRecord, StateRecord, TransportRecord
from tests.initiator_sim.fakes import Bench


def record(header: Pdu, data: bytes = b"", ahs: bytes = b"", time: float = 0.0) -> PduRecord:
    return PduRecord(time, "initiator", "c0", "out", header.encode(), ahs, data, 0)


@pytest.mark.parametrize(
    "header, data, line",
    [
        (NopOut.make(immediate=1, cmd_sn=5), b"", "NOP-Out I F CmdSN=0x5 ExpStatSN=0x0"),
        (
            ScsiCommand.make(final=1, read=1, lun=3 << 48, initiator_task_tag=9, cdb=b"\x12" + bytes(15)),
            b"",
            "SCSI Command F R ATTR=0 LUN=3 Initiator Task Tag=0x9 CmdSN=0x0 ExpStatSN=0x0 CDB=12" + "00" * 15,
        ),
        (Reject.make(reason=4, rsvd_3=1), bytes(20), "[20 octets: 00000000000000000000000000000000...]"),
        (
            LoginRequest.make(isid=b"abcdef", csg=1),
            b"InitiatorName=a\0AuthMethod=None\0",
            "{InitiatorName=a AuthMethod=None}",
        ),
        (UnknownPdu.make(opcode=0x1E), b"", "opcode 0x1e"),
    ],
)
def test_a_pdu_in_one_line(header: Pdu, data: bytes, line: str) -> None:
    assert line in summary(record(header, data))


def test_reserved_fields_show_when_they_speak() -> None:
    assert "Reserved" not in summary(record(NopIn()))
    assert "Reserved=1" in summary(record(NopIn.make(rsvd_2=1)))


def test_segments_before_the_data_show() -> None:
    assert "AHS 0005" in summary(record(ScsiCommand(), ahs=bytes.fromhex("0005020000001000")))


def test_long_text_is_cut() -> None:
    assert preview(Opcode.LOGIN_REQUEST, b"x" * 1000).endswith("...}")
    assert preview(Opcode.NOP_OUT, b"abc") == "[3 octets: 616263]"


def test_all_fields_with_their_meaning_and_a_mark() -> None:
    text = describe(TaskManagementRequest.make(function=5, lun=1 << 48, rsvd_2=7), b"\1\2", marked="function")
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "Task Management Function Request (RFC 7143, 11.5)"
    assert ">> Function                 5  (LOGICAL UNIT RESET)" in lines
    assert any(line.startswith("LUN") and line.endswith("(LUN 1)") for line in lines)
    assert any(line.startswith("Reserved") for line in lines)
    assert lines[-1] == "data                     [2 octets: 0102]"
    assert ">> data" in describe(NopIn(), b"x", marked="data")
    assert ">> Reserved" in describe(NopIn(), marked="rsvd_2")


def test_a_ladder_has_one_line_a_record() -> None:
    exchange = Exchange()
    assert exchange.ladder() == "  (nothing)"
    exchange(TransportRecord(5.0, "initiator", "c0", "connected"))
    marked = record(NopOut(), time=5.25)
    exchange(marked)
    exchange(LogRecord(6.0, "target", "c0", 2, "a message"))
    exchange(StateRecord(7.0, "target", "c0", "session", "Q1", "N1", "Q3"))
    lines = exchange.ladder(marked).splitlines()
    assert lines[0] == "     0.0000 c0      *  connected"
    assert lines[1].startswith(">>   0.2500 c0     --> NOP-Out F")
    assert lines[2] == "     1.0000 c0      *  a message"
    assert "Q3" in lines[3]


def test_a_long_ladder_shows_its_end() -> None:
    exchange = Exchange()
    for number in range(100):
        exchange(record(NopOut.make(cmd_sn=number)))
    lines = exchange.ladder(limit=10).splitlines()
    assert (lines[0], len(lines)) == ("  ... 90 earlier", 11)
    assert "CmdSN=0x63" in lines[-1]


def test_a_failure_tells_the_whole_story() -> None:
    bench = Bench()
    bench.initiator.exchange.clause = "7143-11.17.1-03"
    session = bench.initiator.login()
    session.send(NopOut, split(20), initiator_task_tag=RESERVED_TAG)
    bench.peer.say(Reject, bench.peer.got[-1][0].encode(), reason=5)
    with pytest.raises(ExpectationFailed) as caught:
        session.expect(expect.rejected({4}))
    failure = caught.value
    assert (failure.field, failure.clause) == ("reason", "7143-11.17.1-03")
    assert failure.pdu is not None and failure.pdu.record in failure.exchange.records
    text = str(failure).splitlines()
    assert text[0] == "expected: Reject, reason 0x4 (Protocol Error)"
    assert text[1].startswith("observed: Reject F Reason=0x5")
    assert text[2] == "clause:   7143-11.17.1-03"
    assert any(line.startswith("  >> Reason") and "Command not supported" in line for line in text)
    assert any("next PDU altered: split at 20" in line for line in text)
    assert text[-1].startswith(">>")


def test_a_failure_without_pdu_and_clause() -> None:
    text = str(ExpectationFailed("a", "b", exchange=Exchange()))
    assert text == "expected: a\nobserved: b\nthe exchange so far:\n  (nothing)"


def test_no_outcome_is_taken_for_another() -> None:
    kinds = (ExpectationFailed, HarnessFault, Unsupported, Inconclusive)
    assert all(issubclass(kind, ScriptOutcome) for kind in kinds)
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one is not other)
    assert Inconclusive("no race").reason == "no race"
