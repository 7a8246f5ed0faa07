"""Evidence as a report shows it."""

from __future__ import annotations

from conformance.harness.decoding import decode_events
from conformance.harness.evidence import RawEvent
from iscsi_wire.pdus import DataIn, LoginRequest, NopIn, ScsiCommand, decode_header
from reports.model import Event, Field, Placement


def _pdu(octets: bytes, direction: str = "in", *, ahs: int = 0, length: int = 0, cause: bool = False) -> RawEvent:
    return RawEvent("pdu", 5.0, "initiator", "c0", (direction,), octets, ahs, length or len(octets), cause)


def _field(event: Event, name: str) -> Field:
    (found,) = (field for field in event.fields if field.name == name)
    return found


def test_a_pdu_is_an_arrow_with_every_field_decoded() -> None:
    header = NopIn.make(initiator_task_tag=7, stat_sn=3, lun=1 << 48, final=1)
    (event,) = decode_events([_pdu(header.encode())])
    assert (event.kind, event.title, event.source, event.destination) == ("pdu", "NOP-In", "target", "initiator")
    assert event.hex == header.encode().hex()
    assert _field(event, "stat_sn") == Field("stat_sn", "0x3", "", 24, "0-31", "11.19.2")
    assert _field(event, "final").bits == "0"
    assert (_field(event, "lun").value, _field(event, "lun").meaning) == ("0x0001000000000000", "LUN 1")
    assert sum(_bits(field) for field in event.fields) == 48 * 8


def _bits(field: Field) -> int:
    first, _, last = field.bits.partition("-")
    return int(last or first) - int(first) + 1


def test_what_the_initiator_sent_points_to_the_target() -> None:
    (event,) = decode_events([_pdu(LoginRequest().encode(), "out")])
    assert (event.source, event.destination) == ("initiator", "target")


def test_text_is_shown_as_pairs_at_their_places() -> None:
    data = b"InitiatorName=iqn.x\0Strange\0X-a=b=c\0\0"
    (event,) = decode_events([_pdu(LoginRequest().encode() + data, "out")])
    assert event.data_preview == "InitiatorName=iqn.x\nStrange\nX-a=b=c"
    name, private = _field(event, "InitiatorName"), _field(event, "X-a")
    assert (name.value, name.offset, name.bits, name.section) == ("iqn.x", 48, "0-151", "13.5")
    assert (private.value, private.offset, private.bits, private.section) == ("b=c", 76, "0-55", "")


def test_octets_that_are_no_text_are_escaped() -> None:
    (event,) = decode_events([_pdu(LoginRequest().encode() + b"a=\xff\x1b", "out")])
    assert _field(event, "a").value == "\\xff\x1b"


def test_a_field_that_broke_a_rule_is_marked_with_what_was_wrong() -> None:
    raw = [_pdu(NopIn().encode()), _pdu(NopIn().encode(), cause=True)]
    first, second = decode_events(raw, "stat_sn", "StatSN 0 where 7 is next")
    assert not first.marked
    assert (second.marked, second.remark) == (True, "StatSN 0 where 7 is next")
    marked = _field(second, "stat_sn")
    assert (marked.marked, marked.meaning) == (True, "StatSN 0 where 7 is next")
    assert [field.name for field in second.fields if field.marked] == ["stat_sn"]


def test_a_data_segment_can_be_marked_as_a_whole() -> None:
    (event,) = decode_events([_pdu(DataIn().encode() + bytes(8), cause=True)], "data", "other data")
    data = _field(event, "data")
    assert (data.offset, data.bits, data.marked, data.meaning) == (48, "0-63", True, "other data")


def test_a_payload_that_was_cut_short_shows_its_length() -> None:
    whole, cut = decode_events([_pdu(DataIn().encode() + bytes(8)), _pdu(DataIn().encode() + bytes(8), length=4144)])
    assert (whole.length, cut.length) == (0, 4144)


def test_additional_header_segments_are_no_data() -> None:
    (event,) = decode_events([_pdu(LoginRequest().encode() + bytes(8) + b"a=b\0", "out", ahs=8)])
    assert _field(event, "a").offset == 56


def test_an_unknown_opcode_is_shown_none_the_less() -> None:
    octets = bytes([0x1C]) + bytes(47)
    (event,) = decode_events([_pdu(octets, "out")])
    assert event.title == decode_header(octets).TITLE
    assert event.hex == octets.hex()


def _write(tag: int, connection: str = "c0") -> RawEvent:
    command = ScsiCommand.make(initiator_task_tag=tag, write=1, final=1).encode()
    return RawEvent("pdu", 1.0, "initiator", connection, ("out",), command, 0, len(command))


def test_what_became_of_a_write_stands_at_its_command() -> None:
    """The latest of that tag on that connection; what has none stands alone."""
    raw = [
        _write(26),
        _write(27),
        _write(26, "c1"),
        RawEvent("placement", 2.0, "target", "c0", ("0x1a", "4096", "512", "late")),
        _write(26),
        RawEvent("placement", 3.0, "target", "c0", ("0x1a", "0", "7", "later")),
        RawEvent("placement", 4.0, "target", "c0", ("0x1a", "1", "0", "")),
    ]
    events = decode_events(raw)
    assert [event.placement for event in events] == [
        Placement(4096, 512, "late"),
        None,
        None,
        None,
        Placement(0, 7, "later"),
        None,
        Placement(1),
    ]
    last = events[-1]
    assert (last.kind, last.title, last.detail) == ("offload", "placement", "itt 0x1a, placed 1, copied 0")


def test_what_a_half_reports_about_itself() -> None:
    raw = [
        RawEvent("state", 1.0, "target", "c0", ("connection", "S3", "T4 login started", "S4")),
        RawEvent("hook", 2.0, "target", "", ("fp_tmf_execute", "lun 0", "0")),
        RawEvent("completion", 2.0, "target", "", ("chiscsi_tmf_execution_done", "", "")),
        RawEvent("log", 2.5, "target", "", ("warning", "strange")),
        RawEvent("transport", 3.0, "initiator", "c0", ("closed by the initiator",)),
        RawEvent("offload", 3.5, "target", "c0", ("CPL_ISCSI_DATA", "CPL_ISCSI_DATA tid 5 len 512 seq 0x0")),
    ]
    shown = [(e.index, e.time, e.kind, e.source, e.title, e.detail) for e in decode_events(raw)]
    assert shown == [
        (0, 0.0, "state", "target", "S3 -> S4", "connection: T4 login started"),
        (1, 1.0, "hook", "target", "fp_tmf_execute", "(lun 0) = 0"),
        (2, 1.0, "completion", "target", "chiscsi_tmf_execution_done", "()"),
        (3, 1.5, "log", "target", "warning", "strange"),
        (4, 2.0, "transport", "initiator", "closed by the initiator", ""),
        (5, 2.5, "offload", "target", "CPL_ISCSI_DATA", "tid 5 len 512 seq 0x0"),
    ]
