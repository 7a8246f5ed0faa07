"""All that the author of a case imports: the decorator, the verbs, the mutations, the formats.

    from conformance.api import NopOut, case, expect

    @case("nop-echo-01", "7143-11.18-01")
    def test_ping_data_come_back(session):
        \"\"\"> The NOP-In ... duplicates the ping data\"\"\"
        session.send(NopOut, data=b"ping")
        session.expect(expect.nop_in(data=b"ping"))

What a case is given it asks for by the name of a parameter: see `conformance.harness.fixtures`.
"""

from __future__ import annotations

import pytest

from conformance.harness.casebook import case
from conformance.harness.target import EVERYTHING, Scratch, Target, settle
from initiator_sim import expect, mutations
from initiator_sim.chap import Account, Chap
from initiator_sim.connection import Connection
from initiator_sim.evidence import Closed, Received, Silence
from initiator_sim.initiator import Initiator
from initiator_sim.login import FULL_FEATURE, OPERATIONAL, SECURITY, LoginResult
from initiator_sim.outcomes import Inconclusive, Unsupported
from initiator_sim.session import Session
from initiator_sim.task import CommandResult, Task
from iscsi_wire.constants import (
    RESERVED_TAG,
    AsyncEvent,
    LoginStatus,
    LogoutReason,
    LogoutResponseCode,
    Opcode,
    RejectReason,
    ScsiStatus,
    TaskManagementFunction,
    TaskManagementResponseCode,
)
from iscsi_wire.pdus import (
    AsyncMessage,
    DataIn,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    ReadyToTransfer,
    Reject,
    ScsiCommand,
    ScsiResponse,
    SnackRequest,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
)
from iscsi_wire.sequence import sn_add, sn_diff, sn_le, sn_lt

variants = pytest.mark.parametrize
"""Variants of a case: `@variants("size", [512, 8192], ids=["one-block", "many"])`. Ids are part of identifiers."""

__all__ = [
    "EVERYTHING",
    "FULL_FEATURE",
    "OPERATIONAL",
    "RESERVED_TAG",
    "SECURITY",
    "Account",
    "AsyncEvent",
    "AsyncMessage",
    "Chap",
    "Closed",
    "CommandResult",
    "Connection",
    "DataIn",
    "DataOut",
    "Inconclusive",
    "Initiator",
    "LoginRequest",
    "LoginResponse",
    "LoginResult",
    "LoginStatus",
    "LogoutReason",
    "LogoutRequest",
    "LogoutResponse",
    "LogoutResponseCode",
    "NopIn",
    "NopOut",
    "Opcode",
    "ReadyToTransfer",
    "Received",
    "Reject",
    "RejectReason",
    "Scratch",
    "ScsiCommand",
    "ScsiResponse",
    "ScsiStatus",
    "Session",
    "Silence",
    "SnackRequest",
    "Target",
    "Task",
    "TaskManagementFunction",
    "TaskManagementRequest",
    "TaskManagementResponse",
    "TaskManagementResponseCode",
    "TextRequest",
    "TextResponse",
    "Unsupported",
    "case",
    "expect",
    "mutations",
    "settle",
    "sn_add",
    "sn_diff",
    "sn_le",
    "sn_lt",
    "variants",
]
