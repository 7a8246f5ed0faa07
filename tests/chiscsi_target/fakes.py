"""Fakes for the tests of drivers and of the device server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chiscsi_target.api import (
    SC_FLAG_READ,
    SC_FLAG_WRITE,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_lun,
    chiscsi_scsi_command,
    chiscsi_sgvec,
    chiscsi_target_lun_class,
)
from chiscsi_target.api.sgvec import Memory, SgList

__all__ = ["FakeHandle", "FakeStack", "Outcome", "disk", "sense_descriptors"]


def vectors(buf: SgList | None, sgcnt: int) -> list[Memory]:
    """The memory behind what a driver hands over, by the rules of the guide: vectors, or the bytes themselves."""
    if sgcnt == 0:
        assert isinstance(buf, bytes | bytearray | memoryview), "without vectors the buffer is the memory itself"
        return [buf]
    assert isinstance(buf, Sequence) and len(buf) == sgcnt
    pieces: list[Memory] = []
    for vector in buf:
        assert isinstance(vector, chiscsi_sgvec) and vector.sg_addr is not None
        assert len(vector.sg_addr) >= vector.sg_length > 0
        pieces.append(memoryview(vector.sg_addr)[: vector.sg_length])
    return pieces


@dataclass
class Outcome:
    """How a command ended, as the initiator would see it.

    `residual` is negative for an overflow and positive for an underflow.
    """

    status: int
    data: bytes
    sense: tuple[int, int, int]
    field: tuple[int, int | None] | None
    residual: int
    sense_data: bytes = b""


@dataclass
class FakeStack:
    """The core's side of a command, as small as it can be: it takes the driver's calls and checks their order.

    A command is completed exactly once; a write's buffers come before that, once, and are filled from `payload`.
    """

    lun_class: chiscsi_target_lun_class
    payload: bytes = b""
    sent: bytes = b""
    buffers: list[Memory] = field(default_factory=list)
    sreq: tuple[SgList, int, int] | None = None
    completions: int = 0
    keep_views: bool = False
    views: list[Memory] = field(default_factory=list)
    aborted: int = 0

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        assert not self.completions and self.sreq is None
        assert scmd.sc_flag & SC_FLAG_WRITE and scmd.sc_status == 0
        assert buf is not None and offset == 0 and buflen == scmd.sc_xfer_len
        self.buffers = vectors(buf, sgcnt)
        assert sum(map(len, self.buffers)) == buflen
        self.sreq = (buf, sgcnt, buflen)
        return 0

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        assert not self.completions
        self.completions += 1
        if scmd.sc_status or scmd.sc_flag & SC_FLAG_WRITE:
            return 0
        assert offset == 0 and buflen == scmd.sc_xfer_len
        if buflen:
            pieces = vectors(buf, sgcnt)
            assert sum(map(len, pieces)) == buflen
            self.sent = b"".join(pieces)
            self.views = pieces if self.keep_views else []
        return 0

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        raise AssertionError("nobody asked for an abort")

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        self.aborted += 1
        return 0

    def ready_to_release(self, scmd: chiscsi_scsi_command) -> int:
        raise AssertionError("nobody waits for a release")

    def command_dump(self, scmd: chiscsi_scsi_command) -> None:
        raise AssertionError("nobody asked for a dump")

    def reset(self, payload: bytes) -> None:
        """Forget the last command."""
        self.payload, self.sent, self.buffers, self.sreq, self.completions = payload, b"", [], None, 0

    def deliver(self, scmd: chiscsi_scsi_command) -> None:
        """Fill a write's buffers, and give them back to the driver."""
        assert self.sreq is not None
        position = 0
        for buffer in self.buffers:
            assert not isinstance(buffer, bytes)
            part = self.payload[position : position + len(buffer)]
            buffer[: len(part)] = part
            position += len(part)
        buf, sgcnt, buflen = self.sreq
        assert self.lun_class.fp_scsi_cmd_data_xfer_status(scmd, buf, sgcnt, 0, buflen) == 0

    def command(
        self, cdb: bytes, *, length: int = 0, lun: int = 0, write: bool = False, session: int | None = 1
    ) -> chiscsi_scsi_command:
        """A command as the core makes it; `length` is its Expected Data Transfer Length."""
        flag = SC_FLAG_WRITE if write else SC_FLAG_READ
        scmd = chiscsi_scsi_command(self, cdb.ljust(16, b"\x00"), lun, 0x1234, 7, length, flag)
        scmd.sc_sess = session
        return scmd

    def await_end(self) -> None:
        """Wait for what completes commands; here, they are complete when their hooks return."""

    def run(self, cdb: str | bytes, *, data: bytes | None = None, **how: int | None) -> Outcome:
        """Run a command to its end: `data` makes it a write; other arguments as for `command`."""
        octets = bytes.fromhex(cdb) if isinstance(cdb, str) else cdb
        self.reset(data or b"")
        if data is not None:
            how.setdefault("length", len(data))
        scmd = self.command(octets, write=data is not None, **how)  # type: ignore[arg-type]
        assert self.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
        if self.sreq is not None and not self.completions:
            self.deliver(scmd)
        self.await_end()
        assert self.completions == 1
        self.lun_class.fp_scsi_cmd_cleanup(scmd)
        return outcome(scmd, self.sent)


def outcome(scmd: chiscsi_scsi_command, sent: bytes) -> Outcome:
    """What the status fields of a completed command say."""
    flag, residual = scmd.sc_flag, scmd.sc_xfer_residualcount
    assert not (flag & SC_FLAG_XFER_OVERFLOW and flag & SC_FLAG_XFER_UNDERFLOW)
    assert bool(residual) == bool(flag & (SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW))
    sense = (scmd.sc_sense_key, scmd.sc_sense_asc, scmd.sc_sense_ascq)
    raw = bytes(scmd.sc_sense_buf)
    where = None
    if raw:
        fixed = raw[0] & 0x7F == 0x70
        assert sense == ((raw[2] & 0xF, raw[12], raw[13]) if fixed else (raw[1] & 0xF, raw[2], raw[3]))
        pointer = raw[15:18] if fixed else sense_descriptors(raw).get(2, bytes(8))[4:7]
        where = (
            None if not pointer[0] & 0x80 else (int.from_bytes(pointer[1:]), pointer[0] & 7 if pointer[0] & 8 else None)
        )
    signed = -residual if flag & SC_FLAG_XFER_OVERFLOW else residual
    return Outcome(scmd.sc_status, sent, sense, where, signed, raw)


def sense_descriptors(raw: bytes) -> dict[int, bytes]:
    """The descriptors of sense data in descriptor format, by their types."""
    assert raw[7] == len(raw) - 8
    found, rest = {}, raw[8:]
    while rest:
        found[rest[0]], rest = rest[: rest[1] + 2], rest[rest[1] + 2 :]
    return found


@dataclass
class FakeHandle:
    """A task management request: keeps the answers to it."""

    answers: list[tuple[int, chiscsi_scsi_command | None]] = field(default_factory=list)

    def execution_done(self, tmf_response: int, scmd: chiscsi_scsi_command | None) -> int:
        self.answers.append((tmf_response, scmd))
        return 0


def disk(lun_class: chiscsi_target_lun_class, options: str = "", number: int = 0, path: str = "disk") -> chiscsi_lun:
    """A logical unit of `lun_class`, configured and attached."""
    lu, ebuf = chiscsi_lun(lun_class, number, path), bytearray()
    assert lun_class.fp_config_parse_options(lu, options, len(options), ebuf) == 0, ebuf.decode()
    assert lun_class.fp_attach(lu, ebuf, 256) == 0, ebuf.decode()
    return lu
