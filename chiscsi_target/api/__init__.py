"""All that the author of a storage driver imports: the guide's classes, structures, functions and constants."""

from chiscsi_target.api.constants import *  # noqa: F403
from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.api.functions import (
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.logical_unit import LU_FLAG_OFFLINE, LU_FLAG_RO, chiscsi_lun
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.api.sgvec import chiscsi_sgvec
from chiscsi_target.api.target_class import chiscsi_target_class
