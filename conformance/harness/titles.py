"""A case's title from the name of its function, with the RFC's own spelling of its terms."""

from __future__ import annotations

import re

# As the RFC writes them. A function's name can only have lower case and underscores.
_TERMS = (
    "MaxRecvDataSegmentLength InitialR2T ImmediateData MaxBurstLength FirstBurstLength MaxConnections MaxOutstandingR2T"
    " DefaultTime2Wait DefaultTime2Retain DataPDUInOrder DataSequenceInOrder ErrorRecoveryLevel SessionType SendTargets"
    " HeaderDigest DataDigest AuthMethod InitiatorName InitiatorAlias TargetName TargetAlias TargetAddress"
    " TargetPortalGroupTag TaskReporting iSCSIProtocolLevel NotUnderstood Irrelevant Reject"
    " MaxCmdSN ExpCmdSN RefCmdSN CmdSN ExpStatSN StatSN ExpDataSN DataSN R2TSN DataSegmentLength TotalAHSLength"
    " AsyncEvent Data-Out Data-In NOP-Out NOP-In Login Logout Text"
).split()
_ACRONYMS = (
    "ACA AHS BHS CDB CHAP CID CRC32C CSG EDTL EUI FIM IQN ISID ITT LBA LUN LUNs NAA NACA NORMACA NSG PDU PDUs QERR R2T"
    " R2Ts SCSI SNACK SSID TAS TCP TMF TPGS TPGT TSIH TTT TUR VPD WSNZ"
).split()


def _as_words(term: str) -> str:
    """How a function's name spells a term: "ExpCmdSN" as exp_cmd_sn, "Data-Out" as data_out."""
    words = re.sub(r"([a-z0-9])([A-Z])|-", lambda match: f"{match[1] or ''}_{match[2] or ''}", term)
    return words.lower()


def _spellings() -> dict[str, str]:
    known: dict[str, str] = {}
    for term in _TERMS:
        known[_as_words(term)] = term
        known[re.sub(r"\W", "", term).lower()] = term
    known |= {acronym.lower(): acronym for acronym in _ACRONYMS}
    known |= {"iscsi_protocol_level": "iSCSIProtocolLevel", "i_bit": "I bit", "f_bit": "F bit", "c_bit": "C bit"}
    known |= {"t_bit": "T bit", "s_bit": "S bit", "a_bit": "A bit", "nop": "NOP", "text": "text", "reject": "reject"}
    known |= {"login": "login", "logout": "logout", "irrelevant": "Irrelevant", "initial_r2t": "InitialR2T"}
    known |= {"r2t_sn": "R2TSN", "data_pdu_in_order": "DataPDUInOrder", "max_outstanding_r2t": "MaxOutstandingR2T"}
    return known


_KNOWN = _spellings()
_LONGEST_FIRST = sorted(_KNOWN, key=len, reverse=True)
_PATTERN = re.compile(r"(?<![a-z0-9])(" + "|".join(map(re.escape, _LONGEST_FIRST)) + r")(?![a-z0-9])")


def title(function_name: str) -> str:
    """`test_command_beyond_max_cmd_sn_gets_no_answer` as "Command beyond MaxCmdSN gets no answer"."""
    words = function_name.removeprefix("test_")
    sentence = _PATTERN.sub(lambda match: _KNOWN[match[1]], words).replace("_", " ")
    return (
        sentence[:1].upper() + sentence[1:] if sentence[:1].islower() and not sentence.startswith("iSCSI") else sentence
    )


def rule(docstring: str | None) -> str:
    """The rule as a docstring states it, on one line; one `>` stays where a quotation of the RFC begins."""
    words: list[str] = []
    quoting = False
    for line in (docstring or "").splitlines():
        text = line.strip()
        words += (text[1:] if quoting and text.startswith(">") else text).split()
        quoting = text.startswith(">")
    return " ".join(words)
