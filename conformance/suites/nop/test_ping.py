from __future__ import annotations

from conformance.api import RESERVED_TAG, NopOut, Session, case, expect, variants


@case("nop-ping-01", "7143-11.18.1-03", "7143-11.18.3-01", "7143-11.19-01", "7143-11.19-03")
@variants("length", [0, 1, 512], ids=["empty", "one-octet", "one-block"])
def test_ping_data_come_back(session: Session, length: int) -> None:
    """Ping data of a NOP-Out come back unchanged in the NOP-In, under the same Initiator Task Tag."""
    data = bytes(range(256)) * 2
    sent = session.send(NopOut, data=data[:length])
    tag = sent.header.initiator_task_tag
    echo = expect.nop_in(data=data[:length], initiator_task_tag=tag, target_transfer_tag=RESERVED_TAG)
    session.expect(echo)
