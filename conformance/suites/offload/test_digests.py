"""Digests on offloaded connections, with data placed and data copied (behaviour file, 5.4 and 5.5)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import expect, variants
from conformance.driver_bench import driver_case
from conformance.driver_bench.pages import Kind, make_pages
from conformance.suites.blocks import pattern
from conformance.suites.offload.rig import DIGESTS, Rig

Make = Callable[..., Rig]


@driver_case("off-digest-01", behaviour="5.4, 5.5")
@variants("header", ["None", "CRC32C"])
@variants("data", ["None", "CRC32C"])
@variants("kind", ["page", "dma", "addr"])
@variants("length", [511, 8192, 40001])
def test_writes_with_digests(make_rig: Make, header: str, data: str, kind: Kind, length: int) -> None:
    """Each combination of digests, with padding and without: the data end right, placed or copied."""
    rig = make_rig(keys=DIGESTS, login={"HeaderDigest": header, "DataDigest": data})
    if kind == "dma" and length < 512:
        length += 512
    shape = [(0, min(8192, length - start)) for start in range(0, length, 8192)]
    write = rig.write(kind, shape).finish()
    if kind == "addr" or length < 512:
        write.expect_copied("threshold" if length < 512 else "memory")
    else:
        write.expect_placed()


@driver_case("off-digest-02", behaviour="5.4, 5.5")
@variants("header", ["None", "CRC32C"])
@variants("data", ["None", "CRC32C"])
@variants("kind", ["page", "dma", "addr"])
def test_reads_with_digests(make_rig: Make, header: str, data: str, kind: Kind) -> None:
    """The card adds the digests that were negotiated to what is sent: the initiator finds them right."""
    rig = make_rig(keys=DIGESTS, login={"HeaderDigest": header, "DataDigest": data})
    octets = pattern(20001)
    task, sc = rig.bench.begin_read(len(octets), rig.session)
    pages = make_pages(rig.space, kind, [(0, 16384), (0, 3617)], data=octets)
    rig.bench.execution_status(sc, pages.buffers)
    task.expect(expect.good(data=octets))
    lines = rig.card.messages("FW_OFLD_TX_DATA_WR")
    wanted = ("ULP_CRC_HEADER", header), ("ULP_CRC_DATA", data)
    told = all((name in line) == (value != "None") for line in lines for name, value in wanted)
    rig.bench.expect_equal("the requests say which digests", told, True)
