from __future__ import annotations

import pytest

from chiscsi_target.api import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    ISCSI_TMF_FUNCTION_ABORT_TASK_SET,
    ReturnCode,
    chiscsi_lun,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.drivers.memory import MemoryLunClass
from tests.chiscsi_target.fakes import FakeHandle, FakeStack, disk

BLOCK = 512


def stack(options: str = "size=1MB") -> tuple[FakeStack, chiscsi_lun]:
    lun_class = MemoryLunClass()
    return FakeStack(lun_class), disk(lun_class, options)


def addressed(scmd: chiscsi_scsi_command, lu: chiscsi_lun, lba: int, count: int) -> chiscsi_scsi_command:
    """A command as the device server hands it to a driver."""
    scmd.sc_lu, scmd.sc_lba, scmd.sc_blk_cnt = lu, lba, count
    return scmd


def read(fake: FakeStack, lu: chiscsi_lun, lba: int, count: int) -> bytes:
    fake.reset(b"")
    scmd = addressed(fake.command(b"\x28", length=count * BLOCK), lu, lba, count)
    assert fake.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
    assert fake.completions == 1
    return fake.sent


def begin_write(fake: FakeStack, lu: chiscsi_lun, lba: int, data: bytes) -> chiscsi_scsi_command:
    fake.reset(data)
    scmd = addressed(fake.command(b"\x2a", length=len(data), write=True), lu, lba, len(data) // BLOCK)
    assert fake.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
    assert fake.completions == 0
    return scmd


def write(fake: FakeStack, lu: chiscsi_lun, lba: int, data: bytes) -> None:
    fake.deliver(begin_write(fake, lu, lba, data))
    assert fake.completions == 1


def test_what_was_written_is_read() -> None:
    fake, lu = stack()
    write(fake, lu, 3, b"a" * BLOCK + b"b" * BLOCK)
    assert read(fake, lu, 2, 4) == bytes(BLOCK) + b"a" * BLOCK + b"b" * BLOCK + bytes(BLOCK)


def test_a_write_lands_in_place() -> None:
    fake, lu = stack()
    begin_write(fake, lu, 1, b"x" * BLOCK)
    assert fake.sreq is not None
    vectors = fake.sreq[0]
    assert isinstance(vectors, list) and isinstance(vectors[0], chiscsi_sgvec)
    memory = vectors[0].sg_addr
    assert isinstance(memory, memoryview) and not memory.readonly
    memory[:3] = b"abc"
    assert read(fake, lu, 1, 1)[:3] == b"abc"


def test_a_read_shows_the_medium_itself() -> None:
    fake, lu = stack()
    fake.keep_views = True
    read(fake, lu, 0, 128)
    assert isinstance(fake.views[0], memoryview)


def test_a_cache_that_there_is_not_needs_no_flush() -> None:
    fake, lu = stack()
    scmd = addressed(fake.command(b"\x35"), lu, 0, 2048)
    assert fake.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
    assert fake.completions == 1 and scmd.sc_status == 0


def test_a_read_that_was_transmitted_needs_nothing_more() -> None:
    fake, lu = stack()
    scmd = addressed(fake.command(b"\x28", length=BLOCK), lu, 0, 1)
    fake.lun_class.fp_scsi_cmd_cdb_rcved(scmd)
    assert fake.lun_class.fp_scsi_cmd_data_xfer_status(scmd, None, 0, 0, BLOCK) == 0
    assert fake.completions == 1


def test_an_aborted_write_is_given_up_at_once() -> None:
    fake, lu = stack()
    scmd = begin_write(fake, lu, 0, b"x" * BLOCK)
    assert fake.lun_class.fp_scsi_cmd_abort(scmd) == 0
    assert (fake.aborted, fake.completions) == (1, 0)


def test_task_management_is_answered_at_once() -> None:
    handle = FakeHandle()
    assert MemoryLunClass().fp_tmf_execute(1, handle, 1, ISCSI_TMF_FUNCTION_ABORT_TASK_SET, 0, None) == 0
    assert handle.answers == [(ISCSI_RESPONSE_TMF_COMPLETE, None)]


def test_the_default_size_is_16_mb() -> None:
    assert disk(MemoryLunClass()).size == 16 << 20


def test_a_large_medium_takes_no_memory_until_it_is_written() -> None:
    fake, lu = stack("size=1T,BLOCK=4096")
    assert lu.size == 1 << 40
    fake.reset(b"")
    scmd = addressed(fake.command(b"\x88", length=4096), lu, lu.block_count - 1, 1)
    fake.lun_class.fp_scsi_cmd_cdb_rcved(scmd)
    assert fake.sent == bytes(4096)


def test_detaching_gives_the_memory_back() -> None:
    _, lu = stack()
    lu.lun_class.fp_detach(lu)
    assert lu.priv_data is None


@pytest.mark.parametrize(
    "options, reason",
    [
        ("size=1000", "size 1000 is not a multiple of the block size 512"),
        ("size=512,BLOCK=4096", "size 512 is not a multiple of the block size 4096"),
        ("size=8191P", "cannot reserve 9222246136947933184 octets of memory: "),
    ],
)
def test_a_medium_that_cannot_be_is_refused_with_the_reason(options: str, reason: str) -> None:
    lun_class, ebuf = MemoryLunClass(), bytearray()
    lu = chiscsi_lun(lun_class, 0, "ram")
    assert lun_class.fp_config_parse_options(lu, options, len(options), ebuf) == 0
    assert lun_class.fp_attach(lu, ebuf, 256) in (-ReturnCode.EINVAL, -ReturnCode.ENOMEM)
    assert ebuf.decode().startswith(reason)


def test_a_wrong_size_is_refused() -> None:
    lun_class, ebuf = MemoryLunClass(), bytearray()
    assert lun_class.fp_config_parse_options(chiscsi_lun(lun_class, 0, "ram"), "size=big", 8, ebuf) < 0
    assert b"option size: 'big' is not a size" in ebuf
