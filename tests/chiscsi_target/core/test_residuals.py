"""Overflow and underflow in both directions: octets, flags and residuals on the wire, and buffers that come back.

The cells are those of the behaviour file, 3.6; X is the Expected Data Transfer Length, L what the driver gave.
"""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import Laboratory, send_data
from tests.chiscsi_target.peer import Answer
from tests.chiscsi_target.scripted import HoldingDriver

X, MORE, LESS = 4096, 6144, 1536
OVER, UNDER = SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
GIVEN = {OVER: MORE, UNDER: LESS}
EXCESS = {OVER: MORE - X, UNDER: X - LESS}


def laboratory(multi_phase: bool, quirks: Quirks | None = None) -> Laboratory:
    return Laboratory(driver=HoldingDriver(multi_phase=multi_phase), quirks=quirks)


def mark(sc: chiscsi_scsi_command, flag: int, residual: int) -> int:
    """Do what the guide asks for before the call; returns how much is given."""
    sc.sc_flag |= flag
    sc.sc_xfer_residualcount = residual
    if flag == UNDER:
        sc.sc_xfer_len = LESS
    return GIVEN[flag]


def bits(pdu: DataIn | ScsiResponse) -> tuple[int, int, int]:
    return pdu.overflow, pdu.underflow, pdu.residual_count


def wanted(flag: int, residual: int) -> tuple[int, int, int]:
    """A residual of 0 is worked out (behaviour file, 3.6, last line)."""
    return int(flag == OVER), int(flag == UNDER), residual or EXCESS[flag]


@pytest.mark.parametrize("residual", [0, 99])
@pytest.mark.parametrize("flag", [OVER, UNDER])
@pytest.mark.parametrize("multi_phase", [False, True])
def test_a_read(multi_phase: bool, flag: int, residual: int) -> None:
    lab = laboratory(multi_phase)
    _, sc = lab.read(X)
    length = mark(sc, flag, residual)
    vectors = [chiscsi_sgvec(bytes(length), length)]
    assert chiscsi_scsi_cmd_execution_status(sc, vectors, 1, 0, length) == 0
    answers = lab.peer.receive()
    assert sum(len(data) for pdu, data in answers if isinstance(pdu, DataIn)) == min(length, X)
    last = answers[-1][0]
    assert isinstance(last, DataIn) and bits(last) == wanted(flag, residual)
    assert lab.driver.returned == [(vectors, 1, 0, length)]
    assert lab.driver.calls[-1] == "cleanup"


def write_all(lab: Laboratory) -> tuple[int, list[Answer]]:
    """Answer all R2Ts; how much was solicited, and what else came."""
    solicited, rest = 0, []
    for answer in lab.peer.receive():
        if isinstance(answer[0], ReadyToTransfer):
            solicited += answer[0].desired_data_transfer_length
            send_data(lab.peer, answer[0])
        else:
            rest.append(answer)
    return solicited, rest


@pytest.mark.parametrize("residual", [0, 99])
@pytest.mark.parametrize("flag", [OVER, UNDER])
@pytest.mark.parametrize("multi_phase", [False, True])
def test_a_write_marked_with_its_buffers(multi_phase: bool, flag: int, residual: int) -> None:
    """No more than X octets are solicited, and no more than were given."""
    lab = laboratory(multi_phase)
    _, sc = lab.write(X)
    length = mark(sc, flag, residual)
    vectors = [chiscsi_sgvec(bytearray(length), length)]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, length) == 0
    assert write_all(lab) == (min(length, X), [])
    assert lab.driver.returned == [(vectors, 1, 0, length)]
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, length) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert bits(response) == wanted(flag, residual)


@pytest.mark.parametrize("length, expected", [(LESS, (0, 1, X - LESS)), (X, (0, 0, 0))])
def test_a_write_executed_in_part(length: int, expected: tuple[int, int, int]) -> None:
    """Check 8b: the stack sets the flag itself."""
    lab = laboratory(False)
    _, sc = lab.write(X)
    lab.driver.give(sc)
    assert write_all(lab)[0] == X
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, length) == 0
    assert bits(lab.peer.take(ScsiResponse)[0]) == expected


@pytest.mark.parametrize("flag", [OVER, UNDER])
def test_the_last_of_several_phases(flag: int) -> None:
    """The phase with the flag is the last (guide 7.3.5.1): no other is taken after it."""
    lab = laboratory(True)
    _, sc = lab.read(X)
    give = chiscsi_scsi_cmd_execution_status
    assert give(sc, [chiscsi_sgvec(bytes(1024), 1024)], 1, 0, 1024) == 0
    sc.sc_flag |= flag
    length = GIVEN[flag] - 1024
    assert give(sc, [chiscsi_sgvec(bytes(length), length)], 1, 1024, length) == 0
    last = lab.peer.receive()[-1][0]
    assert isinstance(last, DataIn) and last.status_present and bits(last) == wanted(flag, 0)
    assert give(sc, [chiscsi_sgvec(bytes(512), 512)], 1, GIVEN[flag], 512) == -26
    assert [(offset, count) for _, _, offset, count in lab.driver.returned] == [(0, 1024), (1024, length)]


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(response_without_residual=True)])
@pytest.mark.parametrize("response", [0, 1])
def test_the_residual_of_a_response(quirks: Quirks, response: int) -> None:
    """RFC 7143, 11.4.5: with the response; the module has a bit with a failure only, and never a count."""
    lab = laboratory(False, quirks)
    _, sc = lab.read(X)
    mark(sc, UNDER, X)
    sc.sc_xfer_len, sc.sc_response = 0, response
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0
    pdu, _ = lab.peer.take(ScsiResponse)
    expected = (0, int(response == 1), 0) if quirks.response_without_residual else (0, 1 - response, X * (1 - response))
    assert bits(pdu) == expected


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(response_without_residual=True)])
def test_data_in_carries_a_residual_always(quirks: Quirks) -> None:
    lab = laboratory(False, quirks)
    _, sc = lab.read(X)
    length = mark(sc, UNDER, 0)
    assert chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(bytes(length), length)], 1, 0, length) == 0
    assert bits(lab.peer.take(DataIn)[0]) == (0, 1, X - LESS)


def test_both_flags_are_refused() -> None:
    lab = laboratory(False)
    _, sc = lab.read(X)
    sc.sc_flag |= OVER | UNDER
    assert lab.driver.complete(sc, bytes(X)) == -26
    assert "Overflow/Underflow flag, mutually exclusive." in lab.stand.log
