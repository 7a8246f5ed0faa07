"""Decode and encode a 48-byte header: the generated codec beside construct and scapy, in one run.

    python -m benchmarks.codec [--json PATH] [--seconds S]

construct parses and builds the declaration that the codec is generated from, also in construct's compiled form. scapy
dissects and builds a bare layer of the fields in the same table, and the layer of `initiator_sim.layers`, which fills
in lengths and knows what follows a header. All have to give the header back unchanged. The exit status is 1 if the
generated codec is less than 20 times faster than any of the others.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from iscsi_wire.formats import PDUS
from iscsi_wire.formats.declare import Format
from iscsi_wire.pdus import DataIn, LoginRequest, Pdu, ScsiCommand

GOAL: Final = 20.0
ROUNDS: Final = 5

# What libiscsi and tgt sent: fixtures/captures/tgt-test-suite.pcap, and istgt-inquiry.pcap for the login.
HEADERS: Final[dict[type[Pdu], bytes]] = {
    ScsiCommand: bytes.fromhex(
        "01c1000000000000 0001000000000000 1d3ec12f 0000ffff 36f32eb8 0000000a a30c800000000000ffff000000000000"
    ),
    DataIn: bytes.fromhex(
        "25830000000003ec 0000000000000000 1d3ec12f ffffffff 0000000a 36f32eb9 36f32f39 00000000 00000000 0000fc13"
    ),
    LoginRequest: bytes.fromhex(
        "43870000000001ba 8007394e0000 0000 1a1d64ac 0000 0000 25869856 00000001 00000000000000000000000000000000"
    ),
}


def contenders(kind: type[Pdu], header: bytes) -> dict[str, Callable[[], bytes]]:
    """Return what to measure, by name: each decodes `header`, and encodes what came out."""
    from scapy.packet import Packet  # noqa: PLC0415 - scapy takes a second to import

    from initiator_sim.layers import LAYERS  # noqa: PLC0415

    declared: Format = next(each for each in PDUS if each.name == kind.__name__)
    plain, compiled, layer = declared.construct, declared.construct.compile(), LAYERS[kind.__name__]
    bare = type("Bare", (Packet,), {"name": kind.TITLE, "fields_desc": layer.fields_desc})

    def rebuilt(packet: Packet) -> bytes:
        packet.clear_cache()  # or scapy would return the bytes that it was given
        return bytes(packet)

    return {
        "generated": lambda: kind.decode(header).encode(),
        "construct": lambda: bytes(plain.build(plain.parse(header))),
        "construct compiled": lambda: bytes(compiled.build(compiled.parse(header))),
        "scapy": lambda: rebuilt(bare(header)),
        "scapy, our layer": lambda: rebuilt(layer(header)),
    }


def microseconds(run: Callable[[], bytes], seconds: float) -> float:
    """Return the best mean time of one call over several rounds that take `seconds` together."""
    number = 1
    while (elapsed := _timed(run, number)) < seconds / ROUNDS / 4:
        number *= 2
    number = max(1, int(number * seconds / ROUNDS / elapsed))
    return min(_timed(run, number) for _ in range(ROUNDS)) / number * 1e6


def _timed(run: Callable[[], bytes], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        run()
    return time.perf_counter() - start


def measure(seconds: float) -> dict[str, dict[str, float]]:
    """Return the microseconds of a round trip, by PDU and contender."""
    results: dict[str, dict[str, float]] = {}
    for kind, header in HEADERS.items():
        runs = contenders(kind, header)
        for name, run in runs.items():
            if run() != header:
                raise SystemExit(f"{name} does not give the {kind.TITLE} back unchanged")
        results[kind.__name__] = {name: microseconds(run, seconds) for name, run in runs.items()}
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description="Decode and encode a 48-byte header in several ways.")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here too")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="time for each figure (default 1)")
    arguments = parser.parse_args()
    results = measure(arguments.seconds)
    print(f"{'decode + encode, 48-byte header':32}{'us':>10}{'ratio':>10}")
    for pdu, times in results.items():
        for name, each in times.items():
            print(f"{pdu + ', ' + name:32}{each:10.2f}{each / times['generated']:10.1f}")
    least = min(
        each / times["generated"] for times in results.values() for name, each in times.items() if name != "generated"
    )
    print(f"least ratio {least:.1f}, goal {GOAL:.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report(results, least), indent=2) + "\n", encoding="utf-8")
    return 0 if least >= GOAL else 1


def report(results: dict[str, dict[str, float]], least: float) -> dict[str, object]:
    """Return the figures with what is needed to compare them with another run's."""
    return {
        "unit": "microseconds for decode and encode of one header",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "microseconds": results,
        "least ratio": least,
        "goal": GOAL,
    }


if __name__ == "__main__":
    sys.exit(main())
