"""Our reading of the SCSI in fixtures/captures agrees with tshark's: CDBs, sense, and data about disks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.iscsi_wire.scsi_agreement import compare_scsi

pytestmark = pytest.mark.interop

CAPTURES = Path(__file__).parents[2] / "fixtures" / "captures"

# By capture: structures that have to have been compared, so that none is left out unnoticed.
STRUCTURES = {
    "tgt-discovery": {"ReportLuns", "ReportLunsData", "ReadCapacity10", "ReadCapacity10Data", "FixedSense"},
    "tgt-inquiry": {
        "Inquiry", "StandardInquiry", "SupportedVpdPages", "UnitSerialNumber", "DeviceIdentification", "BlockLimits",
        "ReadCapacity16", "ReadCapacity16Data",
    },
    "istgt-inquiry": {"StandardInquiry", "SupportedVpdPages", "DeviceIdentification", "ReadCapacity16Data"},
    "tgt-reads-and-residuals": {"TestUnitReady", "Read16", "FixedSense"},
    "tgt-writes-with-r2t": {"Write16", "Read16"},
    "tgt-test-suite": {
        "Read10", "Write10", "ModeSense6", "ModeParameterHeader6", "ShortBlockDescriptor", "CachingModePage",
        "ControlModePage", "ControlExtensionModePage", "InformationalExceptionsControlModePage",
        "DisconnectReconnectModePage",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_scsi_field_agrees_with_tshark(name: str) -> None:
    agreement = compare_scsi(CAPTURES / f"{name}.pcap")
    assert agreement.differences == []
    assert {structure for structure, _ in agreement.compared} >= STRUCTURES[name]
