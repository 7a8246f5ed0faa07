"""The scripted initiator: every field of every PDU in a script's hand, every answer judged by its clause.

`Initiator` opens `Session`s; a session offers each exchange of the protocol as a call; `mutations` spoil a PDU and
`expect` says what may follow. Here are the names that scripts use; docs/reference/initiator.md shows them at work.
"""

from __future__ import annotations

from initiator_sim import expect, mutations
from initiator_sim.chap import Account, Chap
from initiator_sim.connection import Connection, Settings
from initiator_sim.draft import Draft, Mutation
from initiator_sim.evidence import Closed, Peace, Received, Silence
from initiator_sim.exchange import Exchange
from initiator_sim.expectation import Expectation
from initiator_sim.initiator import Initiator
from initiator_sim.login import Login, LoginResult
from initiator_sim.outcomes import ExpectationFailed, HarnessFault, Inconclusive, ScriptOutcome, Unsupported
from initiator_sim.parameters import Parameters
from initiator_sim.session import Session
from initiator_sim.task import CommandResult, Task
from initiator_sim.texting import TextExchange, TextResult
from initiator_sim.transport import TcpTransport, Transport

__all__ = [
    "Account",
    "Chap",
    "Closed",
    "CommandResult",
    "Connection",
    "Draft",
    "Exchange",
    "Expectation",
    "ExpectationFailed",
    "HarnessFault",
    "Inconclusive",
    "Initiator",
    "Login",
    "LoginResult",
    "Mutation",
    "Parameters",
    "Peace",
    "Received",
    "ScriptOutcome",
    "Session",
    "Settings",
    "Silence",
    "Task",
    "TcpTransport",
    "TextExchange",
    "TextResult",
    "Transport",
    "Unsupported",
    "expect",
    "mutations",
]
