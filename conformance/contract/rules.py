"""The rules of the guide that a storage driver can break, and which of them a finding of the stack is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chiscsi_target.api.findings import FindingKind


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: never changes.
        text: the rule in words.
        source: where it stands.
    """

    name: str
    text: str
    source: str


_ALL: Final = (
    Rule("usable", "The class can be made and registered, with all mandatory hooks", "guide 5.1.1, 5.2.1 and 5.2.4"),
    Rule("returns", "A hook returns at once, and raises nothing unexpected", "guide 4.2.1 and 5.2.4"),
    Rule("serves", "A command that a disk has to execute ends with good status", "guide 7.3.5"),
    Rule("completes", "Every command that the driver was given is completed", "guide 7.3.5.1"),
    Rule("once", "A command is completed once", "guide 7.3.5.1; behaviour file, 3.5"),
    Rule("order", "Calls come in the order of the READ and WRITE walk-through", "guide 7.3.5.2 and 7.3.5.3"),
    Rule("setup", "Buffers pass the stack's checks", "guide 7.3.5.1 and Appendix D"),
    Rule("vectors", "Vectors describe memory that is there, once, and can be used", "guide 7.3.5.1"),
    Rule("ownership", "Buffers are left alone while the stack has them", "guide 7.3.5.1; behaviour file, 3.1 and 3.5"),
    Rule("dead", "No call is made for a command after its cleanup", "behaviour file, 3.9"),
    Rule("freed", "Buffers are let go of when the stack has given them back", "guide 7.3.5.1 and 5.2.4"),
    Rule("fields", "The driver writes its own fields of a command only", "guide 7.3.5.1; behaviour file, 3.1"),
    Rule("data", "What was written is what is read", "guide 7.3.5.2 and 7.3.5.3"),
    Rule("units", "Each logical unit keeps its own data", "guide 5.2 and 7.3.5.1 (sc_lun)"),
    Rule("residual", "Residuals tell what was not transferred", "guide 7.3.5.1, Buffer Overflow and Underflow"),
    Rule(
        "sense",
        "A command that cannot be executed ends with CHECK CONDITION and the sense data for it",
        "guide 7.3.5.1",
    ),
    Rule("abort", "fp_scsi_cmd_abort is answered", "guide 7.3.5.4"),
    Rule("tmf", "fp_tmf_execute is answered, once, with a response that exists", "guide 7.3.6"),
    Rule(
        "recovers",
        "After an abort, a reset or the loss of a session the driver goes on serving",
        "guide 7.3.5.4, 7.3.6",
    ),
    Rule("login", "A login hook is answered, once, with a status that exists", "guide 5.1.2 and 5.1.3"),
    Rule("session", "Hooks about sessions return what they have to", "guide 5.1.5 to 5.1.7"),
    Rule(
        "secrets", "CHAP secrets have 12 to 16 octets, and flags say what is valid", "guide 5.1.4; behaviour file, 2.3"
    ),
    Rule("wire", "The initiator is answered as RFC 7143 has it", "RFC 7143 section 11"),
)

RULES: Final = {rule.name: rule for rule in _ALL}
"""By name."""

RULE_OF_FINDING: Final = {
    FindingKind.OVERLAPPING_VECTORS: "vectors",
    FindingKind.ZERO_LENGTH_VECTOR: "vectors",
    FindingKind.NULL_ADDRESS: "vectors",
    FindingKind.UNUSABLE_MEMORY: "vectors",
    FindingKind.BUFFER_WITH_STACK: "ownership",
    FindingKind.VECTORS_CHANGED: "ownership",
    FindingKind.CONTENTS_CHANGED: "ownership",
    FindingKind.FIELDS_CHANGED: "fields",
    FindingKind.PHASE_SHAPE: "setup",
    FindingKind.NOT_HELD: "order",
    FindingKind.WRONG_STATE: "order",
    FindingKind.DOUBLE_COMPLETION: "once",
    FindingKind.DEAD_COMMAND: "dead",
    FindingKind.DOUBLE_TMF_ANSWER: "tmf",
    FindingKind.MEMORY_LEAK: "freed",
}
"""Which rule a finding of the stack is about."""
