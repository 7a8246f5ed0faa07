"""What the guide prints is there by the guide's names: functions, hooks, structures and their fields, constants."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target import api
from tests.chiscsi_target.fakes import FakeStack

_SCMD = "scmd sc_xfer_sreq_buf sc_xfer_sgcnt sc_xfer_offset sc_xfer_buflen"
_TARGET = "sdev_priv target_name target_class_name config_buffer buflen"
FUNCTIONS = {
    # 5.1 and 5.2
    "chiscsi_target_class_register": "target_class",
    "chiscsi_target_class_deregister": "class_name",
    "chiscsi_target_first_login_check_done": "hndl login_status_class login_status_detail max_cmd",
    "chiscsi_target_login_stage_check_done": "hndl login_status_class login_status_detail",
    "chiscsi_target_lun_class_register": "lun_class target_class_name",
    "chiscsi_target_lun_class_deregister": "lun_class_name target_class_name",
    "chiscsi_scsi_cmd_buffer_ready": _SCMD,
    "chiscsi_scsi_cmd_execution_status": _SCMD,
    "chiscsi_tmf_execution_done": "hndl tmf_response scmd",
    "chiscsi_scsi_cmd_abort": "scmd",
    "chiscsi_scsi_cmd_abort_status": "scmd",
    # 6.1
    "chiscsi_target_add": _TARGET,
    "chiscsi_target_remove": "sdev_priv target_name",
    "chiscsi_target_reconfig": _TARGET,
    # 7.3.4 and 7.3.5.5
    "chiscsi_target_session_abort": "sess_hdl",
    "chiscsi_iscsi_command_dump": "scmd",
    # 8
    "chiscsi_get_target_info": "tname target_info",
    "chiscsi_get_session_info": "tname iname sess_info_max sess_info",
    "chiscsi_get_connection_info": "sess_hdl conn_idx conninfo",
    "chiscsi_get_perf_info": "ipv6 ip_addr port pdata",
}
# How many arguments each hook has. 5.2 prints fewer for two of them, which 5.2.4 prints in full.
HOOKS = {
    "chiscsi_target_class": {
        "fp_first_login_check": 4,
        "fp_login_stage_check": 5,
        "fp_chap_info_get": 3,
        "fp_session_added": 4,
        "fp_session_removed": 3,
        "fp_discovery_target_accessible": 4,
        "fp_select_redirection_portal": 3,
    },
    "chiscsi_target_lun_class": {
        "fp_config_parse_options": 4,
        "fp_attach": 3,
        "fp_detach": 1,
        "fp_reattach": 4,
        "fp_flush": 1,
        "fp_scsi_cmd_cdb_rcved": 1,
        "fp_scsi_cmd_data_xfer_status": 5,
        "fp_scsi_cmd_abort": 1,
        "fp_scsi_cmd_abort_status": 6,
        "fp_scsi_cmd_cleanup": 1,
        "fp_tmf_execute": 6,
    },
}
_PERF = "read_bytes write_bytes read_cmd_cnt write_cmd_cnt"
# All fields that are printed but the fillers of bit fields.
STRUCTURES = {
    "chiscsi_target_class": "class_name",
    "chiscsi_target_lun_class": "class_name property",
    "chiscsi_tcp_endpoints": "f_ipv6 iaddr taddr port_id",
    "chiscsi_tcp_endpoint": "iaddr taddr",  # the name in the hooks' prototypes
    "tcp_endpoint": "ip port",
    "chap_info": (
        "flag local_secret_length remote_secret_length filler local_secret local_name remote_secret remote_name"
    ),
    "chiscsi_scsi_command": (
        "sc_tclass_sess_priv sc_ieps sc_sess sc_sessl sc_conn sc_flag sc_attribute sc_cmdlen sc_cmd sc_CmdSN sc_itt "
        "sc_xfer_len sc_lun sc_status sc_response sc_sense_key sc_sense_asc sc_sense_ascq sc_sense_buf "
        "sc_xfer_residualcount sc_sdev_hdl"
    ),
    "chiscsi_sgvec": "sg_flag sg_page sg_addr sg_dma_addr sg_offset sg_length",
    "chiscsi_perf_info": _PERF,
    "iscsi_session_settings": (
        "initiatial_r2t immediate_data erl data_pdu_in_order data_sequence_in_order max_conns max_r2t first_burst "
        "max_burst time2wait time2retain"
    ),
    "iscsi_conn_settings": "header_digest data_digest portal_group_tag max_recv_data_segment max_xmit_data_segment",
    "iscsi_chap_settings": "chap_en chap_required mutual_chap_forced challenge_length",
    "iscsi_target_config_settings": "acl_en isns_register shadow_mode sess_max_cmds",
    "chiscsi_target_info": "name alias sess_keys conn_keys chap config_keys auth_order hndl",
    "chiscsi_session_info": (
        "peer_name peer_alias sess_keys type isid conn_cnt tsih cmdsn maxcmdsn expcmdsn perf hndl"
    ),
    "chiscsi_connection_info": "tcp_endpoints conn_keys offloaded cid statsn expstatsn hndl",
}
# Names without their common beginnings, in the order of their values.
CONSTANTS = {
    "SC_FLAG_": {
        name: 1 << bit
        for bit, name in enumerate(
            "READ WRITE SENSE TMF_ABORT SESS_ABORT CMD_ABORT XFER_OVERFLOW XFER_UNDERFLOW XFER_BI_OVERFLOW "
            "XFER_BI_UNDERFLOW IMMEDIATE_CMD".split()
        )
    },
    "LUN_CLASS_": {"SCSI_PASS_THRU_BIT": 0, "MULTI_PHASE_DATA_BIT": 1, "HAS_CMD_QUEUE_BIT": 2},
    "CHAP_FLAG_": {
        "LOCAL_NAME_VALID": 1,
        "LOCAL_SECRET_VALID": 2,
        "REMOTE_NAME_VALID": 4,
        "REMOTE_SECRET_VALID": 8,
        "MUTUAL_REQUIRED": 0x10,
        "MUTUAL_CHAP_REQUIRED": 0x10,  # in 7.3.1.3
    },
    "ISCSI_LOGIN_": {
        "STAGE_SECURITY": 0,
        "STAGE_OPERATIONAL": 1,
        "STATUS_CLASS_INITIATOR_ERROR": 2,
        "STATUS_CLASS_TARGET_ERROR": 3,
        "STATUS_DETAIL_INIT_ERROR": 0,
        "STATUS_DETAIL_NO_PERMS": 2,
        "STATUS_DETAIL_TARGET_NOT_FOUND": 3,
        "STATUS_DETAIL_TARGET_REMOVED": 4,
        "STATUS_DETAIL_INVALID_REQUEST": 11,
        "STATUS_DETAIL_TARG_ERROR": 0,
        "STATUS_DETAIL_SERVICE_UNAVAIL": 1,
        "STATUS_DETAIL_NO_RESOURCES": 2,
    },
    "ISCSI_TASK_ATTRIBUTES_": {"UNTAGGED": 0, "SIMPLE": 1, "ORDERED": 2, "HEAD_OF_QUEUE": 3, "ACA": 4},
    "ISCSI_TMF_FUNCTION_": {
        name: number
        for number, name in enumerate(
            "ABORT_TASK ABORT_TASK_SET CLEAR_ACA CLEAR_TASK_SET LOGICAL_UNIT_RESET TARGET_WARM_RESET "
            "TARGET_COLD_RESET TASK_REASSIGN".split(),
            1,
        )
    },
    "ISCSI_RESPONSE_TMF_": {
        "COMPLETE": 0,
        "INVALID_TASK": 1,
        "INVALID_LUN": 2,
        "TASK_STILL_ALLEGANT": 3,
        "NO_TASK_FAILOVER": 4,
        "NOT_SUPPORTED": 5,
        "AUTH_FAILED": 6,
        "FUNCTION_REJECTED": 0xFF,
    },
    "ISCSI_": {"SG_SBUF_DMABLE": 1, "IPADDR_LEN": 16},
}


def arguments(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    assert arguments(getattr(api, name)) == FUNCTIONS[name].split()
    assert name in api.__all__


@pytest.mark.parametrize("structure", HOOKS)
def test_hooks(structure: str) -> None:
    kind = getattr(api, structure)
    found = {name: len(arguments(hook)) - 1 for name, hook in vars(kind).items() if name.startswith("fp_")}
    assert found == HOOKS[structure]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_fields(structure: str) -> None:
    kind = getattr(api, structure)
    known = {*dir(kind), *getattr(kind, "__annotations__", {})}
    assert set(STRUCTURES[structure].split()) <= known
    assert structure in api.__all__


@pytest.mark.parametrize("prefix", CONSTANTS)
def test_constants(prefix: str) -> None:
    assert {name: getattr(api, prefix + name) for name in CONSTANTS[prefix]} == CONSTANTS[prefix]
    assert {prefix + name for name in CONSTANTS[prefix]} <= set(api.__all__)


def test_spellings_of_the_guide() -> None:
    """Where it has two, both work."""
    assert api.chiscsi_tcp_endpoint is api.chiscsi_tcp_endpoints
    sc = FakeStack(api.chiscsi_target_lun_class()).command(b"", session=7)
    assert sc.sc_sessl == sc.sc_sess == 7
    assert api.iscsi_session_settings(initial_r2t=False).initiatial_r2t is False
