"""Information and statistics: what the Target Module says of its targets, sessions, connections and portals.

The functions may be called from any thread, and from inside a hook: they take no lock and wait for nobody. They read
what the workers write, one number after the other. Each number is right; numbers read while a session goes on may be a
command apart. Lists are copied in one step, so a session or connection is there or not, never half.
"""

from __future__ import annotations

import ipaddress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.information import (
    ISCSI_AUTH_ORDER_ACL,
    ISCSI_AUTH_ORDER_CHAP,
    ISCSI_SESSION_TYPE_NORMAL,
    SESSION_INFO_MAX,
    chiscsi_connection_info,
    chiscsi_perf_info,
    chiscsi_session_info,
    chiscsi_target_info,
    iscsi_chap_settings,
    iscsi_conn_settings,
    iscsi_session_settings,
    iscsi_target_config_settings,
)
from chiscsi_target.core.session_keys import SessionKeys
from chiscsi_target.core.session_state import SessionState
from chiscsi_target.offload.ulp_connection import UlpConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.api.events import EventCallback
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.counters import Counters
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.core.registry import Globals
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.engine.directory import Directory

_EINVAL = -int(ReturnCode.EINVAL)
_DEFAULT_PORT = 3260
_AUTH_ORDERS = {"ACL": ISCSI_AUTH_ORDER_ACL, "CHAP": ISCSI_AUTH_ORDER_CHAP}

T = TypeVar("T", chiscsi_target_info, chiscsi_session_info, chiscsi_connection_info)


class Information:
    """The information calls of a Target Module (guide chapter 8; behaviour file, 1.8)."""

    directory: Directory
    configurations: dict[str, TargetConfig]

    def chiscsi_get_target_info(self, tname: str | None, target_info: chiscsi_target_info) -> int:
        """Describe a target (guide 8.1).

        Args:
            tname: TargetName.
            target_info: is filled.

        Returns:
            0; -ENONAME without a name, -ENOTFOUND when no target has it.
        """
        if not tname:
            return -ReturnCode.ENONAME
        node = self.directory.registry.nodes.get(tname)
        config = self.configurations.get(tname)
        if node is None or config is None:
            return -ReturnCode.ENOTFOUND
        _assign(target_info, _describe_target(node, config, self.directory.registry.globals))
        return 0

    def chiscsi_get_session_info(
        self, tname: str | None, iname: str | None, sess_info_max: int, sess_info: list[chiscsi_session_info]
    ) -> int:
        """Describe a target's sessions, the oldest first; discovery sessions are none (guide 8.2).

        Args:
            tname: TargetName.
            iname: InitiatorName of the sessions that are meant, or None for all.
            sess_info_max: how many to describe at most; SESSION_INFO_MAX is the limit.
            sess_info: is emptied, and gets a structure for each.

        Returns:
            How many were described, when they are fewer than `sess_info_max`; otherwise how many there are, unless the
            quirk `session_info_capped` is on: then no more than `sess_info_max`. -EINVAL for a number that is not
            positive, and for a target that is not named or does not exist.
        """
        node = self.directory.registry.nodes.get(tname) if tname else None
        if node is None or sess_info_max <= 0:
            return _EINVAL
        sessions = [session for session in self._sessions() if session.node is node]
        if iname is not None:
            sessions = [session for session in sessions if session.identity.initiator_name == iname]
        sess_info[:] = map(_describe_session, sessions[: min(sess_info_max, SESSION_INFO_MAX)])
        return len(sess_info) if self.directory.quirks.session_info_capped else len(sessions)

    def chiscsi_get_one_session_info(self, sess_hdl: int, sess_info: chiscsi_session_info) -> int:
        """Describe one session (not in the guide).

        Args:
            sess_hdl: its handle.
            sess_info: is filled.

        Returns:
            0, or -EINVAL when there is no such session.
        """
        session = self._session(sess_hdl)
        if session is None:
            return _EINVAL
        _assign(sess_info, _describe_session(session))
        return 0

    def chiscsi_get_connection_info(self, sess_hdl: int, conn_idx: int, conninfo: chiscsi_connection_info) -> int:
        """Describe one connection of a session (guide 8.3).

        Args:
            sess_hdl: the session's handle, from `chiscsi_session_info.hndl`.
            conn_idx: which one, from 0; below `chiscsi_session_info.conn_cnt`.
            conninfo: is filled.

        Returns:
            0, or -EINVAL when there is no such session or connection.
        """
        session = self._session(sess_hdl)
        connections = [] if session is None else _connections(session)
        if not 0 <= conn_idx < len(connections):
            return _EINVAL
        _assign(conninfo, _describe_connection(connections[conn_idx], self.directory.quirks.cid_is_tid))
        return 0

    def chiscsi_get_perf_info(
        self, ipv6: bool, ip_addr: str | bytes | None, port: int, pdata: chiscsi_perf_info
    ) -> int:
        """Say what was moved through a portal, by all sessions of all targets there (guide 8.4).

        Args:
            ipv6: whether the address is IPv6.
            ip_addr: the portal's address, as text or as 4 or 16 octets in network order.
            port: its TCP port; 0 for 3260.
            pdata: is filled.

        Returns:
            0; -EINVAL when the address is missing or is none of its kind; -ENOTFOUND when no target listens there.
        """
        try:
            address = ipaddress.ip_address(ip_addr or "")
        except ValueError:
            return _EINVAL
        if (address.version == 6) != bool(ipv6):
            return _EINVAL
        wanted = address, port or _DEFAULT_PORT
        for node in list(self.directory.registry.nodes.values()):
            for portal in list(node.portals):
                if (ipaddress.ip_address(portal.address.ip), portal.address.port) == wanted:
                    _fill(pdata, self.directory.traffic.through(portal))
                    return 0
        return -ReturnCode.ENOTFOUND

    def chiscsi_event_notifier_register(self, callback: EventCallback) -> int:
        """Have a callback told of logins, logouts, refusals and targets that come and go (behaviour file, 1.8).

        Args:
            callback: is called with the event's number and text, see `chiscsi_target.api.events.EventCallback`.

        Returns:
            0, or -EINVAL when it is registered already.
        """
        return 0 if self.directory.notifier.register(callback) else _EINVAL

    def chiscsi_event_notifier_unregister(self, callback: EventCallback) -> int:
        """Tell a callback no more; -EINVAL when it is not registered."""
        return 0 if self.directory.notifier.unregister(callback) else _EINVAL

    def _sessions(self) -> list[Session]:
        sessions = list(self.directory.registry.sessions.values())
        return sorted((each for each in sessions if _is_shown(each)), key=lambda session: session.handle)

    def _session(self, handle: int) -> Session | None:
        return next((session for session in self._sessions() if session.handle == handle), None)


def _is_shown(session: Session) -> bool:
    return not session.discovery and session.state is SessionState.LOGGED_IN


def _connections(session: Session) -> list[Connection]:
    """A session's connections; the first is there from the login on, although its worker has it a little later."""
    leading = session.leading
    connections = list(session.connections.values())
    return connections if connections or leading is None else [leading]


def _describe_target(node: TargetNode, config: TargetConfig, variables: Globals) -> chiscsi_target_info:
    own = _values(node.own)
    methods = node.auth_methods
    return chiscsi_target_info(
        name=node.name,
        alias=node.alias,
        sess_keys=_session_settings(SessionKeys.of(own)),
        conn_keys=iscsi_conn_settings(
            header_digest=own["HeaderDigest"],
            data_digest=own["DataDigest"],
            portal_group_tag=node.portals[0].tag if node.portals else 0,
            max_recv_data_segment=node.max_receive_data,
        ),
        chap=iscsi_chap_settings(
            chap_en="CHAP" in methods,
            chap_required=methods == ("CHAP",),
            mutual_chap_forced=node.chap.mutual,
            challenge_length=node.chap.challenge_length,
        ),
        config_keys=iscsi_target_config_settings(
            acl_en=config.acl_enable,
            isns_register=config.register_isns,
            shadow_mode=config.shadow_mode,
            sess_max_cmds=node.max_commands,
        ),
        auth_order=_AUTH_ORDERS[variables.auth_order],
        hndl=node.handle,
    )


def _values(own: Mapping[str, Own]) -> dict[str, Any]:
    """What a node wants of each key; a wish that depends on another key's result is that of its other wishes."""
    values = {key: wish for key, wish in own.items() if not callable(wish)}
    return values | {key: wish(values) for key, wish in own.items() if callable(wish)}


def _describe_session(session: Session) -> chiscsi_session_info:
    window = session.window
    return chiscsi_session_info(
        peer_name=session.identity.initiator_name,
        sess_keys=_session_settings(session.keys),
        type=ISCSI_SESSION_TYPE_NORMAL,
        isid=session.identity.isid,
        conn_cnt=len(_connections(session)),
        tsih=session.tsih,
        cmdsn=window.last_cmd_sn,
        maxcmdsn=window.max_cmd_sn,
        expcmdsn=window.exp_cmd_sn,
        perf=_fill(chiscsi_perf_info(), session.counters.sum()),
        hndl=session.handle,
    )


def _session_settings(keys: SessionKeys) -> iscsi_session_settings:
    return iscsi_session_settings(
        initial_r2t=keys.initial_r2t,
        immediate_data=keys.immediate_data,
        erl=keys.error_recovery_level,
        data_pdu_in_order=keys.data_pdu_in_order,
        data_sequence_in_order=keys.data_sequence_in_order,
        max_conns=keys.max_connections,
        max_r2t=keys.max_outstanding_r2t,
        first_burst=keys.first_burst_length,
        max_burst=keys.max_burst_length,
        time2wait=keys.default_time2wait,
        time2retain=keys.default_time2retain,
    )


def _describe_connection(connection: Connection, cid_is_tid: bool) -> chiscsi_connection_info:
    framer = connection.framer
    info = chiscsi_connection_info(
        tcp_endpoints=connection.endpoints,
        conn_keys=iscsi_conn_settings(
            header_digest=("CRC32C" if framer.header_digest else "None",),
            data_digest=("CRC32C" if framer.data_digest else "None",),
            portal_group_tag=connection.portal.tag,
            max_recv_data_segment=framer.max_data_segment_length,
            max_xmit_data_segment=connection.max_send_data,
        ),
        cid=connection.cid,
        statsn=connection.stat_sn,
        expstatsn=connection.exp_stat_sn,
        hndl=connection.handle,
        tid=connection.handle,
        perf=_fill(chiscsi_perf_info(), connection.counters),
    )
    if isinstance(connection.ulp, UlpConnection):
        _describe_offload(connection.ulp, info)
    if cid_is_tid:
        info.cid = info.tid
    return info


def _describe_offload(ulp: UlpConnection, info: chiscsi_connection_info) -> None:
    info.offloaded, info.tid = True, ulp.tid
    info.iso_cnt, info.lro_cnt = ulp.segmentation.requests, ulp.coalesced
    info.ddp_pass, info.ddp_fail = ulp.ddp_pass, ulp.ddp_fail
    info.placed_bytes, info.copied_bytes = ulp.placed, ulp.copied
    info.ppods_in_use, info.ppods_peak = ulp.pods_in_use, ulp.pods_peak


def _assign(structure: T, made: T) -> None:
    """Fill the caller's structure."""
    for each in fields(structure):
        setattr(structure, each.name, getattr(made, each.name))


def _fill(info: chiscsi_perf_info, counters: Counters) -> chiscsi_perf_info:
    info.read_bytes, info.write_bytes, info.read_cmd_cnt, info.write_cmd_cnt = counters.wrapped
    return info
