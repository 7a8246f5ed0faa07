"""`FindingKind`: what a storage driver did that the module would not notice, and a harness must (behaviour file, 3.5).

A finding never changes the result of a call and never ends anything. It is recorded as a `FindingRecord`, and kept by
the Target Module (`TargetModule.findings`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["COSTLY", "MEANINGS", "FindingKind"]


class FindingKind(StrEnum):
    """The kinds of findings; `MEANINGS` explains them."""

    OVERLAPPING_VECTORS = "overlapping-vectors"
    ZERO_LENGTH_VECTOR = "zero-length-vector"
    NULL_ADDRESS = "null-address"
    UNUSABLE_MEMORY = "unusable-memory"
    BUFFER_WITH_STACK = "buffer-with-stack"
    VECTORS_CHANGED = "vectors-changed"
    CONTENTS_CHANGED = "contents-changed"
    PHASE_SHAPE = "phase-shape"
    NOT_HELD = "not-held"
    WRONG_STATE = "wrong-state"
    DOUBLE_COMPLETION = "double-completion"
    DEAD_COMMAND = "dead-command"
    DOUBLE_TMF_ANSWER = "double-tmf-answer"
    MEMORY_LEAK = "memory-leak"


MEANINGS: Final[dict[FindingKind, tuple[str, str]]] = {
    FindingKind.OVERLAPPING_VECTORS: (
        "two vectors that the stack holds of one command show the same memory",
        "behaviour file, 3.5",
    ),
    FindingKind.ZERO_LENGTH_VECTOR: ("a vector's sg_length is 0 or less", "guide 7.3.5.1; behaviour file, 3.5"),
    FindingKind.NULL_ADDRESS: (
        "a vector has no sg_addr, no sg_page, and no sg_dma_addr with ISCSI_SG_SBUF_DMABLE",
        "guide 7.3.5.1, the combination that is not allowed",
    ),
    FindingKind.UNUSABLE_MEMORY: (
        "the memory behind a vector is shorter than sg_length, not made of octets, or read-only for a write",
        "guide 7.3.5.1",
    ),
    FindingKind.BUFFER_WITH_STACK: (
        "a vector is given that the stack has already, for this command or another one",
        "guide 7.3.5.1: buffers persist until the transfer is complete",
    ),
    FindingKind.VECTORS_CHANGED: ("a vector was changed while the stack had it", "behaviour file, 3.1 and 3.5"),
    FindingKind.CONTENTS_CHANGED: (
        "the octets of a read changed before they were sent, or those of a write before they came back",
        "behaviour file, 3.5",
    ),
    FindingKind.PHASE_SHAPE: (
        "a write's execution is reported with other buffers, or for another part, than was handed over",
        "behaviour file, 3.5",
    ),
    FindingKind.NOT_HELD: ("a call for a command that is with the stack", "behaviour file, 3.5: use after hand-over"),
    FindingKind.WRONG_STATE: ("a call that a command of this direction or state never expects", "behaviour file, 3.5"),
    FindingKind.DOUBLE_COMPLETION: ("a command is completed again", "behaviour file, 3.5: double return"),
    FindingKind.DEAD_COMMAND: ("a call for a command after its fp_scsi_cmd_cleanup", "behaviour file, 3.5 and 3.9"),
    FindingKind.DOUBLE_TMF_ANSWER: ("a task management request is answered again", "guide 7.3.6"),
    FindingKind.MEMORY_LEAK: (
        "a command was released with buffers still with the stack, and its class has no fp_scsi_cmd_cleanup",
        "behaviour file, 3.9",
    ),
}
"""What each kind means, in a line, and where the rule stands."""

COSTLY: Final = frozenset(
    (
        FindingKind.OVERLAPPING_VECTORS,
        FindingKind.ZERO_LENGTH_VECTOR,
        FindingKind.NULL_ADDRESS,
        FindingKind.UNUSABLE_MEMORY,
        FindingKind.BUFFER_WITH_STACK,
        FindingKind.VECTORS_CHANGED,
        FindingKind.CONTENTS_CHANGED,
        FindingKind.PHASE_SHAPE,
    )
)
"""Looked for only with `TargetModule(findings=True)`, or when somebody listens; the others always."""
