"""The structures of information and statistics (guide chapter 8), which `chiscsi_get_*_info` fill.

They are snapshots: the stack writes them once, while it is asked, and never again. Numbers that move together, such as
a session's CmdSN and ExpCmdSN, are read one after the other while the session goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint

ISCSI_AUTH_ORDER_ACL = 1
"""`chiscsi_target_info.auth_order`: the access list is looked at before authentication (behaviour file, 1.8)."""
ISCSI_AUTH_ORDER_CHAP = 2
"""`chiscsi_target_info.auth_order`: after it."""

ISCSI_SESSION_TYPE_DISCOVERY = 0
ISCSI_SESSION_TYPE_NORMAL = 1

SESSION_INFO_MAX = 2048
"""No more sessions or connections than these are described at once (behaviour file, 12)."""


@dataclass(slots=True)
class chiscsi_perf_info:
    """What was moved. The counters have 32 bits, and wrap.

    Attributes:
        read_bytes, write_bytes: payload to and from initiators, in octets; immediate data included.
        read_cmd_cnt, write_cmd_cnt: commands; those without data count as reads.
    """

    read_bytes: int = 0
    write_bytes: int = 0
    read_cmd_cnt: int = 0
    write_cmd_cnt: int = 0


@dataclass(slots=True)
class iscsi_session_settings:
    """Session-wide text keys (RFC 7143 section 13): what a target wants, or what a session has negotiated.

    Attributes:
        initial_r2t: InitialR2T. The guide prints `initiatial_r2t`, which works too.
        immediate_data: ImmediateData.
        erl: ErrorRecoveryLevel.
        data_pdu_in_order, data_sequence_in_order: DataPDUInOrder, DataSequenceInOrder.
        max_conns: MaxConnections.
        max_r2t: MaxOutstandingR2T.
        first_burst, max_burst: FirstBurstLength, MaxBurstLength in octets.
        time2wait, time2retain: DefaultTime2Wait, DefaultTime2Retain in seconds.
    """

    initial_r2t: bool = True
    immediate_data: bool = True
    erl: int = 0
    data_pdu_in_order: bool = True
    data_sequence_in_order: bool = True
    max_conns: int = 1
    max_r2t: int = 1
    first_burst: int = 65536
    max_burst: int = 262144
    time2wait: int = 2
    time2retain: int = 20

    @property
    def initiatial_r2t(self) -> bool:
        """`initial_r2t`, as the guide spells it."""
        return self.initial_r2t


@dataclass(slots=True)
class iscsi_conn_settings:
    """Settings of one connection: what a target wants, or what a connection has negotiated.

    Attributes:
        header_digest, data_digest: `CRC32C` and `None`; of a target those it accepts, the preferred one first (the
            guide's arrays have two places); of a connection the one in use.
        portal_group_tag: of the portal it came through; of a target, of its first portal.
        max_recv_data_segment: the target's own MaxRecvDataSegmentLength, in octets.
        max_xmit_data_segment: the initiator's, in octets; for a target, what RFC 7143 assumes before it is declared.
    """

    header_digest: tuple[str, ...] = ("None",)
    data_digest: tuple[str, ...] = ("None",)
    portal_group_tag: int = 0
    max_recv_data_segment: int = 8192
    max_xmit_data_segment: int = 8192


@dataclass(slots=True)
class iscsi_chap_settings:
    """How a target authenticates.

    Attributes:
        chap_en: an initiator can choose CHAP.
        chap_required: it has to: AuthMethod is CHAP alone.
        mutual_chap_forced: it has to authenticate the target as well (Auth_CHAP_Policy=Mutual).
        challenge_length: Auth_CHAP_ChallengeLength, in octets.
    """

    chap_en: bool = False
    chap_required: bool = False
    mutual_chap_forced: bool = False
    challenge_length: int = 16


@dataclass(slots=True)
class iscsi_target_config_settings:
    """Chelsio's own keys of a target.

    Attributes:
        acl_en: ACL_Enable.
        isns_register: RegisteriSNS.
        shadow_mode: ShadowMode.
        sess_max_cmds: TargetSessionMaxCmd.
    """

    acl_en: bool = False
    isns_register: bool = True
    shadow_mode: bool = False
    sess_max_cmds: int = 128


@dataclass(slots=True)
class chiscsi_target_info:
    """A target (guide 8.1).

    Attributes:
        name, alias: TargetName and TargetAlias.
        sess_keys, conn_keys: what it wants of sessions and connections.
        chap: how it authenticates.
        config_keys: Chelsio's own keys.
        auth_order: ISCSI_AUTH_ORDER_ACL or ISCSI_AUTH_ORDER_CHAP.
        hndl: the stack's own.
    """

    name: str = ""
    alias: str = ""
    sess_keys: iscsi_session_settings = field(default_factory=iscsi_session_settings)
    conn_keys: iscsi_conn_settings = field(default_factory=iscsi_conn_settings)
    chap: iscsi_chap_settings = field(default_factory=iscsi_chap_settings)
    config_keys: iscsi_target_config_settings = field(default_factory=iscsi_target_config_settings)
    auth_order: int = ISCSI_AUTH_ORDER_CHAP
    hndl: int = 0


@dataclass(slots=True)
class chiscsi_session_info:
    """A session (guide 8.2).

    Attributes:
        peer_name: InitiatorName.
        peer_alias: always empty (behaviour file, 1.8).
        sess_keys: what was negotiated.
        type: ISCSI_SESSION_TYPE_NORMAL; discovery sessions are not shown.
        isid: 6 octets.
        conn_cnt: how many connections it has; the index of `chiscsi_get_connection_info` is below it.
        tsih: TSIH.
        cmdsn: the last CmdSN received.
        maxcmdsn, expcmdsn: MaxCmdSN and ExpCmdSN.
        perf: what its connections have moved, past ones included.
        hndl: the session handle of all calls and hooks.
    """

    peer_name: str = ""
    peer_alias: str = ""
    sess_keys: iscsi_session_settings = field(default_factory=iscsi_session_settings)
    type: int = ISCSI_SESSION_TYPE_NORMAL
    isid: bytes = bytes(6)
    conn_cnt: int = 0
    tsih: int = 0
    cmdsn: int = 0
    maxcmdsn: int = 0
    expcmdsn: int = 0
    perf: chiscsi_perf_info = field(default_factory=chiscsi_perf_info)
    hndl: int = 0


def _no_endpoints() -> chiscsi_tcp_endpoints:
    return chiscsi_tcp_endpoints(tcp_endpoint("", 0), tcp_endpoint("", 0))


@dataclass(slots=True)
class chiscsi_connection_info:
    """A connection (guide 8.3). What begins with `tid` is not in the guide's structure (behaviour file, 1.8).

    Attributes:
        tcp_endpoints: its TCP 4-tuple.
        conn_keys: what was negotiated.
        offloaded: it runs over an adapter that offloads it; False for a plain socket.
        cid: CID; with the quirk `cid_is_tid`, the same as `tid`.
        statsn: the next StatSN; `expstatsn`, what the initiator has acknowledged up to.
        hndl: the stack's own.
        tid: the connection's number in the adapter; without offload, in the stack.
        iso_cnt: requests that sent several PDUs; lro_cnt, completions that stood for several; 0 without offload.
        ddp_pass, ddp_fail: Data-Out PDUs whose data were placed directly or not; 0 without offload.
        placed_bytes, copied_bytes: octets of writes' data that were; 0 without offload.
        ppods_in_use, ppods_peak: page pods that it holds, and the most it ever held.
        perf: what it has moved.
    """

    tcp_endpoints: chiscsi_tcp_endpoints = field(default_factory=_no_endpoints)
    conn_keys: iscsi_conn_settings = field(default_factory=iscsi_conn_settings)
    offloaded: bool = False
    cid: int = 0
    statsn: int = 0
    expstatsn: int = 0
    hndl: int = 0
    tid: int = 0
    iso_cnt: int = 0
    lro_cnt: int = 0
    ddp_pass: int = 0
    ddp_fail: int = 0
    placed_bytes: int = 0
    copied_bytes: int = 0
    ppods_in_use: int = 0
    ppods_peak: int = 0
    perf: chiscsi_perf_info = field(default_factory=chiscsi_perf_info)
