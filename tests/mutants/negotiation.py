"""Faults of text negotiation: keys, their values, and text that spans PDUs (RFC 7143 sections 6.1, 6.2 and 13)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.core import negotiation
from chiscsi_target.core.login import Login
from chiscsi_target.core.negotiation import Negotiation, NegotiationFailure, Pairs
from iscsi_wire.keys import KEYS, Form, Key, Rule
from iscsi_wire.text import NOT_UNDERSTOOD, REJECT
from tests.mutants.planting import Original, Plant, mutant

Answer = tuple[str, str]


def _offers(plant: Plant, change: Callable[[Key, str], str]) -> None:
    """Change offers before they are looked at."""

    def select(original: Original, work: Negotiation, key: Key, value: str) -> Answer:
        answer: Answer = original(work, key, change(key, value))
        return answer

    plant.wrap(Negotiation, "_select", select)


def _answers(plant: Plant, change: Callable[[Key, str, str], str]) -> None:
    """Change answers, given key, offer and answer; the result stays what it is."""

    def select(original: Original, work: Negotiation, key: Key, value: str) -> Answer:
        name, answer = original(work, key, value)
        return name, change(key, value, answer)

    plant.wrap(Negotiation, "_select", select)


# Values


@mutant("13.10", "key-boolean-01.InitialR2T-Yes")
def result_of_initial_r2t_is_and(plant: Plant) -> None:
    """InitialR2T is negotiated by AND."""
    plant.key("InitialR2T", rule=Rule.AND)


@mutant("13.11", "key-boolean-01.ImmediateData-No")
def result_of_immediate_data_is_or(plant: Plant) -> None:
    """ImmediateData is negotiated by OR."""
    plant.key("ImmediateData", rule=Rule.OR)


@mutant("6.2.2", "key-boolean-02 key-number-03 key-number-04 key-number-05")
def values_that_are_not_admissible_are_repeated(plant: Plant) -> None:
    """A number or boolean that cannot be understood is answered with itself."""

    def change(key: Key, value: str, answer: str) -> str:
        return value if answer == REJECT and key.form in (Form.BOOLEAN, Form.NUMBER) else answer

    _answers(plant, change)


@mutant("13.13", "key-number-01.MaxBurstLength-lowest")
def result_of_max_burst_length_is_the_maximum(plant: Plant) -> None:
    """MaxBurstLength is negotiated to the greater value."""
    plant.key("MaxBurstLength", rule=Rule.MAXIMUM)


@mutant("13.15", "key-number-01.DefaultTime2Wait-highest")
def result_of_time2wait_is_the_minimum(plant: Plant) -> None:
    """DefaultTime2Wait is negotiated to the lesser value."""
    plant.key("DefaultTime2Wait", rule=Rule.MINIMUM)


@mutant("6.1", "key-number-02")
def hexadecimal_numbers_are_the_lowest(plant: Plant) -> None:
    """A number in hexadecimal is taken for the lowest that is possible."""

    def change(key: Key, value: str) -> str:
        return str(key.low) if key.form is Form.NUMBER and value[:2].lower() == "0x" else value

    _offers(plant, change)


@mutant("13.24", "key-protocol-level-01")
def protocol_level_is_0(plant: Plant) -> None:
    """The key iSCSIProtocolLevel is answered with 0."""
    _answers(plant, lambda key, value, answer: "0" if key.name == "iSCSIProtocolLevel" else answer)


# Lists


@mutant("13.1", "key-digest-01.HeaderDigest-none key-digest-01.DataDigest-none key-digest-05")
def digests_are_used_unasked(plant: Plant) -> None:
    """A digest is answered with CRC32C, whatever is offered."""
    _offers(plant, lambda key, value: "CRC32C" if key.name.endswith("Digest") else value)


@mutant("6.2.1", "key-digest-02")
def targets_order_decides(plant: Plant) -> None:
    """Of the digests offered, the one that the target likes best is chosen."""

    def change(key: Key, value: str) -> str:
        return "CRC32C,None" if key.name.endswith("Digest") and value == "None,CRC32C" else value

    _offers(plant, change)


@mutant("6.2.1", "key-task-reporting-02 key-auth-method-02")
def last_of_a_list_is_chosen(plant: Plant) -> None:
    """A list is answered with its last value, supported or not."""
    _answers(plant, lambda key, value, answer: value.split(",")[-1] if key.form is Form.LIST else answer)


@mutant("6.2.1", "key-digest-03 key-task-reporting-01.unknown-first")
def list_with_an_unknown_value_is_rejected(plant: Plant) -> None:
    """A list is answered with Reject unless its first value is supported."""

    def change(key: Key, value: str, answer: str) -> str:
        return answer if key.form is not Form.LIST or value.split(",", maxsplit=1)[0] == answer else REJECT

    _answers(plant, change)


@mutant("6.2.1", "key-auth-method-01.unknown-first key-auth-method-01.other-case-first key-digest-03")
def first_of_a_list_is_chosen(plant: Plant) -> None:
    """A list is answered with its first value, supported or not."""
    _answers(plant, lambda key, value, answer: value.split(",")[0] if key.form is Form.LIST else answer)


@mutant("6.2.1", "key-digest-04 key-auth-method-03")
def none_is_chosen_where_nothing_fits(plant: Plant) -> None:
    """A list without a value that the target supports is answered with None."""
    _answers(plant, lambda key, value, answer: "None" if answer == REJECT and key.form is Form.LIST else answer)


@mutant("13.23", "key-task-reporting-01")
def task_reporting_is_not_understood(plant: Plant) -> None:
    """TaskReporting is answered NotUnderstood."""
    _forget(plant, "TaskReporting")


def _forget(plant: Plant, *names: str) -> None:
    plant.replace(negotiation, "KEYS", {name: key for name, key in KEYS.items() if name not in names})


# Dependencies


def _no_integrity_rules(plant: Plant) -> None:
    plant.replace(negotiation, "INTEGRITY_RULES", ())


def _echoes(plant: Plant, *names: str) -> None:
    """Accept whatever is offered for these keys."""

    def select(original: Original, work: Negotiation, key: Key, value: str) -> Answer:
        if key.name in names:
            work.settings[key.name] = key.parse(value)
            return key.name, value
        answer: Answer = original(work, key, value)
        return answer

    plant.wrap(Negotiation, "_select", select)


@mutant("13.14", "key-burst-lengths-01")
def first_burst_may_exceed_max_burst(plant: Plant) -> None:
    """FirstBurstLength is accepted as offered, also beyond MaxBurstLength."""
    _no_integrity_rules(plant)
    _echoes(plant, "FirstBurstLength")


@mutant("6.2", "key-burst-lengths-02")
def burst_lengths_are_compared_too_early(plant: Plant) -> None:
    """FirstBurstLength is held against the default of MaxBurstLength, before that is negotiated."""

    def select(original: Original, work: Negotiation, key: Key, value: str) -> Answer:
        if key.name == "FirstBurstLength" and int(value) > 262144:
            raise NegotiationFailure("FirstBurstLength", "13.14")
        answer: Answer = original(work, key, value)
        return answer

    plant.wrap(Negotiation, "_select", select)


@mutant("13.19", "key-outstanding-r2t-01 discovery-recovery-level-01.1 discovery-recovery-level-01.2")
def recovery_leaves_many_outstanding_r2ts(plant: Plant) -> None:
    """ErrorRecoveryLevel 1 and 2 are agreed on with several outstanding R2Ts and data in order."""
    _no_integrity_rules(plant)
    _echoes(plant, "ErrorRecoveryLevel", "MaxOutstandingR2T")


@mutant("6.2", "key-irrelevant-01 key-irrelevant-02.MaxConnections key-irrelevant-02.MaxBurstLength")
def irrelevant_keys_are_not_understood(plant: Plant) -> None:
    """A key that means nothing here is answered NotUnderstood."""
    plant.replace(negotiation, "IRRELEVANT", NOT_UNDERSTOOD)


@mutant("13.25", "key-marker-01 key-marker-02")
def marker_keys_are_not_understood(plant: Plant) -> None:
    """The obsolete keys of markers are answered NotUnderstood."""
    _forget(plant, "OFMarker", "IFMarker", "OFMarkInt", "IFMarkInt")


# Declarations


@mutant("13.12", "key-data-segment-02")
def default_of_the_data_segment_length_is_65536(plant: Plant) -> None:
    """An initiator that declares no MaxRecvDataSegmentLength gets data segments of 64 KiB."""

    def start(original: Original, attempt: Login) -> None:
        original(attempt)
        if "MaxRecvDataSegmentLength" not in attempt._negotiation.declared:
            attempt.connection.max_send_data = 65536

    plant.wrap(Login, "_start_full_feature_phase", start)


@mutant(
    "13.12", "key-data-segment-03.below key-data-segment-03.above text-data-segment-02.below text-data-segment-02.above"
)
def any_data_segment_length_may_be_declared(plant: Plant) -> None:
    """A MaxRecvDataSegmentLength outside its range is taken."""
    plant.key("MaxRecvDataSegmentLength", low=0, high=1 << 32)


@mutant("13.26", "key-node-architecture-01")
def node_architecture_is_a_protocol_error(plant: Plant) -> None:
    """A login that declares X#NodeArchitecture is refused."""
    plant.key("X#NodeArchitecture", initiator=frozenset())


@mutant("6.3", "key-target-01 key-target-02")
def target_declares_its_limit_in_every_response(plant: Plant) -> None:
    """Each Login Response has MaxRecvDataSegmentLength, also in the security stage."""

    def declarations(original: Original, attempt: Login) -> Pairs:
        limit = ("MaxRecvDataSegmentLength", str(attempt._max_receive_data))
        return [*(pair for pair in original(attempt) if pair[0] != limit[0]), limit]

    plant.wrap(Login, "_declarations", declarations)
