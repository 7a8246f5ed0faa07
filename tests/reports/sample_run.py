"""Sample runs for the reports: realistic, the same every time, and as large as one asks.

    python -m tests.reports.sample_run DIRECTORY [CASES [BURSTS]]     writes every report of a sample run, to look at

The exchanges are invented; the rules are RFC 7143's.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from pathlib import Path

from reports.bundle import write_reports
from reports.model import Case, Event, EventKind, Field, Placement, Requirement, Run
from tests.reports import sample_pdus as pdus

TARGET = "iqn.2004-01.com.example:array.disk7"
PORTAL = "iscsi://192.0.2.17:3260"
STARTED = datetime.datetime(2026, 3, 14, 9, 26, 53, tzinfo=datetime.UTC)
NO_TAG = 0xFFFFFFFF
PAYLOAD = bytes(range(256)) * 2
REASONS = ("", "the data came unasked", "the buffers are no whole pages: " + "one of them is short, " * 8 + "alas", "")
HOSTILE = "</script><script>window.owned=1</script><img src=x onerror=window.owned=1>\x1b[31m\u2028{{7*7}}"


Values = dict[str, int]


class Exchange:
    """Collects events, with a clock and the sequence numbers of one session."""

    def __init__(self, seed: int, bursts: int) -> None:
        self.events: list[Event] = []
        self.bursts = bursts
        self.now = 0.0
        self.seed = seed
        self.cmd_sn = 1 + seed % 7
        self.stat_sn = 0x100 + seed % 50

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def add(self, kind: EventKind, source: str, title: str, detail: str = "", connection: str = "c0") -> Event:
        self.now += 0.000_031 + (self.seed * 7 + len(self.events) * 13) % 29 * 0.000_011
        event = Event(len(self.events), round(self.now, 6), kind, source, "", connection, title, detail)
        self.events.append(event)
        return event

    def pdu(
        self,
        shape: pdus.Shape,
        detail: str,
        values: Values,
        *,
        data: bytes = b"",
        wrong: dict[str, str] | None = None,
        connection: str = "c0",
    ) -> Event:
        to_initiator = bool(shape.opcode & 0x20)
        if to_initiator:
            sns = {"stat_sn": self.stat_sn, "exp_cmd_sn": self.cmd_sn, "max_cmd_sn": self.cmd_sn + 31}
        else:
            sns = {"cmd_sn": self.cmd_sn, "exp_stat_sn": self.stat_sn}
        sides = ("target", "initiator") if to_initiator else ("initiator", "target")
        event = self.add("pdu", sides[0], shape.title, detail, connection)
        event.destination = sides[1]
        event.hex, event.fields = pdus.encode(shape, {**sns, **values}, data, wrong or {})
        is_text = b"=" in data and data.isascii()
        event.data_preview = data.decode().replace("\0", "\n").strip() if is_text else ""
        event.marked = bool(wrong)
        return event

    def login(self, connection: str = "c0", tag: int = 0x10) -> None:
        self.add("transport", "initiator", "connected", "192.0.2.40:51022 → 192.0.2.17:3260", connection)
        keys = f"InitiatorName=iqn.2010-04.com.example:host{self.seed % 4}\0SessionType=Normal\0"
        keys += f"TargetName={TARGET}\0AuthMethod=None\0"
        security = {"isid": 0x80123456 << 16 | self.seed, "initiator_task_tag": tag, "transit": 1, "nsg": 1}
        detail = "CSG=0 NSG=1 T=1"
        self.pdu(pdus.LOGIN_REQUEST, detail, {**security, "immediate": 1}, data=keys.encode(), connection=connection)
        self.add("state", "target", "S3 → S4", "T4: initial Login Request received", connection)
        answer = b"TargetPortalGroupTag=1\0AuthMethod=None\0"
        self.pdu(pdus.LOGIN_RESPONSE, "status=0x0000", security, data=answer, connection=connection)
        self.stat_sn += 1
        keys = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=262144\0ImmediateData=Yes\0"
        keys += "InitialR2T=Yes\0MaxBurstLength=262144\0FirstBurstLength=65536\0ErrorRecoveryLevel=0\0"
        last = {**security, "csg": 1, "nsg": 3}
        detail = "CSG=1 NSG=3 T=1"
        self.pdu(pdus.LOGIN_REQUEST, detail, {**last, "immediate": 1}, data=keys.encode(), connection=connection)
        self.add("hook", "target", "get_target_info", f"target={TARGET!r}", connection)
        answer = b"HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0ImmediateData=Yes\0"
        self.pdu(pdus.LOGIN_RESPONSE, "status=0x0000 TSIH=1", {**last, "tsih": 1}, data=answer, connection=connection)
        self.stat_sn += 1
        self.add("state", "target", "S4 → S5", "T5: final Login Response sent", connection)

    def command(self, detail: str, cdb: int, tag: int, length: int = 0, direction: str = "") -> Event:
        values = {"final": 1, "attr": 1, "initiator_task_tag": tag, "cdb": cdb << 8 * 6}
        values["expected_data_transfer_length"] = length
        event = self.pdu(pdus.SCSI_COMMAND, detail, {**values, direction: 1} if direction else values)
        self.cmd_sn += 1
        self.add("hook", "target", "scsi_cmd_cdb_rcved", f"lun=0 tag={tag:#x}")
        self.add("completion", "target", "scsi_cmd_ready", f"tag={tag:#x}")
        return event

    def respond(self, tag: int, detail: str = "GOOD") -> None:
        self.pdu(pdus.SCSI_RESPONSE, detail, {"final": 1, "initiator_task_tag": tag})
        self.stat_sn += 1

    def ping(self, tag: int, data: bytes = b"", connection: str = "c0") -> None:
        values = {"final": 1, "initiator_task_tag": tag, "target_transfer_tag": NO_TAG}
        self.pdu(pdus.NOP_OUT, "ping", {**values, "immediate": 1}, data=data, connection=connection)
        self.pdu(pdus.NOP_IN, "ping answered", values, data=data, connection=connection)

    def logout(self) -> None:
        values = {"final": 1, "initiator_task_tag": 0x7F}
        self.pdu(pdus.LOGOUT_REQUEST, "close the session", {**values, "immediate": 1})
        self.pdu(pdus.LOGOUT_RESPONSE, "connection closed", values)
        self.add("state", "target", "S6 → S1", "T13: Logout Response sent")
        self.add("transport", "target", "closed")


def _read(x: Exchange) -> None:
    x.login()
    length = 512 * x.bursts
    x.command(f"READ(10) lba=2048 blocks={x.bursts}", 0x28000000080000000000 | x.bursts << 8, 0x21, length, "read")
    for data_sn in range(x.bursts):
        last = data_sn == x.bursts - 1
        values = {"final": last, "status_present": last, "initiator_task_tag": 0x21, "target_transfer_tag": NO_TAG}
        values.update(data_sn=data_sn, buffer_offset=data_sn * 512)
        detail = f"DataSN={data_sn} offset={data_sn * 512}{' S=1' if last else ''}"
        x.pdu(pdus.DATA_IN, detail, values, data=PAYLOAD)
    x.stat_sn += 1
    x.logout()


def _write(x: Exchange) -> None:
    x.login()
    command = x.command(
        f"WRITE(10) lba=64 blocks={x.bursts}", 0x2A000000004000000000 | x.bursts << 8, 0x22, 512 * x.bursts, "write"
    )
    reason = REASONS[x.seed % len(REASONS)]
    copied = 128 * x.bursts if reason else 0
    command.placement = Placement(512 * x.bursts - copied, copied, reason)
    for r2t in range(x.bursts):
        place = {"final": 1, "initiator_task_tag": 0x22, "target_transfer_tag": 0x400 + r2t, "buffer_offset": r2t * 512}
        asked = {**place, "r2t_sn": r2t, "desired_data_transfer_length": 512}
        x.pdu(pdus.READY_TO_TRANSFER, f"R2TSN={r2t} offset={r2t * 512} length=512", asked)
        x.pdu(pdus.DATA_OUT, f"DataSN=0 offset={r2t * 512}", place, data=PAYLOAD)
        x.add("offload", "target", "CPL_RX_ISCSI_DDP", "tid 5 len 560 status 0x10000 PLACED")
    x.respond(0x22)
    x.logout()


def _window(x: Exchange) -> None:
    x.login()
    for tag in range(2, x.bursts):
        x.ping(0x50 + tag, b"warming up")
    beyond = {"final": 1, "attr": 1, "cmd_sn": x.cmd_sn + 40, "initiator_task_tag": 0x23}
    x.pdu(pdus.SCSI_COMMAND, f"TEST UNIT READY CmdSN={x.cmd_sn + 40}, beyond MaxCmdSN", beyond)
    x.add("log", "target", "command outside the window dropped", f"CmdSN={x.cmd_sn + 40} MaxCmdSN={x.cmd_sn + 31}")
    x.wait(1.0)
    x.add("note", "initiator", "silence for 1.0 s, as the rule demands")
    x.ping(0x24, b"still there?")
    x.logout()


def _stat_sn_jumps(x: Exchange) -> None:
    x.login()
    x.command("TEST UNIT READY", 0, 0x25)
    x.respond(0x25)
    x.command("TEST UNIT READY", 0, 0x26)
    expected, x.stat_sn = x.stat_sn, x.stat_sn + 2
    wrong = {"stat_sn": f"expected {expected}"}
    event = x.pdu(pdus.SCSI_RESPONSE, f"GOOD StatSN={x.stat_sn}", {"final": 1, "initiator_task_tag": 0x26}, wrong=wrong)
    event.remark = f"StatSN went from {expected - 1} to {x.stat_sn}; the next status of this connection is {expected}"
    x.logout()


def _reinstatement(x: Exchange) -> None:
    x.login("c0", 0x10)
    x.command("TEST UNIT READY", 0, 0x27)
    x.login("c1", 0x30)
    x.add("state", "target", "Q3 → Q1", "N6: session reinstated")
    event = x.add("transport", "target", "closed", "by FIN, without a Reject or an Async Message", "c0")
    event.marked = x.seed % 2 == 1
    event.remark = "the old connection was closed only after the new one was open" if event.marked else ""
    x.ping(0x28, connection="c1")


def _hostile(x: Exchange) -> None:
    x.login()
    keys = f"X-com.example.note={HOSTILE}\0"
    values = {"final": 1, "initiator_task_tag": 0x29, "target_transfer_tag": NO_TAG}
    x.pdu(pdus.TEXT_REQUEST, "one unknown key", values, data=b"X-com.example.note=?\0")
    event = x.pdu(pdus.TEXT_RESPONSE, f"X-com.example.note={HOSTILE}", values, data=keys.encode())
    event.marked, event.remark = True, f"expected X-com.example.note=NotUnderstood, got {HOSTILE}"
    event.fields[-1].marked, event.fields[-1].meaning = True, "expected NotUnderstood"
    x.add("log", "target", HOSTILE, HOSTILE)
    x.logout()


def _reject(x: Exchange) -> None:
    x.login()
    bad = x.pdu(pdus.SCSI_COMMAND, "AHS longer than the PDU", {"final": 1, "total_ahs_length": 255})
    wrong = {"final": 1, "reason": 9, "rsvd_16": NO_TAG}
    x.pdu(pdus.REJECT, "Invalid PDU field", wrong, data=bytes.fromhex(bad.hex))
    x.stat_sn += 1
    x.logout()


def _nothing(_: Exchange) -> None:
    """A case that needs no exchange."""


Script = Callable[[Exchange], None]
# suite, title, requirement, clause, script
RULES: list[tuple[str, str, str, str, Script]] = [
    ("login stages", "T=1 with NSG=3 leads to the full feature phase", "7143-11.12.1-01", "11.12.1", _read),
    ("login stages", "The reserved stage 2 is refused with status 0x0200", "7143-11.12.3-01", "11.12.3", _reject),
    ("login stages", "A request with C=1 is answered by an empty response", "7143-6.2-03", "6.2", _read),
    ("login stages", "Later connections log in with the TSIH", "7143-11.12.6-02", "11.12.6", _reinstatement),
    ("text keys", "Key names are case sensitive", "7143-6.1-01", "6.1", _read),
    ("text keys", "A pair may be split anywhere over two PDUs", "7143-6.1-04", "6.1", _write),
    ("text keys", "An unknown key is answered with NotUnderstood", "7143-6.1-02", "6.2", _hostile),
    ("session reinstatement", "The same ISID again ends the old session", "7143-6.3.5-02", "6.3.5", _reinstatement),
    ("command numbering", "A command beyond MaxCmdSN gets no answer", "7143-4.2.2.1-03", "4.2.2.1", _window),
    ("command numbering", "StatSN rises by one with each status", "7143-4.2.2.2-01", "4.2.2.2", _stat_sn_jumps),
    ("command numbering", "An immediate command does not use up a CmdSN", "7143-4.2.2.1-02", "4.2.2.1", _window),
    ("data transfer", "DataSN of Data-In counts from 0", "7143-11.7.5-01", "11.7.5", _read),
    ("data transfer", "Data-Out carries the Target Transfer Tag of its R2T", "7143-11.7.4-01", "11.7.4", _write),
    ("data transfer", "R2TSN numbers the R2Ts of a command from 0", "7143-11.8.2-01", "11.8.2", _write),
    ("data transfer", "An R2T never asks for 0 bytes", "7143-11.8.4-01", "11.8.4", _write),
    ("task management", "Each function request gets one response", "7143-11.5.1-02", "11.5.1", _window),
    ("malformed headers", "A header with a false AHS length is rejected", "7143-11.2-01", "11.2", _reject),
    ("digests", "A header digest error is never answered", "7143-7.8-01", "7.8", _nothing),
]  # fmt: skip

_WORDING = {
    "7143-4.2.2.1-03": ("MUST NOT", "Sending an immediate PDU leaves the CmdSN counter unchanged."),
    "7143-4.2.2.2-01": ("FORMAT", "StatSN is a 32-bit counter kept separately for each connection."),
    "7143-6.1-02": ("SHOULD", "A key that the receiver does not know is answered with NotUnderstood."),
    "7143-6.3.5-02": ("MUST", "Session reinstatement logs out the old session implicitly and ends its tasks."),
    "7143-11.8.4-01": ("MUST NOT", "Desired Data Transfer Length of an R2T is never 0."),
}


def requirements() -> list[Requirement]:
    """The catalogue entries that the rules name, each once."""
    entries = {}
    for _, title, identifier, section, _ in RULES:
        level, text = _WORDING.get(identifier, ("MUST", f"{title}."))
        entries[identifier] = Requirement(identifier, section, level, text)
    return list(entries.values())


def sample_run(cases: int = 108, bursts: int = 2) -> Run:
    """A run of so many cases against an invented array, with every verdict in it; more `bursts`, longer exchanges."""
    made = sorted((_case(number, bursts) for number in range(cases)), key=lambda case: _SUITES.index(case.suite))
    environment = {"python": "3.11.2", "platform": "Linux 6.1 x86_64", "profile": "example-array", "seed": "20260314"}
    return Run(
        "0.1.0",
        f"{PORTAL}/{TARGET}",
        "tcp",
        STARTED,
        round(sum(case.duration for case in made) / 2, 3),
        environment,
        made,
        requirements(),
        f"chiscsi conform {PORTAL}/{TARGET} -n 2",
    )


_SUITES = list(dict.fromkeys(suite for suite, *_ in RULES))


def _case(number: int, bursts: int) -> Case:
    suite, title, requirement, clause, script = RULES[number % len(RULES)]
    round_ = number // len(RULES)
    exchange = Exchange(number, bursts)
    script(exchange)
    identifier = f"{suite.replace(' ', '-')}.{number % len(RULES):02}"
    if round_:
        identifier += f"[{_variant(round_)}]"
        title += f", {_variant(round_)}"
    case = Case(
        identifier,
        title,
        suite,
        "pass",
        rule=f"{dict(_WORDING).get(requirement, ('', title + '.'))[1]}",
        requirements=[requirement] if number % 5 else [requirement, "7143-4.2.2.2-01"],
        expected="one answer, as the rule demands, and a session that still lives",
        clause=f"RFC 7143 section {clause}",
        started=round(number * 0.05, 3),
        duration=round(exchange.now + 0.004, 6),
        events=exchange.events,
        repeat_command=f"chiscsi conform {PORTAL}/{TARGET} --case '{identifier}'",
        worker=f"gw{number % 2}",
    )
    _judge(case, round_, script)
    return case


def _variant(round_: int) -> str:
    bits = [
        f"{key}={'Yes' if round_ >> place & 1 else 'No'}" for place, key in enumerate(("ImmediateData", "InitialR2T"))
    ]
    return " ".join([*bits, f"MaxBurstLength={512 << round_ % 12}", f"round {round_}"])


def _judge(case: Case, round_: int, script: Script) -> None:
    """Give the case the verdict that its exchange shows."""
    if script is _stat_sn_jumps and round_ % 3 == 0:
        case.verdict = "fail"
        case.expected = "StatSN of each status one higher than the one before, RFC 7143 section 4.2.2.2"
        case.observed = next(event.remark for event in case.events if event.marked)
    elif script is _stat_sn_jumps:
        for event in case.events:
            event.marked, event.remark = False, ""
            event.fields = [_unmarked(field) for field in event.fields]
    elif script is _hostile:
        case.verdict = "fail"
        case.expected, case.observed = "X-com.example.note=NotUnderstood", HOSTILE
    elif script is _reinstatement and any(event.marked for event in case.events):
        case.verdict, case.observed = "non-strict", "old connection closed late, which the rule allows"
    elif script is _nothing:
        _without_exchange(case, round_)
    elif script is _reject and round_ == 1:
        case.verdict, case.observed = "known-deviation", "answered with reason 9, not 4"
        case.deviation = "disputed: the array reads section 11.17.1 as leaving the choice of reason to the target"


def _unmarked(field: Field) -> Field:
    return Field(field.name, field.value, "", field.offset, field.bits, field.section)


def _without_exchange(case: Case, round_: int) -> None:
    if round_ % 3 == 0:
        case.verdict, case.observed = "unsupported", "the target answered HeaderDigest=CRC32C,None with None"
    elif round_ % 3 == 1:
        case.verdict, case.observed = "inconclusive", "the login before the provocation ended with status 0x0301"
    else:
        case.verdict, case.observed = "harness-error", "KeyError: 'c1'"
        case.traceback = "Traceback (most recent call last):\n  File \"digests.py\", line 41, in script\nKeyError: 'c1'"


if __name__ == "__main__":
    for path in write_reports(sample_run(*map(int, sys.argv[2:])), Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")
