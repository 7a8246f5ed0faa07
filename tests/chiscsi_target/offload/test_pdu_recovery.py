"""Whatever way the stream was cut, the same PDUs come out, and the same octets are in the same memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.core.adapter import Burst
from chiscsi_target.offload.pdu_recovery import Arrival, PduRecovery
from chiscsi_target.offload.ulp_connection import UlpConnection
from iscsi_wire.errors import FramingError, PaddingError
from iscsi_wire.framing import PLACE_AT_LEAST, Frame, Framer
from iscsi_wire.pdus import DataOut, ScsiCommand
from tests.chiscsi_target.offload.ground import pattern
from tests.chiscsi_target.peer import on_wire

LIMIT = 1 << 20
TAG = 7
BEFORE = b"login octets"
MEMORY = 64 * 1024


class Card:
    """Places Data-Out with one tag, by Buffer Offset, into two pieces of memory."""

    def __init__(self) -> None:
        self.pieces = [bytearray(5000), bytearray(MEMORY - 5000)]
        self.told: list[Frame] = []
        self.expects = True
        self.coalesces = False

    def place(self, frame: Frame) -> list[memoryview] | None:
        return self.locate(frame) if self.expects else None

    def locate(self, frame: Frame) -> list[memoryview] | None:
        if frame.opcode != DataOut.OPCODE:
            return None
        pdu = DataOut.decode(frame.header)
        return self.memory(pdu.target_transfer_tag, pdu.buffer_offset, pdu.data_segment_length)

    def memory(self, tag: int, offset: int, length: int) -> list[memoryview] | None:
        if tag != TAG or offset + length > MEMORY:
            return None
        views, position = [], 0
        for piece in self.pieces:
            first, last = max(offset - position, 0), min(offset + length - position, len(piece))
            if first < last:
                views.append(memoryview(piece)[first:last])
            position += len(piece)
        return views

    def room(self, tag: int, offset: int, length: int) -> memoryview | None:
        views = self.memory(tag, offset, length) and self.memory(tag, offset, MEMORY - offset)
        return views[0] if views else None

    def recovered(self, frames: list[Frame]) -> None:
        self.told += frames

    @property
    def octets(self) -> bytes:
        return b"".join(self.pieces)


class Line:
    """A stream, cut by a framer up to a point, and then by the card."""

    def __init__(
        self, digests: tuple[bool, bool] = (False, False), *, padding: bool = False, coalesces: bool = False
    ) -> None:
        self.card = Card()
        self.card.coalesces = coalesces
        before = Framer(LIMIT, *digests)
        before.feed(b"")
        self.framer = PduRecovery(before, cast(UlpConnection, self.card), padding_matters=padding)
        self.frames: list[tuple[object, ...]] = []

    def feed(self, octets: bytes, cuts: list[int]) -> None:
        ends = sorted({cut for cut in cuts if 0 < cut < len(octets)} | {len(octets)})
        for start, end in zip([0, *ends], ends, strict=False):
            # As a socket does: into the buffers in turn, which may take less.
            rest = memoryview(octets)[start:end]
            while rest:
                count = 0
                for view in self.framer.receive_buffers():
                    part = rest[count : count + len(view)]
                    view[: len(part)] = part
                    count += len(part)
                rest = rest[count:]
                self.note(self.framer.received(count))

    def note(self, frames: list[Frame]) -> None:
        for frame in frames:
            settle(frame)
            if isinstance(frame, Burst):
                self.note(self.framer.one_by_one(frame))
                continue
            errors = frame.header_digest_error, frame.data_digest_error
            parts = bytes(frame.header), frame.ahs, bytes(frame.data), frame.padding
            self.frames.append((frame.offset, *parts, frame.placed, *errors))


def settle(frame: Frame) -> None:
    """Take a PDU as the host does: what was located is put there now."""
    data: object = frame.data
    if isinstance(data, Arrival):
        data.settle()


def data_out(length: int, offset: int = 0, tag: int = TAG) -> tuple[DataOut, bytes, bytes]:
    pdu = DataOut.make(target_transfer_tag=tag, buffer_offset=offset, final=1)
    return pdu, pattern(length, offset), b""


def command(immediate: int, ahs: int) -> tuple[ScsiCommand, bytes, bytes]:
    return ScsiCommand.make(write=1), pattern(immediate), bytes(range(4)) * ahs


def octets_of(pdus: Sequence[tuple[object, bytes, bytes]], digests: tuple[bool, bool]) -> bytes:
    how = dict(zip(("header_digest", "data_digest"), digests, strict=True))
    return b"".join(on_wire(pdu, data, ahs, **how) for pdu, data, ahs in pdus)  # type: ignore[arg-type]  # PDUs


pdus = st.lists(
    st.one_of(
        st.builds(
            data_out,
            st.sampled_from([0, 1, 3, 510, PLACE_AT_LEAST - 1, PLACE_AT_LEAST + 5, 15912]),
            st.sampled_from([0, 2, 4998, 5000, 20000, MEMORY - 100]),
            st.sampled_from([TAG, TAG, 8]),
        ),
        st.builds(command, st.sampled_from([0, 1, 600]), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150)
@given(pdus=pdus, digests=st.tuples(st.booleans(), st.booleans()), data=st.data())
def test_any_split_gives_the_same(
    pdus: list[tuple[object, bytes, bytes]], digests: tuple[bool, bool], data: st.DataObject
) -> None:
    octets = octets_of(pdus, digests)
    edges, position = set[int](), 0
    for pdu in pdus:
        size = len(octets_of([pdu], digests))
        # The places where something begins or ends, and their neighbours: header, AHS, digests, data, padding.
        inside = (0, 20, 48, 52, 52 + len(pdu[2]), 48 + len(pdu[1]), size - 5, size - 4, size - 1)
        edges |= {position + at for at in inside}
        position += size
    cuts = data.draw(st.lists(st.one_of(st.sampled_from(sorted(edges)), st.integers(0, len(octets))), max_size=12))
    whole, cut = Line(digests), Line(digests)
    whole.feed(octets, [])
    cut.feed(octets, cuts)
    assert cut.frames == whole.frames and cut.card.octets == whole.card.octets
    assert [frame[3] for frame in cut.frames] == [data for _, data, _ in pdus]
    assert cut.framer.buffered == 0 and cut.framer.offset == len(octets)
    assert [frame.offset for frame in cut.card.told] == [frame[0] for frame in cut.frames]
    at_once = Line(digests, coalesces=True)
    at_once.feed(octets, cuts)
    assert at_once.frames == whole.frames and at_once.card.octets == whole.card.octets


@pytest.mark.parametrize("digests", [(False, False), (True, True)])
def test_octet_by_octet(digests: tuple[bool, bool]) -> None:
    octets = octets_of([command(5, 2), data_out(PLACE_AT_LEAST + 3, 4000), data_out(1, 1, 8)], digests)
    whole, cut = Line(digests), Line(digests)
    whole.feed(octets, [])
    cut.feed(octets, list(range(len(octets))))
    assert cut.frames == whole.frames and cut.card.octets == whole.card.octets
    assert [frame[5] for frame in cut.frames] == [False, True, False]


@pytest.mark.parametrize("cuts", [[], [48], [60, 5000]])
def test_what_has_arrived_already_is_moved_to_its_place(cuts: list[int]) -> None:
    line = Line()
    line.feed(octets_of([data_out(12000, 1000)], (False, False)), cuts)
    assert line.card.octets[1000:13000] == pattern(12000, 1000)
    assert [frame[5] for frame in line.frames] == [True]


def test_nothing_lands_before_the_host_has_looked() -> None:
    """Of PDUs that came together, the host may give the memory of the second away when it handles the first."""
    card = Card()
    framer = PduRecovery(Framer(LIMIT), cast(UlpConnection, card))
    octets = octets_of([data_out(600), data_out(600, 0)], (False, False))
    framer.receive_buffers()[0][: len(octets)] = octets
    first, second = framer.received(len(octets))
    assert (first.placed, second.placed) == (True, True) and not any(card.octets)
    settle(second)
    assert card.octets[:600] == pattern(600) and bytes(first.data) == pattern(600)


def test_what_nobody_waits_for_is_not_received_into_its_place() -> None:
    line = Line()
    line.card.expects = False
    octets = octets_of([data_out(12000)], (False, False))
    framer = line.framer
    framer.receive_buffers()[0][:100] = octets[:100]
    assert framer.received(100) == [] and framer.placing is None and not any(line.card.octets)


@pytest.mark.parametrize("cuts", [[], [60], [60, 5000, 12000]])
def test_a_wrong_data_digest(cuts: list[int]) -> None:
    """What has arrived is not placed then; what came straight there has been, and the host is told of the fault."""
    octets = bytearray(octets_of([data_out(12000)], (False, True)))
    octets[100] ^= 1
    line = Line((False, True))
    line.feed(bytes(octets), cuts)
    ((*_, placed, header_error, data_error),) = line.frames
    assert (header_error, data_error) == (False, True)
    assert placed == (len(cuts) > 0)
    assert any(line.card.octets) == placed


@pytest.mark.parametrize("cuts", [[], [30], [48], [51]])
def test_a_wrong_header_digest_ends_the_stream(cuts: list[int]) -> None:
    good, bad = octets_of([data_out(16)], (True, True)), bytearray(octets_of([data_out(16, 100)], (True, True)))
    bad[50] ^= 1
    line = Line((True, True))
    with pytest.raises(FramingError) as caught:
        line.feed(good + bytes(bad), [len(good) + cut for cut in cuts])
    line.note(caught.value.frames)
    assert [frame[6] for frame in line.frames] == [False, True]
    assert line.card.octets[:16] == pattern(16) and not any(line.card.octets[16:])


@pytest.mark.parametrize("cuts", [[], [PLACE_AT_LEAST]])
def test_padding_that_is_not_zero(cuts: list[int]) -> None:
    """Behaviour file, 5.5: it resets the connection, where that is wanted; what came before it counts."""
    good, bad = octets_of([data_out(16)], (False, False)), bytearray(octets_of([data_out(9997)], (False, False)))
    bad[-1] = 1
    octets = good + bytes(bad)
    lenient, strict = Line(), Line(padding=True)
    lenient.feed(octets, cuts)
    assert [frame[4] for frame in lenient.frames] == [b"", b"\0\0\1"]
    with pytest.raises(PaddingError) as caught:
        strict.feed(octets, cuts)
    strict.note(caught.value.frames)
    assert [len(frame[3]) for frame in strict.frames] in ([16], [16, 16])  # type: ignore[arg-type]  # octets


def test_a_burst_that_arrived_at_once() -> None:
    """Its PDUs are moved one behind the other; one that is out of turn, or of another tag, has a place of its own."""
    pieces = [(0, 900), (900, 4000), (4900, 300), (5200, 16), (100, 8), (108, 8), (60000, 4), (5216, 12)]
    line = Line()
    line.feed(octets_of([data_out(length, at) for at, length in pieces] + [data_out(8, 200, 8)], (False, False)), [])
    memory = bytearray(MEMORY)
    for at, length in pieces:
        memory[at : at + length] = pattern(length, at)
    assert line.card.octets == memory
    assert [frame[5] for frame in line.frames] == [True] * 8 + [False]


def test_it_goes_on_where_the_login_stopped() -> None:
    """The beginning of a PDU may have come with the last login request."""
    octets = octets_of([data_out(2000, 300), data_out(20, 2300)], (False, False))
    for cut in (1, 47, 48, 100, 2047, 2048, 2060):
        card = Card()
        before = Framer(1000)
        view = before.receive_buffers()[0]
        view[:10] = b"0123456789"  # so that something stands before it
        view[10 : 10 + cut] = octets[:cut]
        before._start, before._end = 10, 10 + cut
        before.max_data_segment_length = LIMIT
        framer = PduRecovery(before, cast(UlpConnection, card))
        frames = framer.feed(octets[cut:])
        assert [frame.offset for frame in frames] == [10, 10 + 2048]
        for frame in frames:
            settle(frame)
        assert card.octets[300:2320] == pattern(2000, 300) + pattern(20, 2300)


def test_a_pdu_longer_than_the_staging_buffer() -> None:
    """The card has no memory of its own to begin with; it grows as it has to."""
    line = Line()
    octets = octets_of([data_out(200_000, 0, 8), data_out(MEMORY)], (False, False))
    line.feed(octets, list(range(0, len(octets), 1460)))
    assert [len(frame.data) for frame in line.card.told] == [200_000, MEMORY]
    assert line.card.octets == pattern(MEMORY)
