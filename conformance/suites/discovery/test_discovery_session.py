from __future__ import annotations

from conformance.api import Session, case, expect
from iscsi_wire.scsi import TestUnitReady


@case("discovery-request-01", "7143-4.3-02", needs="discovery")
def test_scsi_command_in_a_discovery_session_is_rejected(discovery: Session) -> None:
    """> a target MUST ... reject any other requests."""
    discovery.start(TestUnitReady(), read=0)
    discovery.expect(expect.rejected())
