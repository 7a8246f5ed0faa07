"""Nobody can tell by the result whether data were placed: the same PDUs, memory and hooks as without an adapter.

What differs by right is the Target Transfer Tags, and PDUs longer than the card's (behaviour file, 5.3: "Correctness is
the same").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.offload.terminator import Offload
from conformance.api import variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind
from conformance.suites.offload.rig import COPYABLE, DIGESTS, Rig
from conformance.suites.offload.scripts import PHASED, SCRIPTS, WRONG_DIGESTS, Script
from iscsi_wire.constants import OPCODE_MASK, Opcode
from iscsi_wire.records import PduRecord

Make = Callable[..., Rig]
NODE = {"InitialR2T": "No", "MaxOutstandingR2T": "4"} | DIGESTS
LOGIN = {
    "InitialR2T": "No",
    "MaxOutstandingR2T": "4",
    "MaxRecvDataSegmentLength": "4096",
    "MaxBurstLength": "16384",
    "FirstBurstLength": "8192",
}
BOTH = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
_TAGGED = {Opcode.READY_TO_TRANSFER, Opcode.NOP_IN}
_TAG = slice(20, 24)


def _wire(rig: Rig) -> list[tuple[bytes, bytes]]:
    """Headers and data of all PDUs that the target has sent, with their Target Transfer Tags left out."""
    sent = []
    for record in rig.bench.records:
        if not isinstance(record, PduRecord) or (record.source, record.direction) != ("target", "out"):
            continue
        header, data = bytearray(record.header), bytearray(record.data)
        opcode = header[0] & OPCODE_MASK
        if opcode in _TAGGED:
            header[_TAG] = bytes(4)
        elif opcode == Opcode.REJECT:
            data[_TAG] = bytes(4)
        if opcode != Opcode.LOGIN_RESPONSE:
            sent.append((bytes(header), bytes(data)))
    return sent


def _hooks(rig: Rig) -> list[tuple[Any, ...]]:
    """The command hooks that were called: names, tags, buffers, flags and statuses."""
    calls = [call for call in rig.bench.hooks.calls if call.name.startswith("fp_scsi_cmd")]
    keys = ("offset", "buflen", "sc_itt")
    return [(call.name, call.flag & 0xFF, call.status, *map(call.arguments.get, keys)) for call in calls]


def _expect_alike(make_rig: Make, script: Script, kind: Kind, **arguments: Any) -> None:
    """Run a script without an adapter and with one, and require that both end alike."""
    rigs = [make_rig(module={"offload": mode}, keys=NODE, **arguments) for mode in (Offload.OFF, Offload.AUTO)]
    for rig in rigs:
        script(rig, kind)
        rig.bench.stage.settle()
        rig.bench.forget()
    without, offloaded = rigs
    bench = offloaded.bench
    bench.expect_equal("the connection is offloaded", bool(offloaded.card.messages()), True)
    bench.expect_equal("PDUs sent", len(_wire(offloaded)), len(_wire(without)))
    for found, wanted in zip(_wire(offloaded), _wire(without), strict=True):
        bench.expect_equal("PDU", found, wanted)
    memory = [[bytes(region.memory) for region in rig.space.regions] for rig in rigs]
    bench.expect_equal("the driver's memory is the same", memory[1] == memory[0], True)
    bench.expect_equal("hooks", _hooks(offloaded), _hooks(without))
    offloaded.expect_nothing_held()


@driver_case("off-same-01", behaviour="5.3, 5.6")
@variants("script", list(SCRIPTS))
@variants("kind", COPYABLE)
def test_scripts_end_alike(make_rig: Make, script: str, kind: Kind) -> None:
    """Whatever is done to a single-phase driver."""
    _expect_alike(make_rig, SCRIPTS[script], kind, login=LOGIN)


@driver_case("off-same-02", behaviour="5.3, 5.6")
@variants("script", list(PHASED))
@variants("kind", COPYABLE)
@variants("outstanding", ["1", "4"])
def test_phases_end_alike(make_rig: Make, script: str, kind: Kind, outstanding: str) -> None:
    """Whatever is done to a multi-phase driver."""
    login = LOGIN | {"MaxOutstandingR2T": outstanding}
    _expect_alike(make_rig, PHASED[script], kind, login=login, multi_phase=True)


@driver_case("off-same-03", behaviour="5.3, 5.5")
@variants("script", [*SCRIPTS])
@variants("kind", ["page", "addr"])
def test_scripts_end_alike_with_digests(make_rig: Make, script: str, kind: Kind) -> None:
    """The same with both digests."""
    _expect_alike(make_rig, SCRIPTS[script], kind, login=LOGIN | BOTH)


@driver_case("off-same-04", behaviour="3.4, 5.5")
@variants("which", list(WRONG_DIGESTS))
@variants("kind", ["page", "addr"])
def test_wrong_digests_end_alike(make_rig: Make, which: str, kind: Kind) -> None:
    """A wrong digest has the same consequences, whoever finds it."""
    _expect_alike(make_rig, WRONG_DIGESTS[which], kind, login=LOGIN | BOTH)
