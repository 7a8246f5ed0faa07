from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.api import Scratch, Session, Unsupported, case, expect, variants
from conformance.suites.blocks import contents, fill, pattern, read_command, write_command
from conformance.suites.exchanges import take_attentions
from iscsi_wire.scsi import Read10, Write10

_YES_NO = ["Yes", "No"]


@case("transfer-round-trip-01", "7143-4.2.5.2-03", "7143-11.8-15")
@variants("immediate", _YES_NO, ids=["immediate", "not-immediate"])
@variants("initial_r2t", _YES_NO, ids=["r2t-first", "unsolicited"])
def test_what_was_written_is_read_back(
    login: Callable[..., Session], scratch: Scratch, immediate: str, initial_r2t: str
) -> None:
    """Output arrives whole and in place, whichever of its parts go out unasked."""
    session = login(keys={"ImmediateData": immediate, "InitialR2T": initial_r2t, "FirstBurstLength": "4096"})
    blocks = 32768 // scratch.block_size
    data = pattern(blocks * scratch.block_size, 18)
    place = {"logical_block_address": scratch.start, "transfer_length": blocks}
    session.command(Write10.make(**place), write=data).expect(expect.good())
    session.command(Read10.make(**place), read=len(data)).expect(expect.good(data=data))


def _keys(immediate: str, initial_r2t: str, first: int, burst: int, r2ts: int = 1) -> Mapping[str, str]:
    return {
        "ImmediateData": immediate,
        "InitialR2T": initial_r2t,
        "FirstBurstLength": str(first),
        "MaxBurstLength": str(burst),
        "MaxOutstandingR2T": str(r2ts),
    }


# What is offered, and the octets of the write: the first burst and the bursts behind it are shorter than the
# transfer, equal to it, longer than it, and of odd sizes.
_WRITES: Mapping[str, tuple[Mapping[str, str], int]] = {
    "all-immediate": (_keys("Yes", "Yes", 4096, 16384), 4096),
    "more-than-immediate": (_keys("Yes", "Yes", 4096, 16384), 8192),
    "first-burst-equals-transfer": (_keys("No", "No", 8192, 16384), 8192),
    "first-burst-beyond-transfer": (_keys("No", "No", 16384, 16384), 8192),
    "first-burst-then-one-r2t": (_keys("No", "No", 4096, 16384), 16384),
    "first-burst-then-many-r2ts": (_keys("No", "No", 1024, 1024), 16384),
    "immediate-and-unsolicited": (_keys("Yes", "No", 131072, 262144), 262144),
    "immediate-fills-first-burst": (_keys("Yes", "No", 512, 4096), 12288),
    "solicited-only": (_keys("No", "Yes", 512, 4096), 12288),
    "burst-equals-transfer": (_keys("No", "Yes", 512, 8192), 8192),
    "burst-beyond-transfer": (_keys("No", "Yes", 512, 262144), 8192),
    "burst-not-a-divisor": (_keys("No", "Yes", 512, 5120), 16384),
    "burst-of-no-whole-blocks": (_keys("No", "Yes", 700, 1100), 8192),
    "smallest-bursts": (_keys("Yes", "No", 512, 512), 8192),
    "two-r2ts": (_keys("No", "Yes", 512, 2048, 2), 16384),
    "three-r2ts": (_keys("Yes", "No", 1024, 2048, 3), 16384),
    "four-r2ts": (_keys("No", "Yes", 512, 1024, 4), 32768),
    "many-r2ts": (_keys("No", "No", 512, 512, 64), 32768),
}


@case("transfer-write-01", "7143-4.2.5.2-04", "7143-11.8-15", "7143-11.8.4-02", "7143-11.3.1-02")
@variants("row", _WRITES.values(), ids=_WRITES)
def test_output_arrives_whatever_was_negotiated(
    login: Callable[..., Session], scratch: Scratch, row: tuple[Mapping[str, str], int]
) -> None:
    """Immediate, unsolicited and solicited data add up to the transfer, for every combination of limits."""
    keys, length = row
    session = login(keys=keys)
    data = pattern(length, length >> 9)
    fill(session, scratch, data)
    found = contents(session, scratch, length // scratch.block_size)
    assert found == data, "what is read is not what was written"


# Our MaxRecvDataSegmentLength, MaxBurstLength, and the octets of the read.
_READS: Mapping[str, tuple[int, int, int]] = {
    "one-data-in": (8192, 262144, 8192),
    "segment-beyond-transfer": (65536, 262144, 8192),
    "many-data-in": (512, 262144, 16384),
    "segment-not-a-divisor": (5000, 262144, 16384),
    "segment-of-no-whole-words": (1021, 262144, 16384),
    "burst-equals-segment": (1024, 1024, 16384),
    "burst-below-segment": (8192, 1024, 16384),
    "burst-of-many-segments": (512, 2048, 16384),
    "burst-not-a-multiple-of-segments": (1000, 2500, 16384),
    "burst-equals-transfer": (4096, 16384, 16384),
    "smallest": (512, 512, 8192),
    "large": (65536, 131072, 524288),
}


@case("transfer-read-01", "7143-11.7.1-04", "7143-11.7.1-05", "7143-13.12-02", "7143-13.13-02", "7143-11.7.6-01")
@variants("row", _READS.values(), ids=_READS)
def test_input_arrives_whatever_was_negotiated(
    login: Callable[..., Session], scratch: Scratch, row: tuple[int, int, int]
) -> None:
    """Data-In keep to the initiator's MaxRecvDataSegmentLength and to MaxBurstLength, and nothing gets lost."""
    segment, burst, length = row
    keys = {"MaxRecvDataSegmentLength": str(segment), "MaxBurstLength": str(burst), "FirstBurstLength": "512"}
    session = login(keys=keys)
    data = pattern(length, segment >> 5)
    fill(session, scratch, data)
    read = session.command(read_command(scratch, length // scratch.block_size), read=length)
    read.expect(expect.good(data=data))


@case("transfer-order-01", "7143-13.18-01", "7143-13.19-01")
@variants("key", ["DataPDUInOrder", "DataSequenceInOrder"])
def test_data_arrive_when_order_is_not_required(login: Callable[..., Session], scratch: Scratch, key: str) -> None:
    """> "No" is used by iSCSI to indicate that the data PDUs within sequences can be in any order.

    Whatever order the target chooses then, each octet is moved once and to its place.
    """
    session = login(keys={key: "No", "MaxRecvDataSegmentLength": "1024", "MaxBurstLength": "4096"}, ready=False)
    take_attentions(session)
    data = pattern(16384, 9)
    fill(session, scratch, data)
    found = contents(session, scratch, len(data) // scratch.block_size)
    assert found == data, "what is read is not what was written"


@case("transfer-connections-01", "7143-4.2.1-04", needs="several-connections")
def test_all_connections_reach_the_same_logical_unit(login: Callable[..., Session], scratch: Scratch) -> None:
    """A LUN addresses the same logical unit on whichever connection of the session the command is sent."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    data = pattern(scratch.block_size, 11)
    session.command(write_command(scratch, 1), write=data, connection=second).expect(expect.good())
    session.command(read_command(scratch, 1), read=len(data)).expect(expect.good(data=data))


@case("transfer-connections-02", "7143-4.2.5.1-01", "7143-4.2.5.1-02", "7143-4.2.5.1-04", needs="several-connections")
def test_data_and_status_use_the_connection_of_their_command(login: Callable[..., Session], scratch: Scratch) -> None:
    """> For any iSCSI request issued over a TCP connection, the corresponding response and/or other related PDU(s)
    > MUST be sent over the same connection.
    """
    session = login(keys={"MaxConnections": "2", "ImmediateData": "No"})
    connections = (session.connection, session.add_connection())
    blocks = 4096 // scratch.block_size
    for turn, connection in enumerate(connections):
        data = pattern(4096, 12 + turn)
        write = session.start(write_command(scratch, blocks), write=data, connection=connection)
        write.expect(expect.good())
        read = session.start(read_command(scratch, blocks), read=len(data), connection=connection)
        connections[1 - turn].expect(expect.unanswered())
        read.expect(expect.good(data=data))


@case("transfer-parallel-01", "7143-4.2.5.1-07")
def test_many_reads_may_be_under_way_at_once(session: Session, scratch: Scratch) -> None:
    """> The initiator and target MAY interleave unrelated SCSI commands, their SCSI data, and responses.

    They end in any order, and each brings its own data.
    """
    size = scratch.block_size
    data = pattern(16 * size, 13)
    fill(session, scratch, data)
    tasks = [session.start(read_command(scratch, 1, at), read=size) for at in range(16)]
    for at, task in enumerate(tasks):
        task.expect(expect.good(data=data[at * size : (at + 1) * size]))


@case("transfer-parallel-02", "7143-4.2.5.1-07", "7143-11.8-11")
def test_writes_may_be_served_in_any_order(login: Callable[..., Session], scratch: Scratch) -> None:
    """R2Ts of different tasks are answered when it suits the initiator; only those of one task keep their order."""
    session = login(keys={"ImmediateData": "No"})
    size = scratch.block_size
    data = pattern(4 * size, 14)
    tasks = [session.start(write_command(scratch, 1, at), write=data[at * size : (at + 1) * size]) for at in range(4)]
    r2ts = [task.next_r2t() for task in tasks]
    for turn in (2, 0, 3, 1):
        tasks[turn].serve(r2ts[turn])
    for task in tasks:
        task.expect(expect.good())
    assert contents(session, scratch, 4) == data, "a block got another write's data"


@case("transfer-parallel-03", "7143-4.2.5.2-14", needs="unsolicited-data")
def test_next_command_may_pass_the_unsolicited_data_of_the_one_before(
    login: Callable[..., Session], scratch: Scratch
) -> None:
    """> Command N + 1 MAY be sent before the unsolicited Data-Out PDUs for command N."""
    session = login(keys={"InitialR2T": "No", "ImmediateData": "No"})
    if session.parameters.initial_r2t:
        raise Unsupported("the target settles for InitialR2T=Yes")
    size = scratch.block_size
    data = pattern(2 * size, 15)
    halves = (data[:size], data[size:])
    tasks = [session.start(write_command(scratch, 1, at), write=halves[at], unsolicited=0, final=0) for at in range(2)]
    for task in tasks:
        task.data_out(final=1)
    for task in tasks:
        task.expect(expect.good())
    assert contents(session, scratch, 2) == data, "a block got another write's data"
