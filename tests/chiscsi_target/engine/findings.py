"""What tests about findings say again and again."""

from __future__ import annotations

from chiscsi_target.api import (
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from tests.chiscsi_target.bench import LENGTH, Laboratory

__all__ = ["data", "kinds", "ready"]


def kinds(lab: Laboratory) -> list[str]:
    """What was found, in order."""
    return [record.kind for record in lab.stand.module.findings]


def ready(sc: chiscsi_scsi_command, vectors: list[chiscsi_sgvec], length: int = LENGTH, offset: int = 0) -> int:
    return chiscsi_scsi_cmd_buffer_ready(sc, vectors, len(vectors), offset, length)


def data(sc: chiscsi_scsi_command, vectors: list[chiscsi_sgvec], length: int = LENGTH, offset: int = 0) -> int:
    return chiscsi_scsi_cmd_execution_status(sc, vectors, len(vectors), offset, length)
