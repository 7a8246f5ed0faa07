"""Records fixtures/captures: real initiators and real targets talking on loopback. Run by `scripts/record-captures`.

Each scenario is one pcap file of one conversation or a few. What is said is the programs' own business; this file only
says which of their functions to call.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop import plain
from tests.interop.istgt import running_istgt
from tests.interop.libiscsi import session, tool
from tests.interop.processes import RunningTarget
from tests.interop.tgt import running_tgt
from tests.interop.wiretap import recording

__all__ = ["SCENARIOS", "Scenario", "main"]

CAPTURES = Path(__file__).parents[2] / "fixtures" / "captures"
_DIGESTS = ["HeaderDigest=CRC32C", "DataDigest=CRC32C", "InitialR2T=Yes", "ImmediateData=Yes"]
_BLOCK = 512
_BEYOND_THE_END = 1 << 40
_INQUIRY = bytes.fromhex("120000002400")  # 36 octets of standard INQUIRY data
_READ_SNACK = (0x10, 0x81, (0xFFFFFFFF, 0xFFFFFFFF, 0, 2, 0, 0, 0, 0))
_UNDEFINED_OPCODE = (0x1C, 0x80, (1, 0xFFFFFFFF, 1, 2))


def _octets(length: int) -> bytes:
    """Data in which no two words of a transfer are alike."""
    return b"".join(number.to_bytes(4, "big") for number in range(length // 4))


def _discovery(target: RunningTarget) -> None:
    tool("iscsi-ls", "-s", target.portal_url)


def _inquiry(target: RunningTarget) -> None:
    tool("iscsi-inq", target.url)
    for page in 0x00, 0x80, 0x83, 0xB0:
        tool("iscsi-inq", "-e", "1", "-c", str(page), target.url)
    tool("iscsi-readcapacity16", target.url)


def _writes_with_r2t(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, target.first_lun, immediate_data=False, initial_r2t=True) as initiator:
        initiator.write(8, _octets(40 * _BLOCK))
        initiator.read(8, 40 * _BLOCK)


def _unsolicited_data(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, target.first_lun) as initiator:
        initiator.write(0, _octets(_BLOCK))
        initiator.write(0, _octets(200 * _BLOCK))


def _reads_and_residuals(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, target.first_lun) as initiator:
        initiator.read(0, 100 * _BLOCK)
        initiator.command(_INQUIRY, read_length=255)
        initiator.command(_INQUIRY, read_length=8)
        initiator.read(_BEYOND_THE_END, _BLOCK)


def _nop(target: RunningTarget) -> None:
    """Pings both ways; the target asks once a second."""
    with session(target.portal, target.iqn, target.first_lun) as initiator:
        initiator.ping(b"sixteen octets..")
        initiator.await_traffic(times=2)


def _task_management(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, target.first_lun, immediate_data=False, initial_r2t=True) as initiator:
        initiator.abort_write(0, _octets(16 * _BLOCK))
        for function in "abort_task_set", "lun_reset", "target_warm_reset", "target_cold_reset":
            initiator.manage(function)


def _header_digest(target: RunningTarget) -> None:
    with session(target.portal, target.iqn, target.first_lun, header_digest=True) as initiator:
        initiator.write(8, _octets(40 * _BLOCK))
        initiator.read(8, 40 * _BLOCK)
        initiator.ping(b"sixteen octets..")


def _both_digests(target: RunningTarget) -> None:
    """By the plain initiator, with data that has to be padded in the NOP."""
    with plain.log_in(target.host, target.port, target.iqn, target.first_lun, _DIGESTS) as initiator:
        initiator.command(0x81, bytes(6))
        initiator.command(0xA1, bytes.fromhex("8a000000000000000008000000280000"), 40 * _BLOCK, _octets(40 * _BLOCK))
        initiator.command(0xC1, bytes.fromhex("88000000000000000008000000280000"), 40 * _BLOCK)
        initiator.command(0xC1, _INQUIRY, 255)
        initiator.ping(b"abcde")
        initiator.log_out()


def _rejects(target: RunningTarget) -> None:
    """A SNACK, which ErrorRecoveryLevel 0 has no use for, with digests; and an opcode that nobody defined, without."""
    for request, keys in (_READ_SNACK, _DIGESTS), (_UNDEFINED_OPCODE, []):
        with plain.log_in(target.host, target.port, target.iqn, target.first_lun, keys) as initiator:
            initiator.command(0x81, bytes(6))
            initiator.unusual(*request)
            with contextlib.suppress(ConnectionError):  # istgt now and then closes instead
                initiator.log_out()


def _test_suite(target: RunningTarget) -> None:
    """The tests that libiscsi has of sequence numbers, residuals and task management: unusual PDUs by design."""
    for name in "iSCSI.iSCSIcmdsn", "iSCSI.iSCSIdatasn", "iSCSI.iSCSIResiduals.Read10Residuals", "iSCSI.iSCSITMF":
        tool("iscsi-test-cu", "-d", "-s", "-t", name, target.url, check=False)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One capture: its file's name, who serves, and what an initiator does."""

    name: str
    target: Callable[[], contextlib.AbstractContextManager[RunningTarget]]
    run: Callable[[RunningTarget], None]

    @property
    def path(self) -> Path:
        """Where its capture is kept."""
        return CAPTURES / f"{self.name}.pcap"


def _tgt_with_digests() -> contextlib.AbstractContextManager[RunningTarget]:
    return running_tgt(settings={"HeaderDigest": "CRC32C,None", "DataDigest": "CRC32C,None"})


def _tgt_that_pings() -> contextlib.AbstractContextManager[RunningTarget]:
    return running_tgt(portal_options="nop_interval=1,nop_count=5")


SCENARIOS = (
    Scenario("tgt-discovery", running_tgt, _discovery),
    Scenario("tgt-inquiry", running_tgt, _inquiry),
    Scenario("tgt-writes-with-r2t", running_tgt, _writes_with_r2t),
    Scenario("tgt-unsolicited-data", lambda: running_tgt(settings={"InitialR2T": "No"}), _unsolicited_data),
    Scenario("tgt-reads-and-residuals", running_tgt, _reads_and_residuals),
    Scenario("tgt-nop", _tgt_that_pings, _nop),
    Scenario("tgt-task-management", running_tgt, _task_management),
    Scenario("tgt-header-digest", _tgt_with_digests, _header_digest),
    Scenario("tgt-both-digests", _tgt_with_digests, _both_digests),
    Scenario("tgt-test-suite", running_tgt, _test_suite),
    Scenario("istgt-inquiry", running_istgt, _inquiry),
    Scenario("istgt-writes-with-r2t", running_istgt, _writes_with_r2t),
    Scenario("istgt-reads-and-residuals", running_istgt, _reads_and_residuals),
    Scenario("istgt-both-digests", running_istgt, _both_digests),
    Scenario("istgt-rejects", running_istgt, _rejects),
)


@contextlib.contextmanager
def _recorded(scenario: Scenario) -> Iterator[RunningTarget]:
    with scenario.target() as target, recording(target.port, scenario.path):
        yield target


def main() -> None:
    """Record the scenarios that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="scripts/record-captures", description="Record fixtures/captures anew.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios to record; all without any")
    names = set(parser.parse_args().names)
    if unknown := names - {scenario.name for scenario in SCENARIOS}:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    CAPTURES.mkdir(exist_ok=True)
    for scenario in SCENARIOS:
        if not names or scenario.name in names:
            with _recorded(scenario) as target:
                scenario.run(target)
            print(f"{scenario.name}: {scenario.path.stat().st_size} octets, {target.name} {target.version}")  # noqa: T201


if __name__ == "__main__":
    main()
