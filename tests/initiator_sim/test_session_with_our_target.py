"""Both halves together, in memory, over TCP and on the card: every call of a session against our own target."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.embedded import Embedded, Way, start
from initiator_sim import Initiator, Session, Settings, expect
from initiator_sim.mutations import split_every, wrong_data_digest, xor
from initiator_sim.rules import RECOMMENDED
from iscsi_wire import scsi
from iscsi_wire.constants import AsyncEvent, TaskManagementFunction
from iscsi_wire.pdus import NopOut
from iscsi_wire.sequence import sn_add

IQN = "iqn.2004-10.test.chiscsi:both-halves"
PATTERN = bytes(range(253)) * 2100


@pytest.fixture(params=["memory", "tcp", "card"])
def target(request: pytest.FixtureRequest) -> Iterator[Embedded]:
    way: Way = request.param
    running = start(way, IQN, lambda record: None)
    yield running
    running.close()


@pytest.fixture
def initiator(target: Embedded) -> Iterator[Initiator]:
    settings = Settings(clock=target.clock)
    settings.rules.enforce(*RECOMMENDED)
    with Initiator(target.connect, IQN, settings=settings) as initiator:
        yield initiator


def ready(initiator: Initiator, **keys: str) -> Session:
    """A session whose first unit attention is behind it."""
    session = initiator.login(keys=keys)
    session.command(scsi.TestUnitReady())
    return session


@pytest.mark.parametrize("digest", ["None", "CRC32C"])
@pytest.mark.parametrize("initial_r2t", ["Yes", "No"])
def test_data_make_the_round_trip(initiator: Initiator, digest: str, initial_r2t: str) -> None:
    session = ready(
        initiator,
        HeaderDigest=digest,
        DataDigest=digest,
        InitialR2T=initial_r2t,
        MaxBurstLength="65536",
        MaxRecvDataSegmentLength="8192",
    )
    data = PATTERN[: 1024 * 512]
    place = {"logical_block_address": 7, "transfer_length": 1024}
    session.command(scsi.Write10.make(**place), write=data).expect(expect.good())
    session.command(scsi.Read10.make(**place), read=len(data)).expect(expect.good(data=data))


def test_every_call(initiator: Initiator) -> None:
    session = ready(initiator, MaxConnections="2")
    assert session.nop(b"hello").data == b"hello"
    second = session.add_connection()
    assert session.nop(b"there", connection=second).data == b"there"
    session.command(b"\xff" + bytes(15)).expect(expect.check_condition(5, 0x20, 0))
    reset = session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    assert reset.header.response == 0
    assert IQN in [record.name for record in initiator.discover().send_targets()]
    session.logout()
    session.expect(expect.connection_closed())


def test_what_is_out_of_the_window_is_ignored(initiator: Initiator) -> None:
    session = ready(initiator)
    session.start(scsi.TestUnitReady(), cmd_sn=sn_add(session.numbering.max_cmd_sn, 1))
    session.expect(expect.silently_ignored())
    session.command(scsi.TestUnitReady()).expect(expect.good())


def test_spoiled_pdus(initiator: Initiator) -> None:
    session = ready(initiator, DataDigest="CRC32C")
    session.send(NopOut, split_every(5), immediate=1, data=b"in pieces")
    session.expect(expect.nop_in(data=b"in pieces"))
    session.send(NopOut, wrong_data_digest(), immediate=1, data=b"spoiled")
    session.expect(expect.any_of(expect.rejected({2}), expect.connection_closed()))


def test_a_login_that_fails(initiator: Initiator) -> None:
    initiator.session().attempt_login(omit={"InitiatorName"}).expect(expect.login_failed({0x0207}))
    initiator.session().attempt_login(keys={"TargetName": IQN + ".other"}).expect(expect.login_failed({0x0203}))


def test_an_unknown_opcode(initiator: Initiator) -> None:
    session = ready(initiator)
    session.send(NopOut, xor(0, 0x1E), immediate=1)
    session.expect(
        expect.any_of(
            expect.rejected({4, 5}), expect.connection_closed(), expect.async_message({AsyncEvent.CONNECTION_DROP})
        )
    )
