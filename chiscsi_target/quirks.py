"""`Quirks`: where release 3.14 of the module does otherwise than the guide or the RFC (behaviour file, section 11).

All are off by default, which is the guide's and the RFC's way. A driver can be tried against both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from chiscsi_target.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Quirks:
    """Switches, named as in the behaviour file; each line says what the module does when its switch is on.

    Attributes:
        name_from_buffer: a target is named by its configuration buffer; the argument only finds duplicates (1.3).
        no_class_use_check: classes can be deregistered while they are in use (1.1, 1.2).
        no_login_continuation: a Login or Text Request with C=1 closes the connection (2.1).
        stage_check_once: `fp_login_stage_check` is called for the operational stage only (2.2).
        last_answer_wins: a later answer of the driver to a login hook cancels an earlier refusal (2.2).
        async_reject_stays_open: a login refused from outside the hook leaves the connection open (2.2).
        acl_late_status: a login that the access list refuses after CHAP gets status 2/0 rather than 2/2 (2.1).
        reuse_tsih: session reinstatement keeps the old session's TSIH (2.4).
        attribute_zero: `sc_attribute` is always 0 (3.1).
        cmdsn_hole_closes: a hole in the CmdSNs of a single-connection session closes the connection (3.2).
        read_underflow_unchecked: a short read needs no flag; `sc_blk_cnt` says how much there is (3.5, 3.6).
        response_without_residual: only Data-In carries residuals, never the SCSI Response (3.6).
        tmf_no_abort_hook: task management never calls `fp_scsi_cmd_abort` (4.1).
        tmf_forward_all: the driver is asked about every task that is found, even one it never saw (4.2).
        tmf_itt_8bit: a postponed task management response carries the low octet of its tag (4.2).
        reset_hits_lun0: a target reset acts on other sessions as a reset of LUN 0 (4.4).
        multiphase_no_ddp: data of multi-phase commands are never placed directly (5.3).
        padding_resets: padding that is not zero resets an offloaded connection (5.5).
        no_copy_closes: data that can neither be placed nor copied close the connection, too (5.3).
        session_info_capped: `chiscsi_get_session_info` returns at most `max` (1.8).
        cid_is_tid: connection information shows the adapter's connection number as CID (1.8).
        login_time_zero_closes: a login time of 0 closes at the next tick, rather than meaning no limit (2.1).
        returned_when_acknowledged: buffers of a read go back to the driver when the initiator has acknowledged, not
            when the transport has taken their last octet (3.3).
        chap_sha1_as_7: CHAP knows MD5 as 5 and SHA-1 as 7, a number that the registry gives to SHA-256 (2.3).
        chap_base64_challenge: CHAP_C is sent as a base64-constant, which libiscsi 1.19 cannot read (2.3).
        chap_secret_as_string: a secret of `fp_chap_info_get` ends at a null or 16 octets; its length is not read (2.3).
    """

    name_from_buffer: bool = False
    no_class_use_check: bool = False
    no_login_continuation: bool = False
    stage_check_once: bool = False
    last_answer_wins: bool = False
    async_reject_stays_open: bool = False
    acl_late_status: bool = False
    reuse_tsih: bool = False
    attribute_zero: bool = False
    cmdsn_hole_closes: bool = False
    read_underflow_unchecked: bool = False
    response_without_residual: bool = False
    tmf_no_abort_hook: bool = False
    tmf_forward_all: bool = False
    tmf_itt_8bit: bool = False
    reset_hits_lun0: bool = False
    multiphase_no_ddp: bool = False
    padding_resets: bool = False
    no_copy_closes: bool = False
    session_info_capped: bool = False
    cid_is_tid: bool = False
    login_time_zero_closes: bool = False
    returned_when_acknowledged: bool = False
    chap_sha1_as_7: bool = False
    chap_base64_challenge: bool = False
    chap_secret_as_string: bool = False


QUIRK_NAMES = tuple(field.name for field in fields(Quirks))
RELEASE_3_14 = Quirks(**dict.fromkeys(QUIRK_NAMES, True))
"""Every switch on: the module as it was released."""
EVERYTHING = "release-3.14"
"""What stands for all of them among names."""


def named(names: Iterable[str]) -> Quirks:
    """The switches of these names on; EVERYTHING is all of them.

    Raises:
        ConfigurationError: a name is none of a switch.
    """
    wanted = set(names)
    if EVERYTHING in wanted:
        wanted = wanted - {EVERYTHING} | set(QUIRK_NAMES)
    unknown = sorted(wanted - set(QUIRK_NAMES))
    if unknown:
        known = ", ".join((EVERYTHING, *QUIRK_NAMES))
        raise ConfigurationError("quirk", f"{unknown[0]} is none of: {known}")
    return Quirks(**dict.fromkeys(wanted, True))
