"""What the card and the crafted client say to each other, in tshark's eyes: no packet and no PDU is amiss."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from initiator_sim.segments import Impairments, write_capture
from tests.chiscsi_target.shells.carded import PORT, SHORT_BURSTS, V4, V6, Carded
from tests.interop.wiretap import expert_errors
from tests.iscsi_wire.agreement import compare
from tests.peers import require_peer

pytestmark = pytest.mark.interop

DATA = bytes(range(251)) * 261 + b"." * 25
CHECKED = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]


def seen(capture: Path, what: str) -> list[str]:
    """The packets that a display filter of tshark finds."""
    command = [str(require_peer("tshark", package="tshark")), *CHECKED, "-r", str(capture), "-Y", what]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout.splitlines()


@pytest.mark.parametrize("digest", ["None", "CRC32C"])
@pytest.mark.parametrize("address", [V4, V6])
def test_a_session_in_the_eyes_of_tshark(tmp_path: Path, address: str, digest: str) -> None:
    bench = Carded()
    bench.session(DATA, address, SHORT_BURSTS | {"HeaderDigest": digest, "DataDigest": digest})
    bench.rest()
    capture = tmp_path / "card.pcap"
    write_capture(capture, bench.link.crossings)
    assert len(seen(capture, f"tcp.port=={PORT}")) == len(bench.link.crossings)
    wrong = "_ws.malformed || tcp.checksum.status!=1 || (ip && ip.checksum.status!=1) || tcp.analysis.flags"
    assert seen(capture, wrong) == []
    assert expert_errors(capture) == []
    agreement = compare(capture)
    assert agreement.differences == []
    assert {"ReadyToTransfer", "DataOut", "DataIn", "TaskManagementResponse"} <= set(agreement.opcodes)


def test_a_bad_link_shows_but_every_packet_is_sound(tmp_path: Path) -> None:
    bench = Carded(Impairments(loss=0.1, reorder=0.1, duplicate=0.05, delay=0.001, seed=5))
    bench.session(DATA)
    bench.rest()
    capture = tmp_path / "card.pcap"
    write_capture(capture, bench.link.crossings)
    assert seen(capture, "tcp.checksum.status!=1 || ip.checksum.status!=1") == []
    assert seen(capture, "tcp.analysis.retransmission || tcp.analysis.fast_retransmission")
