from __future__ import annotations

from chiscsi_target.offload.limits import ISO_PAYLOAD, LARGEST_PDU, NO_PAYLOAD, ULP_PAYLOADS
from iscsi_wire.framing import BHS_LENGTH, DIGEST_LENGTH


def test_a_pdu_with_the_largest_payload_fills_the_cards_buffer() -> None:
    """Behaviour file, 5.6: 16224 octets, of which 15912 are payload."""
    received, sent = ULP_PAYLOADS
    longest_ahs = 256
    assert BHS_LENGTH + longest_ahs + 2 * DIGEST_LENGTH == NO_PAYLOAD
    assert (received, received + NO_PAYLOAD) == (15912, LARGEST_PDU)
    assert (received % 4, sent) == (0, 12288) and sent < ISO_PAYLOAD == 0xFFFF
