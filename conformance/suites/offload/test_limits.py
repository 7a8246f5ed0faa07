"""How much a PDU and a work request may carry (behaviour file, 5.6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from chiscsi_target.offload.terminator import Offload
from conformance.api import DataIn, Received, expect, variants
from conformance.driver_bench import driver_case, make_buffers
from conformance.suites.blocks import pattern, take_data_in
from conformance.suites.driver_api.nodes import disks
from conformance.suites.offload.rig import DIGESTS, Rig
from iscsi_wire.scsi import Read10

Make = Callable[..., Rig]
LARGE = {"MaxRecvDataSegmentLength": "262144", "MaxBurstLength": "1048576"}
MODES: dict[str, tuple[Offload, int, int]] = {
    "auto": (Offload.AUTO, 15912, 12288),
    "ulp": (Offload.ULP, 15912, 12288),
    "crc": (Offload.CRC, 15912, 12288),
    "nic": (Offload.NIC, 15912, 12288),
    "off": (Offload.OFF, 0xFFFFFF, 0xFFFFFF),
}


@driver_case("off-limit-01", behaviour="5.6")
@variants("mode", list(MODES))
@variants("configured", [8192, 15912, 15913, 262144])
def test_declared_payload_fits_the_card(make_rig: Make, mode: str, configured: int) -> None:
    """A connection in ULP mode declares a MaxRecvDataSegmentLength of at most 15912; one without an adapter declares
    what is configured.
    """
    offload, limit, _ = MODES[mode]
    rig = make_rig(module={"offload": offload}, keys={"MaxRecvDataSegmentLength": str(configured)})
    declared = rig.session.parameters.target_max_recv_data_segment_length
    rig.bench.expect_equal("MaxRecvDataSegmentLength", declared, min(configured, limit))


@driver_case("off-limit-02", behaviour="5.6")
@variants("mode", list(MODES))
@variants("wanted", [512, 12288, 12289, 262144])
def test_sent_payload_fits_the_card(make_rig: Make, mode: str, wanted: int) -> None:
    """Data-In carry 12288 octets at most, or what the initiator takes if that is less."""
    offload, _, limit = MODES[mode]
    rig = make_rig(module={"offload": offload}, login=LARGE | {"MaxRecvDataSegmentLength": str(wanted)})
    data = pattern(100_000)
    longest = max(len(pdu.data) for pdu in _read(rig, data))
    rig.bench.expect_equal("longest payload", longest, min(wanted, limit, len(data)))


def _read(rig: Rig, data: bytes) -> list[Received[DataIn]]:
    """All Data-In of a read."""
    rig.bench.when("fp_scsi_cmd_cdb_rcved", lambda call: rig.bench.execute(call.sc, data))
    task = rig.session.start(bytes(16), read=len(data))
    came = take_data_in(task)
    rig.bench.expect_equal("octets read", task.result is not None and task.result.data, data)
    return came


BUILT_IN = {
    "auto": (262144, 65536, False),
    "nic": (16384, 16384, False),
    "ulp": (15912, 12288, True),
    "crc": (15912, 12288, True),
    "off": (262144, 65536, False),
}
"""By mode: what a built-in target takes in a PDU, what it sends in one, and whether it is offloaded."""


@driver_case("off-limit-03", behaviour="5.4, 5.6")
@variants("mode", list(BUILT_IN))
def test_built_in_targets_go_by_the_mode(make_rig: Make, mode: str) -> None:
    """A built-in target runs as iscsi_offload_mode says: without an adapter, over a plain network card with PDUs of
    16384 octets, or in ULP mode.
    """
    takes, sends, offloaded = BUILT_IN[mode]
    rig = make_rig(module={"offload": MODES[mode][0]})
    _, session = disks(rig.bench, ("MaxRecvDataSegmentLength", "262144"), login=LARGE)
    rig.bench.expect_equal("declared", session.parameters.target_max_recv_data_segment_length, takes)
    task = session.start(Read10.make(transfer_length=128), read=65536)
    rig.bench.expect_equal("longest payload", max(len(pdu.data) for pdu in take_data_in(task)), sends)
    rig.bench.expect_equal("offloaded", bool(rig.card.messages("CPL_SET_TCB_FIELD")), offloaded)


ISO = re.compile(r"burst (\d+) mpdu (\d+) pdus (\d+)")


@driver_case("off-limit-04", behaviour="5.6")
@variants("burst", [8192, 16384, 65536, 262144])
@variants("segment", [512, 4096, 12288])
@variants("digests", [False, True], ids=["none", "both"])
def test_segmentation_keeps_to_its_bounds(make_rig: Make, burst: int, segment: int, digests: bool) -> None:
    """One request of segmentation sends up to 65535 octets, of one burst; together they send what goes out."""
    login = LARGE | {"MaxRecvDataSegmentLength": str(segment), "MaxBurstLength": str(burst), "FirstBurstLength": "512"}
    login |= {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"} if digests else {}
    rig = make_rig(keys=DIGESTS, login=login)
    pdus = _read(rig, pattern(200_000))
    requests = _requests(rig)
    rig.bench.expect_equal("largest request", max(octets for octets, _ in requests) <= 65535, True)
    rig.bench.expect_equal("octets and PDUs", tuple(map(sum, zip(*requests, strict=True))), (200_000, len(pdus)))
    ends = {sum(octets for octets, _ in requests[: number + 1]) for number in range(len(requests))}
    bursts = {*range(burst, 200_000, burst), 200_000}
    rig.bench.expect_equal("bursts end where requests do", bursts <= ends, True)
    counted = rig.card.information().iso_cnt
    rig.bench.expect_equal("iso_cnt", counted, sum(count > 1 for _, count in requests))


def _requests(rig: Rig) -> list[tuple[int, int]]:
    """Octets and PDUs of each work request that sent Data-In."""
    found: list[tuple[int, int]] = []
    for line in rig.card.messages("FW_OFLD_TX_DATA_WR", "CPL_TX_DATA_ISO"):
        iso = ISO.search(line)
        octets = int(line.partition("plen ")[2].split()[0]) - 48 if iso is None else 0
        if iso is not None:
            found[-1] = int(iso[1]), int(iso[3])
        elif octets > 0:
            found.append((octets, 1))
    return found


@driver_case("off-limit-05", behaviour="3.3, 5.6")
@variants(
    "phases",
    [(4096, 8192, 4096), (8192, 4096, 8192), (12288, 12288, 100), (100, 12288, 24576)],
    ids=lambda phases: "-".join(map(str, phases)),
)
def test_segments_are_of_one_length(make_rig: Make, phases: tuple[int, ...]) -> None:
    """The card cuts a burst into PDUs of one length, only the last is shorter: a read whose phases end elsewhere is
    sent by several requests, and each makes as many PDUs as go out.
    """
    rig = make_rig(multi_phase=True, login=LARGE)
    data = pattern(sum(phases))
    task, sc = rig.bench.begin_read(len(data), rig.session)
    start = 0
    for length in phases:
        rig.bench.execution_status(sc, make_buffers(data[start : start + length], start))
        rig.bench.stage.settle()
        start += length
    pdus = take_data_in(task)
    requests = _requests(rig)
    rig.bench.expect_equal("octets and PDUs", tuple(map(sum, zip(*requests, strict=True))), (len(data), len(pdus)))


@driver_case("off-limit-06", behaviour="5.6")
@variants("burst", [16384, 49152, 131072])
def test_first_and_last_name_the_ends_of_a_burst(make_rig: Make, burst: int) -> None:
    """A request that begins a burst says so, and one that ends it."""
    rig = make_rig(login=LARGE | {"MaxRecvDataSegmentLength": "4096", "MaxBurstLength": str(burst)})
    _read(rig, pattern(4 * burst))
    lines = rig.card.messages("CPL_TX_DATA_ISO")
    for end in ("first", "last"):
        rig.bench.expect_equal(f"requests that are {end}", sum(f" {end}" in line for line in lines), 4)


@driver_case("off-limit-07", behaviour="5.6")
@variants("octets", [15912, 15913])
def test_longer_pdus_are_not_taken(make_rig: Make, octets: int) -> None:
    """A PDU with more payload than was declared cannot be taken in: the connection ends."""
    rig = make_rig(keys={"MaxRecvDataSegmentLength": "262144"})
    write = rig.write("page", [(0, 16384)])
    r2t = write.next_r2t()
    write.task.data_out(r2t, data=write.data[:octets], final=0)
    if octets > 15912:
        rig.session.expect(expect.connection_closed(after=()))
        write.expect_untouched()
    else:
        write.task.data_out(r2t, data=write.data[octets:], buffer_offset=octets, data_sn=1)
        rig.bench.expect_returned(write.sc, write.phases[0].buffers)
        write.conclude().expect_placed()
