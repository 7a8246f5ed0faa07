"""How much one PDU may carry over an adapter (behaviour file, 5.6), in octets."""

from __future__ import annotations

from typing import Final

__all__ = ["ISO_PAYLOAD", "LARGEST_PDU", "NIC_PAYLOADS", "NO_LIMITS", "NO_PAYLOAD", "ULP_PAYLOADS"]

LARGEST_PDU: Final = 16224
"""The card's buffer for a PDU that it takes in."""

NO_PAYLOAD: Final = 48 + 256 + 8
"""What of that is not payload: basic header, additional headers, both digests."""

ULP_PAYLOADS: Final = (LARGEST_PDU - NO_PAYLOAD, 12288)
"""Of a connection in ULP mode: received and sent."""

NO_LIMITS: Final = (0xFFFFFF, 0xFFFFFF)
"""What the field DataSegmentLength can say (RFC 7143 section 11.2.1.5)."""

NIC_PAYLOADS: Final = (16384, 16384)
"""Of a connection that the adapter serves as a plain network card: received and sent."""

ISO_PAYLOAD: Final = 65535
"""What one work request of segmentation offload (ISO) may send."""
