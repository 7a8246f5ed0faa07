"""What host and card say to each other about an offloaded iSCSI connection.

The messages (CPL: control packet layer) and work requests have the names and fields of Chelsio's public headers,
without what only carries them over the bus. Lengths and offsets are in octets. `describe` shows one in a line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import ClassVar, Final

from chiscsi_target.offload.limits import ISO_PAYLOAD
from chiscsi_target.offload.page_pods import POD_SIZE
from iscsi_wire.errors import FieldValueError
from iscsi_wire.pdus import decode_header
from iscsi_wire.structure import Buffer

__all__ = [
    "CPL_ISCSI_DATA",
    "CPL_ISCSI_HDR",
    "CPL_RX_DATA_DDP",
    "CPL_RX_ISCSI_CMP",
    "CPL_RX_ISCSI_DDP",
    "CPL_SET_TCB_FIELD",
    "CPL_SET_TCB_RPL",
    "CPL_TX_DATA_ISO",
    "FW_OFLD_TX_DATA_WR",
    "ISCSI_DDP",
    "MEMORY_UNIT",
    "TCB_ULP",
    "ULP_MODE_ISCSI",
    "ULP_TX_MEM_WRITE",
    "DdpStatus",
    "Message",
    "UlpSubmode",
    "describe",
]

ULP_MODE_ISCSI: Final = 2
"""The upper layer protocol of a connection; 0 is none."""

ISCSI_DDP: Final = 1 << 15
"""In `pdu_len_ddp`, above the length of the PDU: its payload goes to memory directly."""

MEMORY_UNIT: Final = 32
"""In which the card's memory is counted, in octets."""

TCB_ULP: Final = (0, 0xFFF)
"""Word and mask of the connection's protocol: type in bits 3 to 0, digests from bit 4 on, page size from bit 8 on."""

_PDU_LENGTHS: Final = ISCSI_DDP - 1


class DdpStatus(IntFlag):
    """What became of a PDU: bits of `ddpvld`."""

    PPOD_MISMATCH = 1 << 15
    PLACED = 1 << 16
    LLIMIT_ERR = 1 << 17
    PPOD_PARITY_ERR = 1 << 18
    PADDING_ERR = 1 << 19
    HDRCRC_ERR = 1 << 20
    DATACRC_ERR = 1 << 21
    INVALID_TAG = 1 << 22
    ULIMIT_ERR = 1 << 23
    OFFSET_ERR = 1 << 24
    COLOR_ERR = 1 << 25
    TID_MISMATCH = 1 << 26
    INVALID_PPOD = 1 << 27


class UlpSubmode(IntFlag):
    """Digests that the card adds to what it sends, and checks in what it receives."""

    ULP_CRC_HEADER = 1
    ULP_CRC_DATA = 2


class Message:
    """A message or work request about one connection.

    Attributes:
        tid: the card's number of the connection.
    """

    __slots__ = ()

    tid: int

    def details(self) -> str:
        """What there is to say beside the name and the tid."""
        raise NotImplementedError


def describe(message: Message) -> str:
    """One line about a message: `CPL_RX_ISCSI_DDP tid 5 len 8240 status 0x10000 PLACED`."""
    return f"{type(message).__name__} tid {message.tid} {message.details()}"


@dataclass(slots=True, frozen=True)
class CPL_ISCSI_HDR(Message):
    """To the host: a PDU begins.

    Attributes:
        pdu_len_ddp: length of the PDU with digests and padding; `ISCSI_DDP` above it.
        len: of `header`.
        seq: TCP sequence number of the first octet.
        urg: urgent pointer.
        status: 0, or why the connection ends.
        header: BHS and AHS, which follow the message.
    """

    tid: int
    pdu_len_ddp: int
    len: int
    seq: int
    urg: int = 0
    status: int = 0
    header: bytes = field(default=b"", repr=False)

    def details(self) -> str:
        """The PDU's length, where it lies in the stream, and its kind."""
        return _pdu(self.pdu_len_ddp, self.len, self.seq, self.header)


@dataclass(slots=True, frozen=True)
class CPL_ISCSI_DATA(Message):
    """To the host: payload of the PDU that has begun, as far as it was not placed.

    Attributes:
        len: of `data`.
        seq: TCP sequence number of the first octet.
        urg: urgent pointer.
        status: 0, or why the connection ends.
        data: the octets, which follow the message; a view is good until the message has been handled.
    """

    tid: int
    len: int
    seq: int
    urg: int = 0
    status: int = 0
    data: Buffer = field(default=b"", repr=False)

    def details(self) -> str:
        """How many octets, and where they lie in the stream."""
        return f"len {self.len} seq {self.seq:#x}"


@dataclass(slots=True, frozen=True)
class CPL_RX_DATA_DDP(Message):
    """To the host, from a T4: the PDU has ended.

    Attributes:
        len: of the PDU with digests and padding.
        seq: TCP sequence number of the octet behind it.
        ulp_crc: the data digest that was received.
        ddpvld: bits of `DdpStatus`.
        urg: urgent pointer.
        ddp_report: for other protocols than iSCSI.
    """

    tid: int
    len: int
    seq: int
    ulp_crc: int
    ddpvld: int
    urg: int = 0
    ddp_report: int = 0

    def details(self) -> str:
        """The PDU's length, its digest if it has one, and what became of it."""
        return f"len {self.len}{_digest(self.ulp_crc)} {_status(self.ddpvld)}"


@dataclass(slots=True, frozen=True)
class CPL_RX_ISCSI_DDP(CPL_RX_DATA_DDP):
    """To the host, from a T5 or later: the PDU has ended. The fields are those of `CPL_RX_DATA_DDP`."""


@dataclass(slots=True, frozen=True)
class CPL_RX_ISCSI_CMP(Message):
    """To the host, from a T6: Data-Out PDUs of one burst that came in order were all placed.

    Attributes:
        pdu_len_ddp: length of the PDUs together, with `ISCSI_DDP` above it.
        len: of `header`.
        seq: TCP sequence number of the first octet of the last PDU.
        ulp_crc: the data digest of the last PDU.
        ddpvld: bits of `DdpStatus`.
        urg: urgent pointer.
        status: 0, or why the connection ends.
        header: BHS and AHS of the last PDU, which follow the message.
    """

    tid: int
    pdu_len_ddp: int
    len: int
    seq: int
    ulp_crc: int
    ddpvld: int
    urg: int = 0
    status: int = 0
    header: bytes = field(default=b"", repr=False)

    def details(self) -> str:
        """What the message that begins a PDU says, and the one that ends it."""
        return (
            f"{_pdu(self.pdu_len_ddp, self.len, self.seq, self.header)}{_digest(self.ulp_crc)} {_status(self.ddpvld)}"
        )


@dataclass(slots=True, frozen=True)
class CPL_SET_TCB_FIELD(Message):
    """To the card: change bits of the connection's state. It answers with `CPL_SET_TCB_RPL`.

    Attributes:
        word: which 32-bit word of the state the bits begin in.
        mask: which bits change.
        val: their values.
        cookie: comes back with the answer.
    """

    tid: int
    word: int
    mask: int
    val: int
    cookie: int = 0

    def details(self) -> str:
        """The bits, and what they mean if they are those of `TCB_ULP`."""
        text = f"word {self.word} mask {self.mask:#x} val {self.val:#x}"
        if (self.word, self.mask) != TCB_ULP:
            return text
        digests = _flags(UlpSubmode(self.val >> 4 & 3))
        return f"{text} ulp type {self.val & 0xF} page size {self.val >> 8 & 3}{digests}"


@dataclass(slots=True, frozen=True)
class CPL_SET_TCB_RPL(Message):
    """To the host: the connection's state has been changed.

    Attributes:
        cookie: of the request.
        status: 0, or why it has not been changed.
        oldval: the bits as they were.
    """

    tid: int
    cookie: int = 0
    status: int = 0
    oldval: int = 0

    def details(self) -> str:
        """The status, and what was before."""
        return f"status {self.status} oldval {self.oldval:#x}"


@dataclass(slots=True, frozen=True)
class FW_OFLD_TX_DATA_WR(Message):
    """To the card: send PDUs; it adds padding and digests.

    Attributes:
        plen: octets from the host.
        ulp_mode: `ULP_MODE_ISCSI`.
        ulp_submode: bits of `UlpSubmode`.
        immdlen: how many of the octets are in the work request itself.
    """

    tid: int
    plen: int
    ulp_submode: int = 0
    ulp_mode: int = ULP_MODE_ISCSI
    immdlen: int = 0

    def details(self) -> str:
        """How much, of which protocol, and the digests to be added."""
        digests = _flags(UlpSubmode(self.ulp_submode))
        return f"plen {self.plen} ulp mode {self.ulp_mode} submode {self.ulp_submode}{digests}"


@dataclass(slots=True, frozen=True)
class CPL_TX_DATA_ISO(Message):
    """To the card: make Data-In PDUs of one burst from a single header. It lies inside a `FW_OFLD_TX_DATA_WR`.

    Attributes:
        first: the header begins the burst.
        last: the burst ends with these octets; the last PDU gets the F bit.
        len: payload with the header, at most `ISO_PAYLOAD` of it payload.
        mpdu: payload of a whole PDU; in words of four octets on the bus.
        burst_size: payload of all of them; in words of four octets on the bus.
        hdrcrc: add a header digest.
        pldcrc: add a data digest.
        immediate: set the I bit.
        scsi: what is cut: 2 for data.
        ahs_len: of the header's AHS, in words of four octets.
        seglen_offset: where the length stands; 0 for the header's own place.
        datasn_offset: how far DataSN of the first PDU lies from the header's.
        buffer_offset: how far the Buffer Offset of the first PDU lies from the header's.

    Raises:
        FieldValueError: there is no payload, or more than a request can carry.
    """

    SCSI_DATA: ClassVar[int] = 2

    tid: int
    first: bool
    last: bool
    len: int
    mpdu: int
    burst_size: int
    hdrcrc: bool = False
    pldcrc: bool = False
    immediate: bool = False
    scsi: int = SCSI_DATA
    ahs_len: int = 0
    seglen_offset: int = 0
    datasn_offset: int = 0
    buffer_offset: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.burst_size <= ISO_PAYLOAD:
            raise FieldValueError("burst_size", f"{self.burst_size} is not between 1 and {ISO_PAYLOAD}")
        if self.mpdu < 1:
            raise FieldValueError("mpdu", f"PDUs of {self.mpdu} octets hold nothing")

    @property
    def pdus(self) -> int:
        """How many PDUs the card makes: DataSN advances by so many."""
        return -(-self.burst_size // self.mpdu)

    def details(self) -> str:
        """What is cut into how many PDUs, the burst's ends, and the digests to be added."""
        ends = "".join(f" {name}" for name, is_set in (("first", self.first), ("last", self.last)) if is_set)
        digests = _flags(UlpSubmode(self.hdrcrc | self.pldcrc << 1))
        offsets = f"datasn {self.datasn_offset} offset {self.buffer_offset}"
        return f"len {self.len} burst {self.burst_size} mpdu {self.mpdu} pdus {self.pdus} {offsets}{ends}{digests}"


@dataclass(slots=True, frozen=True)
class ULP_TX_MEM_WRITE(Message):
    """To the card: write page pods. It stands in the transmit queue ahead of the R2T that needs them.

    Attributes:
        lock_addr: where to write, in units of 32 octets from the start of the pod region.
        dlen: how much, in units of 32 octets.
        immediate: whether the octets are in the work request, or it says where in the host's memory they are.
        data: the octets.
    """

    tid: int
    lock_addr: int
    dlen: int
    immediate: bool
    data: bytes = field(repr=False)

    def details(self) -> str:
        """Which pods, whether they become valid, and how they travel."""
        first, count = self.lock_addr * MEMORY_UNIT // POD_SIZE, self.dlen * MEMORY_UNIT // POD_SIZE
        valid = sum(self.data[at] & 1 for at in range(0, len(self.data), POD_SIZE))
        way = "immediate" if self.immediate else "scatter"
        return f"addr {self.lock_addr:#x} pods {first}+{count} valid {valid} {way}"


def _pdu(pdu_len_ddp: int, length: int, seq: int, header: bytes) -> str:
    ddp = " DDP" if pdu_len_ddp & ISCSI_DDP else ""
    kind = f" {decode_header(header).TITLE}" if header else ""
    return f"pdu {pdu_len_ddp & _PDU_LENGTHS}{ddp} len {length} seq {seq:#x}{kind}"


def _status(ddpvld: int) -> str:
    return f"status {ddpvld:#x}{_flags(DdpStatus(ddpvld))}"


def _digest(ulp_crc: int) -> str:
    return f" crc {ulp_crc:#x}" if ulp_crc else ""


def _flags(flags: IntFlag) -> str:
    """The names of the bits that are set, the highest first, each behind a blank."""
    names = [each.name for each in reversed(type(flags)) if each in flags]
    return "".join(f" {name}" for name in names)
