"""Any split of a stream gives the same frames; every length has a bound; data land where they may, and only there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.digest import digest
from iscsi_wire.errors import FramingError
from iscsi_wire.framing import BHS_LENGTH, DIGEST_LENGTH, PLACE_AT_LEAST, Frame, Framer

LIMIT = 4096
SMALL_STAGING = 64
Parts = tuple[int, int, bytes, bytes, bytes, bool, bool]


@dataclass
class Sent:
    """A PDU to be cut out again."""

    opcode: int
    ahs: bytes = b""
    data: bytes = b""
    rest: bytes = field(default=bytes(40))
    padding: bytes = bytes(3)

    def octets(self, header_digest: bool = False, data_digest: bool = False) -> bytes:
        lengths = (len(self.ahs) // 4 << 24 | len(self.data)).to_bytes(4)
        header = bytes((self.opcode, 0, 0, 0)) + lengths + self.rest + self.ahs
        data = self.data + self.padding[: -len(self.data) % 4]
        header += digest(header) if header_digest else b""
        return header + data + (digest(data) if data_digest and data else b"")

    def parts(self, offset: int) -> Parts:
        return (
            offset,
            self.opcode & 0x3F,
            self.ahs,
            self.data,
            self.padding[: -len(self.data) % 4],
            False,
            False,
        )


def parts(frame: Frame) -> Parts:
    errors = frame.header_digest_error, frame.data_digest_error
    return frame.offset, frame.opcode, bytes(frame.ahs), bytes(frame.data), bytes(frame.padding), *errors


def stream(pdus: list[Sent], *digests: bool) -> tuple[bytes, list[Parts]]:
    """Their octets, and the frames that have to come out."""
    octets, expected = b"", []
    for pdu in pdus:
        expected.append(pdu.parts(len(octets)))
        octets += pdu.octets(*digests)
    return octets, expected


def cut(framer: Framer, octets: bytes, sizes: list[int], frames: list[Frame] | None = None) -> list[Frame]:
    """Feed a stream in pieces of these sizes, over and over; the frames are added to `frames`."""
    frames = [] if frames is None else frames
    position = turn = 0
    while position < len(octets):
        size = sizes[turn % len(sizes)]
        frames += framer.feed(octets[position : position + size])
        position += size
        turn += 1
    return frames


opcodes = st.integers(0, 255)
data = st.binary(max_size=40) | st.integers(0, LIMIT).map(lambda length: bytes(length % 251 for _ in range(length)))
pdus = st.lists(
    st.builds(
        Sent,
        opcodes,
        st.integers(0, 6).map(lambda words: bytes(range(words * 4))),
        data,
        st.binary(min_size=40, max_size=40),
        st.binary(min_size=3, max_size=3),
    ),
    max_size=8,
)
splits = st.lists(st.integers(1, 200), min_size=1, max_size=10)


@given(pdus, splits, st.booleans(), st.booleans(), st.sampled_from((SMALL_STAGING, 1 << 16)))
def test_any_split_gives_the_same_frames(
    sent: list[Sent], sizes: list[int], header_digest: bool, data_digest: bool, staging: int
) -> None:
    octets, expected = stream(sent, header_digest, data_digest)
    framer = Framer(LIMIT, header_digest, data_digest, staging=staging)
    frames = cut(framer, octets, sizes)
    assert [parts(frame) for frame in frames] == expected
    assert [bytes(frame.header) for frame in frames] == [
        octets[frame.offset : frame.offset + BHS_LENGTH] for frame in frames
    ]
    assert framer.offset == len(octets) and framer.buffered == 0


def test_octet_by_octet() -> None:
    octets, expected = stream([Sent(1, b"abcd", b"x" * 9), Sent(2), Sent(0x43, b"", b"y")], True, True)
    assert [parts(frame) for frame in cut(Framer(LIMIT, True, True), octets, [1])] == expected


@given(pdus, splits, st.data())
def test_digests_may_begin_between_two_pdus(sent: list[Sent], sizes: list[int], choice: st.DataObject) -> None:
    """As after a login: the frames before go by the old settings, those behind by the new."""
    border = choice.draw(st.integers(0, len(sent)))
    before, expected_before = stream(sent[:border])
    behind, expected_behind = stream(sent[border:], True, True)
    framer = Framer(LIMIT)
    assert [parts(frame) for frame in cut(framer, before, sizes)] == expected_before
    framer.header_digest = framer.data_digest = True
    found = [parts(frame) for frame in cut(framer, behind, sizes)]
    assert found == [(offset + len(before), *rest) for offset, *rest in expected_behind]


@given(pdus, splits)
def test_views_hold_until_the_next_receive(sent: list[Sent], sizes: list[int]) -> None:
    """Without `feed`'s copies: what `received` returns is right until the buffers are asked for again."""
    octets, expected = stream(sent)
    found: list[Parts] = []
    framer, position = Framer(LIMIT, staging=SMALL_STAGING), 0
    while position < len(octets):
        size = sizes[len(found) % len(sizes)]
        (buffer,) = framer.receive_buffers()
        piece = octets[position : position + min(size, len(buffer))]
        buffer[: len(piece)] = piece
        found += [parts(frame) for frame in framer.received(len(piece))]
        position += len(piece)
    assert found == expected


def test_there_is_always_room_to_receive() -> None:
    """The staging buffer grows to what a PDU needs, and no further."""
    framer = Framer(LIMIT, staging=BHS_LENGTH)
    assert framer.feed(Sent(1, data=bytes(LIMIT)).octets()[:-1]) == []
    assert framer.buffered == BHS_LENGTH + LIMIT - 1
    assert len(framer.receive_buffers()[0]) == 1
    (frame,) = framer.feed(b"\0")
    assert len(frame.data) == LIMIT
    assert len(framer.receive_buffers()[0]) == BHS_LENGTH + LIMIT


# Bounds


@pytest.mark.parametrize("excess", [1, 2, 0xFFFFFF - LIMIT])
@pytest.mark.parametrize("digests", [(False, False), (True, True)])
def test_a_length_beyond_the_limit_is_refused_before_any_of_it_comes(excess: int, digests: tuple[bool, bool]) -> None:
    good = Sent(1, data=b"good").octets(*digests)
    header = bytes(4) + (LIMIT + excess).to_bytes(4) + bytes(40)
    framer = Framer(LIMIT, *digests, staging=len(good) + BHS_LENGTH)
    with pytest.raises(FramingError) as caught:
        framer.feed(good + header)
    assert caught.value.field == "DataSegmentLength"
    assert caught.value.offset == len(good) + 5
    assert [bytes(frame.data) for frame in caught.value.frames] == [b"good"]
    assert len(framer._staging) == len(good) + BHS_LENGTH


def test_the_limit_itself_is_allowed() -> None:
    (frame,) = Framer(LIMIT).feed(Sent(1, data=bytes(LIMIT)).octets())
    assert len(frame.data) == LIMIT


def test_the_longest_ahs_is_taken() -> None:
    ahs = bytes(255 * 4)
    (frame,) = Framer(LIMIT, staging=SMALL_STAGING).feed(Sent(1, ahs, b"tail").octets())
    assert (frame.ahs, bytes(frame.data)) == (ahs, b"tail")


def test_the_limit_may_change_between_pdus() -> None:
    framer = Framer(0)
    assert len(framer.feed(Sent(1).octets())) == 1
    framer.max_data_segment_length = 8
    assert len(framer.feed(Sent(1, data=bytes(8)).octets())) == 1
    with pytest.raises(FramingError):
        framer.feed(Sent(1, data=bytes(9)).octets())


def test_after_a_fault_nothing_more_is_cut() -> None:
    framer = Framer(0)
    with pytest.raises(FramingError) as first:
        framer.feed(Sent(1, data=b"x").octets())
    with pytest.raises(FramingError) as second:
        framer.feed(Sent(1).octets())
    assert str(first.value) == str(second.value) == "DataSegmentLength at byte 5: 1 octets exceed the limit of 0"
    assert second.value.frames == []


# Digests


def flipped(octets: bytes, position: int) -> bytes:
    return octets[:position] + bytes((octets[position] ^ 0x10,)) + octets[position + 1 :]


@given(st.integers(0, BHS_LENGTH + 8 + DIGEST_LENGTH - 1), splits)
def test_a_wrong_header_digest_ends_the_stream(position: int, sizes: list[int]) -> None:
    """Whatever part of the header is hit. Its frame is no PDU: nobody may act on it."""
    good = Sent(1).octets(True)
    bad = flipped(Sent(2, b"abcdefgh").octets(True), position)
    frames: list[Frame] = []
    with pytest.raises(FramingError) as caught:
        cut(Framer(LIMIT, header_digest=True), good + bad + bytes(4 * 255), sizes, frames)
    assert caught.value.offset in (len(good), len(good) + 5)
    assert [frame.opcode for frame in [*frames, *caught.value.frames] if not frame.header_digest_error] == [1]


@given(st.integers(0, 11), splits)
def test_a_wrong_data_digest_is_noted_and_the_stream_goes_on(position: int, sizes: list[int]) -> None:
    octets = Sent(1, data=b"1234567").octets(False, True)
    bad = flipped(octets, BHS_LENGTH + position)
    frames = cut(Framer(LIMIT, data_digest=True), octets + bad + octets, sizes)
    assert [frame.data_digest_error for frame in frames] == [False, True, False]


def test_no_data_no_data_digest() -> None:
    frames = Framer(LIMIT, True, True).feed(Sent(1).octets(True, True) * 2)
    assert len(frames) == 2 and len(Sent(1).octets(True, True)) == BHS_LENGTH + DIGEST_LENGTH


# Placing


class Storage:
    """Memory that data segments may be received into: `place` takes the next piece of it, and notes the frame."""

    def __init__(self, size: int = 1 << 20, *, willing: bool = True, page: int = 1 << 20) -> None:
        self.memory = bytearray(size)
        self.used = 0
        self.asked: list[tuple[int, int]] = []
        self.willing = willing
        self.page = page

    def place(self, frame: Frame) -> list[memoryview] | None:
        length = int.from_bytes(frame.header[5:8])
        self.asked.append((frame.offset, length))
        if not self.willing:
            return None
        view = memoryview(self.memory)[self.used : self.used + length]
        self.used += length
        return [view[start : start + self.page] for start in range(0, length, self.page)]


def big(length: int = PLACE_AT_LEAST) -> bytes:
    return (bytes(range(256)) * (length // 256 + 1))[:length]


sizes_of_large_pdus = st.sampled_from(
    (0, 4, PLACE_AT_LEAST - 4, PLACE_AT_LEAST, PLACE_AT_LEAST + 1, PLACE_AT_LEAST * 2)
)


@given(
    st.lists(st.tuples(sizes_of_large_pdus, st.integers(0, 2)), min_size=1, max_size=6),
    st.lists(st.integers(1, 3 * PLACE_AT_LEAST), min_size=1, max_size=8),
    st.tuples(st.booleans(), st.booleans()),
    st.booleans(),
    st.sampled_from((1 << 20, 4096, 999)),
)
def test_placing_changes_nothing_but_the_place(
    shapes: list[tuple[int, int]], sizes: list[int], digests: tuple[bool, bool], willing: bool, page: int
) -> None:
    sent = [Sent(5, bytes(words * 4), big(length)) for length, words in shapes]
    octets, expected = stream(sent, *digests)
    storage = Storage(willing=willing, page=page)
    framer = Framer(1 << 16, *digests, place=storage.place)
    if max(sizes) < 97:
        sizes = [*sizes, 97]  # or it takes long
    frames = cut(framer, octets, sizes)
    assert [parts(frame) for frame in frames] == expected
    placed = b"".join(bytes(frame.data) for frame in frames if frame.placed)
    assert placed == bytes(storage.memory[: storage.used])
    assert framer.offset == len(octets)


def test_the_rest_of_a_long_segment_goes_where_it_belongs() -> None:
    storage, data = Storage(), big(2 * PLACE_AT_LEAST)
    framer = Framer(1 << 20, place=storage.place)
    octets = Sent(5, data=data).octets()
    assert framer.feed(octets[: BHS_LENGTH + 100]) == []
    assert storage.memory[:100] == data[:100]
    missing, behind = framer.receive_buffers()
    assert len(missing) == len(data) - 100
    # A receive may fill the rest of the segment and the next PDU at once.
    missing[:] = data[100:]
    behind[:BHS_LENGTH] = Sent(6).octets()
    frames = framer.received(len(missing) + BHS_LENGTH)
    assert [(frame.opcode, frame.offset) for frame in frames] == [(5, 0), (6, len(octets))]
    assert frames[0].placed and storage.memory[: len(data)] == data


def test_a_short_rest_is_not_worth_a_place() -> None:
    storage = Storage()
    octets = Sent(5, data=big(PLACE_AT_LEAST - 4)).octets()
    (frame,) = cut(Framer(1 << 20, place=storage.place), octets, [BHS_LENGTH, 1 << 20])
    assert storage.asked == [] and not frame.placed
    assert bytes(frame.data) == big(PLACE_AT_LEAST - 4)


def test_the_digest_of_a_placed_segment_is_verified() -> None:
    storage = Storage(page=4096)
    octets = bytearray(Sent(5, data=big(PLACE_AT_LEAST + 1)).octets(False, True))
    octets[BHS_LENGTH + 5000] ^= 1
    framer = Framer(1 << 20, data_digest=True, place=storage.place)
    (frame,) = cut(framer, bytes(octets), [BHS_LENGTH, 7000, 1200, 1])
    assert frame.placed and frame.data_digest_error and frame.padding == bytes(3)
    assert framer.buffered == 0 and framer.offset == len(octets)


def test_a_frame_whose_place_is_taken_away_is_received_elsewhere() -> None:
    storage, data = Storage(page=4096), big(2 * PLACE_AT_LEAST)
    framer = Framer(1 << 20, place=storage.place)
    octets = Sent(5, data=data).octets()
    framer.feed(octets[: BHS_LENGTH + 5000])
    framer.divert()
    storage.memory[:] = bytes(len(storage.memory))
    (frame,) = framer.feed(octets[BHS_LENGTH + 5000 :])
    assert bytes(frame.data) == data and not any(storage.memory)
    assert not frame.placed


def test_nothing_is_kept_of_a_place_that_is_full() -> None:
    """Its owner may make a bytearray longer, or close a mapping, as soon as it has it back."""
    memory = bytearray(PLACE_AT_LEAST)
    framer = Framer(1 << 20, place=lambda _: [memoryview(memory)])
    octets = Sent(5, data=big(PLACE_AT_LEAST)).octets()
    framer.feed(octets[:BHS_LENGTH])
    framer.feed(octets[BHS_LENGTH:])
    memory.append(0)


def test_a_placed_frame_is_taken_without_a_copy_of_its_data() -> None:
    storage = Storage()
    framer = Framer(1 << 20, place=storage.place)
    octets = Sent(5, data=big()).octets()
    framer.feed(octets[:BHS_LENGTH])
    (frame,) = framer.feed(octets[BHS_LENGTH:])
    assert frame.take().data is frame.data
    storage.memory[0] ^= 0xFF
    assert frame.data[0] == storage.memory[0]


def test_a_taken_frame_stays_as_it_was() -> None:
    framer = Framer(LIMIT)
    view = framer.receive_buffers()[0]
    octets = Sent(1, data=b"data").octets()
    view[: len(octets)] = octets
    (frame,) = framer.received(len(octets))
    frame.take()
    framer.feed(Sent(2, data=b"else").octets())
    assert (bytes(frame.data), frame.header[0]) == (b"data", 1)
    assert repr(frame) == "Frame(offset=0, opcode=0x01, data=4 octets)"
