"""Text exchanges: whole, split both ways, step by step, refused."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import ExpectationFailed, Session, expect
from initiator_sim.discovery import TargetRecord
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import Reject, TextRequest, TextResponse
from iscsi_wire.text import TargetAddress
from tests.initiator_sim.fakes import Bench


@pytest.fixture
def session(bench: Bench) -> Session:
    return bench.initiator.login()


def requests(bench: Bench) -> list[tuple[TextRequest, bytes]]:
    return [(header, data) for header, _, data in bench.peer.got if isinstance(header, TextRequest)]


def in_pieces(bench: Bench, *pieces: tuple[bytes, dict[str, Any]]) -> None:
    """Let the target answer the text requests to come with these pieces, one each, all but the last with F=0."""
    answers = iter(pieces)

    def answer(header: TextRequest, _data: bytes) -> None:
        data, fields = next(answers)
        filled = {"initiator_task_tag": header.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
        bench.peer.say(TextResponse, data, **(filled | fields))

    bench.peer.handlers[TextRequest] = answer


MORE = {"final": 0, "continue_": 1, "target_transfer_tag": 0x1234, "lun": 5}


def test_a_text_and_its_answer(bench: Bench, session: Session) -> None:
    result = session.text({"X-test.a": "1", "X-test.b": "2"})
    assert (result.succeeded, result.pairs) == (True, [("X-test.a", "1"), ("X-test.b", "2")])
    assert result.negotiation.answered == result.keys
    [(header, _)] = requests(bench)
    assert (header.final, header.continue_, header.target_transfer_tag) == (1, 0, RESERVED_TAG)


def test_an_answer_in_pieces_is_asked_for_piece_by_piece(bench: Bench, session: Session) -> None:
    in_pieces(bench, (b"TargetName=iqn.2004", MORE), (b"-10.a:b\0TargetAddress=[::1]", MORE), (b",7\0", {}))
    assert session.send_targets() == [TargetRecord("iqn.2004-10.a:b", [TargetAddress("::1", 3260, 7)])]
    headers = [header for header, _ in requests(bench)]
    assert [data for _, data in requests(bench)] == [b"SendTargets=All\0", b"", b""]
    assert [(h.target_transfer_tag, h.lun) for h in headers] == [(RESERVED_TAG, 0), (0x1234, 5), (0x1234, 5)]
    assert len({h.initiator_task_tag for h in headers}) == 1


def test_a_text_in_pieces(bench: Bench, session: Session) -> None:
    in_pieces(bench, (b"", MORE | {"continue_": 0}), (b"", MORE | {"continue_": 0}), (b"X-a.b=0123456789\0", {}))
    result = session.text([("X-a.b", "0123456789")], piece=7)
    assert [data for _, data in requests(bench)] == [b"X-a.b=0", b"1234567", b"89\0"]
    assert [(h.final, h.continue_) for h, _ in requests(bench)] == [(0, 1), (0, 1), (1, 0)]
    assert result.keys == {"X-a.b": "0123456789"}


def test_an_offer_of_the_target_is_answered(bench: Bench, session: Session) -> None:
    in_pieces(bench, (b"X-vendor.key=1\0", MORE | {"continue_": 0}), (b"", {}))
    assert session.text({}).succeeded
    assert requests(bench)[1][1] == b"X-vendor.key=NotUnderstood\0"


def test_what_a_text_negotiates_takes_effect(bench: Bench, session: Session) -> None:
    in_pieces(bench, (b"MaxRecvDataSegmentLength=512\0", {}))
    session.text({"MaxRecvDataSegmentLength": "1024"})
    assert session.connection.max_send_segment == 512
    task = session.start(bytes(16), write=bytes(600), immediate_data=0)
    task.next_r2t()
    with pytest.raises(ExpectationFailed, match="no data segment is longer"):
        session.nop(bytes(1028))


@pytest.mark.parametrize("piece", [None, 4])
def test_a_refused_text(bench: Bench, session: Session, piece: int | None) -> None:
    bench.peer.handlers[TextRequest] = lambda header, _: bench.peer.say(Reject, header.encode(), reason=4)
    result = session.text({"X-a.b": "1"}, piece=piece)
    # The header that comes back has the lengths of the request, so it names the exchange.
    result.expect(expect.rejected({4}))
    assert not result.succeeded
    with pytest.raises(ExpectationFailed, match="expected: Text Response"):
        session.send_targets()


def test_step_by_step(bench: Bench, session: Session) -> None:
    in_pieces(bench, (b"X-a.b=", MORE), (b"1\0", {}))
    text = session.begin_text()
    text.request(pairs=[("X-a.b", "1")], final=0)
    text.reply()
    text.request(target_transfer_tag=0x9999)
    text.reply()
    assert [reply.data for reply in text.replies] == [b"X-a.b=", b"1\0"]
    assert [h.target_transfer_tag for h, _ in requests(bench)] == [RESERVED_TAG, 0x9999]


def test_everything_in_a_request_can_be_set(bench: Bench, session: Session) -> None:
    session.connection.rules.ignore("text")
    result = session.text(data=b"raw", initiator_task_tag=0x55, immediate=1, rsvd_2=3)
    header, data = requests(bench)[0]
    assert (header.initiator_task_tag, header.immediate, header.rsvd_2, data) == (0x55, 1, 3, b"raw")
    assert str(result).startswith("Text Response")
