"""Whatever a driver calls, and whenever: nothing escapes, every buffer goes back once, and a neighbour is well."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.api import (
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_cmd_ready_to_release,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.api.findings import FindingKind
from chiscsi_target.core.task import CLOSED, STATE_NAMES
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import ReadyToTransfer
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.peer import read10, write10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import Stand

PAGE = 512
LENGTH = 3 * PAGE
FLAGS = (0, SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW, SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW)

pages = st.integers(0, 4)
vectors = st.sampled_from(["right", "none", "long", "short", "nothing", "read-only", "zero"])
steps = st.one_of(
    st.tuples(st.just("ready"), pages, pages, vectors),
    st.tuples(st.just("status"), pages, pages, vectors),
    st.tuples(st.just("flag"), st.sampled_from(FLAGS), st.booleans()),
    st.tuples(st.sampled_from(["fail", "abort", "abort_status", "let_go", "data", "manage", "answer", "pump"])),
)


class House:
    """A driver with one command, an initiator, and what went back and forth."""

    def __init__(self, multi_phase: bool, write: bool) -> None:
        self.driver = HoldingDriver(multi_phase=multi_phase)
        self.stand = Stand(driver=self.driver, contents=True)
        self.peer = self.stand.login()
        cdb = write10(0, 3) if write else read10(0, 3)
        self.request = self.peer.command(cdb, LENGTH, write=write)
        self.sc = self.driver.last
        self.taken: list[chiscsi_sgvec] = []

    def vectors(self, length: int, kind: str) -> list[chiscsi_sgvec] | None:
        if kind == "none":
            return None
        made: dict[str, Any] = {
            "right": [chiscsi_sgvec(bytearray(length), length)],
            "long": [chiscsi_sgvec(bytearray(length + 8), length + 8)],
            "short": [chiscsi_sgvec(bytearray(length // 2), length)],
            "nothing": [chiscsi_sgvec(None, length)],
            "read-only": [chiscsi_sgvec(bytes(length), length)],
            "zero": [chiscsi_sgvec(bytearray(length), length), chiscsi_sgvec(bytearray(1), 0)],
        }
        found: list[chiscsi_sgvec] = made[kind]
        return found

    def give(self, function: Any, first: int, count: int, kind: str) -> None:
        buf = self.vectors(count * PAGE, kind)
        kept = not self.sc.sc_status and self.sc.sc_xfer_len
        result = function(self.sc, buf, len(buf or ()), first * PAGE, count * PAGE)
        assert result in (0, -26)
        is_write = self.sc.sc_flag & 2
        if result == 0 and buf and kept and (function is chiscsi_scsi_cmd_buffer_ready or not is_write):
            self.taken += buf

    def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        getattr(self, f"do_{name}")(*rest)

    def do_ready(self, first: int, count: int, kind: str) -> None:
        self.give(chiscsi_scsi_cmd_buffer_ready, first, count, kind)

    def do_status(self, first: int, count: int, kind: str) -> None:
        self.give(chiscsi_scsi_cmd_execution_status, first, count, kind)

    def do_flag(self, flag: int, lower: bool) -> None:
        self.sc.sc_flag |= flag
        if lower and flag == SC_FLAG_XFER_UNDERFLOW:
            self.sc.sc_xfer_len = min(self.sc.sc_xfer_len, PAGE)

    def do_fail(self) -> None:
        self.sc.fail(5, 0x24)

    def do_abort(self) -> None:
        assert chiscsi_scsi_cmd_abort(self.sc) in (0, -26)

    def do_abort_status(self) -> None:
        assert chiscsi_scsi_cmd_abort_status(self.sc) in (0, -26)

    def do_let_go(self) -> None:
        assert chiscsi_scsi_cmd_ready_to_release(self.sc) == -26

    def do_data(self) -> None:
        for pdu, _ in self.peer.receive():
            if isinstance(pdu, ReadyToTransfer):
                send_data(self.peer, pdu)

    def do_manage(self) -> None:
        self.peer.manage(Function.ABORT_TASK, self.request)

    def do_answer(self) -> None:
        if self.driver.requests:
            self.driver.answer()

    def do_pump(self) -> None:
        self.stand.pump()

    def end(self) -> None:
        """The initiator goes, and the driver lets everything go."""
        self.stand.pump()
        self.stand.pipe(self.peer).close()
        while self.driver.requests:
            self.driver.answer()
        chiscsi_scsi_cmd_abort_status(self.sc)
        self.stand.pump()


def returned(driver: HoldingDriver) -> list[int]:
    """The vectors that came back through the hooks, by identity."""
    lists = [buf for buf, _, _, _ in driver.returned] + [arguments[4] for arguments in driver.abort_statuses]
    return [id(vector) for buf in lists if isinstance(buf, list) for vector in buf]


@settings(max_examples=300, deadline=None)
@given(multi_phase=st.booleans(), write=st.booleans(), script=st.lists(steps, max_size=12))
def test_any_sequence_of_calls(multi_phase: bool, write: bool, script: list[tuple[Any, ...]]) -> None:
    house = House(multi_phase, write)
    driver = house.driver
    for step in script:
        house.do(step)
    house.end()
    task: chiscsi_scsi_command = house.sc
    assert STATE_NAMES[task.state] == STATE_NAMES[CLOSED]  # type: ignore[attr-defined]  # a Task
    assert driver.calls.count("cleanup") == 1 and driver.calls.count("abort") <= 1
    back = returned(driver)
    assert len(back) == len(set(back)), "a buffer came back twice"
    missing = {id(vector) for vector in house.taken} - set(back)
    assert not missing or "abort" in driver.calls, "a buffer never came back"
    assert set(back) <= {id(vector) for vector in house.taken}
    assert all(record.kind in set(FindingKind) for record in house.stand.module.findings)
    assert house.stand.module.held_commands() == []
    neighbour = house.stand.login(isid=bytes.fromhex("400000000009"))
    assert neighbour.ping(b"alive")[1] == b"alive"


@settings(max_examples=60, deadline=None)
@given(
    vectors=st.lists(st.tuples(st.integers(-4, 4096), st.integers(0, 4096)), min_size=1, max_size=4),
    sgcnt=st.integers(-1, 5),
    offset=st.integers(-512, 4096),
    buflen=st.integers(-512, 8192),
    write=st.booleans(),
)
def test_any_numbers(vectors: list[tuple[int, int]], sgcnt: int, offset: int, buflen: int, write: bool) -> None:
    """Lengths that do not fit each other, counts that are not there, offsets before the beginning."""
    house = House(multi_phase=False, write=write)
    buf = [chiscsi_sgvec(bytearray(there), said) for said, there in vectors]
    function = chiscsi_scsi_cmd_buffer_ready if write else chiscsi_scsi_cmd_execution_status
    assert function(house.sc, buf, sgcnt, offset, buflen) in (0, -26)
    house.do_data()
    house.end()
    assert house.driver.calls.count("cleanup") == 1
