from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.api import (
    NopOut,
    Opcode,
    ReadyToTransfer,
    Scratch,
    Session,
    TextRequest,
    case,
    expect,
    mutations,
    settle,
    variants,
)
from conformance.suites.blocks import contents, fill, pattern, write_command
from initiator_sim.draft import Image, Stage
from initiator_sim.mutations import Alteration
from iscsi_wire.scsi import TestUnitReady

_BOTH = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
_UNKNOWN_COMMAND = bytes([0xC7]) + bytes(9)
_COMBINATIONS: Mapping[str, Mapping[str, str]] = {
    "none": {"HeaderDigest": "None", "DataDigest": "None"},
    "header": {"HeaderDigest": "CRC32C", "DataDigest": "None"},
    "data": {"HeaderDigest": "None", "DataDigest": "CRC32C"},
    "both": _BOTH,
}
_combinations = variants("keys", _COMBINATIONS.values(), ids=_COMBINATIONS)


@case("digest-combination-01", "7143-13.1-02", "7143-13.1-03", "7143-13.1-04", needs=("header-digest", "data-digest"))
@_combinations
def test_every_kind_of_pdu_carries_the_digests_agreed(
    login: Callable[..., Session], scratch: Scratch, keys: Mapping[str, str]
) -> None:
    """> When the initiator and target agree on a digest, this digest MUST be used for every PDU in the Full Feature
    > Phase.
    """
    session = login(keys={**keys, "ImmediateData": "No", "MaxRecvDataSegmentLength": "1024"})
    data = pattern(8192, 1)
    fill(session, scratch, data)
    assert contents(session, scratch, len(data) // scratch.block_size) == data, "other data came back"
    session.nop(b"ping")
    session.command(_UNKNOWN_COMMAND).expect(expect.check_condition(key=5))
    session.logout()


@case("digest-combination-03", "7143-13.1-03", "7143-11.2.3-01", needs=("header-digest", "data-digest"))
def test_text_responses_carry_the_digests_agreed(login: Callable[..., Session]) -> None:
    """> This digest MUST be used for every PDU in the Full Feature Phase."""
    session = login(keys=_BOTH)
    session.text({"MaxRecvDataSegmentLength": "2048"}).expect(expect.text_response())
    session.nop(b"still in step")


@case("digest-combination-02", "7143-13.1-01", "7143-13.1-04", needs=("header-digest", "several-connections"))
def test_each_connection_has_digests_of_its_own(login: Callable[..., Session], scratch: Scratch) -> None:
    """Digests are agreed for a connection (scope CO): one may have them and the other not."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection(keys=_COMBINATIONS["header"])
    data = pattern(scratch.block_size, 2)
    session.command(write_command(scratch, 1), write=data, connection=second).expect(expect.good())
    assert contents(session, scratch, 1) == data, "other data came back"


def _fixed_data_digest(octets: bytes) -> Alteration:
    """Send these octets as the data digest, whatever this project computes."""

    def change(image: Image) -> None:
        image.data_digest = octets

    return Alteration(Stage.DIGEST, f"data digest {octets.hex()}", change)


_REFERENCES: Mapping[str, tuple[bytes, bytes]] = {
    "zeros": (bytes(32), bytes.fromhex("aa36918a")),
    "ones": (b"\xff" * 32, bytes.fromhex("43aba862")),
    "rising": (bytes(range(32)), bytes.fromhex("4e79dd46")),
    "falling": (bytes(range(31, -1, -1)), bytes.fromhex("5cdb3f11")),
}


@case("digest-reference-01", "7143-13.1-06", "7143-13.1-07", needs="data-digest")
@variants("reference", _REFERENCES.values(), ids=_REFERENCES)
def test_digests_of_the_specification_are_accepted(
    login: Callable[..., Session], reference: tuple[bytes, bytes]
) -> None:
    """> CRC Examples: 32 bytes of zeroes: Byte: 0 1 2 3: aa 36 91 8a."""
    session = login(keys=_COMBINATIONS["data"])
    data, digest = reference
    session.send(NopOut, _fixed_data_digest(digest), data=data)
    session.expect(expect.nop_in(data=data))


@case("digest-padding-01", "7143-13.1-05", "7143-11.2.3-01", needs="data-digest")
@variants("octets", [b"\0\0\0", b"\x01\x80\xff"], ids=["zero", "not-zero"])
def test_data_digest_covers_the_padding(login: Callable[..., Session], octets: bytes) -> None:
    """> Padding bytes, when present in a segment covered by a CRC, SHOULD be set to 0 and are included in the CRC."""
    session = login(keys=_COMBINATIONS["data"])
    session.send(NopOut, mutations.padding(octets), data=b"p")
    session.expect(expect.nop_in(data=b"p"))
    session.nop(b"still in step")


@case("digest-empty-01", "7143-11.2.3-03", needs=("header-digest", "data-digest"))
def test_empty_data_segment_has_no_digest(login: Callable[..., Session]) -> None:
    """> A zero-length Data Segment also implies a zero-length Data-Digest."""
    session = login(keys=_BOTH)
    for _ in range(2):
        session.send(NopOut)
        session.expect(expect.nop_in(data=b""))
    session.command(TestUnitReady()).expect(expect.good())


@case("digest-ahs-01", "7143-11.2.3-01", "7143-4.6-01", needs="header-digest")
def test_header_digest_covers_additional_header_segments(login: Callable[..., Session]) -> None:
    """> The digests (...) are located, respectively, after the header and PDU-specific data and cover, respectively,
    > the header and the PDU data, each including the padding bytes, if any.

    A command of 32 octets is understood or refused, but not taken for a damaged one.
    """
    session = login(keys=_COMBINATIONS["header"])
    long_command = bytes([0x7F, 0, 0, 0, 0, 0, 0, 24, 0xFF, 0xF0]) + bytes(22)
    task = session.start(long_command)
    task.expect(expect.any_of(expect.check_condition(key=5), expect.rejected({4, 5, 9})))
    session.nop(b"still in step")


@case("digest-response-01", "7143-13.1-03", "7143-11.2.3-01", needs="data-digest")
def test_sense_data_and_reject_carry_a_data_digest(login: Callable[..., Session]) -> None:
    """> This digest MUST be used for every PDU in the Full Feature Phase: SCSI Response and Reject have data too."""
    session = login(keys=_COMBINATIONS["data"])
    session.command(_UNKNOWN_COMMAND).expect(expect.check_condition(key=5))
    session.send(NopOut, mutations.set_fields(opcode=0x0F), immediate=1)
    session.expect(expect.any_of(expect.rejected(), expect.connection_closed()))


@case("digest-wrong-header-01", "7143-7.8-01", needs="header-digest")
@variants("kind", [NopOut, TextRequest], ids=["nop-out", "text"])
def test_pdu_with_a_wrong_header_digest_is_not_served(
    login: Callable[..., Session], kind: type[NopOut] | type[TextRequest]
) -> None:
    """> When a target or an initiator receives any iSCSI PDU with a header digest error, it MUST either discard the
    > header and all data up to the beginning of a later PDU or close the connection.
    """
    session = login(keys=_COMBINATIONS["header"])
    session.send(kind, mutations.wrong_header_digest(), immediate=1)
    session.expect(expect.any_of(expect.connection_closed(after=()), expect.silently_ignored()))


@case("digest-wrong-header-02", "7143-7.8-01", needs=("header-digest", "immediate-data"))
def test_write_with_a_wrong_header_digest_stores_nothing(login: Callable[..., Session], scratch: Scratch) -> None:
    """> ... it MUST either discard the header and all data up to the beginning of a later PDU or close the
    > connection.
    """
    session = login(keys=_COMBINATIONS["header"])
    before, never = pattern(scratch.block_size, 3), pattern(scratch.block_size, 4)
    fill(session, scratch, before)
    session.start(write_command(scratch, 1), mutations.wrong_header_digest(1), write=never)
    session.expect(expect.any_of(expect.connection_closed(after=()), expect.silently_ignored()))
    again = session.initiator.login()
    settle(again)
    assert contents(again, scratch, 1) == before, "the damaged write was carried out"


@case("digest-wrong-data-01", "7143-7.8-02", "7143-11.17.1-01", "7143-7.3-03", needs="data-digest")
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
def test_ping_with_a_wrong_data_digest_is_rejected(login: Callable[..., Session], immediate: int) -> None:
    """> When a target receives any iSCSI PDU with a payload digest error, it MUST answer with a Reject PDU with a
    > reason code of Data-Digest-Error and discard the PDU.

    Sent again with the same CmdSN, it is served.
    """
    session = login(keys=_COMBINATIONS["data"])
    number = session.numbering.cmd_sn
    session.send(NopOut, mutations.wrong_data_digest(), immediate=immediate, data=b"damaged")
    session.expect(expect.any_of(expect.rejected(0x02), expect.connection_closed()))
    if not session.connection.ended:
        session.send(NopOut, immediate=immediate, cmd_sn=number, data=b"whole")
        session.expect(expect.nop_in(data=b"whole"))
        session.nop(b"next")


@case("digest-wrong-data-02", "7143-7.8-02", "7143-7.3-02", "7143-7.3-03", needs=("data-digest", "immediate-data"))
def test_command_with_damaged_immediate_data_can_be_sent_again(login: Callable[..., Session], scratch: Scratch) -> None:
    """> In the case of immediate data being present on a discarded command, the immediate data is implicitly recovered
    > when the task is retried (see Section 7.2.1), followed by the entire data transfer for the task.
    """
    session = login(keys=_COMBINATIONS["data"])
    before, new = pattern(scratch.block_size, 5), pattern(scratch.block_size, 6)
    fill(session, scratch, before)
    first = session.start(write_command(scratch, 1), mutations.wrong_data_digest(), write=new)
    first.expect(expect.any_of(expect.rejected(0x02), expect.connection_closed()))
    if not session.connection.ended:
        retry = session.start(write_command(scratch, 1), write=new, cmd_sn=first.cmd_sn, initiator_task_tag=first.tag)
        retry.expect(expect.good())
        assert contents(session, scratch, 1) == new, "other data were stored"


@case("digest-wrong-data-03", "7143-7.8-02", needs="data-digest")
def test_text_request_with_a_wrong_data_digest_is_rejected(login: Callable[..., Session]) -> None:
    """> When a target receives any iSCSI PDU with a payload digest error, it MUST answer with a Reject PDU with a
    > reason code of Data-Digest-Error and discard the PDU.

    Nothing that it said takes effect.
    """
    session = login(keys=_COMBINATIONS["data"])
    session.send(TextRequest, mutations.wrong_data_digest(), immediate=1, data=b"MaxRecvDataSegmentLength=512\0")
    session.expect(expect.any_of(expect.rejected(0x02), expect.connection_closed()))
    if not session.connection.ended:
        session.nop(bytes(2048))


def _asks_again(session: Session) -> bool:
    """Require that no status comes yet; returns whether the target asks for data again or ends the session."""
    quiet = expect.any_of(expect.unanswered(), expect.rejected(0x02))
    event = session.expect(expect.any_of(quiet, expect.r2t(), expect.connection_closed()))
    return isinstance(getattr(event, "header", None), ReadyToTransfer) or session.connection.ended


@case("digest-wrong-data-04", "7143-7.8-02", "7143-7.8-03", "7143-7.8-04", needs="data-digest")
@variants("damaged", [0, 1], ids=["first", "last"])
def test_damaged_solicited_data_are_asked_for_again_or_end_the_command(
    login: Callable[..., Session], scratch: Scratch, damaged: int
) -> None:
    """> The target MUST do one of the following: a) Request retransmission with a recovery R2T.  b) Terminate the task
    > with a SCSI Response PDU with a CHECK CONDITION Status and an iSCSI Condition of "Protocol Service CRC error".
    > If the target chooses to implement this option, it MUST wait to receive all the data.
    """
    session = login(keys={**_COMBINATIONS["data"], "ImmediateData": "No"})
    session.connection.rules.ignore("r2t_range")
    data = pattern(2 * scratch.block_size, 7)
    task = session.start(write_command(scratch, 2), write=data)
    r2t = task.next_r2t()
    half = len(data) // 2
    for number, start in enumerate((0, half)):
        wrong = [mutations.wrong_data_digest()] if number == damaged else []
        part = data[start : start + half]
        task.data_out(r2t, *wrong, data=part, buffer_offset=start, data_sn=number, final=number)
        if not number and _asks_again(session):
            return
    error = expect.check_condition(key=0x0B, asc=0x47, ascq=0x05)
    task.expect(expect.any_of(error, expect.good(), expect.connection_closed()))
    if task.wait().status == 0:
        assert task.output_transfer.count > 1, "the data were damaged, and not asked for again"
        assert contents(session, scratch, 2) == data, "damaged data were stored"


@case("digest-wrong-data-05", "7143-7.8-03", "7143-7.8-04", needs=("data-digest", "unsolicited-data"))
def test_damaged_unsolicited_data_are_asked_for_again_or_end_the_command(
    login: Callable[..., Session], scratch: Scratch
) -> None:
    """> If the discarded PDU is a solicited or unsolicited iSCSI data PDU (...), the target MUST do one of the
    > following: a) Request retransmission with a recovery R2T.  b) Terminate the task with a SCSI Response PDU.
    """
    session = login(keys={**_COMBINATIONS["data"], "ImmediateData": "No", "InitialR2T": "No"})
    session.connection.rules.ignore("r2t_range")
    data = pattern(scratch.block_size, 8)
    task = session.start(write_command(scratch, 1), write=data, unsolicited=0, final=0)
    task.data_out(None, mutations.wrong_data_digest(), data=data, final=1)
    error = expect.check_condition(key=0x0B, asc=0x47, ascq=0x05)
    task.expect(expect.any_of(error, expect.good(), expect.connection_closed()))
    if task.wait().status == 0:
        assert task.output_transfer.count, "the data were damaged, and not asked for again"
        assert contents(session, scratch, 1) == data, "damaged data were stored"


@case("digest-wrong-data-06", "7143-7.8-02", "7143-7.3-01", needs="data-digest")
def test_damaged_data_out_is_answered_by_a_reject(login: Callable[..., Session], scratch: Scratch) -> None:
    """> ... it MUST answer with a Reject PDU with a reason code of Data-Digest-Error and discard the PDU."""
    session = login(keys={**_COMBINATIONS["data"], "ImmediateData": "No"})
    session.connection.rules.ignore("r2t_range")
    task = session.start(write_command(scratch, 1), write=pattern(scratch.block_size, 9))
    task.data_out(task.next_r2t(), mutations.wrong_data_digest(), final=1)
    task.wait()
    if not session.connection.ended:
        session.nop()
        came = session.connection.exchange.pdus()
        reasons = [record.header[2] for record in came if record.header[0] & 0x3F == Opcode.REJECT]
        assert reasons == [0x02], f"Rejects with the reasons {reasons}"
