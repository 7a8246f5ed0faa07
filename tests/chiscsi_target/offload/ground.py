"""What the tests of the Terminator stand on: a pass-through driver over it, and buffers of every kind of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE, chiscsi_scsi_cmd_buffer_ready, chiscsi_scsi_command, chiscsi_sgvec
from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.offload.terminator import Terminator
from chiscsi_target.offload.ulp_connection import UlpConnection
from iscsi_wire.pdus import DataOut, ReadyToTransfer, ScsiCommand, ScsiResponse
from iscsi_wire.records import PlacementRecord
from tests.chiscsi_target.peer import Peer, of_kind, write10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import Stand

__all__ = [
    "BURSTS",
    "DMABLE",
    "KINDS",
    "LONG_BURSTS",
    "REACHABLE",
    "Buffer",
    "Offloaded",
    "data_out",
    "finish",
    "make",
    "pattern",
]

DMABLE = ISCSI_SG_SBUF_DMABLE
REACHABLE = ("dmable", "page", "region", "dma")
"""Kinds of memory that the card gets to."""
KINDS = (*REACHABLE, "virtual", "read-only", "nowhere")
PAGE = 4096
BURSTS = (("MaxOutstandingR2T", "8"), ("MaxBurstLength", "8192"), ("FirstBurstLength", "8192"))
LONG_BURSTS = (("MaxBurstLength", "12288"), ("FirstBurstLength", "8192"))


def pattern(length: int, seed: int = 0) -> bytes:
    """Octets that are different in every place of a few pages."""
    return bytes((at * 7 + at // 251 + seed * 31) & 0xFF for at in range(length))


@dataclass
class Buffer:
    """A vector, and the octets that it means."""

    vector: chiscsi_sgvec
    memory: memoryview


def make(space: AddressSpace, kind: str, length: int, offset: int = 0) -> Buffer:
    """A buffer of a kind of memory; the offset is into its page, if it is one."""
    size = max(length, 1)
    if kind in ("dmable", "virtual", "read-only"):
        plain = bytes(size) if kind == "read-only" else bytearray(size)
        flag = 0 if kind == "virtual" else DMABLE
        return Buffer(chiscsi_sgvec(plain, length, sg_flag=flag), memoryview(plain)[:length])
    if kind == "page":
        page = bytearray(offset + size)
        vector = chiscsi_sgvec(None, length, page, offset)
        return Buffer(vector, memoryview(page)[offset : offset + length])
    region = space.region(offset + size)
    view = memoryview(region.memory)[offset : offset + length]
    if kind == "region":
        return Buffer(chiscsi_sgvec(None, length, region, offset), view)
    address = region.dma_address + offset if kind == "dma" else 0x10
    return Buffer(chiscsi_sgvec(None, length, sg_dma_addr=address, sg_flag=DMABLE), view)


class Offloaded:
    """A holding driver with an address space, whose sessions run over the card, and one session."""

    def __init__(
        self, *keys: tuple[str, str], multi_phase: bool = False, space: AddressSpace | None = None, **how: Any
    ) -> None:
        self.space = space or AddressSpace()
        self.driver = HoldingDriver(multi_phase=multi_phase)
        self.driver.address_space = self.space
        received = ("MaxRecvDataSegmentLength", "65536")
        self.stand = Stand(("MaxConnections", "4"), received, *keys, driver=self.driver, **how)
        self.peer = self.stand.login(("MaxConnections", "4"), *keys)

    @property
    def card(self) -> Terminator:
        card = self.stand.module.terminator
        assert card is not None
        return card

    @property
    def ulp(self) -> UlpConnection:
        """The peer's connection, as the adapter has it."""
        ulp = self.stand.connection(self.peer).ulp
        assert isinstance(ulp, UlpConnection)
        return ulp

    def write(self, length: int, data: bytes = b"", **fields: Any) -> tuple[ScsiCommand, chiscsi_scsi_command]:
        """Send a write; its driver holds it."""
        request = self.peer.command(write10(0, 1), length, data, write=True, **fields)
        return request, self.driver.last

    def give(self, sc: chiscsi_scsi_command, *buffers: Buffer, offset: int = 0) -> None:
        """Hand buffers over as one phase."""
        vectors = [buffer.vector for buffer in buffers]
        length = sum(vector.sg_length for vector in vectors)
        assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, len(vectors), offset, length) == 0
        self.stand.pump()

    def r2ts(self) -> list[ReadyToTransfer]:
        """The R2Ts that came."""
        return of_kind(self.peer.receive(), ReadyToTransfer)

    def placement(self) -> tuple[int, int, str]:
        """What was said of the last write: octets placed and copied, and why."""
        record = self.stand.of_type(PlacementRecord)[-1]
        return record.placed, record.copied, record.reason

    def nothing_is_left(self) -> bool:
        """Whether all of the card's pods are free, and no connection is on it."""
        return self.card.pods.in_use == 0 and not self.card.connections


def data_out(peer: Peer, r2t: ReadyToTransfer, data: bytes, segment: int = 8192) -> list[bytes]:
    """The Data-Out PDUs that answer an R2T from the whole transfer's data, each as it is on the wire."""
    start, end = r2t.buffer_offset, r2t.buffer_offset + r2t.desired_data_transfer_length
    known: dict[str, Any] = {"lun": r2t.lun, "initiator_task_tag": r2t.initiator_task_tag}
    known |= {"target_transfer_tag": r2t.target_transfer_tag}
    pdus = []
    for number, at in enumerate(range(start, end, segment)):
        following = min(at + segment, end)
        pdu = DataOut.make(**known, data_sn=number, buffer_offset=at, final=int(following == end))
        pdus.append(peer.octets(pdu, data[at:following]))
    return pdus


def finish(ground: Offloaded, sc: chiscsi_scsi_command, data: bytes, segment: int = 8192, cut: int = 0) -> int:
    """Answer all R2Ts, the data in pieces of `cut` octets, and complete the command; returns its status."""
    waiting = ground.r2ts()
    while waiting:
        for octets in data_out(ground.peer, waiting.pop(0), data, segment):
            for start in range(0, len(octets), cut or len(octets)):
                ground.peer.pipe.send(octets[start : start + (cut or len(octets))])
        waiting += ground.r2ts()
    assert ground.driver.complete(sc) == 0
    return ground.peer.take(ScsiResponse)[0].status
