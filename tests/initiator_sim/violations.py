"""One misbehaviour of a target for each rule that the initiator checks by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from initiator_sim import Account, Session
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import (
    DataIn,
    LoginRequest,
    LoginResponse,
    NopIn,
    NopOut,
    Pdu,
    ReadyToTransfer,
    Reject,
    ScsiCommand,
    ScsiResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
)
from tests.initiator_sim.fakes import FakePeer

Say: TypeAlias = Callable[[FakePeer, Any], None]
"""What the target says to a request, given its header."""
Script: TypeAlias = Callable[[Session], object]


@dataclass(frozen=True)
class Violation:
    """A rule, the request on which the target breaks it, what it says, the script that asks, the field to blame."""

    rule: str
    request: type[Pdu]
    say: Say
    script: Script
    field: str = ""
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}-{self.field}"


# ---- scripts

CDB = bytes(16)


def ping(session: Session) -> None:
    session.nop(b"abc")


def ping_twice(session: Session) -> None:
    session.nop(b"abc")
    session.nop(b"abc")


def read(session: Session) -> None:
    session.command(CDB, read=1024)


def write(session: Session) -> None:
    session.command(CDB, write=bytes(100000), immediate_data=0)


def both(session: Session) -> None:
    session.command(CDB, read=1024, write=bytes(2000), immediate_data=0)


def reset(session: Session) -> None:
    session.task_management(5)


def ask(session: Session) -> None:
    session.send_targets()


def log_in(session: Session) -> None:
    session.login()


def prove(session: Session) -> None:
    session.login(account=Account("user", b"secret-of-user1", "disk", b"secret-of-disk1"))


# ---- what a target says


def echo(data: bytes = b"abc", **fields: Any) -> Say:
    def say(peer: FakePeer, request: NopOut) -> None:
        right = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
        peer.say(NopIn, data, **(right | called(fields, peer)))

    return say


def called(fields: Mapping[str, Any], peer: FakePeer) -> dict[str, Any]:
    """Return fields with those that are functions of the peer computed."""
    return {name: value(peer) if callable(value) else value for name, value in fields.items()}


def octets(header: Pdu, more: bytes = b"") -> Say:
    """A PDU as it stands, with the numbers and the tag that are right."""

    def say(peer: FakePeer, request: Any) -> None:
        ready: Any = header
        ready.initiator_task_tag = request.initiator_task_tag
        if isinstance(header, NopIn | ReadyToTransfer):
            header.stat_sn, header.exp_cmd_sn, header.max_cmd_sn = peer.stat_sn, peer.exp_cmd_sn, peer.exp_cmd_sn
        peer.deliver(header.encode() + more)

    return say


def then(*steps: Say) -> Say:
    def say(peer: FakePeer, request: Any) -> None:
        for step in steps:
            step(peer, request)

    return say


def pdu(kind: type[Pdu], data: bytes = b"", **fields: Any) -> Say:
    return lambda peer, request: peer.say(kind, data, **({"initiator_task_tag": request.initiator_task_tag} | fields))


def data_in(*pieces: tuple[int, int, dict[str, Any]]) -> Say:
    """Data-In with these offsets, lengths and fields, DataSN counted, then GOOD."""
    steps = [
        pdu(DataIn, bytes(length), **({"data_sn": count, "buffer_offset": offset} | fields))
        for count, (offset, length, fields) in enumerate(pieces)
    ]
    return then(*steps, status(exp_data_sn=len(pieces)))


def r2t(**fields: Any) -> Say:
    return pdu(ReadyToTransfer, **({"target_transfer_tag": 5, "desired_data_transfer_length": 1000} | fields))


def status(data: bytes = b"", **fields: Any) -> Say:
    return pdu(ScsiResponse, data, **fields)


def text(data: bytes = b"", **fields: Any) -> Say:
    return pdu(TextResponse, data, **({"target_transfer_tag": RESERVED_TAG} | fields))


def spoiled(offset: int) -> Say:
    """An echo with one octet altered after the digests were computed."""

    def say(peer: FakePeer, request: NopOut) -> None:
        echo()(peer, request)
        peer.spoil(offset)

    return say


def login(data: bytes = b"", **fields: Any) -> Say:
    """A login response that goes along with the request, but for `fields`."""

    def say(peer: FakePeer, request: LoginRequest) -> None:
        right: dict[str, Any] = {
            "transit": request.transit,
            "csg": request.csg,
            "nsg": request.nsg,
            "isid": request.isid,
            "tsih": 7 if request.nsg == 3 else 0,
            "initiator_task_tag": request.initiator_task_tag,
            "exp_cmd_sn": 1,
            "max_cmd_sn": 5,
        }
        peer.say(LoginResponse, data, **(right | called(fields, peer)))

    return say


def in_turn(*texts: bytes) -> Say:
    """Login responses that go along, each with the next of the texts."""

    def say(peer: FakePeer, request: LoginRequest) -> None:
        login(texts[len(peer.got) - 1])(peer, request)

    return say


_WRONG = b"CHAP_N=disk\0CHAP_R=0x00\0"
_AGREED = b"AuthMethod=CHAP\0"
_CHALLENGE = b"CHAP_A=5\0CHAP_I=1\0CHAP_C=0x0123456789abcdef\0"


UNASKED = pdu(NopIn, b"x", initiator_task_tag=RESERVED_TAG, target_transfer_tag=RESERVED_TAG, advance=0)
SHORT = {"MaxBurstLength": "600"}
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
OPEN = {"final": 0}

VIOLATIONS = [
    Violation("opcode", NopOut, octets(NopOut()), ping, "opcode"),
    Violation("ahs", NopOut, octets(NopIn.make(total_ahs_length=1), bytes(4)), ping, "total_ahs_length"),
    Violation("reserved", NopOut, echo(rsvd_2=1), ping, "rsvd_2"),
    Violation("reserved", NopOut, echo(rsvd_bit=1), ping, "rsvd_bit"),
    Violation("final", NopOut, echo(final=0), ping, "final"),
    Violation("padding", NopOut, octets(NopIn.make(data_segment_length=3), b"abc\xff"), ping, "data"),
    Violation("header_digest", NopOut, spoiled(17), ping, keys=DIGESTS),
    Violation("data_digest", NopOut, spoiled(52), ping, "data", DIGESTS),
    Violation("segment_length", NopOut, echo(bytes(262145)), ping),
    Violation("stat_sn", NopOut, echo(stat_sn=lambda peer: peer.stat_sn + 1), ping, "stat_sn"),
    Violation("stat_sn", ScsiCommand, r2t(stat_sn=0), write, "stat_sn"),
    Violation("window", NopOut, echo(max_cmd_sn=lambda peer: peer.exp_cmd_sn - 2), ping, "max_cmd_sn"),
    Violation("exp_cmd_sn", NopOut, echo(exp_cmd_sn=9, max_cmd_sn=9), ping, "exp_cmd_sn"),
    Violation("tag", NopOut, echo(initiator_task_tag=77), ping, "initiator_task_tag"),
    Violation("tag", NopOut, then(echo(), echo()), ping_twice, "initiator_task_tag"),
    Violation("reject_header", NopOut, lambda peer, _: peer.say(Reject, bytes(48)), ping, "data"),
    Violation("nop_in_tag", NopOut, echo(target_transfer_tag=1), ping, "target_transfer_tag"),
    Violation("nop_in_data", NopOut, then(UNASKED, echo()), ping, "data_segment_length"),
    Violation("echo", NopOut, echo(b"abd"), ping, "data"),
    Violation(
        "task_management_data", TaskManagementRequest, pdu(TaskManagementResponse, b"x"), reset, "data_segment_length"
    ),
    # input
    Violation("data_sn", ScsiCommand, data_in((0, 1024, {"data_sn": 1})), read, "data_sn"),
    Violation("data_sn", ScsiCommand, data_in((0, 512, {}), (512, 512, {"data_sn": 2})), read, "data_sn"),
    Violation("exp_data_sn", ScsiCommand, status(exp_data_sn=1), read, "exp_data_sn"),
    Violation("data_in_bounds", ScsiCommand, data_in((512, 1024, {})), read, "buffer_offset"),
    Violation("data_pdu_order", ScsiCommand, data_in((512, 512, OPEN), (0, 512, {})), read, "buffer_offset"),
    Violation("sequence_order", ScsiCommand, data_in((512, 512, {}), (0, 512, {})), read, "buffer_offset"),
    Violation(
        "overlap",
        ScsiCommand,
        data_in((512, 512, {}), (256, 512, {})),
        read,
        "buffer_offset",
        {"DataSequenceInOrder": "No"},
    ),
    Violation(
        "overlap",
        ScsiCommand,
        then(pdu(DataIn, bytes(512), buffer_offset=512), status(exp_data_sn=1, underflow=1, residual_count=512)),
        read,
        "data",
    ),
    Violation("burst_in", ScsiCommand, data_in((0, 512, OPEN), (512, 512, {})), read, "final", SHORT),
    Violation("sequence_end", ScsiCommand, data_in((0, 1024, OPEN)), read, "final"),
    Violation("data_in_size", ScsiCommand, data_in((0, 511, OPEN), (511, 513, {})), read, "data_segment_length"),
    Violation("acknowledge", ScsiCommand, data_in((0, 1024, {"acknowledge": 1})), read, "acknowledge"),
    Violation("status_final", ScsiCommand, data_in((0, 1024, {"status_present": 1, "final": 0})), read, "final"),
    Violation("status_in_data", ScsiCommand, data_in((0, 1024, {"status_present": 1, "status": 2})), read, "status"),
    # output
    Violation("r2t_sn", ScsiCommand, r2t(r2t_sn=1), write, "r2t_sn"),
    Violation("r2t_tag", ScsiCommand, r2t(target_transfer_tag=RESERVED_TAG), write, "target_transfer_tag"),
    Violation("lun", ScsiCommand, r2t(lun=1 << 48), write, "lun"),
    Violation(
        "r2t_data",
        ScsiCommand,
        octets(ReadyToTransfer.make(data_segment_length=4, target_transfer_tag=5), b"abcd"),
        write,
        "data_segment_length",
    ),
    Violation("r2t_length", ScsiCommand, r2t(desired_data_transfer_length=0), write, "desired_data_transfer_length"),
    Violation("burst_out", ScsiCommand, r2t(), write, "desired_data_transfer_length", SHORT),
    Violation("r2t_range", ScsiCommand, r2t(buffer_offset=512), write, "buffer_offset"),
    Violation(
        "r2t_range", ScsiCommand, r2t(desired_data_transfer_length=100001), write, "desired_data_transfer_length"
    ),
    Violation(
        "r2t_range",
        ScsiCommand,
        then(r2t(buffer_offset=1000), r2t(r2t_sn=1, buffer_offset=1999)),
        write,
        "buffer_offset",
        {"DataSequenceInOrder": "No", "MaxOutstandingR2T": "2"},
    ),
    Violation("r2t_count", ScsiCommand, then(r2t(), r2t(r2t_sn=1, buffer_offset=1000)), write),
    Violation("shared_sn", ScsiCommand, then(pdu(DataIn, bytes(1024)), r2t()), both, "r2t_sn"),
    Violation("shared_sn", ScsiCommand, then(r2t(), pdu(DataIn, bytes(1024))), both, "data_sn"),
    # status
    Violation("status_bidirectional", ScsiCommand, pdu(DataIn, bytes(1024), status_present=1), both, "status_present"),
    Violation("residual_bits", ScsiCommand, status(overflow=1, underflow=1), read, "overflow"),
    Violation(
        "residual_bits",
        ScsiCommand,
        status(bidi_read_overflow=1, bidi_read_underflow=1),
        both,
        "bidi_read_overflow",
    ),
    Violation("residual_zero", ScsiCommand, status(residual_count=5), write, "residual_count"),
    Violation("residual_failure", ScsiCommand, status(response=1, underflow=1), read, "overflow"),
    Violation("residual_count", ScsiCommand, status(underflow=1, residual_count=5), read, "residual_count"),
    Violation(
        "residual_count",
        ScsiCommand,
        status(bidi_read_underflow=1, bidi_read_residual_count=1023),
        both,
        "residual_count",
    ),
    Violation("sense", ScsiCommand, status(status=2), read, "data_segment_length"),
    Violation("sense_length", ScsiCommand, status(bytes([0, 30]) + bytes(18), status=2), read, "data"),
    # text and login
    Violation("send_targets", TextRequest, text(b"TargetAddress=127.0.0.1,1\0"), ask, "data"),
    Violation("send_targets", TextRequest, text(b"TargetName=iqn.2004-10.a:b\0TargetAddress=[\0"), ask, "data"),
    Violation("text", TextRequest, text(b"TargetName"), ask, "data"),
    Violation("text_tag", TextRequest, text(target_transfer_tag=1), ask, "target_transfer_tag"),
    Violation("text_tag", TextRequest, text(final=0), ask, "target_transfer_tag"),
    Violation("text_continue", TextRequest, text(continue_=1), ask, "continue_"),
    Violation("login_fields", LoginRequest, login(isid=b"abcdef"), log_in, "isid"),
    Violation("login_continue", LoginRequest, login(continue_=1), log_in, "continue_"),
    Violation("login_tsih", LoginRequest, login(tsih=9), log_in, "tsih"),
    Violation(
        "login_version",
        LoginRequest,
        login(version_active=lambda peer: len(peer.got)),
        log_in,
        "version_active",
    ),
    Violation("text", LoginRequest, login(b"AuthMethod\0"), log_in, "data"),
    Violation("answer", LoginRequest, login(b"AuthMethod=CHAP\0"), log_in, "data"),
    Violation("chap_challenge", LoginRequest, in_turn(_AGREED, b"CHAP_A=5\0CHAP_I=1\0"), prove, "data"),
    Violation("chap_challenge", LoginRequest, in_turn(_AGREED, _CHALLENGE.replace(b"=1", b"=256")), prove, "data"),
    Violation("chap_response", LoginRequest, in_turn(_AGREED, _CHALLENGE, b"CHAP_N=disk\0"), prove, "data"),
    Violation("chap_response", LoginRequest, in_turn(_AGREED, _CHALLENGE, _WRONG), prove, "data"),
    Violation("answer_missing", LoginRequest, login(), log_in, "data"),
]
