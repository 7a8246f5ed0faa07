"""What is kept of a case: which records, under which names, how much of each."""

from __future__ import annotations

from conformance.harness.evidence import DATA_LIMIT, Evidence
from iscsi_wire.pdus import LoginRequest, NopIn, NopOut
from iscsi_wire.records import (
    CompletionRecord,
    FindingRecord,
    HookRecord,
    LogRecord,
    OffloadRecord,
    PduRecord,
    PlacementRecord,
    StateRecord,
    TransportRecord,
)


def _connected(evidence: Evidence, name: str, address: str, time: float = 10.0) -> None:
    evidence.exchange(TransportRecord(time, "initiator", name, f"connected {address} -> 10.0.0.1:3260"))


def _pdu(header: bytes, data: bytes = b"", direction: str = "out", source: str = "initiator") -> PduRecord:
    return PduRecord(11.0, source, "c0", direction, header, b"", data, 0)  # type: ignore[arg-type]


def test_records_stand_in_the_order_in_which_they_were_noticed_even_at_one_instant() -> None:
    evidence = Evidence()
    _connected(evidence, "c0", "10.0.0.2:40000")
    evidence.exchange(_pdu(NopOut().encode()))
    evidence.listen(LogRecord(10.0, "target", "10.0.0.2:40000", 2, "pinged"))
    evidence.exchange(_pdu(NopIn().encode(), direction="in"))
    assert [event.kind for event in evidence.events()] == ["transport", "pdu", "log", "pdu"]


def test_the_target_calls_a_connection_by_the_initiators_address_and_the_report_by_its_name() -> None:
    evidence = Evidence()
    evidence.listen(StateRecord(9.9, "target", "10.0.0.2:40001", "connection", "S1", "T3", "S3"))
    _connected(evidence, "c0", "10.0.0.2:40000")
    _connected(evidence, "c1", "10.0.0.2:40001")
    assert [event.connection for event in evidence.events()] == ["c1", "c0", "c1"]


def test_records_of_other_connections_are_left_out() -> None:
    evidence = Evidence()
    evidence.listen(StateRecord(9.0, "target", "10.0.0.2:39999", "connection", "S5", "T15", "S8"))
    evidence.listen(StateRecord(9.0, "target", "session 7", "session", "Q3", "N5", "Q4"))
    _connected(evidence, "c0", "10.0.0.2:40000")
    evidence.listen(StateRecord(11.0, "target", "session 8", "session", "Q1", "N1", "Q2"))
    evidence.listen(HookRecord(11.0, "target", "", "fp_tmf_execute", "lun 0", "0"))
    assert [event.connection for event in evidence.events()] == ["c0", "session 8", ""]


def test_the_targets_view_of_the_pdus_adds_nothing() -> None:
    evidence = Evidence()
    _connected(evidence, "c0", "10.0.0.2:40000")
    evidence.exchange(_pdu(NopOut().encode()))
    evidence.listen(PduRecord(11.0, "target", "10.0.0.2:40000", "in", NopOut().encode(), b"", b"", 0))
    assert [event.kind for event in evidence.events()] == ["transport", "pdu"]


def test_of_a_payload_the_beginning_is_kept_and_its_length() -> None:
    evidence = Evidence()
    evidence.exchange(_pdu(NopOut().encode(), bytes(10000)))
    evidence.exchange(_pdu(LoginRequest().encode(), b"k=" + b"v" * 4000))
    payload, text = evidence.events()
    assert (len(payload.octets), payload.length) == (48 + DATA_LIMIT, 10048)
    assert (len(text.octets), text.length) == (4050, 4050)


def test_the_cause_is_marked() -> None:
    evidence = Evidence()
    first, second = _pdu(NopIn().encode(), direction="in"), _pdu(NopIn().encode(), direction="in")
    evidence.exchange(first)
    evidence.exchange(second)
    assert [event.cause for event in evidence.events(second)] == [False, True]


def test_each_kind_of_record_keeps_its_words() -> None:
    evidence = Evidence()
    for record in (
        StateRecord(1.0, "target", "", "session", "Q1", "N1 login", "Q2"),
        HookRecord(1.0, "target", "", "fp_scsi_cmd_cdb_rcved", "itt 0x1", "0"),
        CompletionRecord(1.0, "target", "", "chiscsi_scsi_cmd_execution_status", "status 0x00", "0"),
        LogRecord(1.0, "target", "", 1, "strange"),
        FindingRecord(1.0, "target", "", "null-address", 1, "vector 0: no address"),
        TransportRecord(1.0, "target", "", "closed"),
        OffloadRecord(1.0, "target", "", "CPL_ISCSI_DATA", "CPL_ISCSI_DATA tid 5 len 512 seq 0x0"),
        PlacementRecord(1.0, "target", "", 26, 4096, 512, "came unasked"),
    ):
        evidence.listen(record)
    assert [(event.kind, event.words) for event in evidence.events()] == [
        ("state", ("session", "Q1", "N1 login", "Q2")),
        ("hook", ("fp_scsi_cmd_cdb_rcved", "itt 0x1", "0")),
        ("completion", ("chiscsi_scsi_cmd_execution_status", "status 0x00", "0")),
        ("log", ("warning", "strange")),
        ("log", ("finding null-address", "vector 0: no address")),
        ("transport", ("closed",)),
        ("offload", ("CPL_ISCSI_DATA", "CPL_ISCSI_DATA tid 5 len 512 seq 0x0")),
        ("placement", ("0x1a", "4096", "512", "came unasked")),
    ]


def test_a_tolerated_rule_that_was_broken_is_remembered_by_the_initiators_note() -> None:
    evidence = Evidence()
    text = "ignored: rsvd_2 is not 0, but reserved fields are 0 (7143-11-02)"
    evidence.exchange(LogRecord(1.0, "initiator", "c0", 1, text))
    assert evidence.broken({"reserved", "stat_sn"}) == ["reserved"]
    assert evidence.broken({"stat_sn"}) == []
