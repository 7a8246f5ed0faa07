"""What can be set of the engine, with the values that the RFCs give."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class TcpSettings:
    """Sizes in octets, times in seconds.

    Attributes:
        mtu: the largest IP packet to send or take.
        receive_buffer: what a connection may have received that the host has not used up.
        send_buffer: what a connection may have been given that its peer has not acknowledged.
        out_of_order: what a connection keeps of octets that came too early; `out_of_order_pieces`, in how many pieces.
        connections: how many there may be, those in TIME-WAIT included.
        ack_delay: how long an acknowledgement may wait for company (RFC 9293 section 3.8.6.3); 0 for not at all.
        initial_rto, min_rto, max_rto: bounds of the retransmission time-out (RFC 6298 section 2).
        r2: after how long without progress a connection is given up (section 3.8.3), and `r2_syn`, one that begins.
        msl: the Maximum Segment Lifetime (section 3.4.2); TIME-WAIT lasts for two.
        fin_wait_2: how long to wait for the peer's FIN once ours is acknowledged.
        challenges: how many challenge ACKs a connection sends in `challenge_time` (RFC 5961 section 7).
    """

    mtu: int = 1500
    receive_buffer: int = 256 * 1024
    send_buffer: int = 256 * 1024
    out_of_order: int = 256 * 1024
    out_of_order_pieces: int = 1024
    connections: int = 4096
    ack_delay: float = 0.0
    initial_rto: float = 1.0
    min_rto: float = 1.0
    max_rto: float = 60.0
    r2: float = 100.0
    r2_syn: float = 180.0
    msl: float = 120.0
    fin_wait_2: float = 60.0
    challenges: int = 10
    challenge_time: float = 5.0
